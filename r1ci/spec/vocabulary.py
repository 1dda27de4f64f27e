"""The names a spec may use that other rooms define. Injected, because the language imports none of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from r1ci.spec.models import Tasks, TestTasks, TrainTasks


@dataclass(frozen=True)
class Vocabulary:
    """Task ids with their split, in registry order."""

    tasks: Mapping[str, str]
    """{"rg/gcd": "train", ...}"""
    with_program: frozenset[str] = frozenset()
    """Tasks that have a reference program."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The namespaces of the tasks, in registry order."""
        return tuple(dict.fromkeys(task.partition("/")[0] for task in self.tasks))

    def train(self, spec: Tasks) -> tuple[str, ...]:
        """The tasks trained on, in registry order."""
        return tuple(task for task in self._chosen(spec.train, spec) if not _is_of(task, spec.leave_out))

    def test(self, spec: Tasks) -> tuple[str, ...]:
        """The tasks held out, in registry order."""
        return tuple(
            task for task in self._chosen(spec.test, spec) if spec.leave_out is None or _is_of(task, spec.leave_out)
        )

    def _chosen(self, section: TrainTasks | TestTasks, spec: Tasks) -> list[str]:
        split = "any" if spec.leave_out is not None else section.split
        return [
            task
            for task, of in self.tasks.items()
            if split in ("any", of)
            and (not section.sources or task.partition("/")[0] in section.sources)
            and any(fnmatch.fnmatchcase(task, pattern) for pattern in section.include)
            and not any(fnmatch.fnmatchcase(task, pattern) for pattern in section.exclude)
        ]


def _is_of(task: str, source: str | None) -> bool:
    return task.partition("/")[0] == source
