"""What it cost: wall time and tokens by kind of step, and how much the variants shared."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.effort import step_seconds, step_tokens
from r1ci.report.render import render


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
    rollout_s: float | None
    update_s: float | None


@dataclass(frozen=True)
class StepCost:
    """One step."""

    id: str
    kind: str
    state: str
    seconds: float | None
    tokens: int | None
    cells: int


@dataclass(frozen=True)
class Cost:
    """Sums over the distinct steps of the plan, in its order."""

    seconds: float
    tokens: int
    kinds: tuple[KindCost, ...]
    steps: tuple[StepCost, ...]


def cost_data(comparison: Comparison) -> Cost:
    """Wall time is from provenance (start to end of the last attempt); tokens from metrics and scores."""
    uses = [id for cell in comparison.findings.cells for id in cell.steps.values()]
    steps = tuple(
        StepCost(s.id, s.kind, s.state, step_seconds(s), step_tokens(comparison, s), uses.count(s.id))
        for s in comparison.findings.steps.values()
    )
    total = sum(step.seconds or 0.0 for step in steps)
    kinds = dict.fromkeys(step.kind for step in steps)
    return Cost(
        seconds=total,
        tokens=sum(step.tokens or 0 for step in steps),
        kinds=tuple(_kind(comparison, kind, [s for s in steps if s.kind == kind], total) for kind in kinds),
        steps=steps,
    )


def cost_html(data: Cost) -> Markup:
    """A table with bars; every step folded below."""
    return render("cost.html", data=data)


def _kind(comparison: Comparison, kind: str, steps: list[StepCost], total: float) -> KindCost:
    seconds = sum(step.seconds or 0.0 for step in steps)
    tokens = [step.tokens for step in steps if step.tokens is not None]
    return KindCost(
        kind=kind,
        steps=len(steps),
        done=sum(step.state == "done" for step in steps),
        uses=sum(step.cells for step in steps),
        seconds=seconds,
        share=seconds / total if total else 0.0,
        tokens=sum(tokens) if tokens else None,
        rollout_s=_sum(comparison, steps, "rollout_s"),
        update_s=_sum(comparison, steps, "update_s"),
    )


def _sum(comparison: Comparison, steps: list[StepCost], metric: str) -> float | None:
    rows = [row for step in steps for row in comparison.findings.metrics.get(step.id, ()) if metric in row]
    return sum(row[metric] for row in rows) if rows else None
