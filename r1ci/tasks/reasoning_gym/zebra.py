"""Who lives where: zebra_puzzles."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

HOUSES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
OTHERWISE = {"british": "brit", "swedish": "swede", "rose": "roses"}
"""Words of clues that the lists of characteristics write otherwise."""

_CLUE = re.compile(r"[0-9]+\. (.+)\.")
_AT = re.compile(r"(.+) is in the (\w+) house")
_LEFT = re.compile(r"(.+) is directly left of (.+)")
_BESIDE = re.compile(r"(.+) and (.+) are next to each other")

Value = tuple[int, str]
"""A characteristic: its list and its name there."""


@dataclass(frozen=True)
class ZebraPuzzlesConfig:
    """Parameters of rg/zebra_puzzles."""

    num_people: int = param(4, "people, each in a house", low=2, high=6)
    num_characteristics: int = param(4, "characteristics, the name among them", low=2, high=6)
    LEVELS: ClassVar[Levels] = {
        "easy": {"num_people": 3, "num_characteristics": 3},
        "medium": {"num_people": 4, "num_characteristics": 4},
        "hard": {"num_people": 5, "num_characteristics": 5},
    }


def same_name(question: Question, answer_text: str) -> bool:
    """Equal names, in any case, with or without a full stop."""
    return answers.word(answer_text).rstrip(".").lower() == question.answer.lower()


def _value(phrase: str, groups: Sequence[Sequence[str]]) -> Value | None:
    """The characteristic that a phrase speaks of: the longest name in it; a name alone is the person's."""
    phrase = " ".join(OTHERWISE.get(word, word) for word in phrase.lower().split())
    if phrase in groups[0]:
        return 0, phrase
    found = [
        (place, name)
        for place, group in enumerate(groups)
        for name in group
        if place and re.search(rf"\b{re.escape(name)}s?\b", phrase)
    ]
    return max(found, key=lambda value: len(value[1]), default=None)


def _relation(clue: str, groups: Sequence[Sequence[str]]) -> list[Any] | None:
    """A clue as its kind and what it relates; None if it is not understood."""
    if (match := _AT.fullmatch(clue)) and match[2] in HOUSES:
        value = _value(match[1], groups)
        return ["at", value, HOUSES.index(match[2]) + 1] if value else None
    for kind, pattern in (("left", _LEFT), ("beside", _BESIDE)):
        if match := pattern.fullmatch(clue):
            left, right = _value(match[1], groups), _value(match[2], groups)
            return [kind, left, right] if left and right else None
    for match in re.finditer(" is ", clue):
        left, right = _value(clue[: match.start()], groups), _value(clue[match.end() :], groups)
        if left and right and left[0] != right[0]:
            return ["same", left, right]
    return None


def _puzzle(item: Item) -> Mapping[str, Any]:
    lines = item["question"].splitlines()
    groups = [line.rpartition(": ")[2].split(", ") for line in lines if line.startswith(" - ")]
    clues = [_relation(match[1], groups) for line in lines if (match := _CLUE.fullmatch(line))]
    return {
        "groups": groups,
        "clues": [clue and [list(x) if isinstance(x, tuple) else x for x in clue] for clue in clues],
    }


def _is_understood(item: Item) -> bool:
    return None not in _puzzle(item)["clues"]


def _solve(data: Mapping[str, Any]) -> str:
    clues = [tuple(tuple(x) if isinstance(x, list) else x for x in clue) for clue in data["clues"]]
    return "\n".join(
        (
            "from itertools import permutations",
            f"groups = {data['groups']}",
            "clues = [",
            *(f"    {clue}," for clue in clues),
            "]",
            "houses = range(1, len(groups[0]) + 1)",
            "def holds(clue, place):",
            "    kind, a, b = clue",
            "    x, y = place.get(a), b if kind == 'at' else place.get(b)",
            "    if x is None or y is None:",
            "        return True",
            "    if kind == 'left':",
            "        return x + 1 == y",
            "    return abs(x - y) == 1 if kind == 'beside' else x == y",
            "def solve(k, place):",
            "    if k == len(groups):",
            "        return place",
            "    for order in permutations(houses):",
            "        trial = dict(place)",
            "        trial.update(((k, name), house) for name, house in zip(groups[k], order))",
            "        if all(holds(clue, trial) for clue in clues):",
            "            found = solve(k + 1, trial)",
            "            if found:",
            "                return found",
            "place = solve(0, {})",
            "print(next(name for name in groups[0] if place[0, name] == 1))",
        )
    )


ROWS = {
    "rg/zebra_puzzles": Row(ZebraPuzzlesConfig, (), same_name, _solve, derive=_puzzle, fits=_is_understood),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
