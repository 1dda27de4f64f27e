"""Evaluate a Boolean expression."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import param, read_params
from r1ci.tasks.seeding import item_rng

MAX_DRAWS = 100
"""Draws until the value is the one wanted; about every second is."""
MAX_NOTS = 2
Valued = tuple[str, bool]
"""Text and value of an expression."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/boolean_expressions."""

    min_terms: int = param(3, "fewest operands of the outermost chain", low=1, high=50)
    max_terms: int = param(6, "most operands of the outermost chain", low=1, high=50, at_least="min_terms")
    max_depth: int = param(2, "depth of parentheses", low=0, high=8)


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


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return BooleanExpressions(id, read_params(Config, params, id))
