"""Evaluate an arithmetic expression in several steps."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.arithmetic import evaluate
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/multistep_arithmetic_two."""

    groups: int = param(2, "groups in parentheses", low=1, high=4)
    min_terms: int = param(4, "fewest numbers in a group", low=2, high=8)
    max_terms: int = param(4, "most numbers in a group", low=2, high=8, at_least="min_terms")
    max_number: int = param(9, "largest absolute value of a number", low=3, high=99)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_terms": 2, "max_terms": 3},
        "medium": {"min_terms": 4, "max_terms": 4},
        "hard": {"groups": 4, "min_terms": 5, "max_terms": 8, "max_number": 20},
    }


@dataclass(frozen=True)
class MultistepArithmetic:
    """Whole numbers, sums, differences and products in nested parentheses."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Groups of numbers, joined by an operator."""
        rng = item_rng(self.id, seed, index)
        expression = _joined(rng, [self._group(rng) for _ in range(self.config.groups)])
        text = (
            f"Compute ({expression}) with the usual precedence: parentheses first, then multiplication, then addition "
            "and subtraction from left to right; a minus directly before a number is its sign.\n"
            "Answer with a whole number."
        )
        return Question(self.id, index, text, str(value_of(expression)), {"expression": f"({expression})"})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal whole numbers."""
        return answers.same_integer(answer_text, question.answer)

    def program(self, question: Question) -> str | None:
        """Python's operators bind as the question's do."""
        return f"print({question.data['expression']})"

    def _group(self, rng: random.Random) -> str:
        most = self.config.max_number
        terms = rng.randint(self.config.min_terms, self.config.max_terms)
        numbers = [str(rng.choice((-1, 1)) * rng.randint(1, most)) for _ in range(terms)]
        return f"({_joined(rng, numbers)})"


def _joined(rng: random.Random, terms: list[str]) -> str:
    text = terms[0]
    for term in terms[1:]:
        text += f" {rng.choice('+-*')} {term}"
    return text


def value_of(expression: str) -> int:
    """What an expression is worth. Raises ValueError for what is no expression of whole value."""
    result = evaluate(expression)
    if result is None or result.value.denominator != 1:
        raise ValueError(f"cannot compute {expression[:80]!r}")
    return int(result.value)


def read_official(sample: Sample) -> Official:
    """A row whose value is computed."""
    text = official.text_of(sample)
    expression = " ".join(text.removesuffix("=").split())
    answer = str(value_of(expression))
    return official.item(
        "multistep_arithmetic_two", text, answer, official.target_of(sample), {"expression": expression}
    )


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return MultistepArithmetic(id, read_params(Config, params, id))
