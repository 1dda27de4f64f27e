"""What the reward was made of: every weighted term over training, stacked, per run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from markupsafe import Markup

from r1ci.report.areas import Layer, stacked
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.render import render
from r1ci.report.sections.curriculum import label
from r1ci.report.tables import filled, mean_by

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
    drawn: bool
    """Whether the page shows it: see ``contenders.MOST_DRAWN``."""
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

    runs = [run for run in data.runs if run.drawn]
    return render("reward.html", data=data, runs=runs, chart=chart, finding=finding)


def _run(comparison: Comparison, family: Family) -> RewardRun | None:
    import polars as pl

    logs = [comparison.findings.log(step) for step in family.steps.values()]
    logs = [log.filter(pl.col("reward").is_finite()) for log in logs if {"step", "reward"} <= set(log.columns)]
    log = pl.concat(logs, how="diagonal_relaxed").drop_nulls("step") if logs else pl.DataFrame()
    names = sorted(name for name in log.columns if name.startswith(PREFIX) and log[name].count())
    if not names or log.is_empty():
        return None
    steps = log["step"].to_numpy()
    width = math.ceil((steps.max() + 1) / POINTS)
    at = (steps // width).astype(np.int64)
    terms = {name: filled(log, name) for name in names}
    drawn = [_term(name, mean_by(at, values)[1]) for name, values in terms.items()]
    return RewardRun(
        label=label(comparison, family),
        drawn=comparison.draws(family.variants),
        steps=tuple(bin * width + (width - 1) / 2 for bin in np.unique(at).tolist()),
        terms=tuple(sorted(drawn, key=lambda term: (-sum(map(abs, term.values)), term.name))),
        residual=float(np.abs(log["reward"].to_numpy() - sum(terms.values())).max()),
    )


def _term(name: str, values: Sequence[float]) -> Term:
    quarter = max(1, len(values) // 4)
    return Term(name.removeprefix(PREFIX), tuple(values), fmean(values[:quarter]), fmean(values[-quarter:]))
