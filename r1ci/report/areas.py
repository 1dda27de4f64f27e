"""Charts of parts of a whole as inline SVG: stacked areas, flows between states, timelines, bars.

Every part carries its name or number as text where there is room, and as a tooltip where there is not, so that colour
alone says nothing. Colours are classes of the style sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from r1ci.report.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Mark,
    drawing,
    nice_ticks,
    px,
    stroke,
    x_tick,
    y_tick,
)
from r1ci.report.text import number, percent

_ROW, _NODE = 22, 10
_NAME = 96
"""Room for the words beside a flow or a strip."""


@dataclass(frozen=True)
class Layer:
    """One part over time."""

    name: str
    values: Sequence[float]
    kind: str
    """Class of its colour."""


@dataclass(frozen=True)
class Span:
    """A piece of a strip."""

    start: float
    end: float
    text: str
    kind: str


def stacked(x: Sequence[float], layers: Sequence[Layer], marks: Sequence[Mark], label: str) -> Markup:
    """Layers on top of each other, those below zero downwards."""
    high = [sum(max(0.0, layer.values[i]) for layer in layers) for i in range(len(x))]
    low = [sum(min(0.0, layer.values[i]) for layer in layers) for i in range(len(x))]
    ticks = nice_ticks(min(0.0, *low), max(1e-9, *high))
    bottom, top = min(ticks[0], *low), max(ticks[-1], *high)
    x_low, x_high = min(x), max(max(x), min(x) + 1)

    def to_x(value: float) -> float:
        return LEFT + (value - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def to_y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    parts = [y_tick(to_y(tick), number(tick)) for tick in ticks]
    parts += [x_tick(to_x(tick), number(tick)) for tick in nice_ticks(x_low, x_high) if x_low <= tick <= x_high]
    up, down = [0.0] * len(x), [0.0] * len(x)
    names: list[str] = []
    for layer in layers:
        ends = [(u + v, u) if v >= 0 else (d + v, d) for u, d, v in zip(up, down, layer.values, strict=True)]
        at, edges = [to_x(value) for value in x], [(to_y(a), to_y(b)) for a, b in ends]
        parts.append(_area(at, edges, layer))
        names += _named(at, edges, layer.name)
        up = [u + max(0.0, v) for u, v in zip(up, layer.values, strict=True)]
        down = [d + min(0.0, v) for d, v in zip(down, layer.values, strict=True)]
    parts += names
    for mark in marks:
        parts.append(stroke(to_x(mark.x), TOP, to_x(mark.x), HEIGHT - BOTTOM, "mark"))
        parts.append(f'<text class="mark" x="{px(to_x(mark.x) + 2)}" y="{TOP - 4}">{escape(mark.text)}</text>')
    return drawing(WIDTH, HEIGHT, "chart", label, parts)


def _area(x: Sequence[float], ends: Sequence[tuple[float, float]], layer: Layer) -> str:
    """The area between its two edges."""
    if len(x) == 1:
        x, ends = [x[0], WIDTH - RIGHT], [ends[0], ends[0]]
    upper = [f"{px(at)},{px(a)}" for at, (a, _) in zip(x, ends, strict=True)]
    lower = [f"{px(at)},{px(b)}" for at, (_, b) in zip(x, ends, strict=True)]
    points = " ".join([*upper, *reversed(lower)])
    return f'<polygon class="area {layer.kind}" points="{points}"><title>{escape(layer.name)}</title></polygon>'


def _named(x: Sequence[float], ends: Sequence[tuple[float, float]], name: str) -> list[str]:
    """The name where the area is thickest, nothing where it has no room."""
    at = max(range(len(x) // 6, len(x) - len(x) // 6), key=lambda i: abs(ends[i][0] - ends[i][1]))
    if abs(ends[at][0] - ends[at][1]) < 13:
        return []
    middle = (ends[at][0] + ends[at][1]) / 2 + 3.5
    centre = min(max(x[at], LEFT + 34), WIDTH - RIGHT - 34)
    return [f'<text class="inside" x="{px(centre)}" y="{px(middle)}" text-anchor="middle">{escape(name)}</text>']


def flow(names: Sequence[str], counts: Sequence[Sequence[int]], titles: tuple[str, str], label: str) -> Markup:
    """Ribbons from the states before (rows) to those after (columns); the last state on top, better above worse."""
    total = sum(map(sum, counts))
    size = len(names)
    room = HEIGHT - TOP - 4 - (size - 1) * 5
    scale = room / max(1, total)
    before = [sum(row) for row in counts]
    after = [sum(row[j] for row in counts) for j in range(size)]
    left, right = _stack(before, scale), _stack(after, scale)
    x1, x2 = _NAME + _NODE, WIDTH - _NAME - _NODE
    parts = [f'<text x="{_NAME}" y="10" text-anchor="end">{escape(titles[0])}</text>']
    parts.append(f'<text x="{WIDTH - _NAME}" y="10">{escape(titles[1])}</text>')
    starts, ends = list(left), list(right)
    for i in reversed(range(size)):
        for j in reversed(range(size)):
            if counts[i][j]:
                width = counts[i][j] * scale
                kind = "better" if j > i else "worse" if j < i else "same"
                words = f"{counts[i][j]} from {names[i]} to {names[j]}"
                parts.append(_ribbon((x1, starts[i]), (x2, ends[j]), width, kind, words))
                starts[i] += width
                ends[j] += width
    for x, tops, sums, anchor, text_x in (
        (_NAME, left, before, "end", _NAME - 4),
        (WIDTH - _NAME - _NODE, right, after, "start", WIDTH - _NAME + 4),
    ):
        for state in range(size):
            height = max(1.0, sums[state] * scale)
            at = f'x="{px(x)}" y="{px(tops[state])}" width="{_NODE}" height="{px(height)}"'
            parts.append(f'<rect class="node" {at}/>')
            if sums[state]:
                y = tops[state] + height / 2 + 3.5
                words = f"{escape(names[state])} {sums[state]}"
                parts.append(f'<text x="{px(text_x)}" y="{px(y)}" text-anchor="{anchor}">{words}</text>')
    return drawing(WIDTH, HEIGHT, "chart", label, parts)


def _stack(sums: Sequence[int], scale: float) -> list[float]:
    """Upper edges of the states, the last on top."""
    edges = [0.0] * len(sums)
    y = float(TOP)
    for state in reversed(range(len(sums))):
        edges[state] = y
        y += sums[state] * scale + 5
    return edges


def _ribbon(start: tuple[float, float], end: tuple[float, float], width: float, kind: str, words: str) -> str:
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) / 2
    path = (
        f"M{px(x1)} {px(y1)}C{px(middle)} {px(y1)} {px(middle)} {px(y2)} {px(x2)} {px(y2)}"
        f"V{px(y2 + width)}C{px(middle)} {px(y2 + width)} {px(middle)} {px(y1 + width)} "
        f"{px(x1)} {px(y1 + width)}Z"
    )
    return f'<path class="ribbon {kind}" d="{path}"><title>{escape(words)}</title></path>'


def timeline(strips: Sequence[tuple[str, Sequence[Span]]], label: str) -> Markup:
    """One strip of spans per run over the same axis."""
    width, right = 2 * WIDTH, 8
    end = max(span.end for _, spans in strips for span in spans)
    name = 150

    def to_x(value: float) -> float:
        return name + value / (end or 1) * (width - name - right)

    height = _ROW * len(strips) + 20
    parts = []
    for row, (title, spans) in enumerate(strips):
        y = row * _ROW + 2
        parts.append(f'<text x="{name - 8}" y="{y + 13}" text-anchor="end">{escape(title)}</text>')
        for span in spans:
            x, wide = to_x(span.start), to_x(span.end) - to_x(span.start)
            at = f'x="{px(x)}" y="{y}" width="{px(max(1.0, wide - 1))}" height="{_ROW - 5}"'
            parts.append(f'<rect class="span {span.kind}" {at}><title>{escape(span.text)}</title></rect>')
            if wide > 6 * len(span.text):
                parts.append(f'<text class="inside" x="{px(x + 5)}" y="{y + 12}">{escape(span.text)}</text>')
    for tick in nice_ticks(0, end, 8):
        if tick <= end:
            parts.append(f'<text x="{px(to_x(tick))}" y="{height - 5}" text-anchor="middle">{number(tick)}</text>')
    return drawing(width, height, "chart", label, parts)


def bars(names: Sequence[str], shares: Sequence[float], kind: str, label: str) -> Markup:
    """Shares of a whole by class, each with its percentage above."""
    top = max(1e-9, *shares)
    width = (WIDTH - 16) / max(1, len(names))
    height, floor = 120, 98
    every = max(1, round(len(names) / 9))
    parts = []
    for i, (name, share) in enumerate(zip(names, shares, strict=True)):
        x, tall = 8 + i * width, share / top * 78
        at = f'x="{px(x + 1)}" y="{px(floor - tall)}" width="{px(max(1.0, width - 2))}" height="{px(tall)}"'
        parts.append(f'<rect class="bar {kind}" {at}><title>{escape(name)}: {percent(share)}%</title></rect>')
        if i % every == 0:
            parts.append(f'<text x="{px(x + width / 2)}" y="112" text-anchor="middle">{escape(name)}</text>')
        if share > 0 and width > 24:
            y = px(floor - tall - 3)
            parts.append(f'<text x="{px(x + width / 2)}" y="{y}" text-anchor="middle">{percent(share)}</text>')
    parts.append(stroke(8, floor, WIDTH - 8, floor, "grid"))
    return drawing(WIDTH, height, "chart", label, parts)


def share_bar(shares: Sequence[float], label: str) -> Markup:
    """One bar cut into shares, small enough for a cell of a table that says them in numbers, too."""
    parts, x = [], 0.0
    for index, share in enumerate(shares):
        parts.append(f'<rect class="g{index + 1}" x="{px(x)}" y="1" width="{px(share * 120)}" height="10"/>')
        x += share * 120
    return drawing(120, 12, "shares", label, parts)
