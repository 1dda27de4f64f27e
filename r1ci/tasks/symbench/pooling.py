"""Slide a window over a grid and take each window's maximum or average."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

ROUNDING = Fraction(6, 1000)
"""How far a rounded average may be off: two decimals are enough to tell two averages apart."""

_WINDOW = re.compile(r"using an? ([0-9]+) ?[*x] ?([0-9]+) sliding window")

PROGRAM = """\
from fractions import Fraction
grid = {grid}
w = {window}
n = len(grid)
out = []
for r in range(n - w + 1):
    for c in range(n - w + 1):
        cells = [grid[r + i][c + j] for i in range(w) for j in range(w)]
        out.append({pool})
print(*out, sep=", ")"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/pooling."""

    min_size: int = param(3, "smallest grid", low=3, high=12)
    max_size: int = param(6, "largest grid", low=3, high=12, at_least="min_size")
    max_window: int = param(3, "largest window; always smaller than the grid", low=2, high=5)
    allow_average: bool = param(True, "whether averages are asked for, besides maxima")
    max_number: int = param(20, "largest number; the smallest is minus half of it", low=2, high=1000)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_size": 4, "max_window": 2, "allow_average": False},
        "medium": {"min_size": 4, "max_size": 5},
        "hard": {"min_size": 6, "max_size": 6},
    }


@dataclass(frozen=True)
class Pooling:
    """Maximum or average pooling with stride 1."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A square grid of whole numbers."""
        rng = item_rng(self.id, seed, index)
        size = rng.randint(self.config.min_size, self.config.max_size)
        window = rng.randint(2, min(self.config.max_window, size - 1))
        high = self.config.max_number
        grid = [[rng.randint(-(high // 2), high) for _ in range(size)] for _ in range(size)]
        average = self.config.allow_average and rng.random() < 0.5
        rows = "\n".join(", ".join(map(str, row)) for row in grid)
        what = "average" if average else "largest"
        form = ", as whole numbers or exact fractions such as 13/4" if average else ""
        text = (
            f"A {window} x {window} window slides over this {size} x {size} grid, one column or row at a time, and "
            f"never leaves it:\n{rows}\nThe {what} of the numbers in each position of the window makes a new grid. "
            f"Answer with the new grid's numbers, row by row, separated by commas{form}."
        )
        answer = ", ".join(map(str, pool(grid, window, average)))
        return Question(self.id, index, text, answer, {"grid": grid, "window": window, "average": average})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same numbers in the same order; averages may be rounded to two decimals."""
        items, expected = answers.flat(answer_text), answers.tokens(question.answer)
        slack = ROUNDING if question.data["average"] else Fraction(0)
        return len(items) == len(expected) and all(
            item == wanted or _close(item, wanted, slack) for item, wanted in zip(items, expected, strict=True)
        )

    def program(self, question: Question) -> str | None:
        """Look at every position of the window."""
        average, window = question.data["average"], question.data["window"]
        pooled = f"Fraction(sum(cells), {window * window})" if average else "max(cells)"
        program = PROGRAM.format(grid=question.data["grid"], window=window, pool=pooled)
        return program if average else program.partition("\n")[2]


def pool(grid: Sequence[Sequence[int]], window: int, average: bool) -> list[Fraction]:
    """The new grid, row by row."""
    tops = range(len(grid) - window + 1)
    windows = [
        [number for row in grid[top : top + window] for number in row[left : left + window]]
        for top in tops
        for left in range(len(grid[0]) - window + 1)
    ]
    return [Fraction(sum(cells), window * window) if average else Fraction(max(cells)) for cells in windows]


def _close(item: str, wanted: str, slack: Fraction) -> bool:
    value = answers.number(item)
    return value is not None and abs(value - Fraction(wanted)) <= slack


def read_official(sample: Sample) -> Official:
    """Pool the official grid ourselves, exactly."""
    text = official.text_of(sample)
    window = _WINDOW.search(text)
    if window is None or window[1] != window[2]:
        raise ValueError("its window cannot be read")
    rows = [line.strip() for line in text[window.end() :].splitlines()]
    grid = [[int(number) for number in row.split(",")] for row in rows if re.fullmatch(r"-?[0-9][-0-9, ]*", row)]
    size = int(window[1])
    if not grid or {len(row) for row in grid} != {len(grid)} or not 1 <= size <= len(grid):
        raise ValueError("its grid is not square, or smaller than the window")
    average = "average pooling" in text
    answer = ", ".join(map(str, pool(grid, size, average)))
    gold = official.listed(official.gold_of(sample))
    return official.item("pooling", text, answer, {"grid": grid, "window": size, "average": average}, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Pooling(id, read_params(Config, params, id))
