"""Count the things of one kind in a list of possessions."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import param, read_params
from r1ci.tasks.seeding import item_rng

NUMBER_WORDS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

KINDS: Mapping[str, tuple[str, ...]] = {
    "fruits": (
        "apple", "apricot", "banana", "cherry", "fig", "grape", "kiwi", "lemon", "mango", "orange", "peach", "pear",
        "plum",
    ),
    "vegetables": (
        "artichoke", "cabbage", "carrot", "cauliflower", "cucumber", "leek", "onion", "parsnip", "radish", "turnip",
        "yam", "zucchini",
    ),
    "animals": (
        "bear", "cat", "cow", "dog", "donkey", "duck", "frog", "goat", "hen", "horse", "pig", "rabbit", "snail", "toad",
    ),
    "musical instruments": (
        "accordion", "banjo", "cello", "clarinet", "drum", "flute", "guitar", "harp", "oboe", "organ", "trumpet",
        "tuba", "violin",
    ),
    "pieces of furniture": (
        "armchair", "bed", "bookcase", "chair", "cupboard", "desk", "dresser", "ottoman", "sofa", "stool", "table",
        "wardrobe",
    ),
}  # fmt: skip
"""Words of one kind are never of another."""
PLURALS = {"cherry": "cherries", "mango": "mangoes", "peach": "peaches", "radish": "radishes"}


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/object_counting."""

    min_items: int = param(3, "fewest kinds of thing that count", low=1, high=12)
    max_items: int = param(8, "most kinds of thing that count", low=1, high=12, at_least="min_items")
    max_each: int = param(5, "most of one thing", low=1, high=10)
    max_others: int = param(2, "most things that do not count", low=0, high=12)


@dataclass(frozen=True)
class ObjectCounting:
    """Things that count are of the kind asked for; the others are of another."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A shuffled list of possessions."""
        rng = item_rng(self.id, seed, index)
        kind, other = rng.sample(tuple(KINDS), 2)
        counted = self._draw(rng, KINDS[kind], rng.randint(self.config.min_items, self.config.max_items))
        others = self._draw(rng, KINDS[other], rng.randint(0, self.config.max_others))
        things = list({**counted, **others}.items())
        rng.shuffle(things)
        text = (
            f"I have {_listed([_amount(thing, count) for thing, count in things])}. How many {kind} do I have in all? "
            "Answer with a whole number."
        )
        counts = [count for thing, count in things if thing in counted]
        return Question(self.id, index, text, str(sum(counts)), {"counts": counts})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal whole numbers."""
        return answers.same_integer(answer_text, question.answer)

    def program(self, question: Question) -> str | None:
        """Sum the amounts in the order they stand."""
        return f"print({' + '.join(map(str, question.data['counts']))})"

    def _draw(self, rng: random.Random, words: Sequence[str], items: int) -> dict[str, int]:
        return {word: rng.choice((1, rng.randint(1, self.config.max_each))) for word in rng.sample(words, items)}


def _amount(thing: str, count: int) -> str:
    if count == 1:
        return f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}"
    return f"{NUMBER_WORDS[count]} {PLURALS.get(thing, thing + 's')}"


def _listed(items: Sequence[str]) -> str:
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return ObjectCounting(id, read_params(Config, params, id))
