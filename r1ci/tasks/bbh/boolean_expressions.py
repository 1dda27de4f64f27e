"""Evaluate a Boolean expression."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

MAX_DRAWS = 100
"""Draws until the value is the one wanted; about every second is."""
MAX_NOTS = 2
MAX_WORDS = 400
"""Words of an official expression."""
Valued = tuple[str, bool]
"""Text and value of an expression."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/boolean_expressions."""

    min_terms: int = param(3, "fewest operands of the outermost chain", low=1, high=50)
    max_terms: int = param(6, "most operands of the outermost chain", low=1, high=50, at_least="min_terms")
    max_depth: int = param(2, "depth of parentheses", low=0, high=8)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_terms": 2, "max_terms": 4, "max_depth": 1},
        "medium": {"min_terms": 4, "max_terms": 8},
        "hard": {"min_terms": 10, "max_terms": 16, "max_depth": 4},
    }


@dataclass(frozen=True)
class BooleanExpressions:
    """True, False, not, and, or and parentheses, bound as in Python; half of the answers are True."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """An expression whose value was decided by a coin first, so that no constant answer pays."""
        rng = item_rng(self.id, seed, index)
        wanted = rng.random() < 0.5
        for _ in range(MAX_DRAWS):
            expression, value = _chain(
                rng, rng.randint(self.config.min_terms, self.config.max_terms), self.config.max_depth
            )
            if value == wanted:
                break
        text = f"What is the value of this Boolean expression: {expression}\nAnswer with True or False."
        return Question(self.id, index, text, str(value), {"expression": expression})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same truth value, in any case."""
        value = answers.boolean(answer_text)
        return value is not None and value == answers.boolean(question.answer)

    def program(self, question: Question) -> str | None:
        """Python's operators bind as the question's do."""
        return f"print({question.data['expression']})"


def _chain(rng: random.Random, terms: int, depth: int) -> Valued:
    """Operands joined by and / or; and binds more tightly."""
    text, value = _operand(rng, depth)
    disjuncts = [value]
    for _ in range(terms - 1):
        operator = rng.choice(("and", "or"))
        operand, value = _operand(rng, depth)
        text += f" {operator} {operand}"
        if operator == "and":
            disjuncts[-1] = disjuncts[-1] and value
        else:
            disjuncts.append(value)
    return text, any(disjuncts)


def _operand(rng: random.Random, depth: int) -> Valued:
    if depth and rng.random() < 0.3:
        inner, value = _chain(rng, rng.randint(1, 3), depth - 1)
        text = f"( {inner} )"
    else:
        value = rng.random() < 0.5
        text = str(value)
    for _ in range(MAX_NOTS):
        if rng.random() < 0.3:
            text, value = f"not {text}", not value
    return text, value


def value_of(expression: str) -> bool:
    """What an expression is worth, bound as in Python. Raises ValueError for anything else."""
    words = re.findall(r"[()]|[^\s()]+", expression)
    if len(words) > MAX_WORDS:
        raise ValueError("its expression is too long")
    value, rest = _read_or(words)
    if rest:
        raise ValueError(f"cannot read its expression from {rest[0][:40]!r} on")
    return value


def _read_or(words: list[str]) -> tuple[bool, list[str]]:
    value, words = _read_and(words)
    while words[:1] == ["or"]:
        other, words = _read_and(words[1:])
        value = value or other
    return value, words


def _read_and(words: list[str]) -> tuple[bool, list[str]]:
    value, words = _read_operand(words)
    while words[:1] == ["and"]:
        other, words = _read_operand(words[1:])
        value = value and other
    return value, words


def _read_operand(words: list[str]) -> tuple[bool, list[str]]:
    match words:
        case ["not", *rest]:
            value, rest = _read_operand(rest)
            return not value, rest
        case ["(", *rest]:
            value, rest = _read_or(rest)
            if rest[:1] != [")"]:
                raise ValueError("a parenthesis of its expression is not closed")
            return value, rest[1:]
        case ["True" | "False" as word, *rest]:
            return word == "True", rest
    raise ValueError("its expression breaks off or holds something else than True, False, not, and, or")


def read_official(sample: Sample) -> Official:
    """A row whose expression is evaluated here."""
    text = official.text_of(sample)
    expression = " ".join(text.removesuffix("is").split())
    try:
        value = value_of(expression)
    except RecursionError as error:
        raise ValueError("its expression is nested too deeply") from error
    target = official.target_of(sample)
    return official.item("boolean_expressions", text, str(value), target, {"expression": expression})


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return BooleanExpressions(id, read_params(Config, params, id))
