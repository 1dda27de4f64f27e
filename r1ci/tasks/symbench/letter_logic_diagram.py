"""Complete a Latin square whose minor diagonal holds one letter."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official
from r1ci.tasks.symbench.grids import symbols

MAX_TRIES = 200_000
"""Letters tried before an official puzzle is called too hard."""
BLANK = "."

PROGRAM = """\
rows = {rows}
n = len(rows)
grid = [list(row) for row in rows]
letters = "{letters}"
def fits(r, c):
    used = set(grid[r]) | {{row[c] for row in grid}}
    held = {{grid[i][n - 1 - i] for i in range(n)}} - {{"."}} if r + c == n - 1 else set()
    return [x for x in letters if x not in used and held <= {{x}}]
def solve():
    blanks = [(r, c) for r in range(n) for c in range(n) if grid[r][c] == "."]
    if not blanks:
        return True
    r, c = min(blanks, key=lambda cell: len(fits(*cell)))
    for x in fits(r, c):
        grid[r][c] = x
        if solve():
            return True
    grid[r][c] = "."
    return False
solve()
for row in grid:
    print("".join(row))"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/letter_logic_diagram."""

    size: int = param(7, "rows and columns", low=4, high=9)
    min_blank: int = param(15, "fewest cells left blank", low=1, high=60)
    max_blank: int = param(30, "most cells left blank; never all", low=1, high=60, at_least="min_blank")

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_blank": 12, "max_blank": 18},
        "medium": {"min_blank": 19, "max_blank": 25},
        "hard": {"min_blank": 26, "max_blank": 34},
    }


@dataclass(frozen=True)
class LetterLogicDiagram:
    """Any completion that keeps the given letters and the three rules is right."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A full square with cells blanked."""
        rng = item_rng(self.id, seed, index)
        n = self.config.size
        square = _square(rng, n)
        blanks = rng.sample(range(n * n), min(rng.randint(self.config.min_blank, self.config.max_blank), n * n - n))
        cells = list(square)
        for blank in blanks:
            cells[blank] = BLANK
        rows = _rows("".join(cells))
        last = chr(ord("a") + n - 1)
        text = (
            f"Fill the empty cells, shown as dots, of this {n} x {n} grid with the letters a to {last}:\n"
            + "\n".join(rows)
            + "\nEvery row and every column must hold each letter exactly once, and all cells of the diagonal from the "
            "top right corner to the bottom left corner must hold the same letter. If several completions are right, "
            f"any of them will do. Answer with the {n} rows of the full grid, one row a line."
        )
        return Question(self.id, index, text, "\n".join(_rows(square)), {"rows": rows})

    def check(self, question: Question, answer_text: str) -> bool:
        """The rules and the given letters hold."""
        return complete("".join(question.data["rows"]), symbols(answer_text).lower())

    def program(self, question: Question) -> str | None:
        """Fill the cell with the fewest possible letters first, and go back where none is left."""
        rows = question.data["rows"]
        letters = "abcdefghi"[: len(rows)]
        return PROGRAM.format(rows=json.dumps(rows), letters=letters)


def complete(given: str, cells: str) -> bool:
    """Whether the cells, row by row, are a completion of the given ones."""
    if len(cells) != len(given):
        return False
    n = round(len(given) ** 0.5)
    letters = list("abcdefghi"[:n])
    return (
        all(g in (BLANK, cell) for g, cell in zip(given, cells, strict=True))
        and all(sorted(cells[r * n : r * n + n]) == letters for r in range(n))
        and all(sorted(cells[c::n]) == letters for c in range(n))
        and len({cells[i * n + n - 1 - i] for i in range(n)}) == 1
    )


def solve(given: str) -> str | None:
    """A completion, or None. Raises ValueError if the search grows too long."""
    n = round(len(given) ** 0.5)
    return _fill(list(given), n, iter(range(MAX_TRIES)))


def _fill(cells: list[str], n: int, tries: Iterator[int]) -> str | None:
    best, free = -1, None
    for cell, letter in enumerate(cells):
        if letter == BLANK:
            found = _free(cells, n, cell)
            if free is None or len(found) < len(free):
                best, free = cell, found
    if free is None:
        return "".join(cells)
    for letter in free:
        if next(tries, None) is None:
            raise ValueError("its puzzle is too hard to solve here")
        cells[best] = letter
        full = _fill(cells, n, tries)
        if full is not None:
            return full
    cells[best] = BLANK
    return None


def _free(cells: Sequence[str], n: int, cell: int) -> list[str]:
    row, column = divmod(cell, n)
    used = {*cells[row * n : row * n + n], *cells[column::n]}
    diagonal = {cells[i * n + n - 1 - i] for i in range(n)} - {BLANK} if row + column == n - 1 else set()
    return [x for x in "abcdefghi"[:n] if x not in used and diagonal <= {x}]


def _square(rng: random.Random, n: int) -> str:
    """A cyclic square with rows shuffled, and columns so that the minor diagonal stays of one letter."""
    letters, order, shift = list("abcdefghi"[:n]), list(range(n)), rng.randrange(n)
    rng.shuffle(letters)
    rng.shuffle(order)
    columns = [(shift - order[n - 1 - c]) % n for c in range(n)]
    return "".join(letters[(r + c) % n] for r in order for c in columns)


def _rows(cells: str) -> list[str]:
    n = round(len(cells) ** 0.5)
    return [cells[r * n : r * n + n] for r in range(n)]


def read_official(sample: Sample) -> Official:
    """Solve the official puzzle by its rules; the official answer is one of perhaps several."""
    text = official.text_of(sample)
    lines = [line.strip() for line in text.splitlines()]
    rows = ["".join(cell.strip().lower() or BLANK for cell in line.split(",")) for line in lines if _is_row(line)]
    given = "".join(rows)
    if not 4 <= len(rows) <= 9 or {len(row) for row in rows} != {len(rows)}:
        raise ValueError("its grid is not a square of letters")
    if not set(given) <= set("abcdefghi"[: len(rows)] + BLANK):
        raise ValueError("its grid has a letter too many")
    answer = solve(given)
    if answer is None or not complete(given, answer):
        raise ValueError("its puzzle has no solution")
    gold = official.listed(official.gold_of(sample))
    return official.item("letter_logic_diagram", text, "\n".join(_rows(answer)), {"rows": rows}, gold)


def _is_row(line: str) -> bool:
    return line.count(",") >= 3 and re.fullmatch(r"[A-Za-z, ]*", line) is not None and _singles(line)


def _singles(line: str) -> bool:
    return all(len(cell.strip()) <= 1 for cell in line.split(","))


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return LetterLogicDiagram(id, read_params(Config, params, id))
