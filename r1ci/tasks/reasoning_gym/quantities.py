"""Numbers to compare and to take apart: number_format, number_sorting, power_function, prime_factorization."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.matrices import same_list
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

FIGURES = 3
CLOSE = Fraction(1, 2000)
"""Half the step between two numbers to compare."""
MAX_FACTORS = 200

_TIMES_TEN = re.compile(
    r"\s?(?:\u00d7|x|X|\*|\u00b7|\\times|\\cdot)\s?10\s?(?:\^|\*\*)\s?([{(]?)([+-]?[0-9]{1,3})[})]?"
)
_FACTORS = re.compile(r"\s*(?:\u00d7|\u00b7|\*|x|X|,|;|\\times|\\cdot)\s*")


@dataclass(frozen=True)
class NumberFormatConfig:
    """Parameters of rg/number_format."""

    min_num_candidates: int = param(2, "fewest numbers", low=2, high=200)
    max_num_candidates: int = param(5, "most numbers", low=2, high=200, at_least="min_num_candidates")
    min_n: float = param(1_000.0, "smallest number", low=1, high=1e9)
    max_n: float = param(1e9, "largest number", low=1, high=1e10, more_than="min_n")
    max_delta: float = param(10.0, "largest difference to the first number", low=0.01, high=1e9)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_num_candidates": 3, "max_n": 100_000.0},
        "medium": {"min_num_candidates": 4, "max_num_candidates": 10},
        "hard": {"min_num_candidates": 20, "max_num_candidates": 50, "max_delta": 0.1},
    }


@dataclass(frozen=True)
class NumberSortingConfig:
    """Parameters of rg/number_sorting."""

    min_numbers: int = param(3, "fewest numbers", low=2, high=500)
    max_numbers: int = param(10, "most numbers", low=2, high=500, at_least="min_numbers")
    min_decimals: int = param(0, "fewest decimals", low=0, high=8)
    max_decimals: int = param(2, "most decimals", low=0, high=8, at_least="min_decimals")
    min_value: float = param(-100.0, "smallest number", low=-1e6, high=1e6)
    max_value: float = param(100.0, "largest number", low=-1e6, high=1e6, more_than="min_value")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_numbers": 5, "max_decimals": 0},
        "medium": {"min_numbers": 8, "max_numbers": 20},
        "hard": {"min_numbers": 40, "max_numbers": 100, "max_decimals": 4, "min_value": -1000.0, "max_value": 1000.0},
    }


@dataclass(frozen=True)
class PowerFunctionConfig:
    """Parameters of rg/power_function."""

    min_base: float = param(-1000.0, "smallest base", low=-1e6, high=1e6)
    max_base: float = param(1000.0, "largest base", low=-1e6, high=1e6, more_than="min_base")
    min_exponent: int = param(0, "smallest exponent, before its sign", low=0, high=30)
    max_exponent: int = param(8, "largest exponent, before its sign", low=0, high=30, at_least="min_exponent")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_exponent": 2, "max_exponent": 3},
        "medium": {"min_exponent": 3, "max_exponent": 6},
        "hard": {"min_exponent": 6, "max_exponent": 10},
    }


@dataclass(frozen=True)
class PrimeFactorizationConfig:
    """Parameters of rg/prime_factorization."""

    min_value: int = param(2, "smallest number", low=2, high=10**9)
    max_value: int = param(1000, "largest number", low=2, high=10**9, more_than="min_value")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_value": 100},
        "medium": {"min_value": 1000, "max_value": 10_000},
        "hard": {"min_value": 100_000, "max_value": 10_000_000},
    }


def _plain(number: str) -> Fraction:
    return Fraction(number.replace(",", ""))


def same_candidate(question: Question, answer_text: str) -> bool:
    """Nearer to the number asked for than half of the step between two numbers."""
    value = answers.number(answer_text)
    return value is not None and abs(value - _plain(question.answer)) < CLOSE


def _pick(data: Mapping[str, Any]) -> str:
    choose = {"largest": "max", "smallest": "min"}[data["size"]]
    return (
        f'numbers = {data["formatted_candidates"]}\nprint({choose}(numbers, key=lambda s: float(s.replace(",", ""))))'
    )


def _sort(data: Mapping[str, Any]) -> str:
    reverse = data["direction"] == "descending"
    return f"numbers = {data['original_numbers']}\nprint(sorted(numbers, key=float, reverse={reverse}))"


def rounded(value: Fraction) -> tuple[int, int]:
    """The first three figures as a whole number, and the power of ten that it is multiplied by; 0, 0 for zero."""
    if not value:
        return 0, 0
    power = len(str(abs(value.numerator))) - len(str(value.denominator)) - FIGURES
    while abs(value) / Fraction(10) ** power >= 10**FIGURES - Fraction(1, 2):
        power += 1
    return round(value / Fraction(10) ** power), power


def _power(item: Item) -> Fraction:
    return Fraction(str(item["metadata"]["base"])) ** int(item["metadata"]["exponent"])


def _scientific(item: Item) -> str:
    figures, power = rounded(_power(item))
    sign, digits = "-" if figures < 0 else "", str(abs(figures))
    return f"{sign}{digits[0]}.{digits[1:]}e{power + FIGURES - 1:+03d}"


def _is_no_zero(item: Item) -> bool:
    return bool(_power(item))


def same_figures(question: Question, answer_text: str) -> bool:
    """Equal once rounded to three figures; with e, or multiplied by a power of ten."""
    text = _TIMES_TEN.sub(r"e\2", answers.unwrap(answer_text))
    value, expected = answers.number(text), answers.number(question.answer)
    return value is not None and expected is not None and rounded(value) == rounded(expected)


def _raise(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            "from fractions import Fraction",
            f"value = Fraction({str(data['base'])!r}) ** {data['exponent']}",
            'print(f"{float(value):.2e}")',
        )
    )


def same_factors(question: Question, answer_text: str) -> bool:
    """The prime factors, each as often as it divides the number, in any order."""
    parts = _FACTORS.split(answers.word(answer_text))
    if len(parts) > MAX_FACTORS:
        return False
    factors = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) <= len(question.answer)]
    return len(factors) == len(parts) and sorted(factors) == question.data["factors"]


def _factorize(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"n, d, factors = {data['number']}, 2, []",
            "while d * d <= n:",
            "    while n % d == 0:",
            "        factors.append(d)",
            "        n //= d",
            "    d += 1",
            "if n > 1:",
            "    factors.append(n)",
            'print(" \u00d7 ".join(map(str, factors)))',
        )
    )


ROWS = {
    "rg/number_format": Row(NumberFormatConfig, ("formatted_candidates", "size"), same_candidate, _pick),
    "rg/number_sorting": Row(NumberSortingConfig, ("original_numbers", "direction"), same_list, _sort),
    "rg/power_function": Row(
        PowerFunctionConfig,
        ("base", "exponent"),
        same_figures,
        _raise,
        answer=_scientific,
        fits=_is_no_zero,
        note="The sign belongs to the base: -2^2 is 4 here.",
    ),
    "rg/prime_factorization": Row(PrimeFactorizationConfig, ("number", "factors"), same_factors, _factorize),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
