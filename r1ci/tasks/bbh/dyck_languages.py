"""Close the brackets that are still open."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

CLOSING = {"(": ")", "[": "]", "{": "}", "<": ">"}
_IGNORED = str.maketrans("", "", " \t\r\n\f\v,'\"`")


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/dyck_languages."""

    min_length: int = param(8, "fewest brackets in the sequence", low=2, high=400)
    max_length: int = param(30, "most brackets in the sequence", low=2, high=400, at_least="min_length")
    max_open: int = param(8, "most brackets left open", low=1, high=50)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_length": 6, "max_length": 12, "max_open": 3},
        "medium": {"min_length": 10, "max_length": 30},
        "hard": {"min_length": 40, "max_length": 80, "max_open": 16},
    }


@dataclass(frozen=True)
class DyckLanguages:
    """A well-formed beginning of a sequence of four kinds of brackets."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A random walk that never closes what is not open and leaves at least one bracket open."""
        rng = item_rng(self.id, seed, index)
        sequence = _walk(rng, rng.randint(self.config.min_length, self.config.max_length), self.config.max_open)
        text = (
            "The sequence below is the beginning of a sequence of brackets. Complete it with as few brackets as "
            f"possible so that every bracket is closed by its partner in the right order.\n"
            f"Sequence: {' '.join(sequence)}\n"
            "Answer with only the closing brackets that are missing, in order, separated by spaces."
        )
        return Question(self.id, index, text, " ".join(closing(sequence)), {"sequence": sequence})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same brackets in the same order; spaces, commas and quotes do not count."""
        given = answers.unwrap(answer_text).translate(_IGNORED)
        return bool(given) and given == question.answer.translate(_IGNORED)

    def program(self, question: Question) -> str | None:
        """Keep a stack."""
        return f"""\
sequence = {" ".join(question.data["sequence"])!r}
pairs = {{"(": ")", "[": "]", "{{": "}}", "<": ">"}}
stack = []
for bracket in sequence.split():
    if bracket in pairs:
        stack.append(pairs[bracket])
    else:
        stack.pop()
print(*reversed(stack))
"""


def _walk(rng: random.Random, length: int, most: int) -> list[str]:
    sequence: list[str] = []
    stack: list[str] = []
    while len(sequence) < length or not stack:
        if stack and (len(stack) == most or rng.random() < 0.45):
            sequence.append(CLOSING[stack.pop()])
        else:
            stack.append(rng.choice(tuple(CLOSING)))
            sequence.append(stack[-1])
    return sequence


def closing(sequence: Sequence[str]) -> list[str]:
    """The brackets that close a beginning. Raises ValueError if it closes what is not open."""
    stack: list[str] = []
    for bracket in sequence:
        if bracket in CLOSING:
            stack.append(CLOSING[bracket])
        elif not stack or stack.pop() != bracket:
            raise ValueError(f"its sequence closes {bracket} where it is not open")
    return stack[::-1]


def read_official(sample: Sample) -> Official:
    """A row whose missing brackets are computed."""
    text = official.text_of(sample)
    _, found, rest = text.rpartition("Input:")
    sequence = [character for character in rest if not character.isspace()]
    if not found or not sequence or set(sequence) - set("()[]{}<>"):
        raise ValueError("its question has no sequence of brackets after Input:")
    missing = closing(sequence)
    if not missing:
        raise ValueError("its sequence has nothing to close")
    return official.item("dyck_languages", text, " ".join(missing), official.target_of(sample), {"sequence": sequence})


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return DyckLanguages(id, read_params(Config, params, id))
