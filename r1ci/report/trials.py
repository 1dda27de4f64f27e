"""Charts of a sweep's trials as inline SVG: history, parallel coordinates, slices, importance.

Finished trials are dots; what was stopped or failed has marks of its own below the scale, because it has no metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from r1ci.report.importance import Importance, is_number
from r1ci.report.svg import drawing, nice_ticks, px, stroke
from r1ci.report.text import number, percent

WIDE, TALL = 900, 240
STRIP = 26
"""Room below the scale for trials without a metric."""


@dataclass(frozen=True)
class Axis:
    """Where the values of a key lie on a line from 0 to 1."""

    key: str
    log: bool
    low: float
    high: float
    labels: tuple[str, ...]
    """Of values that are no numbers, from 0 to 1 at equal distances; empty for numbers."""

    def share(self, value: Any) -> float:
        """The place of a value."""
        if self.labels:
            return (self.labels.index(label_of(value)) + 0.5) / len(self.labels)
        if self.high == self.low:
            return 0.5
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and their words."""
        if self.labels:
            return [(self.share(label), label) for label in self.labels]
        if self.log:
            powers = range(math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9) + 1)
            inner = [10.0**power for power in powers]
            return [(self.share(tick), number(tick)) for tick in (inner if len(inner) > 1 else (self.low, self.high))]
        inner = [tick for tick in nice_ticks(self.low, self.high) if self.low <= tick <= self.high]
        return [(self.share(tick), number(tick)) for tick in inner]


def label_of(value: Any) -> str:
    """A value that is no number, in words."""
    return value if isinstance(value, str) else str(value)


def axis_of(key: str, values: Sequence[Any], *, log: bool) -> Axis:
    """The axis of the values that a key has; ``log`` only where all are above zero."""
    if all(map(is_number, values)):
        low, high = float(min(values)), float(max(values))
        return Axis(key, log and low > 0, low, high, ())
    return Axis(key, False, 0.0, 1.0, tuple(dict.fromkeys(map(label_of, values))))


@dataclass(frozen=True)
class Point:
    """A trial in a chart; ``value`` None where it has no metric."""

    trial: int
    state: str
    at: float
    value: float | None
    best: bool = False


@dataclass(frozen=True)
class _Frame:
    """The rectangle that a chart's data lie in."""

    width: int
    height: int
    bottom: int
    left: int = 52
    right: int = 12
    top: int = 12

    def x(self, share: float) -> float:
        return self.left + share * (self.width - self.left - self.right)

    def y(self, share: float) -> float:
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def grid(self, ticks: Sequence[tuple[float, str]]) -> list[str]:
        """Horizontal lines with their words."""
        lines = [stroke(self.left, self.y(at), self.width - self.right, self.y(at), "grid") for at, _ in ticks]
        return lines + [_text(self.left - 6, self.y(at) + 3.5, word, "end") for at, word in ticks]


def history(points: Sequence[Point], steps: Sequence[tuple[int, float]], label: str) -> Markup:
    """The metric by trial, a line for the best so far, and strips of those that were stopped or failed."""
    scale = _scale([point.value for point in points if point.value is not None])
    frame = _Frame(WIDE, (TALL if scale is not None else 40) + STRIP, 24 + STRIP)
    last = max([1, *(point.trial for point in points)])
    parts = frame.grid(scale.ticks()) if scale is not None else []
    ticks = [tick for tick in nice_ticks(0, last, 8) if tick <= last and tick == int(tick)]
    parts += [_text(frame.x(tick / last), frame.height - 6, f"{tick:g}", "middle") for tick in ticks]
    if scale is not None and steps:
        corners = [(steps[0][0] / last, steps[0][1])]
        for trial, value in steps[1:]:
            corners += [(trial / last, corners[-1][1]), (trial / last, value)]
        corners.append((1.0, corners[-1][1]))
        way = " ".join(f"{px(frame.x(at))},{px(frame.y(scale.share(value)))}" for at, value in corners)
        parts.append(f'<polyline class="line bold c2" points="{way}"/>')
    parts += [_point(frame, scale, point, point.trial / last) for point in points]
    return drawing(frame.width, frame.height, "chart", label, parts)


def slices(axis: Axis, points: Sequence[Point], label: str) -> Markup:
    """The metric against the values of one key."""
    frame = _Frame(360, 200 + STRIP, 24 + STRIP)
    scale = _scale([point.value for point in points if point.value is not None])
    parts = frame.grid(scale.ticks()) if scale is not None else []
    for at, word in axis.ticks():
        anchor = "middle" if axis.labels or 0.08 < at < 0.92 else "start" if at < 0.5 else "end"
        parts.append(_text(frame.x(at), frame.height - 6, word, anchor))
    parts += [_point(frame, scale, point, point.at) for point in points]
    return drawing(frame.width, frame.height, "chart", label, parts)


@dataclass(frozen=True)
class Strand:
    """A trial across the axes: its place on each, None where it has no such key."""

    trial: int
    places: tuple[float | None, ...]
    best: bool
    words: str


