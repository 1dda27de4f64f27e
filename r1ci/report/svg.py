"""Small charts as inline SVG, drawn when the page is made: they need no script, print as vectors, and take their
colours from the page's style sheet (classes ``c0`` to ``c6`` for contenders, ``g0`` to ``g8`` for groups)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from r1ci.report.stats import Estimate
from r1ci.report.text import bounds, number, percent

_BAR_WIDTH, _BAR_HEIGHT, _PAD = 118, 22, 5
WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 16, 22


@dataclass(frozen=True)
class Polyline:
    """One line of a chart."""

    x: Sequence[float]
    y: Sequence[float]
    colour: int
    bold: bool


@dataclass(frozen=True)
class Mark:
    """A dashed vertical line with a word."""

    x: float
    text: str
    colour: int


def interval(estimate: Estimate, colour: int, label: str) -> Markup:
    """A share between 0 and 1: its interval as a bar, its value as a stroke, every seed as a dot."""
    middle = _BAR_HEIGHT / 2
    parts = [stroke(_at(0), middle, _at(1), middle, "track")]
    if estimate.low is not None and estimate.high is not None:
        x, width = _at(estimate.low), max(1.0, _at(estimate.high) - _at(estimate.low))
        parts.append(f'<rect class="range" x="{px(x)}" y="{px(middle - 4)}" width="{px(width)}" height="8" rx="4"/>')
    if estimate.seeds > 1:
        dots = (f'<circle class="seed" cx="{px(_at(v))}" cy="{px(middle)}" r="2"/>' for v in estimate.per_seed.values())
        parts.extend(dots)
    parts.append(stroke(_at(estimate.value), 3, _at(estimate.value), _BAR_HEIGHT - 3, "value"))
    text = f"{label}: {percent(estimate.value)} percent, 95% interval {bounds(estimate)}"
    return drawing(_BAR_WIDTH, _BAR_HEIGHT, f"interval c{colour}", text, parts)


def axis() -> Markup:
    """The scale over a column of :func:`interval` charts."""
    parts = [
        f'<text x="{px(_at(share))}" y="10" text-anchor="{anchor}">{round(100 * share)}</text>'
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    ]
    return drawing(_BAR_WIDTH, 12, "axis", "Scale from 0 to 100 percent", parts)


def lines(polylines: Sequence[Polyline], marks: Sequence[Mark], label: str) -> Markup:
    """Lines over training steps."""
    xs = [x for line in polylines for x in line.x]
    ys = [y for line in polylines for y in line.y]
    x_low, x_high = min(xs), max(max(xs), min(xs) + 1)
    ticks = nice_ticks(min(ys), max(ys))
    y_low, y_high = min(ticks[0], min(ys)), max(ticks[-1], max(ys))

    def to_x(x: float) -> float:
        return LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def to_y(y: float) -> float:
        return HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    parts = [y_tick(to_y(tick), number(tick)) for tick in ticks]
    parts += [x_tick(to_x(x), number(x)) for x in nice_ticks(x_low, x_high) if x_low <= x <= x_high]
    for mark in marks:
        parts.append(stroke(to_x(mark.x), TOP, to_x(mark.x), HEIGHT - BOTTOM, f"mark c{mark.colour}"))
        parts.append(f'<text class="mark" x="{px(to_x(mark.x) + 2)}" y="{TOP - 4}">{escape(mark.text)}</text>')
    for line in polylines:
        points = " ".join(f"{px(to_x(x))},{px(to_y(y))}" for x, y in zip(line.x, line.y, strict=True))
        parts.append(f'<polyline class="line c{line.colour}{" bold" if line.bold else ""}" points="{points}"/>')
        if len(line.x) == 1:
            at = f'cx="{px(to_x(line.x[0]))}" cy="{px(to_y(line.y[0]))}"'
            parts.append(f'<circle class="dot c{line.colour}" {at} r="3"/>')
    return drawing(WIDTH, HEIGHT, "chart", label, parts)


def histogram(counts: Mapping[int, Sequence[int]], edges: Sequence[tuple[float, str]], label: str) -> Markup:
    """Bins over [0, 1], stacked by group, with the lower edges of groups as dashed lines."""
    bins = len(next(iter(counts.values())))
    totals = [sum(counts[group][i] for group in counts) for i in range(bins)]
    ticks = nice_ticks(0, max(1, *totals))
    top = max(ticks[-1], *totals)
    width = (WIDTH - LEFT - RIGHT) / bins
    scale = (HEIGHT - TOP - BOTTOM) / top
    parts = [y_tick(HEIGHT - BOTTOM - tick * scale, number(tick)) for tick in ticks]
    parts += [x_tick(LEFT + share * bins * width, number(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for i in range(bins):
        floor = float(HEIGHT - BOTTOM)
        for group in counts:
            height = counts[group][i] * scale
            if height:
                floor -= height
                at = f'x="{px(LEFT + i * width + 1)}" y="{px(floor)}" width="{px(width - 2)}" height="{px(height)}"'
                title = f"{counts[group][i]} questions of group {group}" if group else f"{counts[group][i]} questions"
                parts.append(f'<rect class="g{min(group, 8)}" {at}><title>{title}</title></rect>')
    for i, (edge, text) in enumerate(edges):
        x = LEFT + edge * bins * width
        parts.append(stroke(x, TOP - 2, x, HEIGHT - BOTTOM, "mark"))
        y = TOP - 5 + 9 * (i % 2)
        at = f'x="{px(x - 2)}" text-anchor="end"' if edge > 0.6 else f'x="{px(x + 2)}"'
        parts.append(f'<text class="mark" {at} y="{y}">{escape(text)}</text>')
    return drawing(WIDTH, HEIGHT, "chart", label, parts)


def nice_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round values that cover an interval: multiples of 1, 2, 2.5 or 5 times a power of ten."""
    if not high > low:
        low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _at(share: float) -> float:
    return _PAD + min(1.0, max(0.0, share)) * (_BAR_WIDTH - 2 * _PAD)


def px(value: float) -> str:
    """A coordinate: one decimal, no trailing zero."""
    return f"{value:.1f}".removesuffix(".0")


def stroke(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    """A straight line of a class of the style sheet."""
    return f'<line class="{kind}" x1="{px(x1)}" y1="{px(y1)}" x2="{px(x2)}" y2="{px(y2)}"/>'


def y_tick(y: float, text: str) -> str:
    """A grid line with its value at the left edge."""
    words = f'<text x="{LEFT - 5}" y="{px(y + 3.5)}" text-anchor="end">{text}</text>'
    return stroke(LEFT, y, WIDTH - RIGHT, y, "grid") + words


def x_tick(x: float, text: str) -> str:
    """A value under the chart."""
    return f'<text x="{px(x)}" y="{HEIGHT - 7}" text-anchor="middle">{text}</text>'


def drawing(width: int, height: int, kind: str, label: str, parts: Sequence[str]) -> Markup:
    """The whole chart; ``label`` is its finding, for those who cannot see it."""
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(f'<svg class="{kind}" {size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>')
