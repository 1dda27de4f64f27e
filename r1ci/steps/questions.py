"""Draw the questions of every set, no text twice: sft, rl and new of the training tasks, test of the test tasks."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from r1ci.errors import UsageError
from r1ci.plan.context import Progress, StepContext
from r1ci.tasks.base import Question
from r1ci.tasks.distinct import distinct
from r1ci.tasks.registry import get_task
from r1ci.tasks.storage import write_questions

SETS = {"sft": "sft_questions_per_task", "rl": "questions_per_task", "new": "new_questions_per_task"}


def run(context: StepContext) -> None:
    """Write questions.parquet."""
    inputs = context.inputs
    sets: dict[str, list[Question]] = {name: [] for name in (*SETS, "test")}
    chosen = [(task, True) for task in inputs["train"]] + [(task, False) for task in inputs["test"]]
    for done, (task_id, trained) in enumerate(chosen):
        context.progress(Progress(done, len(chosen), task_id))
        for name, questions in draw(task_id, trained, inputs).items():
            sets[name] += questions
    write_questions(context.folder, sets)


def draw(task_id: str, trained: bool, inputs: Mapping[str, Any]) -> dict[str, list[Question]]:
    """The questions of one task by set.

    Raises:
        UsageError: the task has too few different questions.
    """
    keys = SETS if trained else {"test": "test_questions_per_task"}
    sizes = {name: inputs[key] for name, key in keys.items()}
    need = sum(sizes.values())
    task = get_task(task_id, inputs["params"].get(task_id, {}))
    questions = list(islice(distinct(task, inputs["seed"]), need))
    if len(questions) < need:
        raise UsageError(
            f"{task_id} has only {len(questions)} different questions with these parameters; the spec asks for {need}",
            f"lower questions_per_task, or widen tasks.params for {task_id}",
        )
    out: dict[str, list[Question]] = {}
    start = 0
    for name, size in sizes.items():
        out[name] = questions[start : start + size]
        start += size
    return out
