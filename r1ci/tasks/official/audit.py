"""Official items held against our own checkers: accepted, repaired or rejected, and why.

accepted: the official answer passes our checker, or there is none and ours is used. repaired: the official answer
fails and ours, computed from the question, passes: ours is used. rejected: the item cannot be read, belongs to none of
our tasks, or has no right answer: it is never used.
"""

from __future__ import annotations

import dataclasses
import importlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from r1ci.errors import R1ciError
from r1ci.tasks.base import Official, Question, Task
from r1ci.tasks.official.gym import read_row
from r1ci.tasks.official.loader import Item
from r1ci.tasks.reasoning_gym.task import GymTask
from r1ci.tasks.registry import make_task, task_info

ACCEPTED, REPAIRED, REJECTED = "accepted", "repaired", "rejected"
UNKNOWN = "(no task of r1ci)"
NOTE = "note"
"""Key of a question's data where a reader says what is odd about an item that it takes."""
SHOWN = 120


@dataclass(frozen=True)
class Verdict:
    """What became of one item."""

    task: str
    name: str
    verdict: str
    """accepted, repaired or rejected."""
    why: str = ""
    """Why it was repaired or rejected; of an accepted one, what is odd about it."""
    question: Question | None = None
    """The question with a right answer, unless it was rejected."""


@dataclass(frozen=True)
class TaskAudit:
    """The items of one task."""

    task: str
    accepted: int
    repaired: int
    rejected: int
    why: Mapping[str, int]
    """How often which reason was given for a repair or a rejection, the most frequent first."""
    notes: Mapping[str, int]
    """How often what was odd about an accepted item."""

    @property
    def items(self) -> int:
        """All of them."""
        return self.accepted + self.repaired + self.rejected


@dataclass(frozen=True)
class Audit:
    """All items, task by task in alphabetical order."""

    tasks: tuple[TaskAudit, ...]
    verdicts: tuple[Verdict, ...]


def audit(found: Iterable[Item]) -> Audit:
    """Judge every item. A bad one is a verdict, never an exception."""
    verdicts = tuple(_marked_repeats(judge(item) for item in found))
    names = sorted({verdict.task for verdict in verdicts})
    return Audit(tuple(_count(name, [v for v in verdicts if v.task == name]) for name in names), verdicts)


def sound(found: Iterable[Item]) -> Iterator[Question]:
    """The questions of the accepted and repaired items, each with a right answer, numbered within their task."""
    numbers: Counter[str] = Counter()
    for item in found:
        question = judge(item).question
        if question is not None:
            yield dataclasses.replace(question, index=numbers[question.task])
            numbers[question.task] += 1


def judge(item: Item) -> Verdict:
    """What becomes of an item; whatever is wrong with it is the verdict's reason."""
    name = item.sample.name
    if item.task is None:
        return Verdict(UNKNOWN, name, REJECTED, item.error or "its name is that of no task")
    if item.error:
        return Verdict(item.task, name, REJECTED, item.error)
    try:
        official = _read(item)
        task = make_task(official.question.task)
        return _weigh(item.task, name, official, task)
    except (ValueError, R1ciError) as error:
        return Verdict(item.task, name, REJECTED, _short(str(error)))
    except Exception as error:
        # A reader that trips over a row costs that row, not the audit.
        return Verdict(item.task, name, REJECTED, _short(f"its reader failed: {type(error).__name__}: {error}"))


def _read(item: Item) -> Official:
    assert item.task is not None
    task = make_task(item.task)
    if isinstance(task, GymTask):
        return read_row(task, item.sample)
    reader = getattr(importlib.import_module(task_info(item.task).module), "read_official", None)
    if reader is None:
        raise ValueError("r1ci has no reader for official items of this task")
    official: Official = reader(item.sample)
    return official


def _weigh(id: str, name: str, official: Official, task: Task) -> Verdict:
    question, gold = official.question, official.gold
    note = str(question.data.get(NOTE, ""))
    if gold is None:
        if task.check(question, question.answer):
            return Verdict(id, name, ACCEPTED, note or "it has no official answer; ours is used", question)
        return Verdict(id, name, REJECTED, "it has no official answer, and ours does not pass the checker")
    if task.check(question, gold):
        return Verdict(id, name, ACCEPTED, note, question)
    if task.check(question, question.answer):
        why = f"its answer {_short(gold, 50)!r} is wrong; right is {_short(question.answer, 50)!r}"
        return Verdict(id, name, REPAIRED, why, question)
    return Verdict(id, name, REJECTED, f"its answer {_short(gold, 50)!r} does not pass the checker, and ours neither")


def _marked_repeats(verdicts: Iterable[Verdict]) -> Iterator[Verdict]:
    seen: set[tuple[str, str]] = set()
    for verdict in verdicts:
        key = (verdict.task, verdict.question.text if verdict.question is not None else "")
        if verdict.verdict == ACCEPTED and not verdict.why and key in seen:
            yield dataclasses.replace(verdict, why="it repeats an earlier question")
        else:
            yield verdict
        if verdict.question is not None:
            seen.add(key)


def _count(task: str, verdicts: list[Verdict]) -> TaskAudit:
    counts = Counter(verdict.verdict for verdict in verdicts)
    why = Counter(_kind(v.why) for v in verdicts if v.verdict != ACCEPTED)
    notes = Counter(v.why for v in verdicts if v.verdict == ACCEPTED and v.why)
    return TaskAudit(
        task, counts[ACCEPTED], counts[REPAIRED], counts[REJECTED], dict(why.most_common()), dict(notes.most_common())
    )


def _kind(why: str) -> str:
    """A reason without what differs from item to item: what it quotes."""
    return re.sub(r" ?; right is .*| ('[^']*'|\"[^\"]*\")", "", why)


def _short(text: str, most: int = SHOWN) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 3]}..."
