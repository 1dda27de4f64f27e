"""Checkpoints of a running training step: everything that a resumed run needs, published by rename.

Weights, optimizer state and the number of steps done are all there is to keep: whatever is random in training hangs on
seed and step.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from r1ci.train.optimizer import TrainOptimizer
from r1ci.train.sharding import rank

FOLDER = "checkpoints"
KEEP = 2


def due(done: int, steps: int, compute: Mapping[str, Any]) -> bool:
    """Whether this worker writes a checkpoint after ``done`` of ``steps`` steps; never after the last."""
    return rank() == 0 and done < steps and done % int(compute["checkpoint_every"]) == 0


def save(folder: Path, done: int, model: Any, optimizer: TrainOptimizer) -> None:
    """Write a checkpoint after ``done`` steps; the two newest are kept."""
    parent = folder / FOLDER
    parent.mkdir(exist_ok=True)
    part = parent / f".part-{done}"
    with part.open("wb") as stream:
        torch.save({"done": done, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(parent / f"step-{done:07d}.pt")
    for old in sorted(parent.glob("step-*.pt"))[:-KEEP]:
        old.unlink()


def restore(folder: Path, model: Any, optimizer: TrainOptimizer) -> int:
    """Load the newest readable checkpoint of an attempt; the number of steps done, 0 where there is none."""
    for path in sorted((folder / FOLDER).glob("step-*.pt"), reverse=True):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            continue
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["done"])
    return 0
