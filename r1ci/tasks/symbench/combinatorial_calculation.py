"""Put operators and parentheses between numbers in a given order to reach a target."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers, arithmetic
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

MAX_NUMBERS = 6
"""Numbers of an official item that are still solved."""
_OPERATORS = "+-*/\u00d7\u00b7\u22c5\u00f7\u2212\u2013"
_LIST = str.maketrans(dict.fromkeys("\"'`,", " "))

PROGRAM = """\
from fractions import Fraction
numbers = {numbers}
def values(i, j):
    if j - i == 1:
        return {{Fraction(numbers[i]): str(numbers[i])}}
    found = {{}}
    for k in range(i + 1, j):
        for a, x in values(i, k).items():
            for b, y in values(k, j).items():
                for sign in "+-*/" if b else "+-*":
                    v = a + b if sign == "+" else a - b if sign == "-" else a * b if sign == "*" else a / b
                    found.setdefault(v, f"({{x}} {{sign}} {{y}})")
    return found
print(values(0, len(numbers))[Fraction({target})])"""

Value = tuple[int, int]
"""Numerator and denominator, in lowest terms, the latter positive."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/combinatorial_calculation."""

    min_numbers: int = param(5, "fewest numbers", low=2, high=6)
    max_numbers: int = param(6, "most numbers", low=2, high=6, at_least="min_numbers")
    max_number: int = param(9, "largest number", low=2, high=99)
    max_target: int = param(100, "largest target; the smallest is 1", low=2, high=10_000)

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_numbers": 3, "max_numbers": 3},
        "medium": {"min_numbers": 4, "max_numbers": 4},
        "hard": {"min_numbers": 5, "max_numbers": 6},
    }


@dataclass(frozen=True)
class CombinatorialCalculation:
    """Exact arithmetic; the numbers stay in order and apart."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """The value of a random expression is the target."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_numbers, self.config.max_numbers)
        while True:
            numbers = [rng.randint(1, self.config.max_number) for _ in range(count)]
            made = _random(rng, numbers)
            if made is not None and made[0][1] == 1 and 1 <= made[0][0] <= self.config.max_target:
                break
        target, answer = made[0][0], _bare(made[1])
        text = (
            f"Put +, -, *, / and parentheses between the numbers {', '.join(map(str, numbers))} so that the expression "
            f"is worth exactly {target}. Each number is used exactly once, in the given order; numbers are not joined "
            "to longer ones, no number gets a sign of its own, and the usual precedence holds. Answer with the "
            "expression alone, such as (1 + 2) * 3."
        )
        return Question(self.id, index, text, answer, {"numbers": numbers, "target": target})

    def check(self, question: Question, answer_text: str) -> bool:
        """The numbers in order, one operator between each two, exactly worth the target; ``= 24`` may follow."""
        numbers, target = question.data["numbers"], question.data["target"]
        expression, equals, right = answers.unwrap(answer_text).partition("=")
        if equals and answers.integer(right.strip(" ]\"',")) != target:
            return False
        expression = expression.translate(_LIST).strip()
        if expression.startswith("[") and equals:
            expression = expression[1:]
        result = arithmetic.evaluate(expression)
        return (
            result is not None
            and result.value == target
            and list(result.integers) == list(numbers)
            and sum(map(expression.count, _OPERATORS)) <= len(numbers) - 1
        )

    def program(self, question: Question) -> str | None:
        """All values that each run of neighbours can make."""
        return PROGRAM.format(numbers=question.data["numbers"], target=question.data["target"])


def _random(rng: random.Random, numbers: Sequence[int]) -> tuple[Value, str] | None:
    if len(numbers) == 1:
        return (numbers[0], 1), str(numbers[0])
    cut = rng.randint(1, len(numbers) - 1)
    left, right = _random(rng, numbers[:cut]), _random(rng, numbers[cut:])
    sign = rng.choice("+-*/")
    if left is None or right is None:
        return None
    value = _operate(left[0], right[0], sign)
    return None if value is None else (value, f"({left[1]} {sign} {right[1]})")


def _operate(left: Value, right: Value, sign: str) -> Value | None:
    (a, b), (c, d) = left, right
    match sign:
        case "+":
            top, bottom = a * d + c * b, b * d
        case "-":
            top, bottom = a * d - c * b, b * d
        case "*":
            top, bottom = a * c, b * d
        case _:
            top, bottom = (a * d, b * c) if c > 0 else (-a * d, -b * c)
    if bottom == 0:
        return None
    shared = math.gcd(top, bottom)
    return top // shared, bottom // shared


def solve(numbers: Sequence[int], target: int) -> str | None:
    """An expression of the numbers in order that is worth the target, or None."""
    count = len(numbers)
    made: dict[tuple[int, int], dict[Value, str]] = {
        (i, i + 1): {(number, 1): str(number)} for i, number in enumerate(numbers)
    }
    for width in range(2, count + 1):
        for i in range(count - width + 1):
            made[i, i + width] = _join(made, i, i + width)
    found = made[0, count].get((target, 1))
    return None if found is None else _bare(found)


def _join(made: Mapping[tuple[int, int], Mapping[Value, str]], i: int, j: int) -> dict[Value, str]:
    found: dict[Value, str] = {}
    for k in range(i + 1, j):
        for left, x in made[i, k].items():
            for right, y in made[k, j].items():
                for sign in "+-*/":
                    value = _operate(left, right, sign)
                    if value is not None and value not in found:
                        found[value] = f"({x} {sign} {y})"
    return found


def _bare(expression: str) -> str:
    return expression[1:-1] if expression.startswith("(") else expression


def read_official(sample: Sample) -> Official:
    """Solve the official item ourselves; its own answer is one of several."""
    text = official.text_of(sample)
    asked = re.search(r"input numbers are: ?([0-9, ]+?),? the target values? is: ?(-?[0-9]+)", text)
    if asked is None:
        raise ValueError("its numbers cannot be found")
    numbers, target = [int(number) for number in asked[1].split(",")], int(asked[2])
    if not 2 <= len(numbers) <= MAX_NUMBERS:
        raise ValueError(f"it has more than {MAX_NUMBERS} numbers, or fewer than two")
    answer = solve(numbers, target)
    if answer is None:
        raise ValueError("it has no solution")
    gold = official.gold_of(sample)
    told = " ".join(map(str, gold)) if isinstance(gold, list) else official.listed(gold)
    data = {"numbers": numbers, "target": target}
    return official.item("combinatorial_calculation", text, answer, data, told)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return CombinatorialCalculation(id, read_params(Config, params, id))
