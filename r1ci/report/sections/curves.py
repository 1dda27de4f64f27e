"""Learning curves: small multiples of what training logged, every seed and the mean, with the stage boundaries."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from markupsafe import Markup

from r1ci.report import svg
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.render import embed, render
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


def curves_data(comparison: Comparison) -> Curves:
    """Every metric that at least one run logged; reward terms after the reward."""
    rl = families(comparison.findings.cells, "rl")
    terms = sorted(
        {key for family in rl for row in _rows(comparison, family) for key in row if key.startswith("reward/")}
    )
    names = {"reward": RL_METRICS["reward"], **{term: f"Reward: {term[7:]}" for term in terms}, **RL_METRICS}
    return Curves(
        rl=_panels(comparison, rl, "rl", names),
        sft=_panels(comparison, families(comparison.findings.cells, "sft"), "sft", SFT_METRICS),
    )


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
        {"label": s.label, "colour": s.colour, "mean": of(s.mean), "lines": [of(line) for line in s.lines]}
        for s in panel.series
    ]
    boundaries = [vars(boundary) for boundary in panel.boundaries]
    return {"title": panel.title, "finding": panel.finding, "series": series, "boundaries": boundaries}


def _rows(comparison: Comparison, family: Family) -> list[Mapping[str, float]]:
    return [row for step in family.steps.values() for row in comparison.findings.metrics.get(step, ())]


def _panels(comparison: Comparison, runs: Sequence[Family], kind: str, titles: Mapping[str, str]) -> tuple[Panel, ...]:
    boundaries = tuple(b for family in runs for b in _boundaries(comparison, family))
    panels = []
    for metric, title in titles.items():
        series = tuple(s for family in runs if (s := _series(comparison, family, kind, metric)) is not None)
        if series:
            id = f"{kind}-{metric.replace('/', '-').replace('_', '-')}"
            crowded = sum(len(of.lines) + 1 for of in series) > MOST_LINES
            drawn = _thinned([replace(of, lines=()) for of in series] if crowded else series)
            panels.append(Panel(id, title, drawn, () if crowded else boundaries, _finding(series)))
    return tuple(panels)


def _thinned(series: Sequence[Series]) -> tuple[Series, ...]:
    """With means of so many consecutive steps that a page can hold them; the same number for every line."""
    lines = [line for of in series for line in (*of.lines, of.mean)]
    most = max(FEWEST_POINTS, POINTS // len(lines))
    per_point = math.ceil(max(len(line.steps) for line in lines) / most)
    if per_point == 1:
        return tuple(series)

    def thin(line: Line) -> Line:
        starts = range(0, len(line.steps), per_point)
        values = (line.values[start : start + per_point] for start in starts)
        return Line(line.seed, line.steps[::per_point], tuple(math.fsum(of) / len(of) for of in values))

    return tuple(replace(of, lines=tuple(map(thin, of.lines)), mean=thin(of.mean)) for of in series)


def _series(comparison: Comparison, family: Family, kind: str, metric: str) -> Series | None:
    lines = []
    for seed, step in family.steps.items():
        rows = [
            (row["step"], row[metric])
            for row in comparison.findings.metrics.get(step, ())
            if "step" in row and math.isfinite(row.get(metric, math.nan))
        ]
        if rows:
            lines.append(Line(seed, tuple(x for x, _ in rows), tuple(y for _, y in rows)))
    if not lines:
        return None
    shared = kind == "sft" and set(family.variants) == set(comparison.variants)
    several = len({cell.model for cell in comparison.findings.cells}) > 1
    label = " / ".join(["SFT" if shared else ", ".join(family.variants)] + [family.model] * several)
    return Series(label, 1 if shared else comparison.colour(family.variants[0]), tuple(lines), _mean(lines))


def _mean(lines: Sequence[Line]) -> Line:
    values: dict[float, list[float]] = {}
    for line in lines:
        for x, y in zip(line.steps, line.values, strict=True):
            values.setdefault(x, []).append(y)
    steps = sorted(values)
    return Line(-1, tuple(steps), tuple(math.fsum(values[x]) / len(values[x]) for x in steps))


def _boundaries(comparison: Comparison, family: Family) -> list[Boundary]:
    """Stage changes of the first seed that logged any; seeds of a run share their schedule."""
    for step in family.steps.values():
        rows = [row for row in comparison.findings.metrics.get(step, ()) if "stage" in row and "step" in row]
        changes = [
            Boundary(
                after["step"], int(after["stage"]), ", ".join(family.variants), comparison.colour(family.variants[0])
            )
            for before, after in itertools.pairwise(rows)
            if after["stage"] != before["stage"]
        ]
        if rows:
            return changes
    return []


def _finding(series: Sequence[Series]) -> str:
    parts = []
    for s in series:
        start, end = s.mean.values[0], s.mean.values[-1]
        parts.append(f"{s.label}: {start:.3g} to {end:.3g} ({plural(len(s.lines), 'seed')})")
    return "; ".join(parts) + "."
