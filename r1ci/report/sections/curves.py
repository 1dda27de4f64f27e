"""Learning curves: small multiples of what training logged, every seed and the mean, with the stage boundaries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from r1ci.report import svg
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.render import embed, render
from r1ci.report.tables import logged, mean_by
from r1ci.report.text import plural

RL_METRICS = {
    "reward": "Reward per episode",
    "accuracy": "Accuracy of training episodes",
    "new_accuracy": "Accuracy on new questions (greedy)",
    "signal": "Groups with signal (rewards differ)",
    "kl": "KL divergence to the start",
    "entropy": "Entropy per token",
    "clip_fraction": "Clipped share of ratios",
    "grad_norm": "Gradient norm",
    "generated_tokens": "Tokens per episode",
    "calls": "Programs per episode",
    "loss": "Loss",
    "learning_rate": "Learning rate",
}
SFT_METRICS = {"loss": "Loss on demonstrations", "grad_norm": "Gradient norm", "learning_rate": "Learning rate"}
POINTS, FEWEST_POINTS = 6000, 60
"""Most points of a panel, and what every line has where its run has as many; more become means of consecutive steps."""
MOST_LINES = 120
"""Of a panel; where there are more, only the means over seeds are drawn, without stages."""
TABLE_ROWS = 20
"""Rows of the table under a chart; steps in between are left out there, not in the chart."""


@dataclass(frozen=True)
class Line:
    """One seed of one run."""

    seed: int
    steps: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Series:
    """One run over its seeds."""

    label: str
    colour: int
    lines: tuple[Line, ...]
    mean: Line
    """Over the seeds that logged the step; its seed is -1."""


@dataclass(frozen=True)
class Boundary:
    """Where a run entered a stage."""

    step: float
    stage: int
    label: str
    colour: int


@dataclass(frozen=True)
class Panel:
    """One metric."""

    id: str
    title: str
    series: tuple[Series, ...]
    boundaries: tuple[Boundary, ...]
    finding: str
    """Where every run started and ended, for those who cannot see the chart."""

    def table(self) -> tuple[tuple[float, tuple[float | None, ...]], ...]:
        """Thinned rows: a step and the mean of every series."""
        means = [dict(zip(s.mean.steps, s.mean.values, strict=True)) for s in self.series]
        steps = sorted({step for mean in means for step in mean})
        stride = max(1, math.ceil(len(steps) / TABLE_ROWS))
        kept = steps[::stride] + ([steps[-1]] if (len(steps) - 1) % stride else [])
        return tuple((step, tuple(mean.get(step) for mean in means)) for step in kept)


@dataclass(frozen=True)
class Curves:
    """Panels of RL, then of SFT."""

    rl: tuple[Panel, ...]
    sft: tuple[Panel, ...]
    drawn: int
    """Runs of RL among the curves."""
    runs: int
    """All runs of RL."""


def curves_data(comparison: Comparison) -> Curves:
    """Every metric that at least one run logged; reward terms after the reward."""
    rl, sft = (_drawn_runs(comparison, role) for role in ("rl", "sft"))
    terms = sorted(
        {
            name
            for family in rl
            for step in family.steps.values()
            for name in comparison.findings.log(step).columns
            if name.startswith("reward/")
        }
    )
    names = {"reward": RL_METRICS["reward"], **{term: f"Reward: {term[7:]}" for term in terms}, **RL_METRICS}
    return Curves(
        rl=_panels(comparison, rl, "rl", names),
        sft=_panels(comparison, sft, "sft", SFT_METRICS),
        drawn=len(rl),
        runs=len(families(comparison.findings.cells, "rl")),
    )


def _drawn_runs(comparison: Comparison, role: str) -> tuple[Family, ...]:
    return tuple(family for family in families(comparison.findings.cells, role) if comparison.draws(family.variants))


def curves_html(data: Curves) -> Markup:
    """Charts drawn at build time; the page's script replaces them by interactive ones when scrolled into view."""
    legend = list(dict.fromkeys((s.label, s.colour) for panel in (*data.rl, *data.sft) for s in panel.series))

    def chart(panel: Panel) -> Markup:
        lines = [(line, s.colour, False) for s in panel.series for line in s.lines if len(s.lines) > 1]
        lines += [(s.mean, s.colour, True) for s in panel.series]
        drawn = [svg.Polyline(line.steps, line.values, colour, bold) for line, colour, bold in lines]
        marks = [svg.Mark(b.step, f"stage {b.stage}", b.colour) for b in panel.boundaries]
        return svg.lines(drawn, marks, f"{panel.title}. {panel.finding}")

    panels = (*data.rl, *data.sft)
    payload = {panel.id: _payload(panel) for panel in panels}
    return render("curves.html", data=data, legend=legend, chart=chart, payload=embed(payload))


