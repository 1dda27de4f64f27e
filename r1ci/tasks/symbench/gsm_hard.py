"""Word problems with large numbers, of our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official, templates
from r1ci.tasks.symbench.gsm_problems import PROBLEMS

TOLERANCE = Fraction(1, 1000)
"""Relative; for answers that are not whole, whose official values are rounded."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/gsm_hard."""

    min_digits: int = param(3, "fewest digits of the large numbers", low=1, high=12)
    max_digits: int = param(7, "most digits of the large numbers", low=1, high=12, at_least="min_digits")

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_digits": 1, "max_digits": 2},
        "medium": {"min_digits": 3, "max_digits": 4},
        "hard": {"min_digits": 6, "max_digits": 9},
    }


@dataclass(frozen=True)
class GsmHard:
    """All answers are whole numbers; those of official items may not be."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A problem whose large numbers all have about as many digits."""
        rng = item_rng(self.id, seed, index)
        digits = rng.randint(self.config.min_digits, self.config.max_digits)
        problem = templates.draw(rng, PROBLEMS, 10 ** (digits - 1))
        text = f"{problem.text} Answer with a whole number."
        return Question(self.id, index, text, problem.answer, {"program": problem.program})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal numbers; within a thousandth where the right one is not whole. Dollar and percent signs are ignored."""
        value = answers.number(answers.unwrap(answer_text).strip("$% \n")) if answer_text else None
        expected = answers.number(question.answer)
        if expected is None:
            return False
        return answers.close(value, expected, relative=Fraction(0) if expected.denominator == 1 else TOLERANCE)

    def program(self, question: Question) -> str | None:
        """Compute with the numbers of the text; none for official items."""
        program: str | None = question.data.get("program")
        return program


def read_official(sample: Sample) -> Official:
    """A row of the problem, a program that we do not run, and its result, which is the answer."""
    row = official.fields(sample)
    text, target = row.get("input") or row.get("question") or "", row.get("target") or row.get("answer") or ""
    value = answers.number(target)
    if not text.strip():
        raise ValueError("it has no problem")
    if value is None:
        raise ValueError(f"its target {target[:40]!r} is no number")
    answer = str(value.numerator) if value.denominator == 1 else target.strip()
    return official.item("gsm_hard", text.strip(), answer, {}, target.strip())


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return GsmHard(id, read_params(Config, params, id))
