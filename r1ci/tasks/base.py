"""The task contract: a generator of questions with a checker and, often, a reference program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Question:
    """One instance of a task."""

    task: str
    index: int
    text: str
    """The whole question as a user would ask it; the agent's prompt adds how to answer."""
    answer: str
    """A reference answer; the task's checker accepts it."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the checker and the reference program need beyond the text; plain JSON values."""

    @property
    def id(self) -> str:
        """Name of the question, unique within one seed."""
        return f"{self.task}#{self.index}"


class Task(Protocol):
    """A generator of questions with a checker. Instances are cheap, stateless and picklable."""

    @property
    def id(self) -> str:
        """Namespaced: rg/gcd, symbench/game24, bbh/boolean_expressions."""
        ...

    def question(self, index: int, seed: int) -> Question:
        """The index-th question of a seed: random-access, the same bytes on every machine."""
        ...

    def check(self, question: Question, answer_text: str) -> bool:
        """Whether an answer is right. Pure, total, bounded: never evaluates it as code, never hangs, never raises."""
        ...

    def program(self, question: Question) -> str | None:
        """A short reference Python program that prints the answer, reading the question's numbers from its own
        literals; None where the task has none."""
        ...


@dataclass(frozen=True)
class Sample:
    """One item of a task's official data, as it lies on disk."""

    name: str
    """Where it is from, for reports: sample_3, or a row's number."""
    files: Mapping[str, str]
    """Contents by file name (question.txt, solution.json), or one row's fields by column."""


@dataclass(frozen=True)
class Official:
    """An official item as a question.

    A task's module reads one with ``read_official(sample: Sample) -> Official``, which raises ValueError with the
    reason for an item that cannot be read.
    """

    question: Question
    """Its ``answer`` is the right one: computed by us wherever it can be, else the official one."""
    gold: str | None
    """The official answer as text for the checker; None where the data has none."""


@dataclass(frozen=True)
class TaskInfo:
    """What is known of a task without importing its module."""

    id: str
    source: str
    """SymBench, BIG-Bench-Hard or Reasoning-Gym; or generated, where the official questions are human text and ours are
    of the same kind only."""
    split: str
    """train or test."""
    module: str
    """Module that makes it, imported on first use."""
    summary: str
    """One line."""
    has_program: bool
    answer: str = ""
    """What an answer looks like, for people."""
    check: str = ""
    """What is held against the answer, for people."""
    faults: str = ""
    """Known faults of the official data or checker that ours do not have."""
    space: int | None = None
    """How many different questions there are with the default parameters, where that is fewer than 1,000."""
    repeats: bool = False
    """Whether its module may draw the same question twice, so that it is drawn again (r1ci.tasks.fresh)."""
    shared: bool = False
    """Whether the answer of another question may be right too."""
    shown: bool = False
    """Whether the answer is one of the things that the question has to show."""
    slow: bool = False
    """Whether a question takes more than 20 ms to make."""

    @property
    def suite(self) -> str:
        """symbench, bbh, rg, or a plug-in's namespace."""
        return self.id.partition("/")[0]
