"""Move one number of a grid step by step, as in the game 2048."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official
from r1ci.tasks.symbench.grids import is_list

STEPS = {"u": (-1, 0), "d": (1, 0), "l": (0, -1), "r": (0, 1)}
Grid = list[list[int]]

PROGRAM = """\
grid = {grid}
r, c = {row}, {column}
for step in "{moves}":
    i, j = {{"u": (r - 1, c), "d": (r + 1, c), "l": (r, c - 1), "r": (r, c + 1)}}[step]
    if 0 <= i < len(grid) and 0 <= j < len(grid) and grid[i][j] in (0, grid[r][c]):
        grid[i][j] += grid[r][c]
        grid[r][c] = 0
        r, c = i, j
for line in grid:
    print(*line, sep=", ")"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/2048."""

    min_size: int = param(3, "rows and columns of the smallest grid", low=2, high=8)
    max_size: int = param(5, "rows and columns of the largest grid", low=2, high=8, at_least="min_size")
    min_moves: int = param(3, "fewest steps", low=1, high=50)
    max_moves: int = param(6, "most steps", low=1, high=50, at_least="min_moves")
    max_power: int = param(5, "largest number, as a power of 2", low=1, high=20)

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_size": 2, "max_size": 3, "min_moves": 2, "max_moves": 3},
        "medium": {"min_size": 4, "max_size": 4, "min_moves": 4, "max_moves": 4},
        "hard": {"min_size": 5, "max_size": 5, "min_moves": 5, "max_moves": 6},
        "very_hard": {"min_size": 6, "max_size": 8, "min_moves": 12, "max_moves": 25, "max_power": 3},
    }


@dataclass(frozen=True)
class TwentyFortyEight:
    """The number starts on a cell that is not empty, and moves at least once."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A grid with some empty cells."""
        rng = item_rng(self.id, seed, index)
        size = rng.randint(self.config.min_size, self.config.max_size)
        count = rng.randint(self.config.min_moves, self.config.max_moves)
        while True:
            grid, row, column = self._draw(rng, size)
            moves = "".join(rng.choice(tuple(STEPS)) for _ in range(count))
            end = move(grid, row, column, moves)
            if end != grid:
                break
        text = (
            f"In this {size} x {size} grid, 0 is an empty cell:\n{_told(grid)}\nThe number in row {row + 1}, column "
            f"{column + 1} (counted from 1, from the top left) makes the steps {', '.join(moves)} one after the other, "
            "where u is up, d is down, l is left and r is right. A step onto an empty cell moves the number by one "
            "cell. A step onto an equal number joins the two: the sum stands on the cell stepped onto, and the steps "
            "go on with it. A step onto a different number or off the grid does nothing. A cell that is left becomes "
            f"empty. Answer with the final grid: {size} rows, one a line, numbers separated by commas."
        )
        return Question(self.id, index, text, _told(end), {"grid": grid, "start": [row, column], "moves": moves})

    def check(self, question: Question, answer_text: str) -> bool:
        """The numbers of the final grid in order."""
        return is_list(answer_text, [int(number) for number in question.answer.replace("\n", ", ").split(", ")])

    def program(self, question: Question) -> str | None:
        """Do as the question says."""
        row, column = question.data["start"]
        return PROGRAM.format(grid=question.data["grid"], row=row, column=column, moves=question.data["moves"])

    def _draw(self, rng: random.Random, size: int) -> tuple[Grid, int, int]:
        filled = rng.sample(range(size * size), rng.randint(size, min(2 * size, size * size - 1)))
        grid = [[0] * size for _ in range(size)]
        for cell in filled:
            grid[cell // size][cell % size] = 2 ** rng.randint(1, self.config.max_power)
        return grid, filled[0] // size, filled[0] % size


def move(grid: Sequence[Sequence[int]], row: int, column: int, moves: str) -> Grid:
    """The grid after the steps."""
    now = [list(line) for line in grid]
    for step in moves:
        to_row, to_column = row + STEPS[step][0], column + STEPS[step][1]
        inside = 0 <= to_row < len(now) and 0 <= to_column < len(now[0])
        if inside and now[to_row][to_column] in (0, now[row][column]):
            number, now[row][column] = now[row][column], 0
            now[to_row][to_column] += number
            row, column = to_row, to_column
    return now


def _told(grid: Sequence[Sequence[int]]) -> str:
    return "\n".join(", ".join(map(str, row)) for row in grid)


def read_official(sample: Sample) -> Official:
    """Move the official number ourselves; from an empty cell nothing moves."""
    text = official.text_of(sample)
    asked = re.search(r"in position \(([0-9]+), ?([0-9]+)\) using the sequence '([udlr]+)'", text)
    if asked is None:
        raise ValueError("its steps cannot be found")
    lines = [line.strip() for line in text[asked.end() :].splitlines()]
    grid = [[int(number) for number in line.split(",")] for line in lines if re.fullmatch(r"[0-9]+(, ?[0-9]+)+", line)]
    row, column, moves = int(asked[1]) - 1, int(asked[2]) - 1, asked[3]
    if not grid or {len(line) for line in grid} != {len(grid)}:
        raise ValueError("its grid is not square")
    if not (0 <= row < len(grid) and 0 <= column < len(grid)):
        raise ValueError("its start is outside the grid")
    data = {"grid": grid, "start": [row, column], "moves": moves}
    if grid[row][column] == 0:
        data["note"] = "its start cell is empty, so nothing moves"
    gold = official.listed(official.gold_of(sample))
    return official.item("2048", text, _told(move(grid, row, column, moves)), data, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return TwentyFortyEight(id, read_params(Config, params, id))
