"""Who holds what after a number of swaps, with three, five or seven people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.bbh.words import NAMES, NUMBERS, listed
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

SIZES = ("three", "five", "seven")


@dataclass(frozen=True)
class Scene:
    """What is passed around, and how it is told."""

    opening: str
    holds: str
    swap: str
    ask: str
    items: tuple[str, ...]


SCENES = (
    Scene(
        "are at a party where everyone brought one wrapped present. At the start", "has the {}", "swap presents",
        "At the end of the party, which present does {} have?",
        ("red present", "blue present", "green present", "white present", "yellow present", "striped present",
         "silver present", "golden present", "tiny present", "round present"),
    ),
    Scene(
        "share a row of rooms in a mountain hut. On the first evening", "sleeps in the {}", "trade rooms",
        "At the end of the week, which room does {} sleep in?",
        ("attic room", "corner room", "blue room", "oak room", "cellar room", "lake room", "garden room", "north room",
         "tower room", "pine room"),
    ),
    Scene(
        "rehearse a play and often exchange their parts. At the first rehearsal", "plays the {}", "exchange parts",
        "At the last rehearsal, which part does {} play?",
        ("king", "thief", "judge", "sailor", "ghost", "baker", "poet", "miller", "doctor", "gardener"),
    ),
    Scene(
        "work in a kitchen and change stations during the shift. At noon", "stands at the {}", "change places",
        "At the end of the shift, which station does {} stand at?",
        ("grill", "sink", "oven", "salad bar", "fryer", "pastry table", "soup kettle", "toaster", "bread counter",
         "coffee machine"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Parameters of the bbh/tracking_shuffled_objects tasks."""

    min_swaps: int = param(3, "fewest swaps", low=1, high=200)
    max_swaps: int = param(8, "most swaps", low=1, high=200, at_least="min_swaps")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_swaps": 2, "max_swaps": 4},
        "medium": {"min_swaps": 5, "max_swaps": 10},
        "hard": {"min_swaps": 15, "max_swaps": 30},
    }


@dataclass(frozen=True)
class TrackingShuffledObjects:
    """Everyone holds one thing; two of them swap, again and again."""

    id: str
    people: int
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A scene, who holds what, swaps, and whose thing is asked for."""
        rng = item_rng(self.id, seed, index)
        scene = rng.choice(SCENES)
        names, items = rng.sample(NAMES, self.people), rng.sample(scene.items, self.people)
        swaps = [rng.sample(names, 2) for _ in range(rng.randint(self.config.min_swaps, self.config.max_swaps))]
        asked = rng.choice(names)
        held = listed([f"{name} {scene.holds.format(item)}" for name, item in zip(names, items, strict=True)])
        told = " ".join(f"{_order(i, len(swaps))}, {a} and {b} {scene.swap}." for i, (a, b) in enumerate(swaps))
        stem = f"{listed(names)} {scene.opening}, {held}. {told} {scene.ask.format(asked)}"
        right = items.index(follow(names, items, swaps)[asked])
        data = {"names": names, "items": items, "swaps": swaps, "asked": asked}
        return choose(self.id, index, stem, items, right, data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Carry out the swaps."""
        data = question.data
        return f"""\
names = {data["names"]!r}
options = {data["items"]!r}
holds = dict(zip(names, options))
for a, b in {data["swaps"]!r}:
    holds[a], holds[b] = holds[b], holds[a]
print("(" + "ABCDEFG"[options.index(holds[{data["asked"]!r}])] + ")")
"""


def _order(place: int, count: int) -> str:
    if place == 0:
        return "First"
    return "Finally" if place == count - 1 else "Then"


def follow(names: Sequence[str], items: Sequence[str], swaps: Sequence[Sequence[str]]) -> dict[str, str]:
    """Who holds what after the swaps. Raises ValueError for a swap with a stranger."""
    holds = dict(zip(names, items, strict=True))
    for a, b in swaps:
        if a not in holds or b not in holds:
            raise ValueError(f"{a} or {b} swaps but holds nothing")
        holds[a], holds[b] = holds[b], holds[a]
    return holds


_SWAP = re.compile(r"(?:First|Then|Finally|Next|Lastly), ([\w'-]+) and ([\w'-]+) (?:swap|switch|trade|exchange)")
_ASKED = re.compile(r"At the end of [^,.]{1,80}, ([\w'-]+) ")


def read_official(sample: Sample) -> Official:
    """A row whose swaps are carried out."""
    text = official.text_of(sample)
    options, stem = official.options_of(text), official.stem_of(text)
    size = NUMBERS[len(options)] if len(options) < len(NUMBERS) else ""
    start, swaps, asked = stem.partition(" First, ")[0], _SWAP.findall(stem), _ASKED.findall(stem)
    if size not in SIZES or not swaps or not asked:
        raise ValueError("its question has not three, five or seven options, swaps and a question at the end")
    holders = _holders(start, options)
    held = follow(tuple(holders.values()), tuple(holders), swaps)
    if asked[-1] not in held:
        raise ValueError(f"it asks for {asked[-1]}, who holds nothing")
    names = [holders[option] for option in options]
    data = {"names": names, "items": options, "swaps": [list(swap) for swap in swaps], "asked": asked[-1]}
    return official.choice(f"tracking_shuffled_objects_{size}_objects", sample, options.index(held[asked[-1]]), data)


def _holders(start: str, options: Sequence[str]) -> dict[str, str]:
    """Who holds each option at the start: after a colon stands a list of who has what."""
    listing = start.rpartition(": ")[2] + " "
    holders: dict[str, str] = {}
    for option in options:
        match = re.search(
            rf"(?:^|, and |, | and )([A-Z][\w'-]*) [a-z][a-z ]{{1,40}}? (?:an? |the )?{re.escape(option)}[,. ]", listing
        )
        if match is None or match[1] in holders.values():
            raise ValueError(f"cannot read who holds {option[:40]!r}")
        holders[option] = match[1]
    return holders


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters; its name says how many people there are."""
    size = id.rpartition("/")[2].removeprefix("tracking_shuffled_objects_").removesuffix("_objects")
    return TrackingShuffledObjects(id, NUMBERS.index(size), read_params(Config, params, id))
