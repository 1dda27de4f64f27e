"""Put books in an order that meets conditions."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

KINDS = ("left", "right", "adjacent", "at", "not_at")
WORDS = {
    "left": "{a} stands somewhere to the left of {b}.",
    "right": "{a} stands somewhere to the right of {b}.",
    "adjacent": "{a} stands directly beside {b}.",
    "at": "{a} stands in position {b}.",
    "not_at": "{a} does not stand in position {b}.",
}
_OFFICIAL = {
    "left": re.compile(r"[Bb]ook ([A-Z]) must be (?:placed )?to the left of book ([A-Z])\b"),
    "right": re.compile(r"[Bb]ook ([A-Z]) must be (?:placed )?to the right of book ([A-Z])\b"),
    "adjacent": re.compile(r"[Bb]ook ([A-Z]) must be (?:placed )?(?:adjacent|next) to book ([A-Z])\b"),
    "at": re.compile(r"[Bb]ook ([A-Z]) must be (?:placed )?in position ([0-9]+)\b"),
    "not_at": re.compile(r"[Bb]ook ([A-Z]) (?:cannot|must not|can not) be (?:placed )?in position ([0-9]+)\b"),
}
MAX_BOOKS = 10

PROGRAM = """\
books = "{books}"
conditions = {conditions}
def holds(at, kind, a, b):
    if a not in at or isinstance(b, str) and b not in at:
        return True
    if kind == "left":
        return at[a] < at[b]
    if kind == "right":
        return at[a] > at[b]
    if kind == "adjacent":
        return abs(at[a] - at[b]) == 1
    return (at[a] == b) == (kind == "at")
def arrange(order):
    at = {{book: place for place, book in enumerate(order, 1)}}
    if not all(holds(at, *condition) for condition in conditions):
        return None
    if len(order) == len(books):
        return order
    for book in books:
        if book not in at:
            found = arrange(order + book)
            if found:
                return found
print(", ".join(arrange("")))"""

Condition = tuple[str, str, str | int]
"""Kind, book, and other book or position."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/permutations_and_combinations."""

    min_books: int = param(6, "fewest books", low=3, high=9)
    max_books: int = param(9, "most books", low=3, high=9, at_least="min_books")
    min_conditions: int = param(7, "fewest conditions", low=1, high=20)
    max_conditions: int = param(11, "most conditions", low=1, high=20, at_least="min_conditions")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_books": 6, "min_conditions": 5, "max_conditions": 8},
        "medium": {"min_books": 7, "max_books": 8, "min_conditions": 8, "max_conditions": 10},
        "hard": {"min_books": 9, "max_books": 9, "min_conditions": 10, "max_conditions": 14},
    }


@dataclass(frozen=True)
class PermutationsAndCombinations:
    """Any order that meets the conditions is right."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Conditions that a random order meets."""
        rng = item_rng(self.id, seed, index)
        books = string.ascii_uppercase[: rng.randint(self.config.min_books, self.config.max_books)]
        order = rng.sample(books, len(books))
        wanted = rng.randint(self.config.min_conditions, self.config.max_conditions)
        conditions = _draw(rng, order, wanted)
        lines = "\n".join(
            f"{number}. {WORDS[kind].format(a=a, b=b)}" for number, (kind, a, b) in enumerate(conditions, 1)
        )
        text = (
            f"{len(books)} books, {', '.join(books)}, stand side by side on a shelf in the positions 1 to "
            f"{len(books)}, counted from the left. All of this is true:\n{lines}\nIn which order may they stand? "
            "If several orders are possible, any of them will do. Answer with all their letters from left to right, "
            "separated by commas."
        )
        data = {"books": books, "conditions": [list(condition) for condition in conditions]}
        return Question(self.id, index, text, ", ".join(order), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """Each book once, and every condition holds."""
        books = question.data["books"]
        order = "".join(answers.tokens(answer_text)).upper()
        if len(order) != len(books) or sorted(order) != sorted(books):
            return False
        return holds(order, [(kind, a, b) for kind, a, b in question.data["conditions"]])

    def program(self, question: Question) -> str | None:
        """Try every order."""
        conditions = ",\n    ".join(str(tuple(condition)) for condition in question.data["conditions"])
        return PROGRAM.format(conditions=f"[\n    {conditions},\n]", books=question.data["books"])


def holds(order: Sequence[str], conditions: Sequence[Condition]) -> bool:
    """Whether an order of all books meets the conditions."""
    at = {book: place for place, book in enumerate(order, 1)}
    return all(_holds(at, *condition) for condition in conditions)


def _holds(at: Mapping[str, int], kind: str, book: str, other: str | int) -> bool:
    place = at[book]
    if isinstance(other, int):
        return (place == other) == (kind == "at")
    if kind == "adjacent":
        return abs(place - at[other]) == 1
    return place < at[other] if kind == "left" else place > at[other]


def _draw(rng: random.Random, order: Sequence[str], count: int) -> list[Condition]:
    conditions: list[Condition] = []
    pairs: set[frozenset[str]] = set()
    places = len(order)
    while len(conditions) < count:
        kind = rng.choices(KINDS, weights=(4, 4, 3, 1, 3))[0]
        first, second = rng.sample(range(places), 2)
        other: str | int = order[second] if kind in ("left", "right", "adjacent") else rng.randint(1, places)
        if kind == "at":
            other = first + 1
        condition = (kind, order[first], other)
        pair = frozenset((order[first], str(other)))
        if pair not in pairs and holds(order, [condition]):
            conditions.append(condition)
            pairs.add(pair)
    return conditions


def solve(books: str, conditions: Sequence[Condition], order: str = "") -> str | None:
    """An order that meets the conditions and begins with ``order``, or None."""
    if not holds(order, [c for c in conditions if {c[1], *str(c[2])} <= {*order, *string.digits}]):
        return None
    if len(order) == len(books):
        return order
    following = (solve(books, conditions, order + book) for book in books if book not in order)
    return next((found for found in following if found is not None), None)


def read_official(sample: Sample) -> Official:
    """Find an order for the official books ourselves; theirs is one of several."""
    text = official.text_of(sample)
    labelled = re.search(r"books labeled ([A-Z](?:, ?[A-Z])*)", text)
    if labelled is None or not 2 <= len(books := re.sub("[, ]", "", labelled[1])) <= MAX_BOOKS:
        raise ValueError("its books cannot be counted")
    conditions = [_read(line, books) for line in re.findall(r"^ *[0-9]+[.)] *(.+)$", text, re.MULTILINE)]
    order = solve(books, conditions)
    if order is None:
        raise ValueError("no order meets its conditions")
    solution = official.solution_of(sample)
    gold = solution.get("correct_solution", solution.get("solution")) if isinstance(solution, Mapping) else solution
    data = {"books": books, "conditions": [list(condition) for condition in conditions]}
    return official.item("permutations_and_combinations", text, ", ".join(order), data, official.listed(gold))


def _read(line: str, books: str) -> Condition:
    for kind, pattern in _OFFICIAL.items():
        found = pattern.search(line)
        if found:
            other: str | int = int(found[2]) if found[2].isdigit() else found[2]
            if {found[1], *(() if isinstance(other, int) else other)} <= set(books):
                return kind, found[1], other
    raise ValueError(f"its condition {line[:80]!r} is not understood")


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return PermutationsAndCombinations(id, read_params(Config, params, id))
