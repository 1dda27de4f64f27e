"""No two of a thousand questions in a row alike, for tasks that draw each question on its own from a small space.

A question whose text one of the same thousand has already is drawn again, from a place of its own. Asking for the last
of a thousand first costs making the others once; in order, nothing is made twice.
"""

from __future__ import annotations

import functools
import pickle
from dataclasses import dataclass
from typing import Any

from r1ci.tasks.base import Question, Task

BLOCK = 1000
"""Questions among which no two are alike."""
TRIES = 50
"""Draws after which a repeat is taken: the space is used up."""
_AWAY = 10**9
"""Where the next draws lie: far from any index that is asked for."""


@dataclass(frozen=True)
class Fresh:
    """A task that seldom repeats itself, around one that does."""

    task: Task

    @property
    def id(self) -> str:
        """The task's."""
        return self.task.id

    @property
    def config(self) -> Any:
        """The task's parameters, None if it has none."""
        return getattr(self.task, "config", None)

    def question(self, index: int, seed: int) -> Question:
        """The task's own question, or where one before it in the block has the same text, another."""
        return _block(pickle.dumps(self.task), seed, index // BLOCK).question(index % BLOCK)

    def check(self, question: Question, answer_text: str) -> bool:
        """The task's checker."""
        return self.task.check(question, answer_text)

    def program(self, question: Question) -> str | None:
        """The task's program."""
        return self.task.program(question)


class _Block:
    """The questions of one block that were made so far."""

    def __init__(self, task: Task, seed: int, first: int) -> None:
        self._task, self._seed, self._first = task, seed, first
        self._made: list[Question] = []
        self._texts: set[str] = set()

    def question(self, place: int) -> Question:
        while len(self._made) <= place:
            index = self._first + len(self._made)
            question = self._draw(index)
            self._texts.add(question.text)
            self._made.append(Question(question.task, index, question.text, question.answer, question.data))
        return self._made[place]

    def _draw(self, index: int) -> Question:
        question = self._task.question(index, self._seed)
        for number in range(1, TRIES + 1):
            if question.text not in self._texts:
                break
            question = self._task.question(index + number * _AWAY, self._seed)
        return question


@functools.lru_cache(maxsize=256)
def _block(task: bytes, seed: int, number: int) -> _Block:
    made: Task = pickle.loads(task)
    return _Block(made, seed, number * BLOCK)
