"""What happens while a plan runs, for whoever shows or records it."""

from __future__ import annotations

from dataclasses import dataclass

from r1ci.plan.context import Progress


@dataclass(frozen=True)
class StepStarted:
    """A step begins. ``index`` of ``total`` counts from 1 over the steps of this run."""

    step_id: str
    kind: str
    cells: tuple[str, ...]
    """Names of the cells that use it."""
    index: int
    total: int


@dataclass(frozen=True)
class StepWaiting:
    """Another process runs the same step; this one waits for it."""

    step_id: str
    kind: str


@dataclass(frozen=True)
class StepProgress:
    """How far a running step is."""

    step_id: str
    kind: str
    progress: Progress


@dataclass(frozen=True)
class StepDone:
    """A step was computed and published."""

    step_id: str
    kind: str
    seconds: float


@dataclass(frozen=True)
class StepSkipped:
    """A step was in the store already."""

    step_id: str
    kind: str


@dataclass(frozen=True)
class StepFailedEvent:
    """A step failed; the run goes on with the steps that do not depend on it."""

    step_id: str
    kind: str
    failure: Failure


@dataclass(frozen=True)
class StepBlocked:
    """A step cannot run, because a step it depends on failed."""

    step_id: str
    kind: str
    by: str
    """Id of the failed step."""


@dataclass(frozen=True)
class RunDone:
    """Nothing is left to run."""

    outcome: Outcome


@dataclass(frozen=True)
class Failure:
    """Why a step failed."""

    step_id: str
    type: str
    """Name of the exception's class."""
    message: str
    help: str
    exit_code: int
    """The exit code that the error asks for (``r1ci.errors``)."""


@dataclass(frozen=True)
class Outcome:
    """What became of the steps of a run, by id."""

    done: tuple[str, ...] = ()
    """Computed now."""
    cached: tuple[str, ...] = ()
    """In the store already, or finished by another process meanwhile."""
    failed: tuple[Failure, ...] = ()
    blocked: tuple[str, ...] = ()
    """Not run, because a step they depend on failed."""

    @property
    def complete(self) -> bool:
        """Whether every step is in the store."""
        return not self.failed and not self.blocked


Event = StepStarted | StepWaiting | StepProgress | StepDone | StepSkipped | StepFailedEvent | StepBlocked | RunDone
