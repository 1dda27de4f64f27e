"""What is known of a run: its state, its cells and steps, and how well its models do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.runs import Run
from r1ci.errors import R1ciError

if TYPE_CHECKING:
    from r1ci.store.sweeps import SweepFolder, TrialRecord


def run_row(run: Run) -> dict[str, Any]:
    """A run in one line; one that cannot be read says so instead of hiding the others."""
    try:
        facts = describe(run, accuracies=False)
    except R1ciError:
        return {"run": run.name, "state": "damaged", "cells": 0, "steps": 0, "done": 0, "folder": str(run.folder)}
    return {
        "run": run.name,
        "state": facts["state"],
        "cells": len(facts["cells"]),
        "steps": facts["steps"],
        "done": facts["done"],
        "folder": facts["folder"],
    }


def sweep_row(folder: SweepFolder) -> dict[str, Any]:
    """A sweep in one line."""
    row = {"sweep": folder.name, "state": "damaged", "trials": 0, "done": 0, "stopped": 0, "failed": 0, "best": None}
    try:
        status = folder.status()
    except R1ciError:
        return {**row, "folder": str(folder.folder)}
    counts, leader = status.get("trials", {}), status.get("best")
    return {
        **row,
        "state": status["state"],
        "trials": status.get("total"),
        **{name: counts.get(name, 0) for name in ("done", "stopped", "failed")},
        "best": leader and leader["metric"],
        "folder": str(folder.folder),
    }


def sweep_facts(folder: SweepFolder) -> dict[str, Any]:
    """A sweep with all its trials, ended or not."""
    return {
        "schema_version": SCHEMA_VERSION,
        **sweep_row(folder),
        "status": folder.status(),
        "trials": [trial_facts(folder, record) for record in folder.records()],
    }


def trial_facts(folder: SweepFolder, record: TrialRecord) -> dict[str, Any]:
    """A trial's record, with the step that it is in now: ``place``, None where it is in none."""
    from r1ci.cli.sweep_progress import whereabouts
    from r1ci.launch.sweep.place import place
    from r1ci.store.store import Store
    from r1ci.store.sweeps import to_json

    found = None
    if record.state == "running":
        found = place(Store(folder.root).status(f"{folder.name}-{record.name}"))
    return {**to_json(record), "place": found and whereabouts(found)}


def trial_of(run: Run) -> dict[str, Any] | None:
    """What is known of an experiment as a trial, with the sweep's name; None where it is none."""
    from r1ci.store.sweeps import SweepFolder

    sweep, _, number = run.name.rpartition("-")
    folder = SweepFolder(run.root, sweep)
    record = folder.record(int(number)) if sweep and number.isdecimal() else None
    return None if record is None else {"sweep": sweep, **trial_facts(folder, record)}


def describe(run: Run, *, accuracies: bool = True) -> dict[str, Any]:
    """State, cells and steps of a run; the accuracy of finished evaluations is read from their tables.

    Evaluations that only the store's URL has are fetched for it.
    """
    from r1ci.plan.compile import plan_from_json
    from r1ci.store.store import Store

    store = Store(run.root)
    plan, status = plan_from_json(run.read_json("plan.json")), store.status(run.name)
    said = status.get("steps", {})
    states = {step: _state(store, step, said) for step in plan.steps}
    cells = []
    for cell in plan.cells:
        steps: dict[str, dict[str, Any]] = {
            role: {"id": step, "state": states[step]} for role, step in cell.steps.items()
        }
        for role, step in steps.items():
            if accuracies and role.startswith("evaluation:") and step["state"] == "done":
                store.fetch([step["id"]])
                step["accuracy"] = accuracy(store.step_folder(step["id"]) / "scores.parquet")
        cells.append({"cell": cell.name, "steps": steps})
    return {
        "schema_version": SCHEMA_VERSION,
        "run": run.name,
        "state": status["state"],
        "folder": str(run.folder),
        "steps": len(states),
        "done": sum(state == "done" for state in states.values()),
        "cells": cells,
        "trial": trial_of(run),
    }


def accuracy(scores: Path) -> dict[str, float]:
    """Share of correct attempts per set of questions (new, test), the mean over tasks."""
    if not scores.is_file():
        return {}
    import polars

    per_task = polars.read_parquet(scores).group_by("set", "task").agg(polars.col("correct").mean())
    per_set = per_task.group_by("set").agg(polars.col("correct").mean()).sort("set")
    return {str(row["set"]): float(row["correct"]) for row in per_set.iter_rows(named=True)}


def _state(store: Any, step: str, said: Mapping[str, Any]) -> str:
    condition = str(store.condition(step))
    if condition in ("done", "damaged"):
        return condition
    word = said.get(step, {}).get("state")
    if word in ("running", "failed", "blocked", "interrupted"):
        return str(word)
    return "waiting" if condition == "absent" else "unfinished"
