"""Name the shape that an SVG path draws."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

SHAPES = (
    "circle", "heptagon", "hexagon", "kite", "line", "octagon", "pentagon", "rectangle", "sector", "triangle",
)  # fmt: skip
CORNERS = {"triangle": 3, "pentagon": 5, "hexagon": 6, "heptagon": 7, "octagon": 8}
_QUARTER = ((20, 0), (19, 5), (17, 10), (14, 14), (10, 17), (5, 19))
DIRECTIONS = tuple(
    point for sign in range(4) for point in (((x, y), (-y, x), (-x, -y), (y, -x))[sign] for x, y in _QUARTER)
)
"""24 directions, one after the other."""
_EXACT = ((5, 0), (4, 3), (3, 4))
ROUND = tuple(point for sign in range(4) for point in (((x, y), (-y, x), (-x, -y), (y, -x))[sign] for x, y in _EXACT))
"""Twelve points at distance 5, one after the other."""
Point = tuple[int, int]
"""In tenths, so that every coordinate is exact."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/geometric_shapes."""

    pieces: bool = param(True, "whether a path may lift the pen and go on where it was")
    LEVELS: ClassVar[Levels] = {"easy": {"pieces": False}, "hard": {"pieces": True}}


@dataclass(frozen=True)
class GeometricShapes:
    """Lines and arcs between exact points; each of the ten shapes is as likely."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A shape and a path that draws it."""
        rng = item_rng(self.id, seed, index)
        shape = rng.choice(SHAPES)
        path = self._path(rng, shape)
        stem = (
            f'Which shape does the SVG path element <path d="{path}"/> draw? All coordinates are absolute, M moves '
            "without drawing, L draws a straight line, and A draws a circular arc."
        )
        return choose(self.id, index, stem, SHAPES, SHAPES.index(shape), {"path": path})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Count the corners; a quadrilateral with a right angle at two corners that meet is the rectangle."""
        if "path" not in question.data:
            return None
        return f"""\
path = {question.data["path"]!r}
options = {question.data["options"]!r}
points = []
for word in path.split():
    if "," in word and len(word) > 3:
        x, y = map(float, word.split(","))
        if (x, y) not in points:
            points.append((x, y))
if "A" in path:
    shape = "sector" if "L" in path else "circle"
elif len(points) == 4:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    first = (bx - ax) * (cx - bx) + (by - ay) * (cy - by)
    second = (cx - bx) * (dx - cx) + (cy - by) * (dy - cy)
    shape = "rectangle" if abs(first) + abs(second) < 1e-6 else "kite"
else:
    names = {{2: "line", 3: "triangle", 5: "pentagon", 6: "hexagon", 7: "heptagon", 8: "octagon"}}
    shape = names[len(points)]
print("(" + "ABCDEFGHIJ"[options.index(shape)] + ")")
"""

    def _path(self, rng: random.Random, shape: str) -> str:
        centre = (rng.randint(900, 1400), rng.randint(900, 1400))
        if shape == "circle":
            return _circle(rng, centre)
        if shape == "sector":
            return _sector(rng, centre)
        if shape == "line":
            turn = rng.choice(DIRECTIONS)
            return f"M {_shown(centre)} L {_shown(_at(centre, turn, rng.randint(6, 40)))}"
        corners = {"rectangle": _rectangle, "kite": _kite}.get(shape)
        points = corners(rng, centre) if corners else polygon(rng, centre, CORNERS[shape])
        return self._outline(rng, points)

    def _outline(self, rng: random.Random, points: Sequence[Point]) -> str:
        start = rng.randrange(len(points))
        points = [*points[start:], *points[:start]]
        path = f"M {_shown(points[0])}"
        for place, point in enumerate([*points[1:], points[0]]):
            path += f" L {_shown(point)}"
            if self.config.pieces and place < len(points) - 1 and rng.random() < 0.2:
                path += f" M {_shown(point)}"
        return path


def _shown(point: Point) -> str:
    return ",".join(f"{value // 10}.{value % 10}" for value in point)


def _at(centre: Point, turn: Point, length: int) -> Point:
    return centre[0] + turn[0] * length, centre[1] + turn[1] * length


def polygon(rng: random.Random, centre: Point, corners: int) -> list[Point]:
    """Corners in order round a centre that sees them all, none of them nearly straight."""
    while True:
        turns = sorted(rng.sample(range(len(DIRECTIONS)), corners))
        gaps = [(b - a) % len(DIRECTIONS) for a, b in zip(turns, [*turns[1:], turns[0]], strict=True)]
        points = [_at(centre, DIRECTIONS[turn], rng.randint(15, 40)) for turn in turns]
        if max(gaps) <= len(DIRECTIONS) // 2 - 1 and all(bend(*three) > 0.15 for three in _corners(points)):
            return points


def _corners(points: Sequence[Point]) -> list[tuple[Point, Point, Point]]:
    around = [points[-1], *points, points[0]]
    return list(zip(around, around[1:], around[2:], strict=False))


def bend(a: Point, b: Point, c: Point) -> float:
    """How much a path turns at b: the sine of the angle, squared."""
    ux, uy, vx, vy = b[0] - a[0], b[1] - a[1], c[0] - b[0], c[1] - b[1]
    cross = ux * vy - uy * vx
    return cross * cross / ((ux * ux + uy * uy) * (vx * vx + vy * vy))


def _rectangle(rng: random.Random, centre: Point) -> list[Point]:
    x, y = rng.choice(DIRECTIONS)
    long, wide = rng.randint(20, 40), rng.randint(6, 16)
    corner, across = _at(centre, (x, y), long), (-y, x)
    return [centre, corner, _at(corner, across, wide), _at(centre, across, wide)]


def _kite(rng: random.Random, centre: Point) -> list[Point]:
    x, y = rng.choice(DIRECTIONS)
    long, wide = rng.randint(28, 40), rng.randint(8, 12)
    waist = _at(centre, (x, y), rng.randint(6, 8))
    return [centre, _at(waist, (-y, x), wide), _at(centre, (x, y), long), _at(waist, (y, -x), wide)]


def _circle(rng: random.Random, centre: Point) -> str:
    turn, size = rng.choice(ROUND), rng.randint(10, 60)
    first, second = _at(centre, turn, size), _at(centre, turn, -size)
    arc = f"A {_shown((5 * size, 5 * size))} 0 1,0"
    return f"M {_shown(first)} {arc} {_shown(second)} {arc} {_shown(first)}"


def _sector(rng: random.Random, centre: Point) -> str:
    start, size = rng.randrange(len(ROUND)), rng.randint(10, 60)
    ends = [_at(centre, ROUND[place % len(ROUND)], size) for place in (start, start + rng.randint(2, 5))]
    first, second = map(_shown, ends)
    middle = _shown(centre)
    return f"M {middle} L {first} A {_shown((5 * size, 5 * size))} 0 0,1 {second} L {middle}"


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("geometric_shapes", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return GeometricShapes(id, read_params(Config, params, id))
