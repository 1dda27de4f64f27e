"""What every Reasoning-Gym task shares: the package makes the question, the row says the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from r1ci.tasks.base import Question
from r1ci.tasks.params import read_params
from r1ci.tasks.reasoning_gym import library
from r1ci.tasks.seeding import item_seed


@dataclass(frozen=True)
class Row:
    """One dataset. The functions live at module level, so that tasks can be pickled."""

    config: type[Any]
    """Frozen dataclass of the parameters, named as in the package."""
    keep: tuple[str, ...]
    """Metadata that the program or the checker needs."""
    check: Callable[[Question, str], bool]
    """Our checker; the package's scorers give part marks, mind whitespace, and some evaluate the answer."""
    program: Callable[[Mapping[str, Any]], str]
    """The reference program from the kept metadata."""


@dataclass(frozen=True)
class GymTask:
    """A dataset of the reasoning-gym package as a task."""

    id: str
    row: Row
    config: Any

    def question(self, index: int, seed: int) -> Question:
        """The index-th question of a seed. Raises EnvironmentMissing if the package is not installed."""
        settings = tuple(sorted(dataclasses.asdict(self.config).items()))
        entry = library.item(self.id.partition("/")[2], settings, item_seed(self.id, seed, index))
        data = {key: entry["metadata"][key] for key in self.row.keep}
        return Question(self.id, index, entry["question"].strip(), entry["answer"], data)

    def check(self, question: Question, answer_text: str) -> bool:
        """Whether the row's checker accepts the answer."""
        return self.row.check(question, answer_text)

    def program(self, question: Question) -> str | None:
        """The row's reference program."""
        return self.row.program(question.data)


def gym_task(rows: Mapping[str, Row], id: str, params: Mapping[str, Any]) -> GymTask:
    """The task of a row, with validated parameters."""
    row = rows[id]
    return GymTask(id, row, read_params(row.config, params, id))
