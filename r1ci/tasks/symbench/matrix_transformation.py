"""Turn a matrix of characters by a quarter."""

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
DIGITS = "123456789"
SYMBOLS = "!@#%^&+=?~"
"""Without the characters that mark up, quote, bracket or part an answer."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/matrix_transformation."""

    min_rows: int = param(2, "fewest rows", low=1, high=12)
    max_rows: int = param(4, "most rows", low=1, high=12, at_least="min_rows")
    min_columns: int = param(2, "fewest columns", low=2, high=12)
    max_columns: int = param(4, "most columns", low=2, high=12, at_least="min_columns")
    letters_only: bool = param(False, "whether all characters are letters")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rows": 3, "max_columns": 3, "letters_only": True},
        "medium": {"min_rows": 3, "min_columns": 3},
        "hard": {"min_rows": 4, "max_rows": 7, "min_columns": 4, "max_columns": 7},
    }


@dataclass(frozen=True)
class MatrixTransformation:
    """A rotation by 90 degrees clockwise."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A matrix of letters, digits, both or symbols."""
        rng = item_rng(self.id, seed, index)
        rows = rng.randint(self.config.min_rows, self.config.max_rows)
        columns = rng.randint(self.config.min_columns, self.config.max_columns)
        kinds = (LETTERS, DIGITS, LETTERS + DIGITS, SYMBOLS)
        characters = LETTERS if self.config.letters_only else rng.choice(kinds)
        matrix = [[rng.choice(characters) for _ in range(columns)] for _ in range(rows)]
        shown = "\n".join(" ".join(row) for row in matrix)
        text = (
            f"Rotate this matrix by 90 degrees clockwise:\n{shown}\nAnswer with the characters of the rotated matrix, "
            "row by row from the top, separated by commas."
        )
        return Question(self.id, index, text, ",".join(rotate(matrix)), {"matrix": matrix})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same characters in the same order, in any case."""
        expected = tuple(rotate(question.data["matrix"]))
        # Unwrapping may take a symbol for markup, so the plain text counts too.
        plain = answers.tokens(answer_text.strip()) if len(answer_text) <= answers.MAX_LENGTH else ()
        return any(
            tuple(item.upper() for item in items) == expected
            for items in (answers.flat(answer_text), plain, _split(answer_text))
        )

    def program(self, question: Question) -> str | None:
        """Columns from left to right, each read from the bottom."""
        return (
            f"matrix = {question.data['matrix']}\n"
            'print(",".join(cell for column in zip(*matrix[::-1]) for cell in column))'
        )


def rotate(matrix: Sequence[Sequence[str]]) -> list[str]:
    """The rotated matrix, row by row."""
    return [cell for column in zip(*reversed(matrix), strict=True) for cell in column]


def _split(text: str) -> tuple[str, ...]:
    """The items of a comma-parted text as it is."""
    return tuple(item.strip() for item in text.split(",")) if len(text) <= answers.MAX_LENGTH else ()


def read_official(sample: Sample) -> Official:
    """Rotate the official matrix ourselves."""
    text = official.text_of(sample)
    shown, found, _ = official.after(text, "If the matrix is").partition("What is the result?")
    rows = shown.strip().removeprefix(":").strip().removesuffix(".").splitlines()
    matrix = [row.split() for row in rows if row.strip()]
    if not found or not matrix or len({len(row) for row in matrix}) != 1:
        raise ValueError("its matrix cannot be read")
    gold = official.gold_of(sample, "formatted_solution") or official.listed(official.gold_of(sample))
    return official.item("matrix_transformation", text, ",".join(rotate(matrix)), {"matrix": matrix}, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return MatrixTransformation(id, read_params(Config, params, id))
