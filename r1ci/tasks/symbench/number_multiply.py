"""Multiply a few signed whole numbers."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

_PRODUCT = re.compile(r"(?:result|product|value) of\s*([-+0-9(][-+0-9*x()\s]*)")


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/number_multiply."""

    min_factors: int = param(3, "fewest factors", low=2, high=20)
    max_factors: int = param(4, "most factors", low=2, high=20, at_least="min_factors")
    min_digits: int = param(1, "fewest digits of a factor", low=1, high=100)
    max_digits: int = param(4, "most digits of a factor", low=1, high=100, at_least="min_digits")
    allow_negation: bool = param(True, "whether factors may be negative")

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_factors": 2, "max_factors": 3, "max_digits": 2},
        "medium": {"min_digits": 2},
        "hard": {"min_factors": 2, "max_factors": 2, "min_digits": 4, "max_digits": 20},
    }


@dataclass(frozen=True)
class NumberMultiply:
    """A product, exactly."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Factors of differing numbers of digits."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_factors, self.config.max_factors)
        factors = [self._factor(rng) for _ in range(count)]
        text = f"What is the result of {' * '.join(map(str, factors))}? Answer with a whole number."
        return Question(self.id, index, text, str(math.prod(factors)), {"factors": factors})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal whole numbers."""
        return answers.same_integer(answer_text, question.answer)

    def program(self, question: Question) -> str | None:
        """Print the product."""
        return f"print({' * '.join(map(str, question.data['factors']))})"

    def _factor(self, rng: random.Random) -> int:
        digits = rng.randint(self.config.min_digits, self.config.max_digits)
        factor = rng.randint(10 ** (digits - 1), 10**digits - 1)
        return -factor if self.config.allow_negation and rng.random() < 0.5 else factor


def read_official(sample: Sample) -> Official:
    """Multiply the official factors ourselves."""
    text = official.text_of(sample)
    product = _PRODUCT.search(text)
    factors = [int(factor) for factor in re.findall(r"[-+]?[0-9]{1,1000}", product[1])] if product else []
    if not factors:
        raise ValueError("its factors cannot be read")
    gold = official.find(sample, ("target_answer.txt", "target_answer", "solution.json", "answer"))
    answer = str(math.prod(factors))
    return official.item("number_multiply", text, answer, {"factors": factors}, gold and gold.strip())


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return NumberMultiply(id, read_params(Config, params, id))
