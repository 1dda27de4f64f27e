"""Figures and patterns: modulo_grid, rectangle_count, simple_geometry."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

YES, NO, HOLE = "\u2705", "\u274c", "\u2754"
OPERATIONS: Mapping[str, Callable[[int, int], int]] = {
    "x + y": lambda x, y: x + y,
    "abs(x - y)": lambda x, y: abs(x - y),
    "x * y": lambda x, y: x * y,
    "x ** y": lambda x, y: x**y,
}
BRACKETS = str.maketrans("", "", "[](){},'\" \t\r\n")
Cells = dict[tuple[int, int], int]
FLAT = 180
"""Degrees; an angle of a convex polygon is smaller."""


@dataclass(frozen=True)
class ModuloGridConfig:
    """Parameters of rg/modulo_grid."""

    size_x: int = param(20, "columns", low=6, high=60)
    size_y: int = param(20, "rows", low=6, high=60)
    max_divisor: int = param(20, "largest divisor of the rule", low=2, high=50)
    max_target: int = param(20, "largest remainder of the rule", low=1, high=50)
    max_holes: int = param(1, "most cells to fill in", low=1, high=20)
    LEVELS: ClassVar[Levels] = {
        "easy": {"size_x": 12, "size_y": 12, "max_divisor": 5, "max_target": 4},
        "medium": {"max_holes": 3},
        "hard": {"size_x": 30, "size_y": 30, "max_divisor": 30, "max_target": 20, "max_holes": 10},
    }


@dataclass(frozen=True)
class RectangleCountConfig:
    """Parameters of rg/rectangle_count."""

    max_rectangles: int = param(10, "most rectangles", low=1, high=20)
    width: int = param(80, "columns", low=40, high=120)
    height: int = param(80, "rows", low=40, high=120)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rectangles": 3, "width": 40, "height": 40},
        "medium": {"max_rectangles": 10},
        "hard": {"max_rectangles": 15},
    }


@dataclass(frozen=True)
class SimpleGeometryConfig:
    """Parameters of rg/simple_geometry. The angle to find is below 180 degrees, so many sides need large angles."""

    min_sides: int = param(3, "fewest sides", low=3, high=20)
    max_sides: int = param(6, "most sides", low=3, high=20, at_least="min_sides")
    min_angle: int = param(10, "smallest given angle in degrees", low=1, high=179)
    max_angle: int = param(170, "largest given angle in degrees", low=1, high=179, at_least="min_angle")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_sides": 4},
        "medium": {"min_sides": 5, "max_sides": 6, "min_angle": 60},
        "hard": {"min_sides": 7, "max_sides": 10, "min_angle": 110, "max_angle": 175},
    }


def same_cells(question: Question, answer_text: str) -> bool:
    """Equal cells, whatever stands between them."""
    text = answers.unwrap(answer_text).translate(BRACKETS).replace("\ufe0f", "")
    return text == question.answer.replace("\n", "")


def same_angle(question: Question, answer_text: str) -> bool:
    """Equal numbers, with or without a sign for degrees."""
    text = answers.unwrap(answer_text).lower().removesuffix("degrees").removesuffix("\u00b0").rstrip()
    return answers.close(answers.number(text), answers.number(question.answer) or Fraction(-1))


def rules(grid: Sequence[str], max_divisor: int) -> list[tuple[str, int, int]]:
    """The rules (operation, divisor, remainder) that agree with every cell that is shown."""
    shown = [(x, y, cell) for y, line in enumerate(grid) for x, cell in enumerate(line) if cell != HOLE]
    marked = [(x, y) for x, y, cell in shown if cell == YES]
    found = []
    for name, value in OPERATIONS.items():
        first, *others = [value(x, y) for x, y in marked] or [0]
        for divisor in range(1, max_divisor + 1):
            rest = first % divisor
            if any(other % divisor != rest for other in others):
                continue
            if all((value(x, y) % divisor == rest) == (cell == YES) for x, y, cell in shown):
                found.append((name, divisor, rest))
    return found


def _grid(item: Item) -> Mapping[str, Any]:
    lines = item["question"].strip().splitlines()
    return {"grid": [line for line in lines if line and not set(line) - {YES, NO, HOLE}]}


def _has_one_filling(item: Item) -> bool:
    """Whether all rules of the package's kind that fit fill the holes alike."""
    grid: Sequence[str] = _grid(item)["grid"]
    holes = [(x, y) for y, line in enumerate(grid) for x, cell in enumerate(line) if cell == HOLE]
    fillings = {
        tuple(OPERATIONS[name](x, y) % divisor == rest for x, y in holes)
        for name, divisor, rest in rules(grid, max(len(grid), item["metadata"]["divisor"]))
    }
    return len(fillings) == 1


