"""Reading the files of one official item."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from r1ci.tasks.base import Official, Question, Sample

QUESTION = ("question.txt", "input_prompt_1.txt", "question", "problem", "input", "prompt")
SOLUTION = ("solution.json", "solution")


def text_of(sample: Sample) -> str:
    """The official question. Raises ValueError if there is none."""
    text = (find(sample, QUESTION) or "").replace("\r\n", "\n").strip()
    if not text:
        raise ValueError(f"it has no question: none of {', '.join(QUESTION)} holds text")
    return text


def solution_of(sample: Sample) -> Any:
    """What solution.json holds; None where it is missing. Raises ValueError if it is no JSON."""
    text = find(sample, SOLUTION)
    return None if text is None else json_of(text)


def gold_of(sample: Sample, name: str = "solution") -> Any:
    """One field of solution.json, or all of it where that is no object; None where it is missing."""
    solution = solution_of(sample)
    return solution.get(name) if isinstance(solution, Mapping) else solution


def fields(sample: Sample) -> dict[str, str]:
    """The fields of a row, or of the object in the item's one JSON file, as text. Raises ValueError if it is none."""
    text = next((content for name, content in sample.files.items() if name.endswith((".json", ".jsonl"))), None)
    row = sample.files if text is None else json_of(text)
    if not isinstance(row, Mapping):
        raise ValueError("it is no object with fields")
    return {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in row.items()}


def json_of(text: str) -> Any:
    """JSON values. Raises ValueError for anything else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it holds no JSON: {error}") from error


def after(text: str, mark: str) -> str:
    """What follows the first mark in a text. Raises ValueError if there is none."""
    _, found, rest = text.partition(mark)
    if not found:
        raise ValueError(f"its question does not say {mark!r}")
    return rest


def listed(value: Any) -> str | None:
    """The items of a list or of a list of lists, parted by commas; text of anything else, None of None."""
    if isinstance(value, list | tuple):
        return ", ".join(listed(item) or "" for item in value)
    return None if value is None else str(value)


def item(task: str, text: str, answer: str, data: Mapping[str, Any], gold: str | None) -> Official:
    """An official question with its right answer."""
    return Official(Question(f"symbench/{task}", 0, text, answer, data), gold)


def find(sample: Sample, names: Sequence[str]) -> str | None:
    """The contents of the first of some files or fields that the item has, whatever precedes its name."""
    for name in names:
        for file, content in sample.files.items():
            if file == name or file.endswith((f"_{name}", f"/{name}")):
                return content
    return None
