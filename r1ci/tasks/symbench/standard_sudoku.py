"""Solve a 9 x 9 Sudoku."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official
from r1ci.tasks.symbench.grids import symbols

DIGITS = "123456789"
BLANK = "."
EMPTY = re.compile("[0_*]")
_DIGIT = re.compile("[1-9]")
ALL = 0b111_111_111
MAX_TRIES = 3000
"""Digits tried in one search; a cell whose removal needs more is left in place."""
MAX_OFFICIAL_TRIES = 300_000

UNITS = tuple(
    [tuple(range(9 * i, 9 * i + 9)) for i in range(9)]
    + [tuple(range(i, 81, 9)) for i in range(9)]
    + [tuple(27 * (i // 3) + 3 * (i % 3) + 9 * (j // 3) + j % 3 for j in range(9)) for i in range(9)]
)
"""Cells of each row, column and box."""
PLACES = tuple((cell // 9, cell % 9, cell // 27 * 3 + cell % 9 // 3) for cell in range(81))
"""Row, column and box of each cell."""

PROGRAM = """\
grid = [list(row) for row in {rows}]
def free(r, c):
    used = set(grid[r]) | {{row[c] for row in grid}}
    used |= {{grid[i][j] for i in range(r // 3 * 3, r // 3 * 3 + 3) for j in range(c // 3 * 3, c // 3 * 3 + 3)}}
    return [d for d in "123456789" if d not in used]
def solve():
    blanks = [(r, c) for r in range(9) for c in range(9) if grid[r][c] == "."]
    if not blanks:
        return True
    r, c = min(blanks, key=lambda cell: len(free(*cell)))
    for digit in free(r, c):
        grid[r][c] = digit
        if solve():
            return True
    grid[r][c] = "."
    return False
solve()
for row in grid:
    print("".join(row))"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/standard_sudoku."""

    min_blank: int = param(51, "fewest empty cells", low=1, high=58)
    max_blank: int = param(55, "most empty cells; fewer where one more would allow a second solution", low=1, high=58,
                           at_least="min_blank")  # fmt: skip

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_blank": 30, "max_blank": 40},
        "medium": {"min_blank": 41, "max_blank": 50},
        "hard": {"min_blank": 51, "max_blank": 55},
    }


@dataclass(frozen=True)
class StandardSudoku:
    """Puzzles with one solution."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A full grid, emptied while the solution stays the only one."""
        rng = item_rng(self.id, seed, index)
        full = _full(rng)
        given = _dig(rng, full, rng.randint(self.config.min_blank, self.config.max_blank))
        rows = _rows(given)
        text = (
            "Solve this Sudoku, in which a dot is an empty cell:\n"
            + "\n".join(rows)
            + "\nEvery row, every column and each of the nine 3 x 3 boxes must hold each of the digits 1 to 9 exactly "
            "once. Answer with the nine rows of the solved grid, one row a line."
        )
        return Question(self.id, index, text, "\n".join(_rows(full)), {"rows": rows})

    def check(self, question: Question, answer_text: str) -> bool:
        """The rules and the given digits hold; lines without a digit, such as rulers between boxes, do not count."""
        if len(answer_text) > answers.MAX_LENGTH:
            return False
        lines = [line for line in answer_text.splitlines() if _DIGIT.search(line)]
        return complete("".join(question.data["rows"]), symbols("\n".join(lines)))

    def program(self, question: Question) -> str | None:
        """Fill the cell with the fewest possible digits first, and go back where none is left."""
        return PROGRAM.format(rows=json.dumps(question.data["rows"]))


def complete(given: str, cells: str) -> bool:
    """Whether the cells, row by row, solve the puzzle."""
    return (
        len(cells) == 81
        and all(g in (BLANK, cell) for g, cell in zip(given, cells, strict=True))
        and all("".join(sorted([cells[i] for i in unit])) == DIGITS for unit in UNITS)
    )


def solutions(given: str, tries: int) -> Iterator[str]:
    """The solutions of a puzzle, one by one. Raises ValueError when more digits have been tried than allowed."""
    masks = [ALL] * 27
    cells = [0] * 81
    for cell, digit in enumerate(given):
        if digit != BLANK:
            bit = 1 << int(digit) - 1
            if not _possible(masks, cell) & bit:
                return
            cells[cell] = bit
            _mark(masks, cell, bit)
    blanks = [cell for cell in range(81) if not cells[cell]]
    for solved in _search(cells, blanks, masks, iter(range(tries))):
        yield "".join(str(bit.bit_length()) for bit in solved)


def _possible(masks: Sequence[int], cell: int) -> int:
    row, column, box = PLACES[cell]
    return masks[row] & masks[9 + column] & masks[18 + box]


def _mark(masks: list[int], cell: int, bit: int) -> None:
    row, column, box = PLACES[cell]
    masks[row] ^= bit
    masks[9 + column] ^= bit
    masks[18 + box] ^= bit


def _search(cells: list[int], blanks: list[int], masks: list[int], tries: Iterator[int]) -> Iterator[list[int]]:
    best, fewest, found = -1, 10, 0
    for cell in blanks:
        row, column, box = PLACES[cell]
        free = masks[row] & masks[9 + column] & masks[18 + box]
        count = free.bit_count()
        if count < fewest:
            best, fewest, found = cell, count, free
            if count < 2:
                break
    if best < 0:
        yield cells
        return
    rest = [cell for cell in blanks if cell != best]
    while found:
        bit = found & -found
        found ^= bit
        if next(tries, None) is None:
            raise ValueError("its puzzle is too hard to solve here")
        cells[best] = bit
        _mark(masks, best, bit)
        yield from _search(cells, rest, masks, tries)
        _mark(masks, best, bit)
    cells[best] = 0


def _full(rng: random.Random) -> str:
    """A full grid: three random boxes on the diagonal, the rest solved, then digits, rows and columns shuffled."""
    cells = [BLANK] * 81
    for box in (0, 4, 8):
        for cell, digit in zip(UNITS[18 + box], rng.sample(DIGITS, 9), strict=True):
            cells[cell] = digit
    full = next(solutions("".join(cells), MAX_OFFICIAL_TRIES))
    rows, columns = _shuffled(rng), _shuffled(rng)
    return "".join(full[9 * row + column] for row in rows for column in columns)


def _shuffled(rng: random.Random) -> list[int]:
    return [3 * band + line for band in rng.sample(range(3), 3) for line in rng.sample(range(3), 3)]


def _dig(rng: random.Random, full: str, blanks: int) -> str:
    cells = list(full)
    for cell in rng.sample(range(81), 81):
        if cells.count(BLANK) >= blanks:
            break
        cells[cell] = BLANK
        if not _unique("".join(cells)):
            cells[cell] = full[cell]
    return "".join(cells)


def _unique(given: str) -> bool:
    search = solutions(given, MAX_TRIES)
    try:
        next(search)
        return next(search, None) is None
    except ValueError:
        return False


def _rows(cells: str) -> list[str]:
    return [cells[r : r + 9] for r in range(0, 81, 9)]


def read_official(sample: Sample) -> Official:
    """Solve the official puzzle ourselves."""
    text = official.text_of(sample)
    lines = [line.split(",") for line in _find_grid(text)]
    rows = ["".join(EMPTY.sub(BLANK, cell.strip()) or BLANK for cell in line) for line in lines]
    given = "".join(rows)
    if len(given) != 81 or not re.fullmatch(r"[1-9.]+", given):
        raise ValueError("its grid is not 9 x 9")
    answer = next(solutions(given, MAX_OFFICIAL_TRIES), None)
    if answer is None:
        raise ValueError("its puzzle has no solution")
    gold = official.listed(official.gold_of(sample))
    return official.item("standard_sudoku", text, "\n".join(_rows(answer)), {"rows": rows}, gold)


def _find_grid(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.count(",") == 8 and re.fullmatch(r"[0-9., _*]+", line)]


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return StandardSudoku(id, read_params(Config, params, id))
