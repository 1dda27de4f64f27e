"""The plan as text: what ``r1ci compile`` prints. Pure functions over a plan and the ids already in the store."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

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
    cost: float
    currency: str


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
        cost=sum(cost.cost for cost in costs),
        currency=next((cost.currency for cost in costs if cost.currency), ""),
    )


def render(plan: Plan, done: Collection[str], *, explain: Mapping[str, str] | None = None) -> str:
    """The steps in order, who shares them, what they ask for and cost, what they hold in memory, and the totals.

    ``done`` holds the ids already in the store. ``explain`` maps each dotted key of the spec to its value and where
    that came from, as text; with it the formulas are printed, and it comes last.
    """
    parts = [_heading(plan, done), _table(plan, done), _needs(plan)]
    if explain is not None:
        parts.append(_formulas(plan))
    parts += [_assumed(plan), _totals(plan, done)]
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
    rows = [("#", "step", "store", "cells", "asks for", "memory", "tokens", "time", "GPU-hours", "cost")]
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
                money(cost.cost, cost.currency),
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


def _needs(plan: Plan) -> str:
    """Memory phase by phase and part by part, sharding and speed of every step that holds a model, once for all steps
    that have the same; without a formula, which ``--explain`` prints."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, step in enumerate(plan.steps.values(), start=1):
        lines = tuple(_need(step))
        if len(lines) > 1:
            groups.setdefault((step.kind, *lines), []).append(index)
    text = ["What one worker holds, phase by phase, at most (formulas: --explain)"]
    for (kind, *shared), indexes in groups.items():
        text.append(f"  {kind} (# {', '.join(map(str, indexes))})")
        text += [f"    {line}" for line in shared]
    return "\n".join(text)


def _need(step: Step) -> Iterator[str]:
    cost = step.estimate
    for name, parts in cost.parts.items():
        limit = f" of {megabytes(cost.limits[name])}" if name in cost.limits else ""
        yield f"{PHASES.get(name, name):<11}{megabytes(cost.phases[name])}{limit} = {made_of(parts)}"
    if cost.host_mb:
        yield f"{'host':<11}{megabytes(cost.host_mb)} = {made_of(cost.host)}"
    if cost.layout:
        yield f"{'layout':<11}{cost.layout}"
    if cost.rates:
        over = f" (GPUs: {step.resources.gpus})" if step.resources.gpus else ""
        rates = ", ".join(f"{count(round(value))} {name}" for name, value in cost.rates.items())
        yield f"{'tokens/s':<11}{rates}{over}"


PHASES = MappingProxyType({"all": "memory", "engine": "vLLM share"})
"""Names of phases for people, where they are others."""


SOURCES = MappingProxyType(
    {
        "peak_flops": ("data sheet", "set so that the shares below are those measured"),
        "training_share_of_peak": ("assumed: compute.hardware.mfu", "measured: SmolLM2-135M, fp32, two cores"),
        "generation_share_of_peak": ("assumed: compute.hardware.mfu", "measured: SmolLM2-135M, fp32, two cores"),
        "decoding_bytes_per_s": ("data sheet x compute.hardware.bandwidth_share, assumed", "assumed"),
        "batches_sampled_per_step": ("from groups_with_signal; at least 1",) * 2,
        "batches_sampled_at_most": ("rl.dynamic_sampling.max_rounds",) * 2,
        "gpu_memory_mb": ("data sheet, or compute.hardware.memory_gb", ""),
        "price_per_gpu_hour": ("assumed: compute.hardware.price_per_gpu_hour", ""),
    }
)
"""Where an assumed number comes from, on a GPU and on a CPU; the others are plain assumptions."""


def _assumed(plan: Plan) -> str:
    """The numbers that time and cost rest on, once for all steps that have the same."""
    seen: dict[tuple[tuple[str, float], ...], list[int]] = {}
    for index, step in enumerate(plan.steps.values(), start=1):
        if step.estimate.rates and step.estimate.assumed:
            seen.setdefault(tuple(step.estimate.assumed.items()), []).append(index)
    lines = ["What tokens/s, time and cost rest on (docs/plan.md has the rest)"]
    for values, indexes in seen.items():
        where = 0 if "price_per_gpu_hour" in dict(values) else 1
        lines.append(f"  # {', '.join(map(str, indexes))}")
        for name, value in values:
            source = SOURCES[name][where] if name in SOURCES else "assumed"
            lines.append(f"    {name:<26}{value:<12.6g}{source}")
    return "\n".join(lines)


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
    rows = [("total", "steps", "tokens", "time", "GPU-hours", "cost", "memory at most")]
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
                money(cost.cost, cost.currency),
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


def made_of(parts: Mapping[str, int]) -> str:
    """Parts and their sizes in MB, the largest first: weights 30.5 GB + process 600 MB."""
    return " + ".join(f"{name} {megabytes(mb)}" for name, mb in sorted(parts.items(), key=lambda item: -item[1]))


def money(value: float, currency: str) -> str:
    """-, 3.41 USD, 12,345 USD."""
    if not currency:
        return "-"
    return f"{value:,.0f} {currency}" if value >= 1000 else f"{value:.2f} {currency}"
