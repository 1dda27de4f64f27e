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
_WIDTH, _HEIGHT = 360, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 16, 22


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
    parts = [_line(_at(0), middle, _at(1), middle, "track")]
    if estimate.low is not None and estimate.high is not None:
        x, width = _at(estimate.low), max(1.0, _at(estimate.high) - _at(estimate.low))
        parts.append(f'<rect class="range" x="{_n(x)}" y="{_n(middle - 4)}" width="{_n(width)}" height="8" rx="4"/>')
    if estimate.seeds > 1:
        dots = (f'<circle class="seed" cx="{_n(_at(v))}" cy="{_n(middle)}" r="2"/>' for v in estimate.per_seed.values())
        parts.extend(dots)
    parts.append(_line(_at(estimate.value), 3, _at(estimate.value), _BAR_HEIGHT - 3, "value"))
    text = f"{label}: {percent(estimate.value)} percent, 95% interval {bounds(estimate)}"
    return _svg(_BAR_WIDTH, _BAR_HEIGHT, f"interval c{colour}", text, parts)


def axis() -> Markup:
    """The scale over a column of :func:`interval` charts."""
    parts = [
        f'<text x="{_n(_at(share))}" y="10" text-anchor="{anchor}">{round(100 * share)}</text>'
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    ]
    return _svg(_BAR_WIDTH, 12, "axis", "Scale from 0 to 100 percent", parts)


def lines(polylines: Sequence[Polyline], marks: Sequence[Mark], label: str) -> Markup:
    """Lines over training steps."""
    xs = [x for line in polylines for x in line.x]
    ys = [y for line in polylines for y in line.y]
    x_low, x_high = min(xs), max(max(xs), min(xs) + 1)
    ticks = nice_ticks(min(ys), max(ys))
    y_low, y_high = min(ticks[0], min(ys)), max(ticks[-1], max(ys))

    def to_x(x: float) -> float:
        return _LEFT + (x - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)

    def to_y(y: float) -> float:
        return _HEIGHT - _BOTTOM - (y - y_low) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_y_tick(to_y(tick), number(tick)) for tick in ticks]
    parts += [_x_tick(to_x(x), number(x)) for x in nice_ticks(x_low, x_high) if x_low <= x <= x_high]
    for mark in marks:
        parts.append(_line(to_x(mark.x), _TOP, to_x(mark.x), _HEIGHT - _BOTTOM, f"mark c{mark.colour}"))
        parts.append(f'<text class="mark" x="{_n(to_x(mark.x) + 2)}" y="{_TOP - 4}">{escape(mark.text)}</text>')
    for line in polylines:
        points = " ".join(f"{_n(to_x(x))},{_n(to_y(y))}" for x, y in zip(line.x, line.y, strict=True))
        parts.append(f'<polyline class="line c{line.colour}{" bold" if line.bold else ""}" points="{points}"/>')
        if len(line.x) == 1:
            at = f'cx="{_n(to_x(line.x[0]))}" cy="{_n(to_y(line.y[0]))}"'
            parts.append(f'<circle class="dot c{line.colour}" {at} r="3"/>')
    return _svg(_WIDTH, _HEIGHT, "chart", label, parts)


def histogram(counts: Mapping[int, Sequence[int]], edges: Sequence[tuple[float, str]], label: str) -> Markup:
    """Bins over [0, 1], stacked by group, with the lower edges of groups as dashed lines."""
    bins = len(next(iter(counts.values())))
    totals = [sum(counts[group][i] for group in counts) for i in range(bins)]
    ticks = nice_ticks(0, max(1, *totals))
    top = max(ticks[-1], *totals)
    width = (_WIDTH - _LEFT - _RIGHT) / bins
    scale = (_HEIGHT - _TOP - _BOTTOM) / top
    parts = [_y_tick(_HEIGHT - _BOTTOM - tick * scale, number(tick)) for tick in ticks]
    parts += [_x_tick(_LEFT + share * bins * width, number(share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for i in range(bins):
        floor = float(_HEIGHT - _BOTTOM)
        for group in counts:
            height = counts[group][i] * scale
            if height:
                floor -= height
                at = f'x="{_n(_LEFT + i * width + 1)}" y="{_n(floor)}" width="{_n(width - 2)}" height="{_n(height)}"'
                title = f"{counts[group][i]} questions of group {group}" if group else f"{counts[group][i]} questions"
                parts.append(f'<rect class="g{min(group, 8)}" {at}><title>{title}</title></rect>')
    for i, (edge, text) in enumerate(edges):
        x = _LEFT + edge * bins * width
        parts.append(_line(x, _TOP - 2, x, _HEIGHT - _BOTTOM, "mark"))
        y = _TOP - 5 + 9 * (i % 2)
        at = f'x="{_n(x - 2)}" text-anchor="end"' if edge > 0.6 else f'x="{_n(x + 2)}"'
        parts.append(f'<text class="mark" {at} y="{y}">{escape(text)}</text>')
    return _svg(_WIDTH, _HEIGHT, "chart", label, parts)


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


def _n(value: float) -> str:
    """A coordinate: one decimal, no trailing zero."""
    return f"{value:.1f}".removesuffix(".0")


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}"/>'


def _y_tick(y: float, text: str) -> str:
    words = f'<text x="{_LEFT - 5}" y="{_n(y + 3.5)}" text-anchor="end">{text}</text>'
    return _line(_LEFT, y, _WIDTH - _RIGHT, y, "grid") + words


def _x_tick(x: float, text: str) -> str:
    return f'<text x="{_n(x)}" y="{_HEIGHT - 7}" text-anchor="middle">{text}</text>'


def _svg(width: int, height: int, kind: str, label: str, parts: Sequence[str]) -> Markup:
    size = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
    return Markup(f'<svg class="{kind}" {size} role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>')
