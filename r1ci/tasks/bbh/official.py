"""Reading rows of the official BIG-Bench-Hard files: {"input": question, "target": answer}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample
from r1ci.tasks.bbh.choice import letter

INPUT = ("input", "question", "question.txt")
TARGET = ("target", "answer", "solution")
_OPTION_LINE = re.compile(r"[ \t]*\(([A-Z])\)[ \t]*(.*?)[ \t]*")


def text_of(sample: Sample) -> str:
    """The official question. Raises ValueError if there is none."""
    text = _field(sample, INPUT).replace("\r\n", "\n").strip()
    if not text:
        raise ValueError("its question is empty")
    return text


def target_of(sample: Sample) -> str:
    """The official answer. Raises ValueError if there is none."""
    target = _field(sample, TARGET).strip()
    if not target:
        raise ValueError("its target is empty")
    return target


def options_of(text: str) -> list[str]:
    """The options of a question, in order. Raises ValueError unless they are (A), (B) and so on."""
    lines = [match for line in text.split("\n") if (match := _OPTION_LINE.fullmatch(line))]
    if len(lines) < 2 or [line[1] for line in lines] != [chr(ord("A") + place) for place in range(len(lines))]:
        raise ValueError("it does not list options (A), (B) and so on")
    return [line[2] for line in lines]


def stem_of(text: str) -> str:
    """What stands before the options, on one line."""
    return " ".join(text.partition("Options:")[0].split())


def item(task: str, text: str, answer: str, gold: str, data: Mapping[str, Any] | None = None) -> Official:
    """An official question with its right answer."""
    return Official(Question(f"bbh/{task}", 0, text, answer, data or {}), gold)


def choice(task: str, sample: Sample, right: int | None = None, data: Mapping[str, Any] | None = None) -> Official:
    """A multiple-choice question; ``right`` is where the computed answer stands, None to take the target's word."""
    text, target = text_of(sample), target_of(sample)
    options = options_of(text)
    answer = letter(right) if right is not None else _option_meant(target, options)
    return item(task, text, answer, target, {**(data or {}), "options": options})


def _option_meant(target: str, options: list[str]) -> str:
    """The option that a target names; some targets are an option's text, cut off at a comma in the options."""
    place = answers.option_of(target, options) or answers.option_of(target.partition(",")[0], options)
    if place is None:
        raise ValueError(f"its target {target[:80]!r} is none of its options")
    return f"({place})"


def yes_no(task: str, sample: Sample, right: bool | None = None, data: Mapping[str, Any] | None = None) -> Official:
    """A yes-or-no question; ``right`` is the computed answer, None to take the target's word."""
    text, target = text_of(sample), target_of(sample)
    value = answers.yes_no(target) if right is None else right
    if value is None:
        raise ValueError(f"its target {target[:80]!r} is neither Yes nor No")
    return item(task, text, "Yes" if value else "No", target, data)


def _field(sample: Sample, names: tuple[str, ...]) -> str:
    for name in names:
        if name in sample.files:
            return str(sample.files[name])
    raise ValueError(f"it has none of {', '.join(names)}")
