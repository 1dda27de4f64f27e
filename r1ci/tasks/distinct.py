"""Questions without repetition: a task draws each question on its own, so a small space repeats itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from r1ci.tasks.base import Question, Task

PATIENCE = 2000
"""Repeats in a row after which a task is called exhausted: by then at most about one question in 400 is unseen."""


def distinct(task: Task, seed: int, *, start: int = 0, taken: Collection[str] = frozenset()) -> Iterator[Question]:
    """The questions of a seed from an index on, in order, whose text is neither ``taken`` nor seen before.

    Ends when the space is used up, so take as many as are needed with ``itertools.islice`` and count them.
    """
    seen: set[str] = set()
    repeats, index = 0, start
    while repeats < PATIENCE:
        question = task.question(index, seed)
        index += 1
        if question.text in seen or question.text in taken:
            repeats += 1
            continue
        repeats = 0
        seen.add(question.text)
        yield question
