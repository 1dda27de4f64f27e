"""What happens while a sweep runs, for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass

from r1ci.launch.sweep.place import Place
from r1ci.store.sweeps import TrialRecord


@dataclass(frozen=True)
class TrialStarted:
    """A trial begins, or goes on after an interruption."""

    record: TrialRecord


@dataclass(frozen=True)
class TrialPoint:
    """A running trial has an intermediate value: the last of its record's curve."""

    record: TrialRecord


@dataclass(frozen=True)
class TrialMoved:
    """A running trial is further than when it was last looked at: in another step, or further in the same."""

    record: TrialRecord
    place: Place
    entered: bool
    """It was elsewhere before: in another step, in none, or it waited for this one."""


@dataclass(frozen=True)
class TrialEnded:
    """A trial is done, stopped, failed or interrupted, as its record says."""

    record: TrialRecord


SweepEvent = TrialStarted | TrialMoved | TrialPoint | TrialEnded


@dataclass(frozen=True)
class Summary:
    """How far a sweep is."""

    total: int | None
    """Trials that it will have; None where only a budget ends it."""
    running: int = 0
    done: int = 0
    stopped: int = 0
    failed: int = 0
    interrupted: int = 0
    best: TrialRecord | None = None
    computed: int = 0
    """Steps that were computed."""
    reused: int = 0
    """Steps that were in the store when a trial needed them."""
    saved_s: float = 0.0
    """Seconds that computing those took, once."""

    @property
    def ended(self) -> int:
        """Trials that need nothing more."""
        return self.done + self.stopped + self.failed
