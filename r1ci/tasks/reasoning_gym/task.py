"""What every Reasoning-Gym task shares: the package makes the question, the row says the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.tasks.base import Question
from r1ci.tasks.params import read_params
from r1ci.tasks.reasoning_gym import library
from r1ci.tasks.seeding import item_seed

TRIES = 50
"""Items made for one question before its parameters are called hopeless."""

GENERATOR_ERRORS = (ArithmeticError, AssertionError, LookupError, RuntimeError, ValueError)
"""What a generator of the package may raise for a single item."""

ANSWER_MARK = "<<<"
"""Marks a model's answer, so no question may contain it."""

Item = Mapping[str, Any]
"""What the package makes: question, answer, metadata."""


@dataclass(frozen=True)
class Row:
    """One dataset. The functions live at module level, so that tasks can be pickled."""

    config: type[Any]
    """Frozen dataclass of the parameters, named as in the package unless ``settings`` says how they map to its own."""
    keep: tuple[str, ...]
    """Metadata that the program or the checker needs; plain JSON values."""
    check: Callable[[Question, str], bool]
    """Our checker; the package's scorers give part marks, mind whitespace, and some evaluate the answer."""
    program: Callable[[Mapping[str, Any]], str] | None = None
    """The reference program from the kept metadata."""
    derive: Callable[[Item], Mapping[str, Any]] | None = None
    """More data for the program or the checker, from the whole item."""
    answer: Callable[[Item], str] | None = None
    """The reference answer where it is not the item's own."""
    fits: Callable[[Item], bool] | None = None
    """Whether an item is sound; another is made where it is not."""
    settings: Callable[[Any], Mapping[str, Any]] = dataclasses.asdict
    """The package's parameters from ours; hashable values."""
    prepare: Callable[[Any], None] | None = None
    """Mends the package's dataset object where its items differ between processes."""
    note: str = ""
    """Says what the package's text leaves open; stands below it."""


@dataclass(frozen=True)
class GymTask:
    """A dataset of the reasoning-gym package as a task."""

    id: str
    row: Row
    config: Any

    def question(self, index: int, seed: int) -> Question:
        """The index-th question of a seed. Raises EnvironmentMissing if the package is not installed, and UsageError if
        it makes no sound item with these parameters."""
        item = self._item(item_seed(self.id, seed, index))
        data = {key: item["metadata"][key] for key in self.row.keep}
        if self.row.derive is not None:
            data.update(self.row.derive(item))
        answer = item["answer"] if self.row.answer is None else self.row.answer(item)
        text = f"{item['question'].strip()}\n\n{self.row.note}".strip()
        return Question(self.id, index, text, str(answer), data)

    def _item(self, seed: int) -> Item:
        settings = tuple(sorted(self.row.settings(self.config).items()))
        failed: Exception | None = None
        for number in range(TRIES):
            try:
                item = library.item(self.id.partition("/")[2], settings, seed + number, self.row.prepare)
            except EnvironmentMissing:
                raise
            except GENERATOR_ERRORS as error:
                failed = error
                continue
            if ANSWER_MARK not in item["question"] and (self.row.fits is None or self.row.fits(item)):
                return item
        why = f"; the last one failed: {type(failed).__name__}: {failed}" if failed is not None else ""
        raise UsageError(
            f"{self.id}: none of {TRIES} items was sound{why}", f"change its parameters, now {self.config}"
        ) from failed

    def check(self, question: Question, answer_text: str) -> bool:
        """Whether the row's checker accepts the answer."""
        return self.row.check(question, answer_text)

    def program(self, question: Question) -> str | None:
        """The row's reference program."""
        return self.row.program(question.data) if self.row.program is not None else None


def gym_task(rows: Mapping[str, Row], id: str, params: Mapping[str, Any]) -> GymTask:
    """The task of a row, with validated parameters."""
    row = rows[id]
    return GymTask(id, row, read_params(row.config, params, id))
