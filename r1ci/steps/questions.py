"""Draw the questions of every set, no text twice: sft, rl and new of the training tasks, test of the test tasks."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from r1ci.errors import UsageError
from r1ci.plan.context import Progress, StepContext
from r1ci.tasks.base import Question
from r1ci.tasks.generate import Lost, Order, generate
from r1ci.tasks.storage import write_questions

SETS = {"sft": "sft_questions_per_task", "rl": "questions_per_task", "new": "new_questions_per_task"}
TEST = {"test": "test_questions_per_task"}
LOST = "lost.json"
"""Questions that could not be made, each with its task, seed, index and reason."""


def run(context: StepContext) -> None:
    """Write questions.parquet, and lost.json where questions were lost.

    Raises:
        UsageError: a task has too few different questions, or loses most of them.
        EnvironmentMissing: a package that a task needs is not installed.
    """
    inputs = context.inputs
    keys = dict.fromkeys(inputs["train"], SETS) | dict.fromkeys(inputs["test"], TEST)
    orders = [
        Order(task, inputs["params"].get(task, {}), inputs["seed"], sum(inputs[key] for key in sets.values()))
        for task, sets in keys.items()
    ]
    done = itertools.count(1)
    context.progress(Progress(0, len(orders)))
    plugins = context.step.runtime.get("plugins", [])
    made = generate(
        orders, plugins=plugins, tell=lambda task: context.progress(Progress(next(done), len(orders), task))
    )
    sets: dict[str, list[Question]] = {name: [] for name in (*SETS, *TEST)}
    for order in orders:
        sizes = {name: inputs[key] for name, key in keys[order.task].items()}
        for name, questions in split(order, made[order.task].questions, sizes).items():
            sets[name] += questions
    write_questions(context.folder, sets)
    _report([lost for order in orders for lost in made[order.task].lost], context)


def split(order: Order, questions: Sequence[Question], sizes: Mapping[str, int]) -> dict[str, list[Question]]:
    """One task's questions by set. Raises UsageError if there are too few."""
    if len(questions) < order.need:
        raise UsageError(
            f"{order.task} has only {len(questions)} different questions with these parameters; the spec asks for "
            f"{order.need}",
            f"lower questions_per_task, or widen tasks.params for {order.task}",
        )
    rest = iter(questions)
    return {name: list(itertools.islice(rest, size)) for name, size in sizes.items()}


def _report(lost: Sequence[Lost], context: StepContext) -> None:
    if not lost:
        return
    rows: list[dict[str, Any]] = [dataclasses.asdict(one) for one in lost]
    (context.folder / LOST).write_text(json.dumps(rows, indent=1) + "\n")
    tasks = ", ".join(dict.fromkeys(one.task for one in lost))
    context.progress(Progress(1, 1, f"{len(lost)} questions lost of {tasks}: see {LOST}"))
