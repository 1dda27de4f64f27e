"""Questions about coloured things in a row or in a heap."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.bbh.words import NUMBERS, listed, with_article
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

COLORS = (
    "red", "orange", "yellow", "green", "blue", "brown", "magenta", "teal", "silver", "gold", "black", "grey", "purple",
    "pink",
)  # fmt: skip
THINGS = (
    "pencil", "notebook", "keychain", "cup", "plate", "envelope", "paperclip", "bracelet", "candle", "button", "marble",
    "ribbon", "spoon", "eraser", "whistle", "magnet", "brush", "thimble",
)  # fmt: skip
PLURALS = {"brush": "brushes"}
SURFACES = ("table", "desk", "floor", "shelf", "counter", "windowsill")
Asked = tuple[str, str, str]
"""The question, a Python expression for its answer, and the answer."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/reasoning_about_colored_objects."""

    min_things: int = param(3, "fewest things, or kinds of thing in a heap", low=3, high=14)
    max_things: int = param(7, "most things, or kinds of thing in a heap", low=3, high=14, at_least="min_things")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_things": 3, "max_things": 4},
        "medium": {"min_things": 5, "max_things": 7},
        "hard": {"min_things": 10, "max_things": 14},
    }


@dataclass(frozen=True)
class ReasoningAboutColoredObjects:
    """Colours beside a thing, numbers of things, and what is left when some are taken away."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A row of different things, or a heap of several of each."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_things, self.config.max_things)
        surface = rng.choice(SURFACES)
        if rng.random() < 0.65:
            things = [[rng.choice(COLORS), thing] for thing in rng.sample(THINGS, count)]
            told = listed([with_article(f"{color} {thing}") for color, thing in things])
            opening = f"On the {surface} there is a row of things, from left to right: {told}."
            kinds: Sequence[Callable[[random.Random, list[list[Any]]], Asked]] = (_beside, _farthest, _not, _between)
        else:
            things = _heap(rng, count)
            told = listed([_amount(count, color, thing) for count, color, thing in things])
            opening = f"On the {surface} there are these things and no others: {told}."
            kinds = (_left, _of_color)
        ask, code, answer = rng.choice(kinds)(rng, things)
        options = COLORS if answer in COLORS else NUMBERS[: max(7, int(answer) + 3)]
        place = options.index(answer) if answer in COLORS else int(answer)
        return choose(self.id, index, f"{opening} {ask}", options, place, {"things": things, "code": code})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Work on the things in the order they stand."""
        data = question.data
        if "code" not in data:
            return None
        where = "answer" if data["options"][0] == NUMBERS[0] else f"{list(data['options'])!r}.index(answer)"
        return f"""\
things = {data["things"]!r}
names = [thing[-1] for thing in things]
answer = {data["code"]}
print("(" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[{where}] + ")")
"""


def _beside(rng: random.Random, things: list[list[Any]]) -> Asked:
    right = rng.random() < 0.5
    place = rng.randrange(len(things) - 1) + (0 if right else 1)
    step = 1 if right else -1
    name = things[place][1]
    ask = f"What is the color of the thing directly to the {'right' if right else 'left'} of the {name}?"
    return ask, f"things[names.index({name!r}) {'+' if right else '-'} 1][0]", things[place + step][0]


def _farthest(rng: random.Random, things: list[list[Any]]) -> Asked:
    places = [place for place in range(len(things)) if 2 * place != len(things) - 1]
    place = rng.choice(places)
    name = things[place][1]
    far = 0 if place > len(things) - 1 - place else len(things) - 1
    ask = f"What is the color of the thing farthest from the {name}?"
    code = f"max(enumerate(things), key=lambda item: abs(item[0] - names.index({name!r})))[1][0]"
    return ask, code, things[far][0]


def _not(rng: random.Random, things: list[list[Any]]) -> Asked:
    place, right = rng.randrange(len(things)), rng.random() < 0.5
    color, name = rng.choice(things)[0], things[place][1]
    part = things[place + 1 :] if right else things[:place]
    code = f"names.index({name!r})"
    piece = f"things[{code} + 1:]" if right else f"things[:{code}]"
    ask = f"How many things to the {'right' if right else 'left'} of the {name} are not {color}?"
    return ask, f"sum(thing[0] != {color!r} for thing in {piece})", str(sum(thing[0] != color for thing in part))


def _between(rng: random.Random, things: list[list[Any]]) -> Asked:
    a, b = sorted(rng.sample(range(len(things)), 2))
    first, second = rng.sample([things[a][1], things[b][1]], 2)
    ask = f"How many things lie between the {first} and the {second}?"
    return ask, f"abs(names.index({first!r}) - names.index({second!r})) - 1", str(b - a - 1)


def _heap(rng: random.Random, kinds: int) -> list[list[Any]]:
    """[number, colour, thing]: no two alike, of few things and colours."""
    names, colors = rng.sample(THINGS, 4), rng.sample(COLORS, 4)
    pairs = [(color, name) for color in colors for name in names]
    return [[rng.randint(1, 2), color, name] for color, name in rng.sample(pairs, kinds)]


def _left(rng: random.Random, things: list[list[Any]]) -> Asked:
    gone = rng.choice(things)[2]
    color = rng.choice(things)[1]
    left = sum(count for count, hue, name in things if name != gone and hue == color)
    ask = f"If all {PLURALS.get(gone, gone + 's')} are taken away, how many {color} things are left?"
    return ask, f"sum(n for n, color, name in things if name != {gone!r} and color == {color!r})", str(left)


def _of_color(rng: random.Random, things: list[list[Any]]) -> Asked:
    first, second = rng.sample([thing[1] for thing in things], 2)
    total = sum(count for count, hue, _ in things if hue in (first, second))
    colors = first if first == second else f"{first} or {second}"
    return (
        f"How many things are {colors}?",
        f"sum(n for n, color, _ in things if color in {(first, second)!r})",
        str(total),
    )


def _amount(count: Any, color: str, thing: str) -> str:
    return f"one {color} {thing}" if count == 1 else f"{NUMBERS[count]} {color} {PLURALS.get(thing, thing + 's')}"


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("reasoning_about_colored_objects", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return ReasoningAboutColoredObjects(id, read_params(Config, params, id))
