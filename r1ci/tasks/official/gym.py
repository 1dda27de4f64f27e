"""Rows of Reasoning-Gym's data sets as questions: question, answer and metadata (a JSON object) by column."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from r1ci.tasks.base import Official, Question, Sample
from r1ci.tasks.reasoning_gym.task import GymTask

QUESTION = ("question", "prompt", "input", "question.txt")
ANSWER = ("answer", "target", "ground_truth")


def read_row(task: GymTask, sample: Sample) -> Official:
    """A row as a question of its task. Raises ValueError if it lacks what the checker needs."""
    text, gold = _field(sample, QUESTION), _field(sample, ANSWER)
    if text is None:
        raise ValueError("it has no question")
    metadata = _metadata(sample)
    item = {"question": text, "answer": gold, "metadata": metadata}
    missing = [key for key in task.row.keep if key not in metadata]
    if missing:
        raise ValueError(f"its metadata lacks {', '.join(missing)}")
    data = {key: metadata[key] for key in task.row.keep}
    try:
        if task.row.derive is not None:
            data.update(task.row.derive(item))
        answer = gold if task.row.answer is None else task.row.answer(item)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"its metadata is not as the package writes it: {type(error).__name__}: {error}") from error
    if answer is None:
        raise ValueError("it has no answer")
    return Official(Question(task.id, 0, text.strip(), str(answer), data), gold)


def _metadata(sample: Sample) -> Mapping[str, Any]:
    text = sample.files.get("metadata")
    if not text:
        return dict(sample.files)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("its metadata is no JSON") from error
    if not isinstance(value, dict):
        raise ValueError("its metadata is no JSON object")
    return value


def _field(sample: Sample, names: tuple[str, ...]) -> str | None:
    return next((sample.files[name] for name in names if sample.files.get(name, "").strip()), None)
