"""Letters of words: group_anagrams, isomorphic_strings, letter_counting, binary_alternation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

_GROUP = re.compile(r"[\[({]([^\[\](){}]*)[\])}]")
_BETWEEN = re.compile(r"[\s,\[\](){}]*")


@dataclass(frozen=True)
class GroupAnagramsConfig:
    """Parameters of rg/group_anagrams."""

    min_anagram_groups: int = param(2, "fewest groups", low=2, high=100)
    max_anagram_groups: int = param(10, "most groups", low=2, high=100, at_least="min_anagram_groups")
    min_words_per_group: int = param(2, "fewest words of a group", low=2, high=10)
    max_words_per_group: int = param(5, "most words of a group", low=2, high=10, at_least="min_words_per_group")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_anagram_groups": 5, "max_words_per_group": 2},
        "medium": {},
        "hard": {"min_anagram_groups": 10, "max_anagram_groups": 50},
    }


@dataclass(frozen=True)
class IsomorphicStringsConfig:
    """Parameters of rg/isomorphic_strings."""

    min_string_length: int = param(2, "fewest letters", low=2, high=1000)
    max_string_length: int = param(10, "most letters", low=2, high=1000, at_least="min_string_length")
    p_solvable: float = param(0.5, "share of pairs that are isomorphic", low=0.0, high=1.0)
    LEVELS: ClassVar[Levels] = {
        "easy": {},
        "medium": {"min_string_length": 10, "max_string_length": 50},
        "hard": {"min_string_length": 50, "max_string_length": 200},
    }


@dataclass(frozen=True)
class LetterCountingConfig:
    """Parameters of rg/letter_counting."""

    min_words: int = param(5, "fewest words", low=1, high=1000)
    max_words: int = param(15, "most words", low=1, high=1000, at_least="min_words")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words": 7},
        "medium": {},
        "hard": {"min_words": 25, "max_words": 50},
    }


@dataclass(frozen=True)
class BinaryAlternationConfig:
    """Parameters of rg/binary_alternation."""

    min_n: int = param(10, "fewest digits", low=2, high=1000)
    max_n: int = param(30, "most digits", low=2, high=1000, at_least="min_n")
    p_solvable: float = param(0.8, "share of strings that can be made alternating", low=0.0, high=1.0)
    LEVELS: ClassVar[Levels] = {
        "easy": {},
        "medium": {"min_n": 30, "max_n": 100},
        "hard": {"min_n": 100, "max_n": 500},
    }


class _Letters(frozenset[str]):
    """A set that is walked in alphabetical order, whatever the process hashes."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__()))

    def __sub__(self, other: object) -> _Letters:
        return _Letters(super().__sub__(other))  # type: ignore[operator]


def same_groups(question: Question, answer_text: str) -> bool:
    """Equal groups of words, in any order, a pair of brackets around each."""
    text = answers.unwrap(answer_text)
    if not _BETWEEN.fullmatch(_GROUP.sub("", text)):
        return False
    return _groups(text) == _groups(question.answer)


def _groups(text: str) -> list[list[str]]:
    return sorted(sorted(word.lower() for word in answers.tokens(group)) for group in _GROUP.findall(text))


def same_truth(question: Question, answer_text: str) -> bool:
    """True or False in any case; yes and no will do."""
    value = answers.boolean(answer_text)
    return (answers.yes_no(answer_text) if value is None else value) is answers.boolean(question.answer)


def _order_letters(dataset: Any) -> None:
    """The package draws from a set, in an order that processes differ in."""
    dataset.letters = _Letters(dataset.letters)


def _is_letter(item: Item) -> bool:
    """The package calls digits letters too."""
    letter: str = item["metadata"]["target_letter"]
    return letter.isalpha() and letter.isascii()


def _group_anagrams(data: Mapping[str, Any]) -> str:
    return f"""\
import json
groups = {{}}
for word in {data["words"]}:
    groups.setdefault("".join(sorted(word)), []).append(word)
print(json.dumps(list(groups.values())))"""


def _isomorphic_strings(data: Mapping[str, Any]) -> str:
    first, second = data["words"]
    return f"""\
s, t = "{first}", "{second}"
print(len(s) == len(t) and len(set(zip(s, t))) == len(set(s)) == len(set(t)))"""


def _letter_counting(data: Mapping[str, Any]) -> str:
    return f"print({' '.join(data['span'])!a}.lower().count({data['target_letter']!r}))"


def _binary_alternation(data: Mapping[str, Any]) -> str:
    return f"""\
s = "{data["string"]}"
n = len(s)
costs = []
for wanted in (("01" * n)[:n], ("10" * n)[:n]):
    if sorted(wanted) == sorted(s):
        costs.append(sum(a != b for a, b in zip(s, wanted)) // 2)
print(min(costs, default=-1))"""


ROWS = {
    "rg/group_anagrams": Row(GroupAnagramsConfig, ("words",), same_groups, _group_anagrams),
    "rg/isomorphic_strings": Row(
        IsomorphicStringsConfig, ("words",), same_truth, _isomorphic_strings, prepare=_order_letters
    ),
    "rg/letter_counting": Row(
        LetterCountingConfig, ("span", "target_letter"), same_integer, _letter_counting, fits=_is_letter,
        note="Capital and small letters count alike. Answer with a number.",
    ),
    "rg/binary_alternation": Row(BinaryAlternationConfig, ("string",), same_integer, _binary_alternation),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
