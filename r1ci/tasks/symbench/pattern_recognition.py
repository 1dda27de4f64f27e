"""Find the square of equal letters in a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIDE = 3

PROGRAM = """\
grid = [
{rows}
]
side = min(len(grid), len(grid[0]))
found = None
while not found:
    for r in range(side - 1, len(grid)):
        for c in range(side - 1, len(grid[0])):
            if len({{grid[r - i][c - j] for i in range(side) for j in range(side)}}) == 1:
                found = [r, c]
    side -= 1
print(found)"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/pattern_recognition."""

    min_size: int = param(6, "fewest rows and columns", low=4, high=30)
    max_size: int = param(15, "most rows and columns", low=4, high=30, at_least="min_size")
    letters: int = param(26, "how many letters are used; few make it look more like squares", low=5, high=26)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_size": 8},
        "medium": {"min_size": 9, "max_size": 12},
        "hard": {"min_size": 13, "letters": 8},
    }


@dataclass(frozen=True)
class PatternRecognition:
    """The square is exactly 3 x 3 and the only one."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Random letters with one square planted, redrawn until it is the only one."""
        rng = item_rng(self.id, seed, index)
        letters = LETTERS[: self.config.letters]
        while True:
            rows, columns = (rng.randint(self.config.min_size, self.config.max_size) for _ in range(2))
            grid = [rng.choices(letters, k=columns) for _ in range(rows)]
            row, column, letter = rng.randrange(2, rows), rng.randrange(2, columns), rng.choice(letters)
            for line in grid[row - 2 : row + 1]:
                line[column - 2 : column + 1] = letter * SIDE
            if corners(grid, SIDE) == [[row, column]]:
                break
        shown = [" ".join(line) for line in grid]
        text = (
            f"In this grid of letters, exactly one {SIDE} x {SIDE} square is filled with the same letter:\n"
            f"{chr(10).join(shown)}\nWhere is the square's bottom-right corner? Rows are counted from the top and "
            "columns from the left, both starting with 0. Answer with [row, column]."
        )
        return Question(self.id, index, text, str([row, column]), {"grid": shown, "corners": [[row, column]]})

    def check(self, question: Question, answer_text: str) -> bool:
        """The row and column of the corner."""
        values = answers.integers(answer_text)
        return values is not None and list(values) in question.data["corners"]

    def program(self, question: Question) -> str | None:
        """Try every place for the largest square that fits, then for smaller ones."""
        rows = [f'    "{line}",' for line in map("".join, (line.split() for line in question.data["grid"]))]
        return PROGRAM.format(rows="\n".join(rows))


def corners(grid: Sequence[Sequence[str]], side: int) -> list[list[int]]:
    """The bottom-right corners of all squares of one letter and one size, from the top."""
    sizes: list[list[int]] = []
    for row, line in enumerate(grid):
        sizes.append([])
        for column, letter in enumerate(line):
            near = [(row - 1, column), (row, column - 1), (row - 1, column - 1)]
            joined = row and column and all(grid[r][c] == letter for r, c in near)
            sizes[row].append(1 + min(sizes[r][c] for r, c in near) if joined else 1)
    return [[row, column] for row, line in enumerate(sizes) for column, size in enumerate(line) if size >= side]


def read_official(sample: Sample) -> Official:
    """Find the largest square ourselves: squares of four and more hold several of three."""
    text = official.text_of(sample)
    shown = official.after(text, "If the matrix is").partition("Please provide")[0].strip().removesuffix(".")
    grid = [line.split() for line in shown.splitlines() if line.strip() not in ("", ":")]
    if not grid or len({len(line) for line in grid}) != 1 or any(len(cell) != 1 for line in grid for cell in line):
        raise ValueError("its matrix cannot be read")
    found = [places for side in range(min(len(grid), len(grid[0])), SIDE - 1, -1) if (places := corners(grid, side))]
    if not found:
        raise ValueError("it has no square of three equal letters")
    gold = [official.gold_of(sample, name) for name in ("row", "column")]
    data = {"grid": [" ".join(line) for line in grid], "corners": found[0]}
    return official.item(
        "pattern_recognition", text, str(found[0][-1]), data, None if None in gold else official.listed(gold)
    )


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return PatternRecognition(id, read_params(Config, params, id))
