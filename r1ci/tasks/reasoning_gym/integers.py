"""Facts about whole numbers: gcd, lcm, count_primes, count_bits, base_conversion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import param
from r1ci.tasks.reasoning_gym.task import Row, gym_task

BIGGEST = 10**12
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class GcdConfig:
    """Parameters of rg/gcd."""

    min_numbers: int = param(2, "fewest numbers", low=2, high=20)
    max_numbers: int = param(2, "most numbers", low=2, high=20, at_least="min_numbers")
    min_value: int = param(1, "smallest number", low=1, high=BIGGEST)
    max_value: int = param(1000, "largest number", low=1, high=BIGGEST, more_than="min_value")


@dataclass(frozen=True)
class LcmConfig:
    """Parameters of rg/lcm."""

    min_numbers: int = param(2, "fewest numbers", low=2, high=20)
    max_numbers: int = param(2, "most numbers", low=2, high=20, at_least="min_numbers")
    min_value: int = param(1, "smallest number", low=1, high=BIGGEST)
    max_value: int = param(100, "largest number", low=1, high=BIGGEST, more_than="min_value")


@dataclass(frozen=True)
class CountPrimesConfig:
    """Parameters of rg/count_primes."""

    min_n: int = param(1, "smallest start of the interval", low=1, high=1_000_000)
    max_n: int = param(10_000, "largest end of the interval", low=1, high=1_000_000, at_least="min_n")


@dataclass(frozen=True)
class CountBitsConfig:
    """Parameters of rg/count_bits."""

    min_n: int = param(1, "smallest number", low=1, high=2**256)
    max_n: int = param(2**31 - 1, "largest number", low=1, high=2**256, at_least="min_n")


@dataclass(frozen=True)
class BaseConversionConfig:
    """Parameters of rg/base_conversion. Zero is left out: the package writes it as nothing in most bases."""

    min_base: int = param(2, "smallest base", low=2, high=36)
    max_base: int = param(16, "largest base; two bases differ", low=2, high=36, more_than="min_base")
    min_value: int = param(1, "smallest number", low=1, high=BIGGEST)
    max_value: int = param(1000, "largest number", low=1, high=BIGGEST, more_than="min_value")


def same_integer(question: Question, answer_text: str) -> bool:
    """Equal whole numbers."""
    return answers.same_integer(answer_text, question.answer)


def same_digits(question: Question, answer_text: str) -> bool:
    """Equal digits in the target base, leading zeros and Python's 0b, 0o and 0x prefixes aside."""
    text = answers.word(answer_text).lower()
    prefix = {2: "0b", 8: "0o", 16: "0x"}.get(question.data["target_base"])
    if prefix is not None and text.startswith(prefix):
        text = text[len(prefix) :]
    return bool(text) and (text.lstrip("0") or "0") == question.answer


def _gcd(data: Mapping[str, Any]) -> str:
    return f"import math\nprint(math.gcd({', '.join(map(str, data['numbers']))}))"


def _lcm(data: Mapping[str, Any]) -> str:
    return f"import math\nprint(math.lcm({', '.join(map(str, data['numbers']))}))"


def _count_primes(data: Mapping[str, Any]) -> str:
    prime = "n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))"
    return f"print(sum({prime} for n in range({data['start']}, {data['end']} + 1)))"


def _count_bits(data: Mapping[str, Any]) -> str:
    return f'print(bin({data["number"]}).count("1"))'


def _base_conversion(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f'n = int("{data["source_repr"]}", {data["source_base"]})',
            's = ""',
            "while n:",
            f'    s = "{DIGITS}"[n % {data["target_base"]}] + s',
            f"    n //= {data['target_base']}",
            'print(s or "0")',
        )
    )


ROWS = {
    "rg/gcd": Row(GcdConfig, ("numbers",), same_integer, _gcd),
    "rg/lcm": Row(LcmConfig, ("numbers",), same_integer, _lcm),
    "rg/count_primes": Row(CountPrimesConfig, ("start", "end"), same_integer, _count_primes),
    "rg/count_bits": Row(CountBitsConfig, ("number",), same_integer, _count_bits),
    "rg/base_conversion": Row(
        BaseConversionConfig, ("source_repr", "source_base", "target_base"), same_digits, _base_conversion
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
