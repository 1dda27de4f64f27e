"""What a trial's steps say about it: its metric, its curve, what it used. Reads the store; computes nothing."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from r1ci.errors import StepFailed, StoreError
from r1ci.plan.steps import Plan
from r1ci.spec.sweep.models import Metric, Resource
from r1ci.store.files import read_json
from r1ci.store.metrics import LINES, read_rows
from r1ci.store.store import PROVENANCE, Store

SETS = {"accuracy/new_questions": "new", "accuracy/test_tasks": "test"}
"""The set of questions that an accuracy is over, as evaluations name it."""


@dataclass(frozen=True)
class Measure:
    """What is read of the steps of a trial."""

    metric: Metric
    resource: Resource = "steps"
    """What the curve is over."""
    agent: str = "code_agent"
    """The agent that the evaluation must have asked with."""

    def metric_role(self, roles: Mapping[str, str]) -> str:
        """The role of the step that the metric is read from. Raises StepFailed where a trial has no such step."""
        if self.metric.column is not None:
            wanted = ["rl"]
        else:
            wanted = [f"evaluation:{checkpoint}:{self.agent}" for checkpoint in ("rl", "sft", "base")]
        found = next((role for role in wanted if role in roles), None)
        if found is None:
            raise StepFailed(
                f"no step gives {self.metric.name}: the trial has none of {', '.join(wanted)}",
                "see until, evaluation.agents and evaluation.checkpoints of the spec",
            )
        return found

    def value(self, store: Store, roles: Mapping[str, str]) -> float:
        """The metric of one seed's finished cell. Raises StepFailed where it is not there or not a number."""
        role = self.metric_role(roles)
        folder = store.step_folder(roles[role])
        value = self._logged(folder) if self.metric.column is not None else self._scored(folder)
        if value is None or not math.isfinite(value):
            found = "is not there" if value is None else f"is {value:g}"
            raise StepFailed(f"{self.metric.name} of {roles[role]} {found}", "choose another metric")
        return value

    def _logged(self, folder: Path) -> float | None:
        values = [row[self.metric.column] for row in read_rows(folder / LINES) if self.metric.column in row]
        return float(values[-1]) if values else None

    def _scored(self, folder: Path) -> float | None:
        import polars as pl

        scores = pl.read_parquet(folder / "scores.parquet").filter(pl.col("set") == SETS[self.metric.name])
        per_task = scores.group_by("task").agg(pl.col("correct").mean()).sort("task")["correct"]
        return float(per_task.sum()) / len(per_task) if len(per_task) else None

    def curve(self, rows: Sequence[Mapping[str, Any]]) -> tuple[tuple[float, float], ...]:
        """The points of an RL log that have an intermediate value: resource used by then, value."""
        points, tokens = [], 0.0
        for row in rows:
            tokens += row.get("tokens", 0.0)
            value = row.get(self.metric.curve)
            if value is not None and math.isfinite(value):
                points.append((float(row["step"] + 1) if self.resource == "steps" else tokens, float(value)))
        return tuple(points)


def rl_rows(store: Store, roles: Mapping[str, str]) -> list[dict[str, Any]]:
    """The RL log of a cell, as far as it is written; none where the cell has no RL."""
    return read_rows(store.step_folder(roles["rl"]) / LINES) if "rl" in roles else []


def totals(store: Store, plan: Plan, reused: Collection[str] = ()) -> dict[str, float]:
    """What the RL of all seeds used: steps, tokens; ``computed_tokens`` are those of steps that were not reused.

    RL steps that seeds share count once.
    """
    logs = {cell.steps["rl"]: rl_rows(store, cell.steps) for cell in plan.cells if "rl" in cell.steps}
    tokens = {step_id: sum(row.get("tokens", 0.0) for row in rows) for step_id, rows in logs.items()}
    return {
        "steps": float(sum(map(len, logs.values()))),
        "tokens": float(sum(tokens.values())),
        "computed_tokens": float(sum(count for step_id, count in tokens.items() if step_id not in reused)),
    }


class Computed(NamedTuple):
    """When a finished step was computed."""

    started: str
    """UTC, of its last attempt."""
    seconds: float


def computed_when(store: Store, step_id: str) -> Computed:
    """What a finished step's provenance says about its last attempt; nothing where it cannot be read."""
    try:
        record = read_json(store.step_folder(step_id) / PROVENANCE)
        took = datetime.fromisoformat(record["ended"]) - datetime.fromisoformat(record["started"])
        return Computed(record["started"], took.total_seconds())
    except (OSError, StoreError, KeyError, TypeError, ValueError):
        return Computed("", 0.0)
