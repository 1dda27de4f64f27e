"""Take machines apart by five methods in turn."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.symbench import exchange, official
from r1ci.tasks.symbench.exchange import Method
from r1ci.tasks.symbench.grids import is_list, place

THINGS = ("A", "B", "C", "X", "Y", "Z")
METHODS = (
    Method({"A": 1}, {"X": 2, "Y": 1}),
    Method({"B": 2}, {"X": 1}),
    Method({"C": 2}, {"Y": 1}),
    Method({"B": 1, "C": 1}, {"A": 1}),
    Method({"X": 1, "Y": 1}, {"Z": 1}),
)
METHODS_TEXT = """\
1. One machine A is taken apart into two parts X and one part Y.
2. Two machines B are taken apart into one part X.
3. Two machines C are taken apart into one part Y.
4. One machine B and one machine C are joined to one machine A.
5. One part X and one part Y are joined to one part Z."""
MAX_COUNT = 5000
_START = re.compile(r"([0-9]{1,5}) (?:units?|pieces?) of [Mm]achines? ([ABC])\b")


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/string_splitting."""

    low: int = param(1, "fewest machines of a kind", low=0, high=1000)
    high: int = param(12, "most machines of a kind", low=1, high=1000, more_than="low")

    LEVELS: ClassVar[Levels] = {
        "easy": {"low": 1, "high": 4},
        "medium": {"low": 3, "high": 7},
        "hard": {"low": 5, "high": 10},
        "very_hard": {"low": 10, "high": 60},
    }


@dataclass(frozen=True)
class StringSplitting:
    """Each method once in its turn, where it can be used."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Counts of the three machines."""
        kinds = self.config.high - self.config.low + 1
        number = place(self.id, seed, index, kinds**3)
        a, b, c = (self.config.low + number // kinds**power % kinds for power in (2, 1, 0))
        text = (
            f"Machines A, B and C and parts X, Y and Z are changed into each other by five methods:\n{METHODS_TEXT}\n"
            "The methods take turns in this order, and after method 5 it is the turn of method 1 again. In its turn a "
            "method is used exactly once if what it takes is there, and skipped if not. This ends when no method can "
            f"be used any more. At first there are {a} machines A, {b} machines B, {c} machines C and no parts. How "
            "many of each are there in the end? Answer with six whole numbers separated by commas, in the order A, B, "
            "C, X, Y, Z."
        )
        counts = {"A": a, "B": b, "C": c}
        return Question(self.id, index, text, _answer(counts), {"counts": counts})

    def check(self, question: Question, answer_text: str) -> bool:
        """The six counts in order."""
        return is_list(answer_text, [int(count) for count in question.answer.split(", ")])

    def program(self, question: Question) -> str | None:
        """Do as the question says."""
        return exchange.program(question.data["counts"], METHODS, THINGS)


def _answer(counts: Mapping[str, int]) -> str:
    end = exchange.run(counts, METHODS)
    return ", ".join(str(end.get(thing, 0)) for thing in THINGS)


def read_official(sample: Sample) -> Official:
    """Take the official machines apart ourselves; the methods are always the same, however they are told."""
    text = official.text_of(sample)
    counts = {kind: int(count) for count, kind in _START.findall(official.after(text, "Initially"))[:3]}
    if sorted(counts) != ["A", "B", "C"] or max(counts.values()) > MAX_COUNT:
        raise ValueError("its machines cannot be counted")
    solution = official.solution_of(sample)
    gold = solution
    if isinstance(solution, Mapping):
        gold = solution.get("expected_answer", solution.get("solution"))
        final = solution.get("final_counts")
        if gold is None and isinstance(final, Mapping):
            gold = [final.get(thing) for thing in THINGS]
    return official.item("string_splitting", text, _answer(counts), {"counts": counts}, official.listed(gold))


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return StringSplitting(id, read_params(Config, params, id))
