"""Checkpoints of a running training step: everything that a resumed run needs, published by rename."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

FOLDER = "checkpoints"
KEEP = 2


def save(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Write a checkpoint after ``step`` steps; the two newest are kept."""
    parent = folder / FOLDER
    parent.mkdir(exist_ok=True)
    part = parent / f".part-{step}"
    with part.open("wb") as stream:
        torch.save(state, stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(parent / f"step-{step:07d}.pt")
    for old in sorted(parent.glob("step-*.pt"))[:-KEEP]:
        old.unlink()


def latest(folder: Path) -> dict[str, Any] | None:
    """The newest readable checkpoint of an attempt, or None."""
    for path in sorted((folder / FOLDER).glob("step-*.pt"), reverse=True):
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError):
            continue
        return state
    return None
