"""Rules applied step by step: mahjong_puzzle, string_manipulation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

MAX_STEPS = 500
LONG = 15

CHANGES: Mapping[str, tuple[str, str]] = {
    "prefix is 'ab'": ("s.startswith('ab')", "'ca' + s[2:]"),
    "suffix is 'ac'": ("s.endswith('ac')", "s[:-2] + 'cb'"),
    "prefix is 'bc'": ("s.startswith('bc')", "s[2:] + 'aa'"),
    "suffix is 'bb'": ("s.endswith('bb')", "s[:-2]"),
    "prefix is 'cb'": ("s.startswith('cb')", "('aa' + s[2:])[:-1]"),
    "prefix is 'ca'": ("s.startswith('ca')", "'bb' + s[2:] + 'c'"),
    "suffix is 'cc'": ("s.endswith('cc')", "'a' + s[:-2] + 'b'"),
    "prefix is 'aa'": ("s.startswith('aa')", "s[1:]"),
    "contains 'abc'": ("'abc' in s", "s.replace('abc', 'cab', 1)"),
    "contains 'bca'": ("'bca' in s", "s.replace('bca', '', 1)"),
    "ends with 'ba'": ("s.endswith('ba')", "s[:-2] + 'ab'"),
    "starts with 'cc'": ("s.startswith('cc')", "s[2:]"),
    "contains 'acb'": ("'acb' in s", "s.replace('acb', 'bca', 1)"),
    "ends with 'ca'": ("s.endswith('ca')", "s[:-1]"),
    "starts with 'bb'": ("s.startswith('bb')", "s[0] + s[2:]"),
    "ends with 'aa'": ("s.endswith('aa')", "s[:-2] + 'cc'"),
    "contains 'ca' (not at the start)": ("'ca' in s[1:]", "s[0] + s[1:].replace('ca', '', 1)"),
    "contains an even number of 'b's": ("'b' in s and s.count('b') % 2 == 0", "s + 'ab'"),
    "length is greater than 15": ("len(s) > 15", "s[:len(s) // 2] + s[len(s) // 2 + 1:]"),
    "starts with 'ac'": ("s.startswith('ac')", "'zz' + s[2:]"),
}
"""The package's rules by their conditions, as the Python of the reference program: when and what a string becomes."""

RULES: Mapping[str, tuple[Callable[[str], bool], Callable[[str], str]]] = {
    "prefix is 'ab'": (lambda s: s.startswith("ab"), lambda s: "ca" + s[2:]),
    "suffix is 'ac'": (lambda s: s.endswith("ac"), lambda s: s[:-2] + "cb"),
    "prefix is 'bc'": (lambda s: s.startswith("bc"), lambda s: s[2:] + "aa"),
    "suffix is 'bb'": (lambda s: s.endswith("bb"), lambda s: s[:-2]),
    "prefix is 'cb'": (lambda s: s.startswith("cb"), lambda s: ("aa" + s[2:])[:-1]),
    "prefix is 'ca'": (lambda s: s.startswith("ca"), lambda s: "bb" + s[2:] + "c"),
    "suffix is 'cc'": (lambda s: s.endswith("cc"), lambda s: "a" + s[:-2] + "b"),
    "prefix is 'aa'": (lambda s: s.startswith("aa"), lambda s: s[1:]),
    "contains 'abc'": (lambda s: "abc" in s, lambda s: s.replace("abc", "cab", 1)),
    "contains 'bca'": (lambda s: "bca" in s, lambda s: s.replace("bca", "", 1)),
    "ends with 'ba'": (lambda s: s.endswith("ba"), lambda s: s[:-2] + "ab"),
    "starts with 'cc'": (lambda s: s.startswith("cc"), lambda s: s[2:]),
    "contains 'acb'": (lambda s: "acb" in s, lambda s: s.replace("acb", "bca", 1)),
    "ends with 'ca'": (lambda s: s.endswith("ca"), lambda s: s[:-1]),
    "starts with 'bb'": (lambda s: s.startswith("bb"), lambda s: s[0] + s[2:]),
    "ends with 'aa'": (lambda s: s.endswith("aa"), lambda s: s[:-2] + "cc"),
    "contains 'ca' (not at the start)": (lambda s: "ca" in s[1:], lambda s: s[0] + s[1:].replace("ca", "", 1)),
    "contains an even number of 'b's": (lambda s: "b" in s and s.count("b") % 2 == 0, lambda s: s + "ab"),
    "length is greater than 15": (lambda s: len(s) > LONG, lambda s: s[: len(s) // 2] + s[len(s) // 2 + 1 :]),
    "starts with 'ac'": (lambda s: s.startswith("ac"), lambda s: "zz" + s[2:]),
}


@dataclass(frozen=True)
class MahjongPuzzleConfig:
    """Parameters of rg/mahjong_puzzle."""

    min_num_rounds: int = param(10, "fewest rounds", low=1, high=500)
    max_num_rounds: int = param(50, "most rounds", low=1, high=500, at_least="min_num_rounds")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_num_rounds": 2, "max_num_rounds": 5},
        "medium": {"min_num_rounds": 10, "max_num_rounds": 20},
        "hard": {"min_num_rounds": 50, "max_num_rounds": 100},
    }


@dataclass(frozen=True)
class StringManipulationConfig:
    """Parameters of rg/string_manipulation."""

    min_string_length: int = param(5, "fewest letters", low=5, high=200)
    max_string_length: int = param(20, "most letters", low=5, high=200, at_least="min_string_length")
    min_num_rules: int = param(3, "fewest rules", low=3, high=20)
    max_num_rules: int = param(8, "most rules", low=3, high=20, at_least="min_num_rules")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_string_length": 10, "max_num_rules": 4},
        "medium": {"min_string_length": 10, "min_num_rules": 5},
        "hard": {"min_string_length": 20, "max_string_length": 50, "min_num_rules": 8, "max_num_rules": 15},
    }


