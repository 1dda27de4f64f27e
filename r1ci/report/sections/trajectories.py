"""The trajectories kept by the evaluations, for the viewer: code beside its output.

They are untrusted text. They travel as gzipped, base64-coded JSON and are written into the page by textContent alone.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from r1ci.report.contenders import Comparison, Contender
from r1ci.report.render import render
from r1ci.report.sections.interpreter import error_class

BUDGET_BYTES = 4_000_000
"""Most bytes the coded trajectories may take in the page."""


@dataclass(frozen=True)
class Entry:
    """One trajectory: what the list shows, and its record."""

    id: str
    run: str
    """Label of the contender."""
    seed: int
    set: str
    task: str
    question_id: str
    correct: bool
    stop_reason: str
    calls: int
    errors: tuple[str, ...]
    """Classes of the calls that did not end ok."""
    record: Mapping[str, Any]
    """The line of trajectories.jsonl.gz: set, question, reference, trajectory."""


@dataclass(frozen=True)
class Trajectories:
    """All that were kept, and those that fit into the page."""

    kept: int
    attempts: int
    entries: tuple[Entry, ...]
    payload: str
    """Base64 of the gzipped JSON list of entries."""

    def for_json(self) -> dict[str, Any]:
        """The index without texts, which are in the store."""
        fields = ("id", "run", "seed", "set", "task", "question_id", "correct", "stop_reason", "calls", "errors")
        rows = [{name: getattr(entry, name) for name in fields} for entry in self.entries]
        return {"kept": self.kept, "attempts": self.attempts, "entries": rows}


def trajectories_data(comparison: Comparison, budget: int = BUDGET_BYTES) -> Trajectories:
    """Collect the trajectories of every contender and seed, RL first; a seeded sample where they do not fit."""
    trained_first = sorted(comparison.contenders, key=lambda contender: contender.checkpoint != "rl")
    entries = [entry for contender in trained_first for entry in _entries(comparison, contender)]
    chosen = _sample(entries, len(entries) if comparison.trajectories is None else comparison.trajectories)
    shown, payload = _fit(chosen, budget)
    attempts = sum(len(attempts) for attempts in comparison.findings.attempts.values())
    return Trajectories(len(entries), attempts, tuple(shown), payload)


def trajectories_html(data: Trajectories) -> Markup:
    """Filters, an empty list and an empty pane: the script fills them."""
    names = {field: tuple(dict.fromkeys(getattr(e, field) for e in data.entries)) for field in ("run", "task")}
    seeds = sorted({entry.seed for entry in data.entries})
    stops = sorted({entry.stop_reason for entry in data.entries})
    errors = sorted({error for entry in data.entries for error in entry.errors})
    return render(
        "trajectories.html", data=data, runs=names["run"], tasks=sorted(names["task"]), seeds=seeds, stops=stops,
        errors=errors,
    )  # fmt: skip


def _entries(comparison: Comparison, contender: Contender) -> list[Entry]:
    found = []
    for seed, step in contender.evaluations.items():
        for line in comparison.findings.trajectories.get(step, ()):
            trajectory = line["trajectory"]
            executions = [turn["execution"] for turn in trajectory.get("turns", ()) if turn.get("execution")]
            failed = [error_class(execution) for execution in executions if execution.get("status") != "ok"]
            question = str(trajectory.get("question_id"))
            found.append(
                Entry(
                    id=f"{step.rpartition('-')[2][:8]}/{question}/{trajectory.get('sample', 0)}",
                    run=contender.label,
                    seed=seed,
                    set=str(line.get("set")),
                    task=str(trajectory.get("task")),
                    question_id=question,
                    correct=bool(trajectory.get("correct")),
                    stop_reason=str(trajectory.get("stop_reason")),
                    calls=len(executions),
                    errors=tuple(dict.fromkeys(failed)),
                    record=line,
                )
            )
    return found


def _fit(entries: list[Entry], budget: int) -> tuple[list[Entry], str]:
    """As many as the budget holds: whole, or a seeded sample in the original order, halved until it fits."""
    shown = entries
    while True:
        payload = _encode(shown)
        if len(payload) <= budget or not shown:
            return shown, payload
        keep = min(len(shown) - 1, int(len(shown) * min(0.9, budget / len(payload))))
        shown = _sample(shown, keep)


def _sample(entries: list[Entry], count: int) -> list[Entry]:
    """A seeded sample in the original order; all of them where there are no more."""
    if count >= len(entries):
        return entries
    chosen = random.Random(0).sample(range(len(entries)), count)
    return [entries[index] for index in sorted(chosen)]


def _encode(entries: list[Entry]) -> str:
    plain = json.dumps([vars(entry) for entry in entries], sort_keys=True, separators=(",", ":"), default=str)
    return base64.b64encode(gzip.compress(plain.encode("ascii"), compresslevel=9, mtime=0)).decode("ascii")
