"""The names a spec may use that other rooms define. Injected, because the language imports none of them."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Vocabulary:
    """Task ids with their split, in registry order."""

    tasks: Mapping[str, str]
    """{"rg/gcd": "train", ...}"""
    with_program: frozenset[str] = frozenset()
    """Tasks that have a reference program."""

    def select(self, *, split: str, include: Sequence[str], exclude: Sequence[str]) -> tuple[str, ...]:
        """The tasks of a split ("any" for both) that match include and not exclude, in registry order."""
        return tuple(
            task
            for task, of in self.tasks.items()
            if split in ("any", of)
            and any(fnmatch.fnmatchcase(task, pattern) for pattern in include)
            and not any(fnmatch.fnmatchcase(task, pattern) for pattern in exclude)
        )
