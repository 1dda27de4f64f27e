"""Make 24 from four numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.errors import UsageError
from r1ci.tasks import answers, arithmetic
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

MAX_DRAWS = 500
"""Draws without a solution before the parameters are called unsolvable."""
MAX_SOLVED = 6
"""Numbers for which a solution is searched."""
_TARGET = re.compile(r"(?:^|/)([0-9]+)(?=/|_[0-9]+_number)")

PROGRAM = """\
def solve(items):
    if len(items) == 1:
        return items[0][1] if abs(items[0][0] - {target}) < 1e-6 else ""
    for i, (a, x) in enumerate(items):
        for j, (b, y) in enumerate(items):
            if i != j:
                rest = [item for k, item in enumerate(items) if k not in (i, j)]
                values = [(a + b, "+"), (a - b, "-"), (a * b, "*")] + ([(a / b, "/")] if b else [])
                for value, sign in values:
                    found = solve(rest + [(value, f"({{x}} {{sign}} {{y}})")])
                    if found:
                        return found
    return ""
print(solve([(n, str(n)) for n in {numbers}]))"""

Term = tuple[int, int, str]
"""Numerator, denominator and text of a partial expression."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/game24."""

    numbers: int = param(4, "how many numbers are given", low=3, high=5)
    max_number: int = param(13, "largest number given", low=2, high=100)
    target: int = param(24, "what they must make", low=1, high=1000)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_number": 9},
        "medium": {"max_number": 20},
        "hard": {"numbers": 5, "max_number": 13},
    }


@dataclass(frozen=True)
class Game24:
    """An expression that uses each given number once; exact, so 8 / (3 - 8 / 3) is right."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Numbers that have a solution. Raises UsageError if the parameters hardly ever give any."""
        rng = item_rng(self.id, seed, index)
        target = self.config.target
        for _ in range(MAX_DRAWS):
            numbers = [rng.randint(1, self.config.max_number) for _ in range(self.config.numbers)]
            solution = solve(tuple(sorted(numbers)), target)
            if solution is not None:
                return Question(
                    self.id, index, _text(numbers, target), solution, {"numbers": numbers, "target": target}
                )
        raise UsageError(
            f"{self.id}: {MAX_DRAWS} draws of {self.config.numbers} numbers up to {self.config.max_number} cannot make "
            f"{target}",
            "choose a smaller target, or more or larger numbers",
        )

    def check(self, question: Question, answer_text: str) -> bool:
        """The given numbers, each once, exactly worth the target; ``= 24`` may follow."""
        target = question.data["target"]
        expression, equals, right = answers.unwrap(answer_text).partition("=")
        if equals and answers.integer(right) != target:
            return False
        result = arithmetic.evaluate(expression)
        return (
            result is not None
            and result.value == target
            and sorted(result.integers) == sorted(question.data["numbers"])
        )

    def program(self, question: Question) -> str | None:
        """Try every way to join two terms until one is left; none for more numbers than that can be done with."""
        if len(question.data["numbers"]) > MAX_SOLVED:
            return None
        return PROGRAM.format(target=question.data["target"], numbers=question.data["numbers"])


def _text(numbers: Sequence[int], target: int) -> str:
    return (
        f"Use each of the numbers {', '.join(map(str, numbers))} exactly once, with +, -, *, / and "
        f"parentheses, to make {target}. Answer with the expression alone, such as (1 + 2 + 3) * 4."
    )


@functools.lru_cache(maxsize=8192)
def solve(numbers: tuple[int, ...], target: int) -> str | None:
    """An expression of all the numbers that is exactly worth the target, or None. Tries every way to join two terms."""
    found = _search(tuple((number, 1, str(number)) for number in numbers), target)
    return found[1:-1] if found is not None and found.startswith("(") else found


def _search(terms: tuple[Term, ...], target: int) -> str | None:
    if len(terms) == 1:
        top, bottom, text = terms[0]
        return text if top == target * bottom else None
    for i, left in enumerate(terms):
        for j in range(i + 1, len(terms)):
            rest = terms[:i] + terms[i + 1 : j] + terms[j + 1 :]
            for joined in _join(left, terms[j]):
                found = _search((*rest, joined), target)
                if found is not None:
                    return found
    return None


def _join(left: Term, right: Term) -> Iterator[Term]:
    (a, b, x), (c, d, y) = left, right
    yield a * d + c * b, b * d, f"({x} + {y})"
    yield a * c, b * d, f"({x} * {y})"
    yield a * d - c * b, b * d, f"({x} - {y})"
    yield c * b - a * d, b * d, f"({y} - {x})"
    if c:
        yield a * d, b * c, f"({x} / {y})"
    if a:
        yield c * b, d * a, f"({y} / {x})"


def read_official(sample: Sample) -> Official:
    """A row of numbers in our words; its target is the name of its folder or file, or else what its solution makes.

    Our own solution is the answer up to six numbers, the official one beyond.
    """
    puzzle = official.find(sample, ("Puzzles", "puzzle", "numbers"))
    numbers = [int(number) for number in re.findall(r"[0-9]{1,9}", puzzle or "")]
    if len(numbers) < 2:
        raise ValueError("its numbers cannot be read")
    gold = official.find(sample, ("Solutions", "solution"))
    worth = arithmetic.evaluate(gold) if gold else None
    named = official.find(sample, ("target",)) or next(reversed(_TARGET.findall(sample.name)), None)
    target = answers.integer(named) if named else int(worth.value) if worth and worth.value.denominator == 1 else 24
    if target is None:
        raise ValueError("its target cannot be read")
    solution = solve(tuple(sorted(numbers)), target) if len(numbers) <= MAX_SOLVED else gold
    if solution is None:
        raise ValueError(f"its numbers cannot make {target}, or no solution is given")
    return official.item("game24", _text(numbers, target), solution, {"numbers": numbers, "target": target}, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Game24(id, read_params(Config, params, id))
