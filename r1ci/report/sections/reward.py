"""What the reward was made of: every weighted term over training, stacked, per run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from r1ci.report.areas import Layer, stacked
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.render import render
from r1ci.report.sections.curriculum import label

PREFIX = "reward/"
POINTS = 32
"""Most points over training; neighbouring steps are averaged."""


@dataclass(frozen=True)
class Term:
    """One term of the reward, weighted, per episode."""

    name: str
    values: tuple[float, ...]
    """Mean over the steps of a point and over seeds."""
    start: float
    """Mean over the first quarter of the points."""
    end: float
    """Mean over the last quarter."""


@dataclass(frozen=True)
class RewardRun:
    """One run over its seeds."""

    label: str
    steps: tuple[float, ...]
    terms: tuple[Term, ...]
    """Largest first, by the mean of its absolute values."""
    residual: float
    """Largest difference between the sum of the terms and the reward logged, over all steps and seeds."""


@dataclass(frozen=True)
class Reward:
    """Runs that logged terms."""

    runs: tuple[RewardRun, ...]


def reward_data(comparison: Comparison) -> Reward:
    """From the metrics of training, unfinished runs included."""
    runs = families(comparison.findings.cells, "rl")
    return Reward(tuple(run for family in runs if (run := _run(comparison, family)) is not None))


def reward_html(data: Reward) -> Markup:
    """One stacked chart per run, with its table."""

    def chart(run: RewardRun) -> Markup:
        layers = [Layer(term.name, term.values, f"c{2 + i % 5}") for i, term in enumerate(run.terms)]
        return stacked(run.steps, layers, (), f"Reward of {run.label} by term. {finding(run)}")

    def finding(run: RewardRun) -> str:
        return "; ".join(f"{term.name}: {term.start:.3g} to {term.end:.3g}" for term in run.terms) + "."

    return render("reward.html", data=data, chart=chart, finding=finding)


def _run(comparison: Comparison, family: Family) -> RewardRun | None:
    rows = [
        row
        for step in family.steps.values()
        for row in comparison.findings.metrics.get(step, ())
        if "step" in row and math.isfinite(row.get("reward", math.nan))
    ]
    names = sorted({key for row in rows for key in row if key.startswith(PREFIX)})
    if not names:
        return None
    width = math.ceil((max(row["step"] for row in rows) + 1) / POINTS)
    points: dict[int, list[Mapping[str, float]]] = {}
    for row in rows:
        points.setdefault(int(row["step"]) // width, []).append(row)
    order = sorted(points)
    terms = [_term(name, [points[at] for at in order]) for name in names]
    return RewardRun(
        label=label(comparison, family),
        steps=tuple(at * width + (width - 1) / 2 for at in order),
        terms=tuple(sorted(terms, key=lambda term: (-sum(map(abs, term.values)), term.name))),
        residual=max(abs(row["reward"] - sum(row.get(name, 0.0) for name in names)) for row in rows),
    )


def _term(name: str, points: Sequence[Sequence[Mapping[str, float]]]) -> Term:
    values = tuple(fmean(row.get(name, 0.0) for row in rows) for rows in points)
    quarter = max(1, len(values) // 4)
    return Term(name.removeprefix(PREFIX), values, fmean(values[:quarter]), fmean(values[-quarter:]))
