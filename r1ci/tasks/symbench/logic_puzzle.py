"""Pick different numbers from a grid under a rule for rows and columns."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

SMALLEST_PRODUCT = 4
"""Size of a grid from which a rule on products leaves a choice."""
MAX_TRIED = 20_000
"""Selections tried for an official item without a usable solution."""
Cell = tuple[int, int]

_COUNT = re.compile(r"select ([0-9]+) different numbers")
_LIMIT = re.compile(r"less than or equal to (-?[0-9]+)")

SUM_PROGRAM = """\
grid = {grid}
n, k, limit = len(grid), {count}, {limit}
cells = sorted((grid[r][c], r, c) for r in range(n) for c in range(n))
def fits(cell, chosen):
    value, row, column = cell
    in_row = sum(v for v, r, c in chosen if r == row)
    in_column = sum(v for v, r, c in chosen if c == column)
    return value not in [v for v, r, c in chosen] and value + max(in_row, in_column) <= limit
def search(chosen, first):
    if len(chosen) == k:
        return chosen
    for i in range(first, len(cells)):
        if fits(cells[i], chosen):
            found = search(chosen + [cells[i]], i + 1)
            if found:
                return found
found = search([(grid[0][n - 1], 0, n - 1)], 0)
print(", ".join(f"{{r}} {{c}}" for v, r, c in found))"""

PRODUCT_PROGRAM = """\
from itertools import combinations
grid = {grid}
n, k = len(grid), {count}
start = (0, n - 1)
value = {{(r, c): grid[r][c] for r in range(n) for c in range(n)}}
positive = {{}}
for cell in [start, *value]:
    if value[cell] > 0:
        positive.setdefault(value[cell], cell)
blocks = []
for a, b in combinations(range(n), 2):
    for c, d in combinations(range(n), 2):
        cells = [(a, c), (a, d), (b, c), (b, d)]
        if all(value[cell] < 0 for cell in cells) and len({{value[cell] for cell in cells}}) == 4:
            blocks.append(cells)
def search(chosen, blocks):
    used = {{value[cell] for cell in chosen}}
    if len(chosen) + (value[start] > 0) <= k <= len(chosen) + len(positive) and (value[start] > 0 or start in chosen):
        return chosen + list(positive.values())[:k - len(chosen)]
    for i, cells in enumerate(blocks):
        if len(chosen) + 4 <= k and not used & {{value[cell] for cell in cells}}:
            found = search(chosen + cells, blocks[i + 1:])
            if found:
                return found
found = search([], sorted(blocks, key=lambda cells: start not in cells))
print(", ".join(f"{{r}} {{c}}" for r, c in found))"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/logic_puzzle."""

    min_size: int = param(3, "smallest grid", low=3, high=10)
    max_size: int = param(6, "largest grid", low=3, high=10, at_least="min_size")
    allow_product: bool = param(True, "whether grids of at least 4 x 4 may have a rule on products instead of sums")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_size": 3, "allow_product": False},
        "medium": {"min_size": 4, "max_size": 6},
        "hard": {"min_size": 7, "max_size": 10},
    }


