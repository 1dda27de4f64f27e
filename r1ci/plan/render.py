"""The plan as text: what ``r1ci compile`` prints. Pure functions over a plan and the ids already in the store."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from r1ci.plan.steps import Cell, Plan, Step


@dataclass(frozen=True)
class Totals:
    """What a set of steps costs together; a step that cells share counts once."""

    steps: int
    tokens: int
    seconds: float
    gpu_hours: float
    memory_mb: int
    """Of the hungriest worker."""


def totals(steps: Iterable[Step]) -> Totals:
    """The sum of the steps' estimates, as if run one after another."""
    chosen = list(steps)
    costs = [step.estimate for step in chosen]
    return Totals(
        steps=len(chosen),
        tokens=sum(cost.tokens for cost in costs),
        seconds=sum(cost.seconds for cost in costs),
        gpu_hours=sum(cost.gpu_hours for cost in costs),
        memory_mb=max((cost.memory_mb for cost in costs), default=0),
    )


def render(plan: Plan, done: Collection[str], *, explain: Mapping[str, str] | None = None) -> str:
    """The steps in order, who shares them, what they ask for and cost, the formulas, and the totals.

    ``done`` holds the ids already in the store. ``explain`` maps each dotted key of the spec to its value and where
    that came from, as text; it is printed last.
    """
    parts = [_heading(plan, done), _table(plan, done), _formulas(plan), _totals(plan, done)]
    if explain is not None:
        parts.append(_explained(explain))
    return "\n\n".join(parts) + "\n"


def short_ids(ids: Iterable[str], length: int = 8) -> dict[str, str]:
    """Each id with its hash cut to the shortest length, at least the given one, that keeps all of them apart."""
    full = list(ids)
    while True:
        short = {
            step_id: f"{kind}-{digest[:length]}" for step_id in full for kind, _, digest in [step_id.rpartition("-")]
        }
        if len(set(short.values())) == len(set(full)):
            return short
        length += 4


def shared_by(cells: Sequence[Cell], everyone: Sequence[Cell]) -> str:
    """Which cells a step belongs to: ``all 45 cells``, ``*/tiny/0`` where cells differ in one axis only, or a list."""
    if len(cells) == len(everyone):
        return f"all {len(everyone)} cells" if len(everyone) > 1 else everyone[0].name
    axes = [_axis(cells, key) for key in ("variant", "model", "seed")]
    if set(itertools.product(*axes)) == {(cell.variant, cell.model, str(cell.seed)) for cell in cells}:
        every = [_axis(everyone, key) for key in ("variant", "model", "seed")]
        return "/".join(
            "*" if len(axis) == len(whole) > 1 else ",".join(axis) for axis, whole in zip(axes, every, strict=True)
        )
    names = [cell.name for cell in cells]
    return " ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _axis(cells: Sequence[Cell], key: str) -> list[str]:
    return list(dict.fromkeys(str(getattr(cell, key)) for cell in cells))


def _heading(plan: Plan, done: Collection[str]) -> str:
    finished = sum(step_id in done for step_id in plan.steps)
    references = sum(len(cell.steps) for cell in plan.cells)
    return (
        f"{plan.name}: {len(plan.cells)} cell{'s' if len(plan.cells) > 1 else ''}, {len(plan.steps)} steps "
        f"({references} without sharing), {finished} already in the store"
    )


def _table(plan: Plan, done: Collection[str]) -> str:
    short = short_ids(plan.steps)
    users = _users(plan)
    rows = [("#", "step", "store", "cells", "asks for", "memory", "tokens", "time", "GPU-hours")]
    for index, (step_id, step) in enumerate(plan.steps.items(), start=1):
        cost = step.estimate
        rows.append(
            (
                str(index),
                short[step_id],
                "done" if step_id in done else "-",
                shared_by(users[step_id], plan.cells) + _roles(plan, step_id),
                _asks(step),
                megabytes(cost.memory_mb),
                count(cost.tokens),
                duration(cost.seconds),
                f"{cost.gpu_hours:.2f}" if cost.gpu_hours else "-",
            )
        )
    return _aligned(rows)


def _users(plan: Plan) -> dict[str, list[Cell]]:
    users: dict[str, list[Cell]] = {step_id: [] for step_id in plan.steps}
    for cell in plan.cells:
        for step_id in dict.fromkeys(cell.steps.values()):
            users[step_id].append(cell)
    return users


def _roles(plan: Plan, step_id: str) -> str:
    """Which checkpoint and agent an evaluation scores; nothing for other kinds, whose name says it."""
    roles = {role for cell in plan.cells for role, used in cell.steps.items() if used == step_id and ":" in role}
    return "".join(f" ({role.partition(':')[2]})" for role in sorted(roles))


def _asks(step: Step) -> str:
    need = step.resources
    parts = [f"{need.workers} workers"] if need.workers else []
    parts.append(f"{need.cpus} CPU")
    if need.gpus:
        parts.append(f"{need.gpus} GPU")
    return ", ".join(parts)


def _formulas(plan: Plan) -> str:
    """Each estimate's formulas, once for all steps that have the same."""
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], list[int]] = {}
    for index, step in enumerate(plan.steps.values(), start=1):
        key = (step.kind, tuple(step.estimate.formulas.items()))
        groups.setdefault(key, []).append(index)
    lines = ["How the estimates are made (assumptions: docs/plan.md)"]
    for (kind, formulas), indexes in groups.items():
        lines.append(f"  {kind} (# {', '.join(map(str, indexes))})")
        lines += [f"    {figure:<9} = {text}" for figure, text in formulas]
    return "\n".join(lines)


def _totals(plan: Plan, done: Collection[str]) -> str:
    rows = [("total", "steps", "tokens", "time", "GPU-hours", "memory at most")]
    left = [step for step_id, step in plan.steps.items() if step_id not in done]
    for name, chosen in (("whole plan", list(plan.steps.values())), ("not in the store", left)):
        cost = totals(chosen)
        rows.append(
            (
                name,
                str(cost.steps),
                count(cost.tokens),
                duration(cost.seconds),
                f"{cost.gpu_hours:.2f}",
                f"{megabytes(cost.memory_mb)} per worker",
            )
        )
    return _aligned(rows)


def _explained(explain: Mapping[str, str]) -> str:
    width = max((len(key) for key in explain), default=0)
    lines = [f"  {key:<{width}}  {text}" for key, text in explain.items()]
    return "\n".join(["Where each value comes from", *lines])


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


# ---------------------------------------------------------------- figures for people


def duration(seconds: float) -> str:
    """0.3 s, 12 s, 4 min 5 s, 3 h 20 min, 12 d 4 h."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = round(seconds)
    for large, large_name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= large:
            return f"{whole // large} {large_name} {whole % large // small} {small_name}"
    return f"{whole} s"


def count(value: int) -> str:
    """-, 950, 12.3k, 4.56M, 7.89G."""
    for size, name in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{value / size:.3g}{name}"
    return str(value) if value else "-"


def megabytes(value: int) -> str:
    """600 MB, 33.1 GB."""
    return f"{value / 1000:.1f} GB" if value >= 1000 else f"{value} MB"
