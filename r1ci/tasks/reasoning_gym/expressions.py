"""Values of arithmetic expressions: chain_sum, products, bitwise_arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Row, gym_task


@dataclass(frozen=True)
class ChainSumConfig:
    """Parameters of rg/chain_sum."""

    min_terms: int = param(2, "fewest terms", low=1, high=100)
    max_terms: int = param(6, "most terms", low=1, high=100, at_least="min_terms")
    min_digits: int = param(1, "fewest digits of a term", low=1, high=100)
    max_digits: int = param(4, "most digits of a term", low=1, high=100, at_least="min_digits")
    allow_negation: bool = param(False, "whether terms may be negative")


@dataclass(frozen=True)
class ProductsConfig:
    """Parameters of rg/products."""

    min_terms: int = param(2, "fewest factors", low=1, high=20)
    max_terms: int = param(2, "most factors", low=1, high=20, at_least="min_terms")
    min_digits: int = param(1, "fewest digits of a factor", low=1, high=100)
    max_digits: int = param(5, "most digits of a factor", low=1, high=100, at_least="min_digits")
    allow_negation: bool = param(False, "whether factors may be negative")


@dataclass(frozen=True)
class BitwiseArithmeticConfig:
    """Parameters of rg/bitwise_arithmetic."""

    difficulty: int = param(2, "depth of nesting", low=1, high=8)


def same_hexadecimal(question: Question, answer_text: str) -> bool:
    """Equal whole numbers, the answer in hexadecimal or decimal, the sign written out."""
    value = answers.hexadecimal(answer_text)
    return value is not None and value == answers.hexadecimal(question.answer)


def _value(data: Mapping[str, Any]) -> str:
    return f"print({data['expression']})"


def _hexadecimal_value(data: Mapping[str, Any]) -> str:
    return f"print(hex({data['problem']}))"


ROWS = {
    "rg/chain_sum": Row(ChainSumConfig, ("expression",), same_integer, _value),
    "rg/products": Row(ProductsConfig, ("expression",), same_integer, _value),
    "rg/bitwise_arithmetic": Row(BitwiseArithmeticConfig, ("problem",), same_hexadecimal, _hexadecimal_value),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
