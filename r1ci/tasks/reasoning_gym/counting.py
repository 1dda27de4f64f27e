"""Word problems that end in a number: aiw, gsm_symbolic, leg_counting."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.induction import AnyIndex
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

GSM = "reasoning_gym.arithmetic.gsm_symbolic.gsm_symbolic"
LEGS = "reasoning_gym.arithmetic.leg_counting"


@dataclass(frozen=True)
class AiwConfig:
    """Parameters of rg/aiw."""

    max_entities: int = param(6, "most siblings, friends or colleagues of a kind", low=3, high=50)
    LEVELS: ClassVar[Levels] = {"easy": {"max_entities": 4}, "medium": {}, "hard": {"max_entities": 16}}


@dataclass(frozen=True)
class GsmSymbolicConfig:
    """rg/gsm_symbolic has no parameters."""


@dataclass(frozen=True)
class LegCountingConfig:
    """Parameters of rg/leg_counting."""

    min_animals: int = param(3, "fewest kinds of animals", low=1, high=37)
    max_animals: int = param(10, "most kinds of animals", low=1, high=37, at_least="min_animals")
    min_instances: int = param(1, "fewest of a kind", low=1, high=1000)
    max_instances: int = param(15, "most of a kind", low=1, high=1000, at_least="min_instances")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_animals": 4, "max_instances": 5},
        "medium": {},
        "hard": {"min_animals": 15, "max_animals": 30, "min_instances": 20, "max_instances": 200},
    }


def same_amount(question: Question, answer_text: str) -> bool:
    """Equal numbers; a dollar or percent sign does no harm."""
    text = answers.unwrap(answer_text).removeprefix("$").removesuffix("%").strip()
    value = answers.number(text)
    return value is not None and value == Fraction(question.answer.replace(",", ""))


def _any_template(dataset: Any) -> None:
    dataset.task_indices = AnyIndex(list(importlib.import_module(GSM).tasks_ok))


def _people(item: Item) -> Mapping[str, Any]:
    counts = [int(number) for number in re.findall(r"[0-9]+", item["question"])]
    return {"kind": item["metadata"]["task_type"], "counts": counts}


def _people_answer(item: Item) -> str:
    """Ours: of the colleagues around Matilda, the package counts those of one circle only."""
    data = _people(item)
    counts: list[int] = data["counts"]
    return str(counts[1] + counts[3] - 1 if data["kind"] == "colleagues" else counts[1] + 1)


def _is_about_one_family(item: Item) -> bool:
    """One template asks for the sisters of somebody who is not in the family."""
    name: str = item["question"].partition(" ")[0]
    return item["metadata"]["task_type"] != "siblings" or f"does {name}'s brother" in item["question"]


def _animals(item: Item) -> Mapping[str, Any]:
    legs = importlib.import_module(LEGS).ANIMALS
    return {"animals": [[name, count, legs[name]] for name, count in item["metadata"]["animals"].items()]}


def _aiw(data: Mapping[str, Any]) -> str:
    counts = data["counts"]
    match data["kind"]:
        case "siblings":
            return f"sisters = {counts[1]}\nprint(sisters + 1)"
        case "friends":
            return f"female_friends = {counts[1]}\nprint(female_friends + 1)"
        case _:
            return f"""\
first_circle = {counts[1]} + 1
second_circle = {counts[3]}
matilda = 1
print(first_circle - matilda + second_circle - matilda)"""


def _leg_counting(data: Mapping[str, Any]) -> str:
    legs = {name: legs for name, _, legs in data["animals"]}
    counts = {name: count for name, count, _ in data["animals"]}
    return f"legs = {legs}\ncounts = {counts}\nprint(sum(legs[name] * counts[name] for name in counts))"


ROWS = {
    "rg/aiw": Row(
        AiwConfig, (), same_integer, _aiw, derive=_people, answer=_people_answer, fits=_is_about_one_family,
        note="Answer with a number.",
    ),
    "rg/gsm_symbolic": Row(GsmSymbolicConfig, (), same_amount, prepare=_any_template),
    "rg/leg_counting": Row(
        LegCountingConfig, (), same_integer, _leg_counting, derive=_animals,
        note="The five arms of a starfish count as legs. Answer with a number.",
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
