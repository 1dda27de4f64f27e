"""Find the order of three, five or seven things from statements about it."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.bbh.words import NAMES, NUMBERS, ORDINALS, capital, listed
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

SIZES = ("three", "five", "seven")
Statement = list[Any]
"""["before", a, b] or ["at", a, place]: things and places by number from 0."""
Order = tuple[int, ...]
"""The place of each thing."""


@dataclass(frozen=True)
class Theme:
    """What stands in order, and how places are told."""

    opening: str
    things: tuple[str, ...]
    before: str
    after: str
    low: str
    """The first place, then the others from that end."""
    nth_low: str
    high: str
    nth_high: str
    verb: str = "is"


THEMES = (
    Theme(
        "{count} books stand side by side on a shelf: {things}.",
        tuple(f"the {color} book" for color in ("red", "blue", "green", "black", "white", "brown", "grey", "purple")),
        "to the left of", "to the right of", "the leftmost", "the {} from the left", "the rightmost",
        "the {} from the right",
    ),
    Theme(
        "{count} runners finish a race one after the other: {things}.", NAMES[:24], "before", "after", "first", "{}",
        "last", "{}-to-last", "finishes",
    ),
    Theme(
        "In a village, no two of {count} buildings are equally old: {things}.",
        ("the mill", "the church", "the school", "the inn", "the bakery", "the forge", "the bridge", "the barn"),
        "older than", "newer than", "the oldest", "the {}-oldest", "the newest", "the {}-newest",
    ),
    Theme(
        "At a stall, no two of {count} goods cost the same: {things}.",
        ("the honey", "the cheese", "the bread", "the cider", "the jam", "the butter", "the basket", "the candle"),
        "cheaper than", "more expensive than", "the cheapest", "the {}-cheapest", "the most expensive",
        "the {}-most expensive",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Parameters of the bbh/logical_deduction tasks."""

    places: bool = param(True, "whether a statement may name a thing's place")
    LEVELS: ClassVar[Levels] = {"easy": {"places": True}, "hard": {"places": False}}


@dataclass(frozen=True)
class LogicalDeduction:
    """Statements that leave one order, none of them needless."""

    id: str
    things: int
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A random order and true statements until no other is left; the place asked for is in none of them."""
        rng = item_rng(self.id, seed, index)
        theme = rng.choice(THEMES)
        things = rng.sample(theme.things, self.things)
        order: Order = tuple(rng.sample(range(self.things), self.things))
        statements = self._statements(rng, order)
        named = [place for kind, _, place in statements if kind == "at"]
        asked = rng.choice([place for place in range(self.things) if place not in named])
        told = " ".join(f"{capital(_told(rng, theme, things, statement))}." for statement in statements)
        opening = capital(theme.opening.format(count=NUMBERS[self.things], things=listed(things)))
        stem = f"{opening} {told} Which of the following is true?"
        where = _place(rng, theme, asked, self.things)
        options = [capital(f"{thing} {theme.verb} {where}") for thing in things]
        data = {"statements": statements, "things": things, "asked": asked}
        return choose(self.id, index, stem, options, order.index(asked), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Try every order."""
        data = question.data
        if "asked" not in data:
            return None
        things = {name: place for place, name in enumerate(data["things"])}
        tests = [
            f"place[{data['things'][s[1]]!r}] < place[{data['things'][s[2]]!r}]"
            if s[0] == "before"
            else f"place[{data['things'][s[1]]!r}] == {s[2] + 1}"
            for s in data["statements"]
        ]
        held = "\n        and ".join(tests)
        return f"""\
from itertools import permutations
things = {list(things)!r}
for order in permutations(range(1, len(things) + 1)):
    place = dict(zip(things, order))
    if (
        {held}
    ):
        print("(" + "ABCDEFG"[order.index({data["asked"] + 1})] + ")")
        break
"""

    def _statements(self, rng: random.Random, order: Order) -> list[Statement]:
        left: Sequence[Order] = orders(self.things)
        chosen: list[Statement] = []
        while len(left) > 1:
            statement = self._true(rng, order)
            fewer = [other for other in left if holds(statement, other)]
            if len(fewer) < len(left):
                chosen.append(statement)
                left = fewer
        return _needed(chosen, self.things)

    def _true(self, rng: random.Random, order: Order) -> Statement:
        if self.config.places and rng.random() < 0.3:
            thing = rng.randrange(self.things)
            return ["at", thing, order[thing]]
        a, b = rng.sample(range(self.things), 2)
        return ["before", a, b] if order[a] < order[b] else ["before", b, a]


@functools.cache
def orders(things: int) -> tuple[Order, ...]:
    """All orders."""
    return tuple(itertools.permutations(range(things)))


def holds(statement: Statement, order: Order) -> bool:
    """Whether a statement is true in an order."""
    kind, a, b = statement
    return order[a] < order[b] if kind == "before" else order[a] == b


