"""Complete a board to queens none of which attacks another."""

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
from r1ci.tasks.symbench.grids import whole

QUEEN, BLOCKED, FREE = "1", "X", "0"

PROGRAM = """\
rows = {rows}
n = len(rows)
given = {{r: row.index("1") for r, row in enumerate(rows) if "1" in row}}
def solve(queens):
    r = len(queens)
    if r == n:
        return queens
    for c in [given[r]] if r in given else range(n):
        if rows[r][c] != "X" and all(c != d and abs(c - d) != r - i for i, d in enumerate(queens)):
            found = solve(queens + [c])
            if found:
                return found
print(", ".join(f"{{r}} {{c}}" for r, c in enumerate(solve([]))))"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/eight_queens."""

    size: int = param(8, "rows, columns and queens", low=5, high=12)
    min_placed: int = param(0, "fewest queens given", low=0, high=5)
    max_placed: int = param(3, "most queens given", low=0, high=5, at_least="min_placed")
    min_blocked: int = param(3, "fewest squares where no queen may stand", low=0, high=20)
    max_blocked: int = param(6, "most squares where no queen may stand", low=0, high=20, at_least="min_blocked")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_placed": 1, "min_blocked": 1, "max_blocked": 2},
        "medium": {"min_placed": 1, "max_placed": 2, "min_blocked": 2, "max_blocked": 4},
        "hard": {"min_placed": 2, "max_placed": 3, "min_blocked": 4, "max_blocked": 10},
    }


@dataclass(frozen=True)
class EightQueens:
    """Any completion is right that keeps the given queens and the blocked squares."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Some queens of a random solution, and blocked squares that it does not need."""
        rng = item_rng(self.id, seed, index)
        n = self.config.size
        columns = _random_solution(rng, n)
        placed = rng.sample(range(n), rng.randint(self.config.min_placed, self.config.max_placed))
        free = [(row, column) for row in range(n) for column in range(n) if columns[row] != column]
        blocked = rng.sample(free, rng.randint(self.config.min_blocked, self.config.max_blocked))
        rows = ["".join(_mark(r, c, placed, columns, blocked) for c in range(n)) for r in range(n)]
        text = (
            f"On this {n} x {n} board, 1 is a queen, X is a square where no queen may stand and 0 is a free square:\n"
            + "\n".join(rows)
            + f"\nComplete it to {n} queens, of which no two are in the same row, column or diagonal; an X between two "
            "queens does not keep them apart. Queens that are on the board already stay where they are. If there are "
            "several ways, any of them will do. Rows and columns are counted from 0, from the top left. Answer with "
            f"the squares of all {n} queens, each as its row and its column, such as 0 3, 1 5."
        )
        return Question(self.id, index, text, _answer(columns), {"rows": rows})

    def check(self, question: Question, answer_text: str) -> bool:
        """As many queens as rows, on the board, none attacking, the given ones among them, none on an X."""
        rows: Sequence[str] = question.data["rows"]
        numbers = whole(answer_text, 2 * len(rows))
        if numbers is None or len(numbers) != 2 * len(rows) or not all(0 <= n < len(rows) for n in numbers):
            return False
        return right(rows, list(zip(numbers[::2], numbers[1::2], strict=True)))

    def program(self, question: Question) -> str | None:
        """Row by row, going back where no column is left."""
        return PROGRAM.format(rows=question.data["rows"])


def right(rows: Sequence[str], queens: Sequence[tuple[int, int]]) -> bool:
    """Whether queens on the board complete it."""
    given = {(r, c) for r, row in enumerate(rows) for c, square in enumerate(row) if square == QUEEN}
    lines = (
        {r for r, _ in queens},
        {c for _, c in queens},
        {r + c for r, c in queens},
        {r - c for r, c in queens},
    )
    return (
        len(queens) == len(rows)
        and all(len(line) == len(rows) for line in lines)
        and given <= set(queens)
        and all(rows[r][c] != BLOCKED for r, c in queens)
    )


def solve(rows: Sequence[str], columns: tuple[int, ...] = ()) -> tuple[int, ...] | None:
    """The first completion, as the column of each row's queen; None if there is none."""
    row = len(columns)
    if row == len(rows):
        return columns
    choices = range(len(rows)) if QUEEN not in rows[row] else [rows[row].index(QUEEN)]
    for column in choices:
        if rows[row].count(QUEEN) < 2 and rows[row][column] != BLOCKED and _safe(columns, column):
            found = solve(rows, (*columns, column))
            if found is not None:
                return found
    return None


def _safe(columns: Sequence[int], column: int) -> bool:
    row = len(columns)
    return all(column != other and abs(column - other) != row - r for r, other in enumerate(columns))


def _random_solution(rng: random.Random, n: int, columns: tuple[int, ...] = ()) -> tuple[int, ...]:
    """A completion found with the columns of each row in random order; empty if there is none."""
    if len(columns) == n:
        return columns
    for column in rng.sample(range(n), n):
        if _safe(columns, column):
            found = _random_solution(rng, n, (*columns, column))
            if found:
                return found
    return ()


def _mark(
    row: int, column: int, placed: Sequence[int], columns: Sequence[int], blocked: Sequence[tuple[int, int]]
) -> str:
    if row in placed and columns[row] == column:
        return QUEEN
    return BLOCKED if (row, column) in blocked else FREE


def _answer(columns: Sequence[int]) -> str:
    return ", ".join(f"{row} {column}" for row, column in enumerate(columns))


def read_official(sample: Sample) -> Official:
    """Complete the official board ourselves; the official answer is one of several."""
    text = official.text_of(sample)
    rows = [line.strip().upper() for line in text.splitlines() if re.fullmatch(r"[01Xx]{4,16}", line.strip())]
    if not 4 <= len(rows) <= 12 or {len(row) for row in rows} != {len(rows)}:
        raise ValueError("its board is not square")
    columns = solve(rows)
    if columns is None:
        raise ValueError("its board cannot be completed")
    gold = official.listed(official.gold_of(sample))
    return official.item("eight_queens", text, _answer(columns), {"rows": rows}, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return EightQueens(id, read_params(Config, params, id))