def _payload(panel: Panel) -> dict[str, Any]:
    """For the page's script, with as many digits as a chart can show."""

    def of(line: Line) -> dict[str, Any]:
        return {"steps": line.steps, "values": [float(f"{value:.5g}") for value in line.values]}

    series = [
        {
            "label": s.label,
            "colour": s.colour,
            "mean": of(s.mean),
            "lines": [{"seed": line.seed, **of(line)} for line in s.lines],
        }
        for s in panel.series
    ]
    boundaries = [vars(boundary) for boundary in panel.boundaries]
    return {"title": panel.title, "finding": panel.finding, "series": series, "boundaries": boundaries}


def _panels(comparison: Comparison, runs: Sequence[Family], kind: str, titles: Mapping[str, str]) -> tuple[Panel, ...]:
    boundaries = tuple(b for family in runs for b in _boundaries(comparison, family))
    panels = []
    for metric, title in titles.items():
        curves = [curve for family in runs if (curve := _curve(comparison, family, kind, metric)) is not None]
        if curves:
            id = f"{kind}-{metric.replace('/', '-').replace('_', '-')}"
            crowded = sum(len(of.lines) + 1 for of in curves) > MOST_LINES
            panels.append(Panel(id, title, _drawn(curves, crowded), () if crowded else boundaries, _finding(curves)))
    return tuple(panels)


@dataclass(frozen=True)
class _Curve:
    """One run with every point, by seed the steps and the values."""

    label: str
    colour: int
    lines: Mapping[int, tuple[NDArray[Any], NDArray[Any]]]
    mean: tuple[NDArray[Any], NDArray[Any]]


def _drawn(curves: Sequence[_Curve], crowded: bool) -> tuple[Series, ...]:
    """With means of so many consecutive steps that a page can hold them; the same number for every line."""
    kept = [({} if crowded else of.lines, of) for of in curves]
    lines = [line for seeds, of in kept for line in (*seeds.values(), of.mean)]
    most = max(FEWEST_POINTS, POINTS // len(lines))
    per_point = math.ceil(max(len(steps) for steps, _ in lines) / most)

    def thin(seed: int, steps: NDArray[Any], values: NDArray[Any]) -> Line:
        starts = np.arange(0, len(steps), per_point)
        means = np.add.reduceat(values, starts) / np.diff([*starts, len(steps)])
        return Line(seed, tuple(steps[::per_point].tolist()), tuple(means.tolist()))

    return tuple(
        Series(of.label, of.colour, tuple(thin(seed, *line) for seed, line in seeds.items()), thin(-1, *of.mean))
        for seeds, of in kept
    )


def _curve(comparison: Comparison, family: Family, kind: str, metric: str) -> _Curve | None:
    lines = {}
    for seed, step in family.steps.items():
        steps, values = logged(comparison.findings.log(step), "step", metric)
        finite = np.isfinite(values)
        if finite.any():
            lines[seed] = steps[finite], values[finite].astype(np.float64)
    if not lines:
        return None
    shared = kind == "sft" and set(family.variants) == set(comparison.variants)
    name = "SFT" if shared else ", ".join(family.variants)
    mean = mean_by(*(np.concatenate(of) for of in zip(*lines.values(), strict=True)))
    return _Curve(
        label=" / ".join([name] + [family.model] * comparison.several_models),
        colour=1 if shared else comparison.colour(family.variants[0]),
        lines=lines,
        mean=(np.array(mean[0]), np.array(mean[1])),
    )


def _boundaries(comparison: Comparison, family: Family) -> list[Boundary]:
    """Stage changes of the first seed that logged any; seeds of a run share their schedule."""
    for step in family.steps.values():
        steps, stages = logged(comparison.findings.log(step), "step", "stage")
        if len(steps):
            after = 1 + np.flatnonzero(np.diff(stages))
            name, colour = ", ".join(family.variants), comparison.colour(family.variants[0])
            found = zip(steps[after].tolist(), stages[after].tolist(), strict=True)
            return [Boundary(step, int(stage), name, colour) for step, stage in found]
    return []


def _finding(curves: Sequence[_Curve]) -> str:
    parts = []
    for of in curves:
        values = of.mean[1]
        parts.append(f"{of.label}: {values[0]:.3g} to {values[-1]:.3g} ({plural(len(of.lines), 'seed')})")
    return "; ".join(parts) + "."
