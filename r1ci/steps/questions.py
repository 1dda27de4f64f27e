"""Draw the questions of every set, no text twice: sft, rl and new of the training tasks, test of the test tasks.

They come from the tasks' generators, or, for the tasks it holds, from official data.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from r1ci.errors import UsageError
from r1ci.plan.context import Progress, StepContext
from r1ci.tasks.base import Question
from r1ci.tasks.generate import Lost, Made, Order, generate
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.storage import write_questions

SETS = {"sft": "sft_questions_per_task", "rl": "questions_per_task", "new": "new_questions_per_task"}
TEST = {"test": "test_questions_per_task"}
OFFICIAL = "official.json"
"""How many sound official questions there are, by task; the step has it if the spec names official data."""
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
    official = _official(inputs, set(keys), context)
    done = itertools.count(1)
    context.progress(Progress(0, len(orders)))
    made = generate(
        [order for order in orders if order.task not in official],
        plugins=context.step.runtime.get("plugins", []),
        tell=lambda task: context.progress(Progress(next(done), len(orders), task)),
    )
    made |= {task: Made(questions) for task, questions in official.items()}
    _require(orders, made, official)
    sets: dict[str, list[Question]] = {name: [] for name in (*SETS, *TEST)}
    for order in orders:
        sizes = {name: inputs[key] for name, key in keys[order.task].items()}
        rest = iter(made[order.task].questions)
        for name, size in sizes.items():
            sets[name] += itertools.islice(rest, size)
    write_questions(context.folder, sets)
    _report([lost for order in orders for lost in made[order.task].lost], context)


def _official(inputs: Mapping[str, Any], tasks: set[str], context: StepContext) -> dict[str, list[Question]]:
    """The sound official questions of the tasks, no text twice, in an order drawn from the seed."""
    if inputs.get("official") is None:
        return {}
    from r1ci.tasks.official import fetch, items, sound

    found: dict[str, dict[str, Question]] = {}
    for question in sound(item for item in items(fetch(inputs["official"])) if item.task in tasks):
        found.setdefault(question.task, {}).setdefault(question.text, question)
    drawn = {task: list(questions.values()) for task, questions in found.items()}
    for task, questions in drawn.items():
        item_rng(task, inputs["seed"], 0).shuffle(questions)
    counts = {task: len(questions) for task, questions in sorted(drawn.items())}
    (context.folder / OFFICIAL).write_text(json.dumps(counts, indent=1) + "\n")
    return drawn


def _require(orders: Sequence[Order], made: Mapping[str, Made], official: Collection[str]) -> None:
    """Raises UsageError naming every task that has too few questions."""
    short = [(order, len(made[order.task].questions)) for order in orders]
    short = [(order, count) for order, count in short if count < order.need]
    if not short:
        return
    order, count = short[0]
    kind = "sound official" if order.task in official else "different"
    more = f"; {len(short) - 1} more tasks have too few" if len(short) > 1 else ""
    raise UsageError(
        f"{order.task} has only {count} {kind} questions with these parameters; the spec asks for {order.need}{more}",
        "lower questions_per_task, sft_questions_per_task or new_questions_per_task, widen tasks.params, or leave out "
        + ", ".join(order.task for order, _ in short),
    )


def _report(lost: Sequence[Lost], context: StepContext) -> None:
    if not lost:
        return
    rows: list[dict[str, Any]] = [dataclasses.asdict(one) for one in lost]
    (context.folder / LOST).write_text(json.dumps(rows, indent=1) + "\n")
    tasks = ", ".join(dict.fromkeys(one.task for one in lost))
    context.progress(Progress(1, 1, f"{len(lost)} questions lost of {tasks}: see {LOST}"))
