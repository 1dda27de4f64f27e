"""Triangles in coordinates: advanced_geometry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

LONGEST = 200
"""Characters of an answer."""
TOLERANCE = Fraction(1, 1000)
"""The question asks for three decimals."""


@dataclass(frozen=True)
class AdvancedGeometryConfig:
    """Parameters of rg/advanced_geometry."""

    min_coord: int = param(-10, "smallest coordinate", low=-1000, high=1000)
    max_coord: int = param(10, "largest coordinate", low=-1000, high=1000, more_than="min_coord")
    LEVELS: ClassVar[Levels] = {
        "easy": {},
        "medium": {"min_coord": -100, "max_coord": 100},
        "hard": {"min_coord": -1000, "max_coord": 1000},
    }


def near_value(question: Question, answer_text: str) -> bool:
    """The number, or both coordinates, to within one unit of the third decimal; degrees may say so."""
    text = answers.unwrap(answer_text)
    if len(text) > LONGEST:
        return False
    text = text.replace("\u00b0", "")
    for word in ("degrees", "^\\circ", "^{\\circ}"):
        text = text.removesuffix(word).strip()
    values = answers.numbers(text)
    expected = [Fraction(value) for value in question.data["values"]]
    if values is None or len(values) != len(expected):
        return False
    return all(abs(value - right) <= TOLERANCE for value, right in zip(values, expected, strict=True))


def _values(item: Item) -> tuple[Fraction, ...]:
    metadata = item["metadata"]
    (ax, ay), (bx, by), (cx, cy) = ((int(x), int(y)) for x, y in (metadata[name] for name in "ABC"))
    cross = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if metadata["task_type"] == "orthocenter":
        dot_b = (cx - bx) * ax + (cy - by) * ay
        dot_c = (ax - cx) * bx + (ay - cy) * by
        x = Fraction(dot_b * (ay - cy) - dot_c * (cy - by), cross)
        y = Fraction(dot_c * (cx - bx) - dot_b * (ax - cx), cross)
        return x, y
    if metadata["task_type"] == "incircle_radius":
        around = math.dist((ax, ay), (bx, by)) + math.dist((bx, by), (cx, cy)) + math.dist((cx, cy), (ax, ay))
        return (Fraction(abs(cross) / around),)
    dot = (ax - bx) * (cx - bx) + (ay - by) * (cy - by)
    return (Fraction(math.degrees(math.atan2(abs(cross), dot))),)


def _rounded(item: Item) -> list[str]:
    return [f"{float(round(value, 3)) + 0.0:.3f}" for value in _values(item)]


def _data(item: Item) -> Mapping[str, Any]:
    metadata = item["metadata"]
    points = [[int(x), int(y)] for x, y in (metadata[name] for name in "ABC")]
    return {"kind": metadata["task_type"], "points": points, "values": _rounded(item)}


def _answer(item: Item) -> str:
    """Ours: the package gives angles to two decimals, where its question asks for three."""
    values = _rounded(item)
    if item["metadata"]["task_type"] == "angle_measure":
        return values[0] + "\u00b0"
    return f"({values[0]}, {values[1]})" if len(values) == 2 else values[0]


def _program(data: Mapping[str, Any]) -> str:
    head = f"import math\nA, B, C = {', '.join(str(tuple(point)) for point in data['points'])}\n"
    match data["kind"]:
        case "orthocenter":
            return (
                head
                + """\
(a, b), (c, d) = (C[0] - B[0], C[1] - B[1]), (A[0] - C[0], A[1] - C[1])
e, f = a * A[0] + b * A[1], c * B[0] + d * B[1]
det = a * d - b * c
print(f"({(e * d - b * f) / det:.3f}, {(a * f - e * c) / det:.3f})")"""
            )
        case "incircle_radius":
            return (
                head
                + """\
area = abs((B[0] - A[0]) * (C[1] - A[1]) - (B[1] - A[1]) * (C[0] - A[0])) / 2
around = math.dist(A, B) + math.dist(B, C) + math.dist(C, A)
print(f"{2 * area / around:.3f}")"""
            )
        case _:
            return (
                head
                + """\
u, v = (A[0] - B[0], A[1] - B[1]), (C[0] - B[0], C[1] - B[1])
angle = math.atan2(abs(u[0] * v[1] - u[1] * v[0]), u[0] * v[0] + u[1] * v[1])
print(f"{math.degrees(angle):.3f}")"""
            )


ROWS = {
    "rg/advanced_geometry": Row(
        AdvancedGeometryConfig, (), near_value, _program, derive=_data, answer=_answer
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
