"""Fractions in lowest terms: dice, fraction_simplification."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

_FRACTION = re.compile(r"([0-9]{1,60})\s{0,5}(?:/\s{0,5}([0-9]{1,60}))?")
_TEX = re.compile(r"\\[dt]?frac\s{0,5}\{\s{0,5}([0-9]{1,60})\s{0,5}\}\s{0,5}\{\s{0,5}([0-9]{1,60})\s{0,5}\}")


@dataclass(frozen=True)
class DiceConfig:
    """Parameters of rg/dice."""

    num_dice: int = param(4, "dice", low=2, high=12)
    max_dice_size: int = param(20, "sides of the largest die", low=3, high=100)
    LEVELS: ClassVar[Levels] = {
        "easy": {"num_dice": 2},
        "medium": {},
        "hard": {"num_dice": 8, "max_dice_size": 30},
    }


@dataclass(frozen=True)
class FractionSimplificationConfig:
    """Parameters of rg/fraction_simplification."""

    min_value: int = param(1, "smallest numerator and denominator in lowest terms", low=1, high=10**9)
    max_value: int = param(1000, "largest one", low=1, high=10**9, more_than="min_value")
    min_factor: int = param(1, "smallest factor of both", low=1, high=10**6)
    max_factor: int = param(100, "largest factor of both", low=1, high=10**6, at_least="min_factor")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_value": 100, "max_factor": 10},
        "medium": {},
        "hard": {"min_value": 100, "max_value": 10_000, "min_factor": 10, "max_factor": 1000},
    }


def same_reduced(question: Question, answer_text: str) -> bool:
    """The same fraction in lowest terms, as a/b or in TeX."""
    value = fraction(answer_text)
    return value is not None and value == fraction(question.answer)


def fraction(text: str) -> tuple[int, int] | None:
    """Numerator and denominator as they are written; a whole number has denominator 1."""
    text = answers.word(text)
    match = _FRACTION.fullmatch(text) or _TEX.fullmatch(text)
    return (int(match[1]), int(match[2] or 1)) if match else None


def _dice_data(item: Item) -> Mapping[str, Any]:
    puzzle = item["metadata"]["puzzle"]
    return {"dice": [int(sides) for sides in re.findall(r"1d([0-9]+)", puzzle["dice_str"])], "target": puzzle["target"]}


def _is_reduced(item: Item) -> bool:
    """The package gives up after ten draws and then calls a fraction simplified that is not."""
    metadata = item["metadata"]
    return math.gcd(metadata["simplified_numerator"], metadata["simplified_denominator"]) == 1


def _plain_fraction(item: Item) -> str:
    return f"{item['metadata']['simplified_numerator']}/{item['metadata']['simplified_denominator']}"


def _dice(data: Mapping[str, Any]) -> str:
    return f"""\
from fractions import Fraction
ways = {{0: 1}}
for sides in {data["dice"]}:
    after = {{}}
    for total, count in ways.items():
        for face in range(1, sides + 1):
            after[total + face] = after.get(total + face, 0) + count
    ways = after
good = sum(count for total, count in ways.items() if total >= {data["target"]})
print(Fraction(good, sum(ways.values())))"""


def _fraction_simplification(data: Mapping[str, Any]) -> str:
    return f"from fractions import Fraction\nprint(Fraction({data['numerator']}, {data['denominator']}))"


ROWS = {
    "rg/dice": Row(DiceConfig, (), same_reduced, _dice, derive=_dice_data),
    "rg/fraction_simplification": Row(
        FractionSimplificationConfig, ("numerator", "denominator"), same_reduced, _fraction_simplification,
        answer=_plain_fraction, fits=_is_reduced,
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
