"""Boards to fill in: mini_sudoku, n_queens, sudoku."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.matrices import rows
from r1ci.tasks.reasoning_gym.task import Row, gym_task


@dataclass(frozen=True)
class MiniSudokuConfig:
    """Parameters of rg/mini_sudoku."""

    min_empty: int = param(8, "fewest empty cells, where one solution allows", low=1, high=12)
    max_empty: int = param(12, "most empty cells", low=1, high=12, at_least="min_empty")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_empty": 4, "max_empty": 6},
        "medium": {"min_empty": 6, "max_empty": 10},
        "hard": {"min_empty": 11, "max_empty": 12},
    }


@dataclass(frozen=True)
class SudokuConfig:
    """Parameters of rg/sudoku."""

    min_empty: int = param(30, "fewest empty cells, where one solution allows", low=1, high=55)
    max_empty: int = param(50, "most empty cells", low=1, high=55, at_least="min_empty")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_empty": 20, "max_empty": 30},
        "medium": {"min_empty": 30, "max_empty": 40},
        "hard": {"min_empty": 45, "max_empty": 50},
    }


@dataclass(frozen=True)
class NQueensConfig:
    """Parameters of rg/n_queens."""

    n: int = param(8, "side of the board", low=4, high=10, at_least="max_remove")
    min_remove: int = param(1, "fewest queens to place", low=1, high=10)
    max_remove: int = param(7, "most queens to place", low=1, high=10, at_least="min_remove")
    LEVELS: ClassVar[Levels] = {
        "easy": {"n": 6, "max_remove": 3},
        "medium": {"n": 8, "min_remove": 3, "max_remove": 6},
        "hard": {"n": 10, "min_remove": 6, "max_remove": 9},
    }


def cells(text: str, side: int) -> list[list[str]] | None:
    """The cells of a square board, with or without spaces between them; None for another size."""
    board = [list(row[0]) if len(row) == 1 else list(row) for row in rows(text)]
    fits = len(board) == side and all(len(row) == side for row in board)
    return board if fits else None


def solves_sudoku(question: Question, answer_text: str) -> bool:
    """The given digits stay, and each row, column and box holds every digit."""
    puzzle: Sequence[Sequence[int]] = question.data["puzzle"]
    side = len(puzzle)
    board = cells(answer_text, side)
    if board is None:
        return False
    box, digits = math.isqrt(side), {str(digit) for digit in range(1, side + 1)}
    boxes = [
        {board[top + i][left + j] for i in range(box) for j in range(box)}
        for top in range(0, side, box)
        for left in range(0, side, box)
    ]
    return all(set(line) == digits for line in (*board, *zip(*board, strict=True), *boxes)) and all(
        digit in (0, int(cell))
        for row, line in zip(board, puzzle, strict=True)
        for cell, digit in zip(row, line, strict=True)
    )


def places_queens(question: Question, answer_text: str) -> bool:
    """The given queens stay, there is one in each row and column, and none on a diagonal with another."""
    puzzle: Sequence[Sequence[str]] = question.data["puzzle"]
    board = cells(answer_text, len(puzzle))
    if board is None or {cell for row in board for cell in row} - set("Qq_.-"):
        return False
    queens = [(i, j) for i, row in enumerate(board) for j, cell in enumerate(row) if cell in "Qq"]
    given = {(i, j) for i, row in enumerate(puzzle) for j, cell in enumerate(row) if cell == "Q"}
    lines = (
        {i for i, _ in queens},
        {j for _, j in queens},
        {i + j for i, j in queens},
        {i - j for i, j in queens},
    )
    return given <= set(queens) and len(queens) == len(puzzle) and all(len(line) == len(queens) for line in lines)


def _fill(data: Mapping[str, Any]) -> str:
    side = len(data["puzzle"])
    box = math.isqrt(side)
    return "\n".join(
        (
            f"board = {data['puzzle']}",
            "def options(i, j):",
            f"    top, left = i // {box} * {box}, j // {box} * {box}",
            "    seen = set(board[i]) | {row[j] for row in board}",
            f"    seen |= {{x for row in board[top:top + {box}] for x in row[left:left + {box}]}}",
            f"    return [x for x in range(1, {side + 1}) if x not in seen]",
            "def solve():",
            f"    empty = [(i, j) for i in range({side}) for j in range({side}) if board[i][j] == 0]",
            "    if not empty:",
            "        return True",
            "    i, j = min(empty, key=lambda cell: len(options(*cell)))",
            "    for x in options(i, j):",
            "        board[i][j] = x",
            "        if solve():",
            "            return True",
            "    board[i][j] = 0",
            "    return False",
            "solve()",
            "for row in board:",
            "    print(*row)",
        )
    )


def _place(data: Mapping[str, Any]) -> str:
    puzzle = data["puzzle"]
    fixed = {i: row.index("Q") for i, row in enumerate(puzzle) if "Q" in row}
    return "\n".join(
        (
            f"n, fixed = {len(puzzle)}, {fixed}",
            "def solve(columns):",
            "    i = len(columns)",
            "    if i == n:",
            "        return columns",
            "    for j in [fixed[i]] if i in fixed else range(n):",
            "        if all(j != c and abs(j - c) != i - r for r, c in enumerate(columns)):",
            "            found = solve(columns + [j])",
            "            if found:",
            "                return found",
            "for j in solve([]):",
            '    print(*["Q" if c == j else "_" for c in range(n)])',
        )
    )


ROWS = {
    "rg/mini_sudoku": Row(MiniSudokuConfig, ("puzzle",), solves_sudoku, _fill),
    "rg/n_queens": Row(NQueensConfig, ("puzzle",), places_queens, _place),
    "rg/sudoku": Row(SudokuConfig, ("puzzle",), solves_sudoku, _fill),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
