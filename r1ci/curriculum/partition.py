"""Cut the RL questions into groups, the first to be trained on first.

By rank (the paper's equal-sized groups): questions sorted by potential or by accuracy, highest first, cut into groups
whose sizes differ by at most one. Measured values tie often, so ties are broken by a hash of seed and question id: the
same on every machine and in any input order, and no group is all of one task because its questions were listed last.
By edges: a question belongs to the first group whose lower edge its value reaches; groups may be empty. At random: the
control, by the hash alone; it needs no measurement.

Equal sizes and given edges can hold together only by accident: each group records the values it spans.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from r1ci.curriculum.potential import QuestionPotential
from r1ci.errors import UsageError
from r1ci.spec.models import Partition

T = TypeVar("T")


@dataclass(frozen=True)
class Group:
    """Questions trained on together."""

    number: int
    """1 first."""
    question_ids: tuple[str, ...]
    """Highest value first; in hash order at random."""
    highest: float | None = None
    """Highest value (potential or accuracy) in the group; None where nothing was measured or the group is empty."""
    lowest: float | None = None
    """Lowest value in the group."""


def partition(questions: Sequence[QuestionPotential], spec: Partition, seed: int) -> tuple[Group, ...]:
    """The groups of measured questions; every question is in exactly one.

    Raises UsageError if there are fewer questions than groups to cut by rank, or none at all.
    """
    if spec.by == "random":
        return random_partition([question.question_id for question in questions], spec, seed)
    value = _value(spec)
    ranked = sorted(questions, key=lambda q: (-value(q), _tie_break(q.question_id, seed)))
    chunks = _equal(ranked, _count(spec)) if spec.edges is None else _by_edges(ranked, value, spec.edges)
    return tuple(_group(number, chunk, value) for number, chunk in enumerate(chunks, start=1))


def random_partition(question_ids: Sequence[str], spec: Partition, seed: int) -> tuple[Group, ...]:
    """As many groups of equal size as the spec has, at random. Raises UsageError as ``partition``."""
    shuffled = sorted(question_ids, key=lambda question_id: _tie_break(question_id, seed))
    chunks = _equal(shuffled, _count(spec))
    return tuple(Group(number, tuple(chunk)) for number, chunk in enumerate(chunks, start=1))


def _count(spec: Partition) -> int:
    return spec.groups if spec.edges is None else len(spec.edges) + 1


def _value(spec: Partition) -> Callable[[QuestionPotential], float]:
    """What questions are sorted by. Rounded, because 4 of 20 and 16 of 20 tie, but in floating point do not."""
    if spec.by == "difficulty":
        return lambda question: round(question.p, 9)
    return lambda question: round(question.potential, 9)


def _tie_break(question_id: str, seed: int) -> str:
    return hashlib.sha256(f"partition/{seed}/{question_id}".encode()).hexdigest()


def _equal(ranked: Sequence[T], count: int) -> list[Sequence[T]]:
    if len(ranked) < count:
        raise UsageError(
            f"partition: {len(ranked)} questions cannot be cut into {count} groups",
            "ask for fewer partition.groups or more tasks.train.questions_per_task",
        )
    return [ranked[i * len(ranked) // count : (i + 1) * len(ranked) // count] for i in range(count)]


def _by_edges(
    ranked: Sequence[QuestionPotential], value: Callable[[QuestionPotential], float], edges: Sequence[float]
) -> list[list[QuestionPotential]]:
    if not ranked:
        raise UsageError("partition: there are no questions to cut into groups", "select at least one training task")
    chunks: list[list[QuestionPotential]] = [[] for _ in range(len(edges) + 1)]
    for question in ranked:
        chunks[sum(value(question) < edge for edge in edges)].append(question)
    return chunks


def _group(number: int, chunk: Sequence[QuestionPotential], value: Callable[[QuestionPotential], float]) -> Group:
    values = [value(question) for question in chunk]
    ids = tuple(question.question_id for question in chunk)
    return Group(number, ids, max(values, default=None), min(values, default=None))
