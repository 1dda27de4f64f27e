"""A rule to find from examples: arc_1d, list_functions."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

UNSEEDED = 14
"""The rule whose generator draws from the global random state."""


class AnyIndex:
    """Which template an item is made from, for any number of items: the package lists them for ``size`` items only."""

    def __init__(self, templates: Sequence[int]) -> None:
        self._templates = templates

    def __getitem__(self, index: int) -> int:
        return Random(f"template {index}").choice(self._templates)


@dataclass(frozen=True)
class Arc1dConfig:
    """Parameters of rg/arc_1d."""

    min_size: int = param(10, "fewest cells", low=8, high=100)
    max_size: int = param(30, "most cells", low=8, high=100, at_least="min_size")
    num_train: int = param(3, "examples", low=1, high=10)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_size": 15},
        "medium": {"min_size": 15},
        "hard": {"min_size": 30, "max_size": 60},
    }


@dataclass(frozen=True)
class ListFunctionsConfig:
    """rg/list_functions has no parameters."""


def same_list(question: Question, answer_text: str) -> bool:
    """Equal numbers in equal order, in or out of brackets."""
    found, wanted = answers.tokens(answer_text), answers.tokens(question.answer)
    if len(found) != len(wanted):
        return False
    return all(a == b or answers.number(a) == answers.number(b) for a, b in zip(found, wanted, strict=True))


def _rules_that_repeat(dataset: Any) -> None:
    dataset.task_indices = AnyIndex([rule for rule in range(17) if rule != UNSEEDED])


def _examples(item: Item) -> Mapping[str, Any]:
    text = item["question"]
    examples = [
        [json.loads(given), json.loads(made)]
        for given, made in re.findall(r"Input \d+: (\[.*?\])\nOutput \d+: (\[.*?\])\n", text)
    ]
    return {"examples": examples, "given": json.loads(re.findall(r"\nInput: (\[.*?\])\n", text)[0])}


def _list_functions(data: Mapping[str, Any]) -> str:
    return f"""\
examples = {data["examples"]}
given = {data["given"]}
rules = [
    lambda x: x,
    lambda x: sorted(x),
    lambda x: sorted(x, reverse=True),
    lambda x: x[::-1],
    lambda x: [x[0] + 1] + x[1:-1] + [x[-1] + 1],
    lambda x: [i + n for i, n in enumerate(x)],
    lambda x: [a for a, b in zip(x, x[1:]) if b % 2 == 0],
    lambda x: [len(x)],
    lambda x: [sum(x)],
    lambda x: [2 * x[-1]],
    lambda x: [2 * x[0] - 4],
    lambda x: [x.count(5)],
    lambda x: [sum(n for n in set(x) if n < 30)],
    lambda x: [int(x == sorted(x))],
    lambda x: [x[2]],
    lambda x: [x[x[-1]]],
]
for rule in rules:
    try:
        if all(rule(x) == y for x, y in examples):
            print(rule(given))
            break
    except IndexError:
        continue"""


def _has_output(item: Item) -> bool:
    return bool(answers.tokens(item["answer"]))


ROWS = {
    "rg/arc_1d": Row(Arc1dConfig, (), same_list),
    "rg/list_functions": Row(
        ListFunctionsConfig, (), same_list, _list_functions,
        derive=_examples, fits=_has_output, prepare=_rules_that_repeat,
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