def parallel(axes: Sequence[Axis], strands: Sequence[Strand], label: str) -> Markup:
    """One line per trial over one vertical axis per key; the last axis is the metric.

    Lines carry their places and axes their number, which is what the page's script brushes by.
    """
    frame = _Frame(WIDE, 300, 18, left=70, right=70, top=42)
    at = [frame.x(index / max(1, len(axes) - 1)) for index in range(len(axes))]
    parts: list[str] = []
    for strand in strands:
        known = [(x, frame.y(place)) for x, place in zip(at, strand.places, strict=True) if place is not None]
        way = " ".join(f"{px(x)},{px(y)}" for x, y in known)
        places = ",".join("" if place is None else f"{place:.4f}" for place in strand.places)
        kind = "line bold c3" if strand.best else "line c2"
        data = f'data-trial="{strand.trial}" data-places="{places}"'
        title = f"<title>{escape(strand.words)}</title>"
        parts.append(f'<polyline class="strand {kind}" {data} points="{way}">{title}</polyline>')
    for index, (axis, x) in enumerate(zip(axes, at, strict=True)):
        anchor = "start" if index == 0 else "end" if index == len(axes) - 1 else "middle"
        edge = -64 if index == 0 else 64 if index == len(axes) - 1 else 0
        head = axis.key if len(axis.key) <= 24 else f"\u2026{axis.key[-23:]}"
        parts.append(_text(x + edge, 14 + 12 * (index % 2), head, anchor))
        parts.append(stroke(x, frame.y(0), x, frame.y(1), "axisline"))
        for share, word in axis.ticks():
            short = word if len(word) <= 14 else f"{word[:13]}\u2026"
            parts.append(f'<text class="inside" x="{px(x + 5)}" y="{px(frame.y(share) + 3.5)}">{escape(short)}</text>')
        span = f'y="{px(frame.y(1) - 6)}" width="24" height="{px(frame.y(0) - frame.y(1) + 12)}"'
        parts.append(f'<rect class="brush" data-axis="{index}" x="{px(x - 12)}" {span}/>')
    return drawing(frame.width, frame.height, "chart parallel", label, parts)


def shares(found: Sequence[Importance], label: str) -> Markup:
    """A bar for every key: the share of the trials' ranks that it accounts for, and a stroke for what chance gives."""
    row, left, width = 26, 250, 620
    frame = _Frame(width, 20 + row * len(found), 20, left=left, top=0)
    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(stroke(frame.x(tick), 0, frame.x(tick), frame.height - 20, "grid"))
        parts.append(_text(frame.x(tick), frame.height - 5, f"{100 * tick:g}", "middle"))
    for index, each in enumerate(found):
        if each.share is None or each.chance is None:
            continue
        y, colour = row * index, "c2" if each.p is not None and each.p < 0.05 else "c0"
        key = each.key if len(each.key) <= 38 else f"\u2026{each.key[-37:]}"
        parts.append(_text(left - 8, y + 17, key, "end"))
        size = f'x="{px(left)}" y="{px(y + 6)}" width="{px(frame.x(each.share) - left)}" height="14"'
        words = f"{each.key}: {percent(each.share)} percent, by chance {percent(each.chance)}"
        parts.append(f'<rect class="bar {colour}" {size}><title>{escape(words)}</title></rect>')
        parts.append(stroke(frame.x(each.chance), y + 2, frame.x(each.chance), y + 24, "chance"))
    return drawing(width, frame.height, "chart", label, parts)


def _scale(values: Sequence[float]) -> Axis | None:
    if not values:
        return None
    ticks = nice_ticks(min(values), max(values))
    return Axis("", False, min(ticks[0], *values), max(ticks[-1], *values), ())


def _point(frame: _Frame, scale: Axis | None, point: Point, at: float) -> str:
    """A dot for a metric; below the scale a triangle for what was stopped, a cross for what failed."""
    x = frame.x(at)
    below = frame.height - 24
    title = f"<title>trial {point.trial}, {point.state}</title>"
    if point.value is not None and scale is not None:
        y, colour, radius = frame.y(scale.share(point.value)), "c3" if point.best else "c2", 4.5 if point.best else 3
        words = f"<title>trial {point.trial}: {point.value:.4g}</title>"
        return f'<circle class="dot {colour}" cx="{px(x)}" cy="{px(y)}" r="{radius}">{words}</circle>'
    if point.state == "failed":
        ends = f"M{px(x - 4)} {px(below - 4)}l8 8m0 -8l-8 8"
        return f'<path class="cross" d="{ends}">{title}</path>'
    if point.state == "stopped":
        return f'<path class="cut" d="M{px(x - 4)} {px(below - 18)}h8l-4 7z">{title}</path>'
    return f'<circle class="wait" cx="{px(x)}" cy="{px(below - 14)}" r="3">{title}</circle>'


def _text(x: float, y: float, word: str, anchor: str) -> str:
    return f'<text x="{px(x)}" y="{px(y)}" text-anchor="{anchor}">{escape(word)}</text>'
