"""As much of an episode as the reward terms look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Turn(Protocol):
    """One generation of the model."""

    @property
    def violations(self) -> Sequence[Any]:
        """How it broke the format; empty if it did not."""
        ...


class Episode(Protocol):
    """A finished episode; a trajectory is one."""

    @property
    def question_id(self) -> str:
        """The question it attempted."""
        ...

    @property
    def turns(self) -> Sequence[Turn]:
        """Its generations, in order."""
        ...

    @property
    def correct(self) -> bool:
        """Whether the task's checker accepted its answer."""
        ...

    @property
    def scored(self) -> bool:
        """False where a failure of ours, not the model's, cut it short."""
        ...
