"""Whom a pronoun means, or that the sentence leaves it open."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.bbh.words import NAMES, capital
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

WOMEN = ("my aunt", "my sister", "my grandmother", "my niece", "the actress", "the duchess", "the nun", "the queen")
MEN = ("my uncle", "my brother", "my grandfather", "my nephew", "the actor", "the duke", "the monk", "the king")
OPEN = (
    ("{a} met {b} after {p} had finished lunch", "had finished lunch"),
    ("{a} waved to {b} while {p} was crossing the street", "was crossing the street"),
    ("{a} called {b} before {p} left the house", "left the house"),
    ("{a} talked with {b} when {p} was in Vienna", "was in Vienna"),
    ("{a} saw {b} again after {p} had moved to the coast", "had moved to the coast"),
    ("{a} told {b} that {p} had won the raffle", "had won the raffle"),
    ("{a} sat beside {b} until {p} went home", "went home"),
    ("{a} danced with {b}, and {p} hummed the tune", "hummed the tune"),
    ("{a} wrote to {b} on the day {p} turned fifty", "turned fifty"),
    ("{a} played chess with {b} until {p} fell asleep", "fell asleep"),
)
"""Clauses that fit either person as well."""
ROLES = (
    ("the patient", "the doctor", "{a} went to see {b} because {p} had a fever", "had a fever", 0),
    ("the patient", "the doctor", "{a} trusted {b} because {p} had cured many people", "had cured many people", 1),
    ("the passenger", "the bus driver", "{a} asked {b} when {p} would open the doors", "would open the doors", 1),
    ("the passenger", "the bus driver", "{a} showed {b} the ticket that {p} had bought", "had bought the ticket", 0),
    ("the customer", "the plumber", "{a} phoned {b} because {p} had a flooded kitchen", "had a flooded kitchen", 0),
    ("the customer", "the plumber", "{a} paid {b} after {p} had repaired the pipe", "had repaired the pipe", 1),
    ("the student", "the teacher", "{a} thanked {b} because {p} had explained the proof", "had explained the proof", 1),
    ("the student", "the teacher", "{a} apologized to {b} because {p} had forgotten the homework",
     "had forgotten the homework", 0),
    ("the guest", "the waiter", "{a} asked {b} whether {p} could bring the menu", "could bring the menu", 1),
    ("the guest", "the waiter", "{a} told {b} that {p} wanted to order dessert", "wanted to order dessert", 0),
    ("the tenant", "the landlord", "{a} wrote to {b} because {p} wanted a lower rent to pay",
     "wanted a lower rent to pay", 0),
    ("the tenant", "the landlord", "{a} complained to {b} that {p} had raised the rent", "had raised the rent", 1),
    ("the defendant", "the judge", "{a} listened to {b} while {p} read out the verdict", "read out the verdict", 1),
    ("the defendant", "the judge", "{a} assured {b} that {p} had not stolen the car", "had not stolen the car", 0),
    ("the author", "the editor", "{a} sent {b} the novel that {p} had written", "had written the novel", 0),
    ("the author", "the editor", "{a} thanked {b} because {p} had corrected the manuscript",
     "had corrected the manuscript", 1),
    ("the driver", "the mechanic", "{a} hired {b} because {p} could fix any engine", "could fix any engine", 1),
    ("the driver", "the mechanic", "{a} needed {b} because {p} had a breakdown on the road",
     "had a breakdown on the road", 0),
    ("the traveler", "the guide", "{a} followed {b} because {p} knew the way", "knew the way", 1),
    ("the traveler", "the guide", "{a} asked {b} for help because {p} had lost the way", "had lost the way", 0),
)  # fmt: skip
"""Clauses that fit only one of two roles: 0 for the first person, 1 for the second."""
WHEN = ("", "last winter ", "on Monday ", "in the end ", "two weeks ago ", "that morning ", "by chance ", "one day ")
ASK = (
    "Say whom the pronoun {pronoun} stands for in the sentence below, or that it is ambiguous. Take into account "
    "whether a person is a man or a woman where the sentence says so, and what people in such roles do."
)


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/disambiguation_qa."""

    roles: bool = param(True, "whether some sentences are decided by what people in a role do")
    LEVELS: ClassVar[Levels] = {"easy": {"roles": False}, "hard": {"roles": True}}


@dataclass(frozen=True)
class DisambiguationQA:
    """Decided by gender, by role, or open: two of the same gender in a clause that fits both."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A sentence of one of the three kinds, each as likely, with the two readings and Ambiguous as options."""
        rng = item_rng(self.id, seed, index)
        kind = rng.choice(("gender", "open", "role")) if self.config.roles else rng.choice(("gender", "open"))
        a, b, pronoun, sentence, claim, right = _role(rng) if kind == "role" else _gender(rng, kind)
        witnesses = " and ".join(rng.sample(NAMES, 2))
        told = f"As {witnesses} recall, {rng.choice(WHEN)}{sentence.format(a=a, b=b, p=pronoun)}"
        stem = f"{ASK.format(pronoun=pronoun)}\nSentence: {told}."
        options = [f"{capital(a)} {claim}", f"{capital(b)} {claim}", "Ambiguous"]
        return choose(self.id, index, stem, options, right, {"kind": kind})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """None: it takes knowledge of words."""
        return None


Sentence = tuple[str, str, str, str, str, int]
"""The two people, the pronoun, the sentence, what the pronoun's person did, and the right option."""


def _gender(rng: random.Random, kind: str) -> Sentence:
    sentence, claim = rng.choice(OPEN)
    hers = rng.random() < 0.5
    same, other = (WOMEN, MEN) if hers else (MEN, WOMEN)
    pronoun = "she" if hers else "he"
    if kind == "open":
        a, b = rng.sample(same, 2)
        return a, b, pronoun, sentence, claim, 2
    meant, third = rng.choice(same), rng.choice(other)
    if rng.random() < 0.5:
        return meant, third, pronoun, sentence, claim, 0
    return third, meant, pronoun, sentence, claim, 1


def _role(rng: random.Random) -> Sentence:
    a, b, sentence, claim, right = rng.choice(ROLES)
    return a, b, rng.choice(("she", "he")), sentence, claim, right


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("disambiguation_qa", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return DisambiguationQA(id, read_params(Config, params, id))
