"""Count the things of one kind in a list of possessions."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
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
OFFICIAL_KINDS: Mapping[str, frozenset[str]] = {
    "fruits": frozenset(
        [
            "apple",
            "banana",
            "blackberry",
            "grape",
            "nectarine",
            "orange",
            "peach",
            "plum",
            "raspberry",
            "strawberry",
            "pear",
            "mango",
            "cherry",
        ]
    ),
    "vegetables": frozenset(
        [
            "bean",
            "broccoli",
            "cabbage",
            "carrot",
            "cauliflower",
            "celery",
            "garlic",
            "lettuce",
            "onion",
            "potato",
            "yam",
            "turnip",
            "radish",
        ]
    ),
    "animals": frozenset(
        [
            "bear",
            "cat",
            "chicken",
            "cow",
            "dog",
            "donkey",
            "duck",
            "fish",
            "frog",
            "goat",
            "goose",
            "mouse",
            "pig",
            "rabbit",
            "sheep",
            "snail",
            "snake",
            "horse",
        ]
    ),
    "musical instruments": frozenset(
        [
            "accordion",
            "clarinet",
            "drum",
            "flute",
            "piano",
            "trombone",
            "trumpet",
            "violin",
            "cello",
            "guitar",
            "harp",
            "oboe",
            "tuba",
        ]
    ),
}
"""Words of the official data whose kind is beyond doubt."""
OFFICIAL_OTHERS = frozenset(
    ["bed", "car", "chair", "couch", "fridge", "lamp", "microwave", "oven", "stove", "table", "toaster", "sofa", "desk"]
)
"""Words of the official data that are of none of these kinds."""
PORTIONS = frozenset(["head", "stalk", "piece", "clove", "ear", "bunch"])
KNOWN = frozenset[str]().union(*OFFICIAL_KINDS.values(), OFFICIAL_OTHERS, PORTIONS)
IRREGULAR = {"mice": "mouse", "geese": "goose"}
PLURALS = {"cherry": "cherries", "mango": "mangoes", "peach": "peaches", "radish": "radishes"}


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/object_counting."""

    min_items: int = param(3, "fewest kinds of thing that count", low=1, high=12)
    max_items: int = param(8, "most kinds of thing that count", low=1, high=12, at_least="min_items")
    max_each: int = param(5, "most of one thing", low=1, high=10)
    max_others: int = param(2, "most things that do not count", low=0, high=12)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_items": 2, "max_items": 4, "max_others": 0},
        "medium": {"min_items": 4, "max_items": 8, "max_others": 4},
        "hard": {"min_items": 8, "max_items": 12, "max_each": 10, "max_others": 10},
    }


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
        if "counts" not in question.data:
            return None
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


def read_official(sample: Sample) -> Official:
    """A row counted here if the kind of all its things is known; else its target is taken for right."""
    text, target = official.text_of(sample), official.target_of(sample)
    counts = _counted(" ".join(text.split()))
    if counts is not None:
        return official.item("object_counting", text, str(sum(counts)), target, {"counts": counts})
    if answers.integer(target) is None:
        raise ValueError(f"its target {target[:80]!r} is no whole number")
    return official.item("object_counting", text, target, target)


def _counted(text: str) -> list[int] | None:
    """The amounts of the things that count; None where the question or a thing is not known."""
    match = re.fullmatch(r"I have (.{1,2000})\. How many ([a-z ]{1,40}) do I have\?", text)
    if match is None:
        return None
    counts = []
    for item in re.split(r", and |, | and ", match[1]):
        amount, _, thing = item.partition(" ")
        count = _number(amount)
        kind = _kind(thing, match[2])
        if count is None or kind is None:
            return None
        counts += [count] if kind == match[2] else []
    return counts


def _number(word: str) -> int | None:
    if word in ("a", "an", "one"):
        return 1
    return NUMBER_WORDS.index(word) if word in NUMBER_WORDS[2:] else None


def _kind(thing: str, asked: str) -> str | None:
    """The kind of a thing; everything is an object."""
    if asked == "objects":
        return asked
    names = {_singular(word) for word in thing.split()} - PORTIONS - {"of"}
    if len(names) != 1:
        return None
    name = names.pop()
    if name in OFFICIAL_OTHERS:
        return "others"
    return next((kind for kind, known in OFFICIAL_KINDS.items() if name in known), None)


def _singular(word: str) -> str:
    word = IRREGULAR.get(word, word)
    endings = (("ies", "y"), ("es", ""), ("s", ""))
    forms = [word, *(word.removesuffix(end) + new for end, new in endings if word.endswith(end))]
    return next((form for form in forms if form in KNOWN), word)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return ObjectCounting(id, read_params(Config, params, id))