@dataclass(frozen=True)
class LogicPuzzle:
    """Any selection is right that keeps the rules; one is planted, so there is one."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A grid around a planted selection that includes the top-right cell."""
        rng = item_rng(self.id, seed, index)
        size = rng.randint(self.config.min_size, self.config.max_size)
        sums = size < SMALLEST_PRODUCT or not self.config.allow_product or rng.random() < 0.5
        grid, chosen = _plant_sum(rng, size) if sums else _plant_product(rng, size)
        limit = _largest_sum(grid, chosen) if sums else None
        rule = f"sum must be at most {limit}" if sums else "product must be greater than 0"
        rows = "\n".join(", ".join(map(str, row)) for row in grid)
        text = (
            f"Select {len(chosen)} cells of this {size} x {size} grid so that no two of them hold the same number:\n"
            f"{rows}\nThe top-right cell must be among them. In each row and in each column that has selected cells, "
            f"their {rule}. A cell is written as its row and its column, both counted from 0, rows from the top and "
            f"columns from the left, so the top-right cell is 0 {size - 1}. "
            "Answer with the selected cells, separated by commas, such as 0 1, 2 0, 1 1."
        )
        data = {"grid": grid, "count": len(chosen), "limit": limit}
        return Question(self.id, index, text, _listed(chosen), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """Different cells of the grid with different numbers, the top-right one among them, within the rule."""
        numbers = answers.integers(answer_text)
        if numbers is None or len(numbers) != 2 * question.data["count"]:
            return False
        return fits(question.data, tuple(zip(numbers[::2], numbers[1::2], strict=True)))

    def program(self, question: Question) -> str | None:
        """Sums from the small numbers up; products by joining positive numbers and rectangles of negative ones."""
        data = question.data
        if data["limit"] is None:
            return PRODUCT_PROGRAM.format(grid=data["grid"], count=data["count"])
        return SUM_PROGRAM.format(grid=data["grid"], count=data["count"], limit=data["limit"])


def _plant_sum(rng: random.Random, size: int) -> tuple[list[list[int]], list[Cell]]:
    high = 3 * size
    grid = [[rng.randint(1, high) for _ in range(size)] for _ in range(size)]
    count = rng.randint(size, size + 2)
    cells = [(row, column) for row in range(size) for column in range(size) if (row, column) != (0, size - 1)]
    chosen = [(0, size - 1), *rng.sample(cells, count - 1)]
    for (row, column), value in zip(chosen, rng.sample(range(1, high + 1), count), strict=True):
        grid[row][column] = value
    return grid, chosen


def _plant_product(rng: random.Random, size: int) -> tuple[list[list[int]], list[Cell]]:
    """Fewer positive numbers than are to be selected, so that negative ones are needed, two by two."""
    high = 2 * size - 4 + rng.randint(0, 2)
    grid = [[rng.choice((1, 1, -1)) * rng.randint(1, high) for _ in range(size)] for _ in range(size)]
    rows, columns = rng.sample(range(size), 2), rng.sample(range(size), 2)
    negative = [(row, column) for row in rows for column in columns]
    cells = [(row, column) for row in range(size) for column in range(size) if (row, column) not in negative]
    positive = rng.sample(cells, high - rng.randint(0, 1))
    if (0, size - 1) not in negative + positive:
        positive[0] = (0, size - 1)
    for (row, column), value in zip(negative, rng.sample(range(1, high + 1), 4), strict=False):
        grid[row][column] = -value
    for (row, column), value in zip(positive, rng.sample(range(1, high + 1), len(positive)), strict=True):
        grid[row][column] = value
    return grid, sorted(negative + positive)


def _lines(grid: Sequence[Sequence[int]], chosen: Iterable[Cell]) -> Iterator[list[int]]:
    """The selected numbers of each row and of each column that has some."""
    lines: dict[tuple[str, int], list[int]] = {}
    for row, column in chosen:
        lines.setdefault(("row", row), []).append(grid[row][column])
        lines.setdefault(("column", column), []).append(grid[row][column])
    yield from lines.values()


def _largest_sum(grid: Sequence[Sequence[int]], chosen: Iterable[Cell]) -> int:
    return max(sum(line) for line in _lines(grid, chosen))


def fits(data: Mapping[str, Any], chosen: Sequence[Cell]) -> bool:
    """Whether a selection keeps every rule."""
    grid, limit = data["grid"], data["limit"]
    size = len(grid)
    if len(chosen) != data["count"] or (0, size - 1) not in chosen:
        return False
    if not all(0 <= row < size and 0 <= column < size for row, column in chosen):
        return False
    if len({grid[row][column] for row, column in chosen}) != len(chosen):
        return False
    if limit is None:
        return all(math.prod(line) > 0 for line in _lines(grid, chosen))
    return all(sum(line) <= limit for line in _lines(grid, chosen))


def _listed(chosen: Sequence[Cell]) -> str:
    return ", ".join(f"{row} {column}" for row, column in chosen)


def solve(data: Mapping[str, Any]) -> list[Cell] | None:
    """The first selection that fits, where it is found by trying few enough; else None."""
    size = len(data["grid"])
    cells = [(row, column) for row in range(size) for column in range(size) if (row, column) != (0, size - 1)]
    rest = itertools.islice(itertools.combinations(cells, data["count"] - 1), MAX_TRIED)
    return next(([(0, size - 1), *more] for more in rest if fits(data, [(0, size - 1), *more])), None)


def read_official(sample: Sample) -> Official:
    """Read the grid; the official selection is the answer only if it keeps the rules, else we search for one."""
    text = official.text_of(sample)
    count, limit = _COUNT.search(text), _LIMIT.search(text)
    rows = [line for line in text.splitlines() if re.fullmatch(r"\s*-?[0-9]+(\s*,\s*-?[0-9]+)+\s*", line)]
    grid = [[int(number) for number in row.split(",")] for row in rows]
    if count is None or not grid or {len(row) for row in grid} != {len(grid)}:
        raise ValueError("its grid, or how many numbers to select, cannot be read")
    if limit is None and "greater than 0" not in text:
        raise ValueError("its rule is neither on sums nor on products")
    data = {"grid": grid, "count": int(count[1]), "limit": None if limit is None else int(limit[1])}
    gold = official.gold_of(sample)
    numbers = answers.integers(official.listed(gold) or "") or ()
    given = list(zip(numbers[::2], numbers[1::2], strict=False))
    solution = given if fits(data, given) else solve(data)
    if solution is None:
        raise ValueError("its official selection breaks its rules, and no other is found")
    return official.item("logic_puzzle", text, _listed(solution), data, _listed(given) or None)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return LogicPuzzle(id, read_params(Config, params, id))
