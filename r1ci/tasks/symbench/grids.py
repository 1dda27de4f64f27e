"""Reading grids and lists of whole numbers from an answer, and numbering small spaces of questions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from r1ci.tasks import answers
from r1ci.tasks.seeding import item_rng

SHORT = 15
"""Digits that are read without further ado."""


def symbols(text: str) -> str:
    """The one-character cells of a grid as one string, whatever brackets, commas, quotes and lines part them."""
    return "".join(answers.flat(text))


def is_list(text: str, expected: Sequence[int]) -> bool:
    """Whether the answer has exactly these whole numbers in this order, in or out of brackets."""
    items = answers.flat(text)
    return len(items) == len(expected) and all(_read(item) == e for item, e in zip(items, expected, strict=True))


def whole(text: str, most: int) -> tuple[int, ...] | None:
    """The whole numbers of a list or grid, row by row; None if an item is none or if there are more than ``most``."""
    items = answers.flat(text)
    if len(items) > most:
        return None
    values = tuple(value for item in items if (value := _read(item)) is not None)
    return values if len(values) == len(items) else None


def _read(item: str) -> int | None:
    if len(item) <= SHORT and item.isascii() and item.isdigit():
        return int(item)
    return answers.integer(item)


def place(id: str, seed: int, index: int, space: int) -> int:
    """A number below ``space`` for a question: a seed's first ``space`` questions have all of them, each once."""
    rng = item_rng(id, seed, -1)
    start, step = rng.randrange(space), rng.randrange(1, space + 1)
    while math.gcd(step, space) != 1:
        step += 1
    return (start + step * index) % space
