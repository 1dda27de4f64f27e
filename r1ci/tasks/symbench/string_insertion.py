"""Insert a letter after every occurrence of five patterns."""

from __future__ import annotations

import json
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

LETTERS = "ABCDE"
RULES = {"ABCD": "A", "BCDE": "B", "CDEA": "C", "DEAB": "D", "EABC": "E"}
WIDTH = 4

_RULE = re.compile(r"substring ([A-Z]+) in the string, insert the character ([A-Z])")
_STRING = re.compile(r"Given the string ([A-Z]+)")


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/string_insertion."""

    min_patterns: int = param(2, "fewest patterns planted", low=0, high=100)
    max_patterns: int = param(4, "most patterns planted", low=0, high=100, at_least="min_patterns")
    min_gap: int = param(1, "fewest random letters around a pattern", low=0, high=100)
    max_gap: int = param(4, "most random letters around a pattern", low=1, high=100, at_least="min_gap")

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_patterns": 1, "max_patterns": 2, "max_gap": 2},
        "medium": {"min_patterns": 3, "max_patterns": 3},
        "hard": {"min_patterns": 5, "max_patterns": 12, "min_gap": 0},
    }


@dataclass(frozen=True)
class StringInsertion:
    """One pass of insertions, decided on the original string."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Planted patterns between random letters."""
        string = self._string(item_rng(self.id, seed, index))
        rules = "\n".join(
            f"{place}. After every {pattern} insert {letter}."
            for place, (pattern, letter) in enumerate(RULES.items(), 1)
        )
        text = (
            "A string of the letters A, B, C, D and E is changed once by these rules:\n"
            f"{rules}\nThe patterns are looked for in the original string only, where they may overlap; inserted "
            f"letters never make or break one. What does the string {string} become? Answer with the new string."
        )
        return Question(self.id, index, text, insert(string), {"string": string})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal strings, in any case."""
        return answers.word(answer_text).upper() == question.answer

    def program(self, question: Question) -> str | None:
        """Look at the last four letters after each letter."""
        return "\n".join(
            (
                f's = "{question.data["string"]}"',
                f"rules = {json.dumps(RULES)}",
                'print("".join(s[i] + rules.get(s[i - 3:i + 1], "") for i in range(len(s))))',
            )
        )

    def _string(self, rng: random.Random) -> str:
        def gap() -> str:
            return "".join(rng.choices(LETTERS, k=rng.randint(self.config.min_gap, self.config.max_gap)))

        patterns = rng.randint(self.config.min_patterns, self.config.max_patterns)
        return gap() + "".join(rng.choice(tuple(RULES)) + gap() for _ in range(patterns)) or "A"


def read_official(sample: Sample) -> Official:
    """Change the official string ourselves."""
    text = official.text_of(sample)
    string = _STRING.search(text)
    if string is None:
        raise ValueError("its string cannot be read")
    if dict(_RULE.findall(text)) != RULES:
        raise ValueError("its rules are not the five known ones")
    gold = official.listed(official.gold_of(sample, "modified_string"))
    return official.item("string_insertion", text, insert(string[1]), {"string": string[1]}, gold)


def insert(string: str) -> str:
    """The string after one operation."""
    return "".join(
        letter + RULES.get(string[max(0, place - WIDTH + 1) : place + 1], "") for place, letter in enumerate(string)
    )


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return StringInsertion(id, read_params(Config, params, id))
