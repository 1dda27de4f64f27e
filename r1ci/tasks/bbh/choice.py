"""Multiple choice: how options are shown and how an answer is read."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Question

ASK = "Answer with the letter of the right option in parentheses, such as (A)."


def choose(
    id: str, index: int, stem: str, options: Sequence[str], right: int, data: Mapping[str, Any] | None = None
) -> Question:
    """A question whose answer is the letter of the option at ``right``; its data gains the options."""
    text = f"{stem}\nOptions:\n{shown(options)}\n{ASK}"
    return Question(id, index, text, letter(right), {**(data or {}), "options": list(options)})


def letter(place: int) -> str:
    """(A) for the first option."""
    return f"({string.ascii_uppercase[place]})"


def shown(options: Sequence[str]) -> str:
    """One option a line, each after its letter."""
    return "\n".join(f"{letter(place)} {option}" for place, option in enumerate(options))


def mixed(rng: random.Random, right: str, wrong: Sequence[str]) -> tuple[list[str], int]:
    """All options in random order, and where the right one stands."""
    options = [right, *wrong]
    rng.shuffle(options)
    return options, options.index(right)


def is_right(question: Question, answer_text: str) -> bool:
    """Whether the answer names the same option as the reference: by letter, by letter and text, or by its text."""
    options = question.data["options"]
    chosen = answers.option_of(answer_text, options)
    return chosen is not None and chosen == answers.option_of(question.answer, options)
