"""What the trainer sees, in order: stages of questions, and the questions of each step.

cumulative  stage s trains on groups 1..s merged (the paper's schedule)
separate    stage s trains on group s alone
single      one stage on all questions: plain GRPO

All cost the same: every group brings ``steps_per_stage`` steps, and a single stage runs as many as all groups together.
An empty group makes no stage of its own; its steps go to the stage before it, or to the first stage.

Everything is a function of the step, so that a resumed run needs no state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from r1ci.errors import UsageError

Kind = Literal["cumulative", "separate", "single"]


@dataclass(frozen=True)
class Stage:
    """A run of steps on the same questions."""

    number: int
    """The group that it adds, or trains on; 1 first."""
    question_ids: tuple[str, ...]
    first_step: int
    """Counted from 0 over all stages."""
    steps: int


def stages(groups: Sequence[Sequence[str]], kind: Kind, steps_per_stage: int, n_groups: int) -> tuple[Stage, ...]:
    """The stages over groups of question ids, the first group first.

    ``n_groups`` is the number of groups of the partition, which a single stage needs to cost the same without one: its
    ``groups`` may be all the questions as one. Raises UsageError if there is no question at all.
    """
    merged = [question_id for group in groups for question_id in group]
    if not merged:
        raise UsageError(
            "curriculum: every group is empty, there is nothing to train on",
            "select at least one training task, or move partition.edges",
        )
    if kind == "single":
        return (Stage(1, tuple(merged), 0, n_groups * steps_per_stage),)
    made: list[Stage] = []
    seen: list[str] = []
    for number, group in enumerate(groups, start=1):
        seen = [*seen, *group] if kind == "cumulative" else list(group)
        if group:
            first = made[-1].first_step + made[-1].steps if made else 0
            made.append(Stage(number, tuple(seen), first, number * steps_per_stage - first))
        elif made:
            last = made[-1]
            made[-1] = Stage(last.number, last.question_ids, last.first_step, last.steps + steps_per_stage)
    return tuple(made)


def batch(stage: Stage, step: int, batch_questions: int, seed: int) -> list[str]:
    """The questions of one step, ``step`` counted over all stages.

    Drawn without replacement: every question once in an order of its own per epoch, then again in another, so that up
    to any step all have been used equally often, up to one. No question stands twice in a batch unless the batch is
    larger than the stage. Raises ValueError for a step outside the stage.
    """
    index = step - stage.first_step
    if not 0 <= index < stage.steps:
        raise ValueError(f"step {step} is not in stage {stage.number}, which starts at {stage.first_step}")
    drawn: list[str] = []
    epoch = 0
    while len(drawn) < (index + 1) * batch_questions:
        order = _shuffled(stage, epoch, seed)
        started = drawn[len(drawn) - len(drawn) % batch_questions :]
        drawn += _without_repeats(order, started, batch_questions)
        epoch += 1
    return drawn[index * batch_questions : (index + 1) * batch_questions]


def fresh(stage: Stage, step: int, batch_questions: int, seed: int) -> list[str]:
    """The questions of the stage that are not in a step's batch, in an order of the step's own: extra rounds of
    sampling take them from the front. Empty where the batch is the whole stage."""
    taken = set(batch(stage, step, batch_questions, seed))

    def key(question_id: str) -> bytes:
        return hashlib.sha256(f"fresh/{seed}/{stage.number}/{step}/{question_id}".encode()).digest()

    return sorted((question_id for question_id in stage.question_ids if question_id not in taken), key=key)


def _shuffled(stage: Stage, epoch: int, seed: int) -> list[str]:
    def key(question_id: str) -> bytes:
        return hashlib.sha256(f"batch/{seed}/{stage.number}/{epoch}/{question_id}".encode()).digest()

    return sorted(stage.question_ids, key=key)


def _without_repeats(order: list[str], started: list[str], batch_questions: int) -> list[str]:
    """The order with the questions that a started batch already has moved behind its end, where that is possible."""
    if not started or batch_questions > len(order):
        return order
    taken = set(started)
    filling = [question_id for question_id in order if question_id not in taken][: batch_questions - len(started)]
    used = set(filling)
    return filling + [question_id for question_id in order if question_id not in used]
