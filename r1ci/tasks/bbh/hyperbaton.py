"""The usual order of English adjectives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right, mixed
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

KINDS: Mapping[str, tuple[str, ...]] = {
    "opinion": ("lovely", "awful", "charming", "ugly", "delightful", "horrid", "splendid", "boring"),
    "size": ("tiny", "huge", "small", "large", "enormous", "little", "gigantic"),
    "age": ("old", "new", "ancient", "brand-new", "antique", "modern"),
    "shape": ("round", "square", "oval", "triangular", "rectangular", "spherical"),
    "color": ("red", "blue", "green", "yellow", "purple", "brown", "white", "black"),
    "origin": ("Peruvian", "Danish", "Kenyan", "Turkish", "Korean", "Bolivian", "Greek", "Finnish"),
    "material": ("wooden", "plastic", "cotton", "steel", "glass", "leather", "paper", "ceramic"),
    "purpose": ("cooking", "hiking", "sewing", "gardening", "camping", "fishing", "travelling"),
}
"""In the usual order."""
NOUNS = (
    "basket", "bag", "box", "lamp", "chair", "table", "knife", "bottle", "blanket", "hat", "tent", "kettle", "stool",
    "case", "toy", "bench",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/hyperbaton."""

    min_adjectives: int = param(2, "fewest adjectives", low=2, high=8)
    max_adjectives: int = param(5, "most adjectives", low=2, high=8, at_least="min_adjectives")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_adjectives": 2, "max_adjectives": 3},
        "medium": {"min_adjectives": 3, "max_adjectives": 5},
        "hard": {"min_adjectives": 6, "max_adjectives": 8},
    }


@dataclass(frozen=True)
class Hyperbaton:
    """Adjectives of different kinds before a noun, once in the stated order and once not."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Two orders of the same words."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_adjectives, self.config.max_adjectives)
        kinds = sorted(rng.sample(range(len(KINDS)), count))
        words = [rng.choice(tuple(KINDS.values())[kind]) for kind in kinds]
        other = list(words)
        while other == words:
            rng.shuffle(other)
        noun = rng.choice(NOUNS)
        options, right = mixed(rng, " ".join([*words, noun]), [" ".join([*other, noun])])
        stem = (
            f"Adjectives before a noun usually stand in this order in English: {', '.join(KINDS)}. "
            "Which phrase has its adjectives in that order?"
        )
        return choose(self.id, index, stem, options, right, {"kinds": dict(zip(words, kinds, strict=True))})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Look for the phrase whose kinds rise."""
        if "kinds" not in question.data:
            return None
        names = tuple(KINDS)
        kinds = {word: names[kind] for word, kind in question.data["kinds"].items()}
        return f"""\
order = {list(names)!r}
kinds = {kinds!r}
for letter, phrase in zip("AB", {question.data["options"]!r}):
    ranks = [order.index(kinds[word]) for word in phrase.split()[:-1]]
    if ranks == sorted(ranks):
        print(f"({{letter}})")
"""


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("hyperbaton", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Hyperbaton(id, read_params(Config, params, id))