def _fill(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"grid = {data['grid']}",
            "values = [lambda x, y: x + y, lambda x, y: abs(x - y), lambda x, y: x * y, lambda x, y: x ** y]",
            "def draw(value, divisor, rest):",
            f'    line = lambda y: "".join("{YES}" if value(x, y) % divisor == rest else "{NO}" for x in columns)',
            "    return [line(y) for y in range(len(grid))]",
            "columns = range(len(grid[0]))",
            f'x, y = next((x, y) for y, row in enumerate(grid) for x, c in enumerate(row) if c == "{YES}")',
            "for value, divisor in [(v, d) for v in values for d in range(1, 60)]:",
            "    drawn = draw(value, divisor, value(x, y) % divisor)",
            f'    if all(a in (b, "{HOLE}") for r, s in zip(grid, drawn) for a, b in zip(r, s)):',
            '        print("\\n".join(drawn))',
            "        break",
        )
    )


def read_layers(lines: list[str]) -> Cells:
    """How often each cell was drawn, without the empty ones."""
    layers = {"#": 1, "\u2588": 2}
    return {(i, j): layers[cell] for i, line in enumerate(lines) for j, cell in enumerate(line) if cell in layers}


def rectangles(left: Cells) -> Iterator[list[tuple[int, int]]]:
    """Borders of the rectangles that have the first cell as a corner, large ones first."""
    i, j = min(left)
    high, wide = 1, 1
    while (i + high, j) in left:
        high += 1
    while (i, j + wide) in left:
        wide += 1
    for bottom in range(i + high - 1, i + 1, -1):
        for end in range(j + wide - 1, j + 1, -1):
            if (bottom, end) not in left or (bottom, j + 1) not in left or (i + 1, end) not in left:
                continue
            border = [(row, column) for row in (i, bottom) for column in range(j, end + 1)]
            border += [(row, column) for row in range(i + 1, bottom) for column in (j, end)]
            if all(cell in left for cell in border):
                yield border


def fewest(left: Cells, used: int, best: int, tried: list[int]) -> int:
    """The smallest number of rectangles that draw what is left, of those that a search of bounded length finds."""
    if not left:
        return min(used, best)
    if used + 1 >= best:
        return best
    for border in list(rectangles(left)):
        tried[0] += 1
        if tried[0] > 500:
            break
        rest = dict(left)
        for cell in border:
            rest[cell] -= 1
            if not rest[cell]:
                del rest[cell]
        best = fewest(rest, used + 1, best, tried)
    return best


def _count(data: Mapping[str, Any]) -> str:
    lines = [line.rstrip() for line in data["puzzle"].rstrip().splitlines()]
    sources = "\n\n".join(inspect.getsource(function) for function in (read_layers, rectangles, fewest))
    sources = sources.replace(" -> Iterator[list[tuple[int, int]]]", "").replace(": Cells", "").replace(" -> Cells", "")
    return f"{sources}\n\nleft = read_layers({lines})\nprint(fewest(left, 0, len(left), [0]))"


def _is_fewest(item: Item) -> bool:
    """Whether the rectangles that drew the grid are the fewest that could: two that cross could be four that touch."""
    left = read_layers(item["metadata"]["puzzle"].splitlines())
    return bool(str(fewest(left, 0, len(left), [0])) == item["answer"])


def _is_convex(item: Item) -> bool:
    return bool(item["metadata"]["missing_angle_raw"] < FLAT)


def _missing_angle(data: Mapping[str, Any]) -> str:
    angles = [int(angle) for angle in data["known_angles"]]
    return f"angles = {angles}\nprint(180 * (len(angles) + 1 - 2) - sum(angles))"


ROWS = {
    "rg/modulo_grid": Row(ModuloGridConfig, (), same_cells, _fill, derive=_grid, fits=_has_one_filling),
    "rg/rectangle_count": Row(
        RectangleCountConfig,
        ("puzzle",),
        same_integer,
        _count,
        fits=_is_fewest,
        note="Where several numbers of rectangles could have drawn the grid, answer with the smallest.",
    ),
    "rg/simple_geometry": Row(SimpleGeometryConfig, ("known_angles",), same_angle, _missing_angle, fits=_is_convex),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