def outcome(hand: str, added: str) -> str:
    """What a card makes of a hand: Peng goes before Chi."""
    if hand.count(added) > 1:
        return "Peng"
    place = ord(added)
    pairs = ((place - 2, place - 1), (place - 1, place + 1), (place + 1, place + 2))
    return "Chi" if any(chr(low) in hand and chr(high) in hand for low, high in pairs) else "Pass"


def _rounds(item: Item) -> Mapping[str, Any]:
    cards = re.search(r"initial cards ([A-Z]+)", item["question"])
    if cards is None:
        raise ValueError(item["question"])
    return {"cards": cards[1], "rounds": [[turn["add"], turn["remove"]] for turn in item["metadata"]["rounds"]]}


def _last_outcome(item: Item) -> str:
    data = _rounds(item)
    hand, result = data["cards"], ""
    for added, removed in data["rounds"]:
        result = outcome(hand, added)
        hand = (hand + added).replace(removed, "", 1)
    return result


def same_outcome(question: Question, answer_text: str) -> bool:
    """The same word, in any case."""
    return answers.word(answer_text).rstrip(".!").lower() == question.answer.lower()


def _play(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f'hand = list("{data["cards"]}")',
            f"rounds = {[''.join(turn) for turn in data['rounds']]}",
            "for new, old in rounds:",
            "    near = [chr(ord(new) + d) in hand for d in (-2, -1, 1, 2)]",
            "    if hand.count(new) > 1:",
            '        result = "Peng"',
            "    elif near[0] and near[1] or near[1] and near[2] or near[2] and near[3]:",
            '        result = "Chi"',
            "    else:",
            '        result = "Pass"',
            "    hand.append(new)",
            "    hand.remove(old)",
            "print(result)",
        )
    )


def _keys(rules: Sequence[str]) -> list[str]:
    return [next(key for key in CHANGES if f" {key}" in rule) for rule in rules]


def states(string: str, rules: Sequence[str]) -> list[str] | None:
    """What a string becomes step by step; None if it does not end soon, or if a middle of two is to be removed."""
    found, seen = [string], {string}
    while len(found) <= MAX_STEPS:
        now = found[-1]
        key = next((key for key in _keys(rules) if RULES[key][0](now)), None)
        if key is None:
            return found
        if key.startswith("length") and len(now) % 2 == 0:
            return None
        new = RULES[key][1](now)
        if new in seen:
            return found
        found.append(new)
        seen.add(new)
    return None


def _final(item: Item) -> str:
    found = states(item["metadata"]["string"], item["metadata"]["selected_rules"])
    return found[-1] if found else ""


def _ends(item: Item) -> bool:
    return bool(_final(item))


def same_string(question: Question, answer_text: str) -> bool:
    """Equal strings."""
    return answers.word(answer_text) == question.answer


def _transform(data: Mapping[str, Any]) -> str:
    changes = [CHANGES[key] for key in _keys(data["selected_rules"])]
    lines = [
        f"    {'if' if not place else 'elif'} {when}:\n        return {then}"
        for place, (when, then) in enumerate(changes)
    ]
    return "\n".join(
        (
            "def change(s):",
            *lines,
            "    return s",
            f'string = "{data["string"]}"',
            "seen = set()",
            "while string not in seen:",
            "    seen.add(string)",
            "    new = change(string)",
            "    string = string if new in seen else new",
            "print(string)",
        )
    )


def _bound_steps(dataset: Any) -> None:
    """The package follows a string for as long as it changes."""
    dataset._get_all_transforms = lambda string, rules: states(string, [text for text, _ in rules]) or [string]


ROWS = {
    "rg/mahjong_puzzle": Row(MahjongPuzzleConfig, (), same_outcome, _play, derive=_rounds, answer=_last_outcome),
    "rg/string_manipulation": Row(
        StringManipulationConfig,
        ("string", "selected_rules"),
        same_string,
        _transform,
        answer=_final,
        fits=_ends,
        prepare=_bound_steps,
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