def solutions(statements: Sequence[Statement], things: int) -> list[Order]:
    """The orders in which all statements are true."""
    left: Sequence[Order] = orders(things)
    for statement in sorted(statements, key=lambda statement: statement[0]):
        left = [order for order in left if holds(statement, order)]
    return list(left)


def _needed(statements: list[Statement], things: int) -> list[Statement]:
    """Without the statements that follow from the others."""
    for statement in list(statements):
        rest = [other for other in statements if other is not statement]
        if len(solutions(rest, things)) == 1:
            statements = rest
    return statements


def _told(rng: random.Random, theme: Theme, things: Sequence[str], statement: Statement) -> str:
    kind, a, b = statement
    if kind == "at":
        return f"{things[a]} {theme.verb} {_place(rng, theme, b, len(things))}"
    if rng.random() < 0.5:
        return f"{things[a]} {theme.verb} {theme.before} {things[b]}"
    return f"{things[b]} {theme.verb} {theme.after} {things[a]}"


def _place(rng: random.Random, theme: Theme, place: int, things: int) -> str:
    """A place, told from the end it is nearer to, the middle from either."""
    from_high = things - 1 - place
    if place < from_high or (place == from_high and rng.random() < 0.5):
        return theme.low if place == 0 else theme.nth_low.format(ORDINALS[place])
    return theme.high if from_high == 0 else theme.nth_high.format(ORDINALS[from_high])


_LOW = ("leftmost", "oldest", "cheapest", "left", "first")
_HIGH = ("rightmost", "newest", "most expensive", "right", "last")
_BEFORE = ("to the left of", "older than", "cheaper than", "less expensive than", "above", "before", "ahead of")
_AFTER = ("to the right of", "newer than", "more expensive than", "below", "after", "behind")
_VERB = re.compile(r"(.{1,60}?) (?:is|are|finished|finishes|was|were) (.{1,80})")
_RANK = re.compile(
    r"(?:the )?(?:(\w+)(?:-to-| from the |-| ))?"
    r"(leftmost|rightmost|oldest|newest|cheapest|most expensive|left|right|last)"
)


def read_official(sample: Sample) -> Official:
    """A row solved by trying every order."""
    text = official.text_of(sample)
    stem, options = official.stem_of(text), official.options_of(text)
    size = NUMBERS[len(options)] if len(options) < len(NUMBERS) else ""
    if size not in SIZES:
        raise ValueError(f"it has {len(options)} options, not three, five or seven")
    things = [_bare(_split(option)[0]) for option in options]
    sentences = [sentence.strip() for sentence in stem.partition(": ")[2].split(". ")[1:]]
    statements = [_statement(sentence.rstrip("."), things) for sentence in sentences if sentence.rstrip(".")]
    claims = [_statement(option, things) for option in options]
    left = solutions(statements, len(things))
    true = [place for place, claim in enumerate(claims) if left and all(holds(claim, order) for order in left)]
    if len(true) != 1:
        raise ValueError("not one of its options follows from its statements")
    places = {claim[2] for claim in claims if claim[0] == "at"}
    data: dict[str, Any] = {"statements": statements, "things": things}
    if len(places) == 1:
        data["asked"] = places.pop()
    return official.choice(f"logical_deduction_{size}_objects", sample, true[0], data)


def _split(sentence: str) -> tuple[str, str]:
    match = _VERB.fullmatch(sentence)
    if match is None:
        raise ValueError(f"cannot read its sentence {sentence[:80]!r}")
    return match[1], match[2]


def _bare(thing: str) -> str:
    return thing.removeprefix("The ").removeprefix("the ").strip()


def _statement(sentence: str, things: Sequence[str]) -> Statement:
    subject, said = _split(sentence)
    try:
        a = things.index(_bare(subject))
        for words, first in ((_BEFORE, True), (_AFTER, False)):
            for word in words:
                if said.startswith(f"{word} "):
                    b = things.index(_bare(said.removeprefix(word)[1:]))
                    return ["before", a, b] if first else ["before", b, a]
    except ValueError as error:
        raise ValueError(f"{sentence[:80]!r} names something that is not among its options") from error
    return ["at", a, _rank(said, len(things))]


def _rank(said: str, things: int) -> int:
    if said in ORDINALS:
        return ORDINALS.index(said)
    match = _RANK.fullmatch(said)
    if match is None or (match[1] is not None and match[1] not in ORDINALS):
        raise ValueError(f"cannot read the place {said[:80]!r}")
    steps = ORDINALS.index(match[1]) if match[1] else 0
    place = steps if match[2] in _LOW else things - 1 - steps
    if not 0 <= place < things:
        raise ValueError(f"the place {said[:80]!r} is beyond its things")
    return place


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters; its name says how many things there are."""
    size = id.rpartition("/")[2].removeprefix("logical_deduction_").removesuffix("_objects")
    return LogicalDeduction(id, NUMBERS.index(size), read_params(Config, params, id))
