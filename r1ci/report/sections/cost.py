"""What it cost: time, GPU-hours, tokens and sandbox time by kind of step, what variants shared, and where the time of
training went."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from r1ci.report import svg
from r1ci.report.areas import Span, timeline
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.data import StepRecord
from r1ci.report.effort import step_seconds, step_tokens
from r1ci.report.render import render
from r1ci.report.sections.curriculum import label
from r1ci.report.tables import filled, logged, mean_by

PHASES = ("rollouts", "updates", "rest")


@dataclass(frozen=True)
class KindCost:
    """All steps of one kind."""

    kind: str
    steps: int
    done: int
    uses: int
    """How often cells need them; more than steps where cells share."""
    seconds: float
    share: float
    """Of the wall time of all steps."""
    tokens: int | None
    """Sampled (rl, evaluation) or trained on (sft); None where the kind has none."""
    gpu_hours: float
    """GPUs held times wall time."""
    sandbox_s: float | None
    """Run time of programs, a bound from above: each counts with the upper edge of its bucket, those beyond the last
    bucket with its lower edge. None where the kind runs none."""


@dataclass(frozen=True)
class StepCost:
    """One step."""

    id: str
    kind: str
    state: str
    seconds: float | None
    tokens: int | None
    cells: int
    gpu_hours: float
    sandbox_s: float | None


@dataclass(frozen=True)
class RunCost:
    """One training run, the mean of its finished seeds."""

    label: str
    colour: int
    phases: tuple[float, ...]
    """Seconds, in the order of ``PHASES``: rollouts are sampling, programs and scoring; the rest is start, held-out
    evaluation, checkpoints and saving."""
    steps: tuple[float, ...]
    throughput: tuple[float, ...]
    """Sampled tokens per second of rollouts, at each step."""

    @property
    def finding(self) -> str:
        """The shares in words."""
        total = math.fsum(self.phases) or 1.0
        return ", ".join(f"{name} {100 * s / total:.0f}%" for name, s in zip(PHASES, self.phases, strict=True))


@dataclass(frozen=True)
class Cost:
    """Sums over the distinct steps of the plan, in its order."""

    seconds: float
    tokens: int
    gpu_hours: float
    runs: tuple[RunCost, ...]
    kinds: tuple[KindCost, ...]
    steps: tuple[StepCost, ...]


def cost_data(comparison: Comparison) -> Cost:
    """Wall time is from provenance (start to end of the last attempt); tokens from metrics and scores."""
    uses = [id for cell in comparison.findings.cells for id in cell.steps.values()]
    steps = tuple(_step(comparison, step, uses.count(step.id)) for step in comparison.findings.steps.values())
    total = math.fsum(step.seconds or 0.0 for step in steps)
    kinds = dict.fromkeys(step.kind for step in steps)
    runs = families(comparison.findings.cells, "rl")
    return Cost(
        seconds=total,
        tokens=sum(step.tokens or 0 for step in steps),
        gpu_hours=math.fsum(step.gpu_hours for step in steps),
        runs=tuple(run for family in runs if (run := _run(comparison, family)) is not None),
        kinds=tuple(_kind(kind, [step for step in steps if step.kind == kind], total) for kind in kinds),
        steps=steps,
    )


def cost_html(data: Cost) -> Markup:
    """A table with bars; phases and throughput of training; every step folded below."""

    def phases() -> Markup:
        strips = [(run.label, _spans(run)) for run in data.runs]
        return timeline(strips, "Time by phase. " + "; ".join(f"{run.label}: {run.finding}" for run in data.runs) + ".")

    def throughput() -> Markup:
        lines = [svg.Polyline(run.steps, run.throughput, run.colour, bold=True) for run in data.runs if run.steps]
        return svg.lines(lines, (), f"Tokens per second over training steps. {speed()}")

    def speed() -> str:
        shown = [run for run in data.runs if run.steps]
        return "; ".join(f"{run.label}: {run.throughput[0]:.3g} to {run.throughput[-1]:.3g}" for run in shown) + "."

    drawn = any(run.steps for run in data.runs)
    return render("cost.html", data=data, names=PHASES, phases=phases, throughput=throughput, speed=speed, drawn=drawn)


def _spans(run: RunCost) -> list[Span]:
    spans, at = [], 0.0
    for index, (name, seconds) in enumerate(zip(PHASES, run.phases, strict=True)):
        spans.append(Span(at, at + seconds, name, f"g{index + 1}"))
        at += seconds
    return spans


def _step(comparison: Comparison, step: StepRecord, cells: int) -> StepCost:
    seconds = step_seconds(step)
    return StepCost(
        id=step.id,
        kind=step.kind,
        state=step.state,
        seconds=seconds,
        tokens=step_tokens(comparison, step),
        cells=cells,
        gpu_hours=step.gpus * (seconds or 0.0) / 3600,
        sandbox_s=_sandbox(comparison, step.id),
    )


def _sandbox(comparison: Comparison, id: str) -> float | None:
    rows = [row for row in comparison.findings.executions.get(id, ()) if row["measure"] == "wall_s"]
    if not rows:
        return None
    finite = [float(row["name"]) for row in rows if math.isfinite(float(row["name"]))]
    last = max(finite, default=0.0)
    return math.fsum(min(float(row["name"]), last) * row["count"] for row in rows)


def _kind(kind: str, steps: Sequence[StepCost], total: float) -> KindCost:
    seconds = math.fsum(step.seconds or 0.0 for step in steps)
    tokens = [step.tokens for step in steps if step.tokens is not None]
    sandbox = [step.sandbox_s for step in steps if step.sandbox_s is not None]
    return KindCost(
        kind=kind,
        steps=len(steps),
        done=sum(step.state == "done" for step in steps),
        uses=sum(step.cells for step in steps),
        seconds=seconds,
        share=seconds / total if total else 0.0,
        tokens=sum(tokens) if tokens else None,
        gpu_hours=math.fsum(step.gpu_hours for step in steps),
        sandbox_s=math.fsum(sandbox) if sandbox else None,
    )


def _run(comparison: Comparison, family: Family) -> RunCost | None:
    """None where no seed is finished with its time."""
    phases: list[tuple[float, float, float]] = []
    rates: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for id in family.steps.values():
        step, log = comparison.findings.steps[id], comparison.findings.log(id)
        seconds = step_seconds(step)
        if not step.done or seconds is None:
            continue
        rollout, update = (math.fsum(filled(log, key)) for key in ("rollout_s", "update_s"))
        phases.append((rollout, update, max(0.0, seconds - rollout - update)))
        steps, tokens, taken = logged(log, "step", "tokens", "rollout_s")
        timed = taken > 0
        rates.append((steps[timed], tokens[timed] / taken[timed]))
    if not phases:
        return None
    steps_timed, throughput = mean_by(*(np.concatenate(of) for of in zip(*rates, strict=True)))
    return RunCost(
        label=label(comparison, family),
        colour=comparison.colour(family.variants[0]),
        phases=tuple(fmean(of) for of in zip(*phases, strict=True)),
        steps=tuple(steps_timed),
        throughput=tuple(throughput),
    )
