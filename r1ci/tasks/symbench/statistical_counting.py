"""Score the runs of equal letters in a string."""

from __future__ import annotations

import itertools
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

LETTERS = "ABCDEFGHIJ"
RUN_LENGTHS = (1, 1, 1, 2, 2, 3, 4)
"""Drawn from evenly, so that more than half of the runs score."""

_RULE = re.compile(r"two or more consecutive ([A-Z])'?s, add ([0-9]+)")
_STRING = re.compile(r"total score of the string ([A-Z]+)")


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/statistical_counting."""

    min_letters: int = param(2, "fewest different letters", low=2, high=10)
    max_letters: int = param(7, "most different letters", low=2, high=10, at_least="min_letters")
    min_length: int = param(10, "shortest string", low=2, high=2000)
    max_length: int = param(65, "longest string", low=2, high=2000, at_least="min_length")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_letters": 3, "min_length": 5, "max_length": 15},
        "medium": {"min_letters": 4, "min_length": 16, "max_length": 65},
        "hard": {"min_letters": 7, "max_letters": 10, "min_length": 66, "max_length": 200},
    }


@dataclass(frozen=True)
class StatisticalCounting:
    """Every run of two or more equal letters scores the letter's place in the alphabet."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A string of runs and its rules."""
        rng = item_rng(self.id, seed, index)
        letters = LETTERS[: rng.randint(self.config.min_letters, self.config.max_letters)]
        string = _string(rng, letters, rng.randint(self.config.min_length, self.config.max_length))
        rules = "\n".join(
            f"{place}. Each run of two or more {letter}'s scores {place}." for place, letter in enumerate(letters, 1)
        )
        text = (
            f"A run is a stretch of equal neighbouring letters that cannot be made longer. Runs in a string of the "
            f"letters {', '.join(letters)} score like this:\n{rules}\nA single letter scores 0. "
            f"What is the total score of the string {string}? Answer with a whole number."
        )
        return Question(self.id, index, text, str(score(string)), {"string": string})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal whole numbers."""
        return answers.same_integer(answer_text, question.answer)

    def program(self, question: Question) -> str | None:
        """Group equal neighbours, sum the places of those with company."""
        return (
            "from itertools import groupby\n"
            f'print(sum(ord(c) - 64 for c, run in groupby("{question.data["string"]}") if len(list(run)) > 1))'
        )


def read_official(sample: Sample) -> Official:
    """Score the official string ourselves."""
    text = official.text_of(sample)
    string, rules = _STRING.search(text), _RULE.findall(text)
    if string is None or not rules:
        raise ValueError("its string or its rules cannot be read")
    if any(int(points) != ord(letter) - ord("A") + 1 for letter, points in rules):
        raise ValueError("a letter's score is not its place in the alphabet")
    if not set(string[1]) <= {letter for letter, _ in rules}:
        raise ValueError("its string has a letter without a rule")
    gold = official.listed(official.gold_of(sample))
    return official.item("statistical_counting", text, str(score(string[1])), {"string": string[1]}, gold)


def score(string: str) -> int:
    """Total score of a string."""
    return sum(ord(letter) - ord("A") + 1 for letter, run in itertools.groupby(string) if len(list(run)) > 1)


def _string(rng: random.Random, letters: str, length: int) -> str:
    string = ""
    while len(string) < length:
        letter = rng.choice([letter for letter in letters if not string.endswith(letter)])
        string += letter * rng.choice(RUN_LENGTHS)
    return string[:length]


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return StatisticalCounting(id, read_params(Config, params, id))
