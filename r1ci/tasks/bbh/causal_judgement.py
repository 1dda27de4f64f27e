"""Whether somebody's act was a cause, by a rule of responsibility that the question states.

The official questions ask what most people would say about a story; these stories are ours, and the answer follows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.words import NAMES, NUMBERS, capital, listed
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

MAX_DRAWS = 200
"""Draws until the answer is the one wanted; about every third is."""


@dataclass(frozen=True)
class Scene:
    """Something that happens when enough people do something."""

    where: str
    act: str
    acted: str
    happens: str
    happened: str
    to_happen: str


SCENES = (
    Scene("stay in a mountain cabin", "switch on a heater", "switched on a heater", "the fuse blows", "the fuse blew",
          "the fuse to blow"),
    Scene("work with an old server", "start a backup", "started a backup", "the server crashes", "the server crashed",
          "the server to crash"),
    Scene("hike along a gorge", "step onto the rope bridge", "stepped onto the rope bridge", "the warning bell rings",
          "the warning bell rang", "the warning bell to ring"),
    Scene("live by a small well", "draw a bucket of water", "drew a bucket of water", "the well runs dry",
          "the well ran dry", "the well to run dry"),
    Scene("share a storeroom", "put a crate on the shelf", "put a crate on the shelf", "the shelf collapses",
          "the shelf collapsed", "the shelf to collapse"),
    Scene("rest in a rowing boat", "lean over the left side", "leaned over the left side", "the boat tips over",
          "the boat tipped over", "the boat to tip over"),
    Scene("watch over a museum hall", "open a window", "opened a window", "the alarm goes off", "the alarm went off",
          "the alarm to go off"),
    Scene("rent rooms in an old house", "run a bath", "ran a bath", "the boiler shuts down", "the boiler shut down",
          "the boiler to shut down"),
    Scene("sit on a committee", "vote for the proposal", "voted for the proposal", "the proposal passes",
          "the proposal passed", "the proposal to pass"),
    Scene("look after a greenhouse", "water the orchid", "watered the orchid", "the orchid rots", "the orchid rotted",
          "the orchid to rot"),
)  # fmt: skip
RULES: Mapping[str, str] = {
    "part": "they {acted} and {happened}",
    "need": "they {acted} and, {happened_not}",
    "norm": "they {acted} although they were forbidden to and, {happened_not}",
    "wish": "they {acted}, wanted {to_happen} and, {happened_not}",
    "fault": "they {acted} although they were forbidden to, and {happened}",
}
"""When somebody counts as a cause."""
Person = list[Any]
"""[name, acted, allowed, wanted it]."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/causal_judgement."""

    min_people: int = param(2, "fewest people", low=2, high=8)
    max_people: int = param(4, "most people", low=2, high=8, at_least="min_people")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_people": 2, "max_people": 2},
        "medium": {"min_people": 3, "max_people": 4},
        "hard": {"min_people": 5, "max_people": 8},
    }


@dataclass(frozen=True)
class CausalJudgement:
    """Something needs a number of acts and happens; each person may act, be allowed to, and want it."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A story whose answer was decided by a coin first."""
        rng = item_rng(self.id, seed, index)
        scene, rule, wanted = rng.choice(SCENES), rng.choice(tuple(RULES)), rng.random() < 0.5
        for _ in range(MAX_DRAWS):
            people, needed = self._people(rng)
            asked = rng.choice(people)
            if is_cause(rule, people, needed, asked) == wanted:
                break
        answer = "Yes" if is_cause(rule, people, needed, asked) else "No"
        text = _told(scene, rule, people, needed, asked[0])
        data = {"rule": rule, "people": people, "needed": needed, "asked": asked[0]}
        return Question(self.id, index, text, answer, data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same of Yes and No, in any case."""
        value = answers.yes_no(answer_text)
        return value is not None and value == answers.yes_no(question.answer)

    def program(self, question: Question) -> str | None:
        """Count the acts and apply the rule."""
        data = question.data
        if "rule" not in data:
            return None
        needs = {
            "part": "acted",
            "need": "acted and total - 1 < needed",
            "norm": "acted and not allowed and total - 1 < needed",
            "wish": "acted and wanted and total - 1 < needed",
            "fault": "acted and not allowed",
        }
        return f"""\
people = {data["people"]!r}
needed = {data["needed"]}
total = sum(acted for name, acted, allowed, wanted in people)
for name, acted, allowed, wanted in people:
    if name == {data["asked"]!r}:
        print("Yes" if {needs[data["rule"]]} else "No")
"""

    def _people(self, rng: random.Random) -> tuple[list[Person], int]:
        names = rng.sample(NAMES, rng.randint(self.config.min_people, self.config.max_people))
        acts = rng.randint(1, len(names))
        people = [[name, place < acts, rng.random() < 0.5, rng.random() < 0.5] for place, name in enumerate(names)]
        rng.shuffle(people)
        return people, rng.choice((acts, rng.randint(1, acts)))


def is_cause(rule: str, people: Sequence[Person], needed: int, person: Person) -> bool:
    """Whether a person counts as a cause of what happened, which needed a number of acts."""
    _, acted, allowed, wanted = person
    decisive = sum(other[1] for other in people) == needed
    return (
        bool(acted)
        and {
            "part": True,
            "need": decisive,
            "norm": decisive and not allowed,
            "wish": decisive and wanted,
            "fault": not allowed,
        }[rule]
    )


def _told(scene: Scene, rule: str, people: Sequence[Person], needed: int, asked: str) -> str:
    names = [person[0] for person in people]
    some = f"{NUMBERS[needed]} or more of them {scene.act}"
    facts = []
    for name, acted, allowed, wanted in people:
        may = "was allowed to" if allowed else "was forbidden to"
        wish = f"wanted {scene.to_happen}" if wanted else f"did not want {scene.to_happen}"
        did = scene.acted if acted else f"did not {scene.act}"
        facts.append(f"{name} {may} {scene.act}, {wish}, and {did}.")
    meaning = RULES[rule].format(
        acted=scene.acted,
        happened=f"it happened that {scene.happened}",
        happened_not=(
            f"had they not done so while all others did the same, it would not have happened that {scene.happened}"
        ),
        to_happen=scene.to_happen,
    )
    return (
        f"{listed(names)} {scene.where}. {capital(scene.happens)} exactly if {some}. {' '.join(facts)} "
        f"{capital(scene.happened)}.\nRule: in this question somebody caused {scene.to_happen} exactly if {meaning}.\n"
        f"By this rule, did {asked} cause {scene.to_happen}? Answer with Yes or No."
    )


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right: it is what people said."""
    return official.yes_no("causal_judgement", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return CausalJudgement(id, read_params(Config, params, id))
