"""Where a running trial is, from the status that its run writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.plan.context import Progress


@dataclass(frozen=True)
class Place:
    """A step of a trial that is being computed, or waited for."""

    step_id: str
    kind: str
    index: int
    total: int
    """The step is number ``index`` of ``total``, from 1; those in the store count."""
    progress: Progress | None = None
    waiting: bool = False
    """Another process computes it."""


def place(status: Mapping[str, Any]) -> Place | None:
    """The step in hand by ``status.json`` of a trial's experiment; None where none is."""
    steps: Mapping[str, Mapping[str, Any]] = status.get("steps", {})
    if status.get("state") != "running":
        return None
    for index, (step_id, entry) in enumerate(steps.items(), start=1):
        waiting = entry["state"] == "waiting for another process"
        if waiting or entry["state"] == "running":
            told = entry.get("progress")
            progress = None if told is None or waiting else Progress(**told)
            return Place(step_id, entry["kind"], index, len(steps), progress, waiting)
    return None
