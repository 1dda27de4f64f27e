"""What a step is given to run with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1ci.plan.steps import Step


class Stopped(KeyboardInterrupt):
    """A step was asked to stop before its end, and did: like Ctrl-C, no failure, and its attempt can be resumed."""


@dataclass(frozen=True)
class Progress:
    """How far a step is, for people."""

    done: int
    total: int
    text: str = ""
    """Short facts: "reward 0.42 signal 0.55"."""


@dataclass(frozen=True)
class StepContext:
    """A step, the folder of its attempt, the folders it reads, and whom to tell about progress."""

    step: Step
    folder: Path
    reads: Mapping[str, Path]
    """Folders of finished steps by role."""
    progress: Callable[[Progress], None]

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The step's resolved inputs."""
        return self.step.inputs
