"""Combine blocks by six methods until nothing more can be combined."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.symbench import official
from r1ci.tasks.symbench.grids import is_list, place

BLOCKS = ("[A]", "[B]", "[C]", "{A}", "{B}", "{C}", "(A)", "(B)", "(C)")
METHODS: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((1, 1, 1, 0, 0, 0, 0, 0, 0), (0, 0, 0, 1, 0, 0, 0, 0, 0)),
    ((1, 1, 0, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1, 0, 0, 0)),
    ((0, 1, 1, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 1, 0, 0, 0, 0)),
    ((0, 0, 2, 0, 0, 0, 0, 0, 0), (0, 0, 0, 0, 0, 1, 0, 0, 0)),
    ((0, 0, 0, 1, 0, 1, 0, 0, 0), (0, 0, 0, 0, 0, 0, 1, 1, 0)),
    ((0, 0, 0, 0, 2, 0, 0, 0, 0), (0, 0, 0, 0, 0, 0, 0, 0, 1)),
)
"""What each method takes and gives of each block."""
METHODS_TEXT = """\
1. one [A], one [B] and one [C] make one {A}
2. one [A] and one [B] make one {C}
3. one [B] and one [C] make one {B}
4. two [C] make one {C}
5. one {A} and one {C} make one (A) and one (B)
6. two {B} make one (C)"""
MAX_COUNT = 1_000_000
_STARTS = tuple(re.compile(rf"([0-9]{{1,7}}) \[{letter}\]") for letter in "ABC")

PROGRAM = """\
counts = dict(zip("a b c d e f g h i".split(), {counts} + [0] * 6))
methods = [("abc", "d"), ("ab", "f"), ("bc", "e"), ("cc", "f"), ("df", "gh"), ("ee", "i")]
changed = True
while changed:
    changed = False
    for taken, given in methods:
        while all(counts[block] >= taken.count(block) for block in taken):
            for block in taken:
                counts[block] -= 1
            for block in given:
                counts[block] += 1
            changed = True
print(*counts.values())"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/string_synthesis."""

    max_a: int = param(12, "most blocks [A]; at least one", low=1, high=1000)
    max_b: int = param(12, "most blocks [B]; at least one", low=1, high=1000)
    max_c: int = param(12, "most blocks [C]; at least one", low=1, high=1000)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_a": 5, "max_b": 8, "max_c": 7},
        "medium": {"max_a": 20, "max_b": 20, "max_c": 20},
        "hard": {"max_a": 100, "max_b": 100, "max_c": 100},
    }


@dataclass(frozen=True)
class StringSynthesis:
    """Each method is used as often as possible before the next; after the sixth the first comes again."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Counts of the three basic blocks."""
        config = self.config
        number = place(self.id, seed, index, config.max_a * config.max_b * config.max_c)
        rest, c = divmod(number, config.max_c)
        a, b = divmod(rest, config.max_b)
        counts = [a + 1, b + 1, c + 1]
        text = (
            f"Blocks are combined by six methods, which use up what they take:\n{METHODS_TEXT}\nGo through the methods "
            "in this order. Use each method as often as it can be used before going on to the next one, and after "
            f"method 6 begin again with method 1, until none can be used. There are {counts[0]} [A], {counts[1]} [B] "
            f"and {counts[2]} [C] at first. How many blocks of each kind are there in the end? Answer with nine whole "
            f"numbers separated by spaces, in the order {' '.join(BLOCKS)}."
        )
        return Question(self.id, index, text, " ".join(map(str, combine(counts))), {"counts": counts})

    def check(self, question: Question, answer_text: str) -> bool:
        """The nine counts in order."""
        return is_list(answer_text, [int(count) for count in question.answer.split()])

    def program(self, question: Question) -> str | None:
        """Do as the question says."""
        return PROGRAM.format(counts=question.data["counts"])


def combine(basic: Sequence[int]) -> list[int]:
    """The counts of the nine blocks in the end."""
    counts, before = [*basic, 0, 0, 0, 0, 0, 0], None
    while counts != before:
        before = counts
        for taken, given in METHODS:
            times = min(count // need for count, need in zip(counts, taken, strict=True) if need)
            counts = [c + times * (more - less) for c, less, more in zip(counts, taken, given, strict=True)]
    return counts


def read_official(sample: Sample) -> Official:
    """Combine the official blocks ourselves, each method as often as possible before the next."""
    text = official.text_of(sample)
    asked = official.after(text, "we now have")
    found = [start.search(asked) for start in _STARTS]
    counts = [int(match[1]) for match in found if match is not None]
    if len(counts) != 3 or max(counts) > MAX_COUNT:
        raise ValueError("its counts of [A], [B] and [C] cannot be read")
    solution = official.solution_of(sample)
    gold = solution
    if isinstance(solution, Mapping):
        gold = solution.get("final_counts", solution.get("solution_string", solution.get("solution")))
    answer = " ".join(map(str, combine(counts)))
    return official.item("string_synthesis", text, answer, {"counts": counts}, official.listed(gold))


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return StringSynthesis(id, read_params(Config, params, id))
