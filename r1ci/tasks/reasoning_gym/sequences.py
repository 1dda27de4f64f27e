"""Words and lists: spell_backward, number_filtering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import param
from r1ci.tasks.reasoning_gym.task import Row, gym_task

KEPT = {"keep_larger": ">", "keep_smaller": "<", "remove_larger": "<=", "remove_smaller": ">="}


@dataclass(frozen=True)
class SpellBackwardConfig:
    """Parameters of rg/spell_backward."""

    min_word_len: int = param(3, "fewest letters", low=3, high=10)
    max_word_len: int = param(10, "most letters", low=3, high=10, at_least="min_word_len")


@dataclass(frozen=True)
class NumberFilteringConfig:
    """Parameters of rg/number_filtering."""

    min_numbers: int = param(3, "fewest numbers", low=1, high=200)
    max_numbers: int = param(10, "most numbers", low=1, high=200, at_least="min_numbers")
    min_decimals: int = param(0, "fewest decimals", low=0, high=12)
    max_decimals: int = param(4, "most decimals", low=0, high=12, at_least="min_decimals")
    min_value: float = param(-100.0, "smallest number", low=-1e9, high=1e9)
    max_value: float = param(100.0, "largest number", low=-1e9, high=1e9, more_than="min_value")


def same_word(question: Question, answer_text: str) -> bool:
    """Equal words, in any case."""
    return answers.word(answer_text).lower() == question.answer.lower()


def same_numbers(question: Question, answer_text: str) -> bool:
    """Equal numbers in equal order. The empty list must be written, as brackets: saying nothing is no answer."""
    value = answers.numbers(answer_text)
    return bool(answers.unwrap(answer_text)) and value is not None and value == answers.numbers(question.answer)


def _spell_backward(data: Mapping[str, Any]) -> str:
    return f'print("{data["word"]}"[::-1])'


def _number_filtering(data: Mapping[str, Any]) -> str:
    numbers, relation = data["original_numbers"], KEPT[data["operation"]]
    return f"print([x for x in {numbers} if float(x) {relation} {data['filter_value']}])"


ROWS = {
    "rg/spell_backward": Row(SpellBackwardConfig, ("word",), same_word, _spell_backward),
    "rg/number_filtering": Row(
        NumberFilteringConfig, ("original_numbers", "filter_value", "operation"), same_numbers, _number_filtering
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
