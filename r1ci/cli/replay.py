"""The JSON lines of a run or sweep elsewhere, shown as the run itself would be."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from r1ci.cli.settings import Settings
from r1ci.launch.events import (
    Event,
    Failure,
    StepBlocked,
    StepDone,
    StepFailedEvent,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from r1ci.plan.context import Progress

if TYPE_CHECKING:
    from r1ci.launch.sweep.events import Summary, SweepEvent
    from r1ci.spec.sweep.models import Sweep

OTHER_LINES = 20
"""How many of the last lines that are no events are kept, to be shown where a job fails."""


class Replay:
    """Takes a log line by line. With --json, events pass through as they are.

    ``other`` keeps the last lines that are no events, ``failures`` what steps failed of, ``end`` the last event.
    """

    def __init__(self, settings: Settings, sweep: Sweep | None = None) -> None:
        self._settings, self._sweep, self._stack = settings, sweep, ExitStack()
        self._now = 0.0
        self.other: deque[str] = deque(maxlen=OTHER_LINES)
        self.failures: list[Failure] = []
        self.end: Mapping[str, Any] | None = None
        """What the run said last: the event ``done``, or an error document."""

    def __enter__(self) -> Self:
        from r1ci.cli.progress import display
        from r1ci.cli.sweep_progress import sweep_display

        if self._sweep is None:
            listener = self._stack.enter_context(display(self._settings, clock=self._clock))
            self._show: Callable[[Mapping[str, Any]], None] = lambda said: _tell(listener, event_of(said))
        else:
            tell = self._stack.enter_context(sweep_display(self._sweep, self._settings, clock=self._clock))
            self._show = lambda said: _tell_trial(tell, said)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __call__(self, line: str) -> None:
        """The next line of the log."""
        said = _document(line)
        if said is None:
            self.other.append(line)
            if self._settings.verbosity > 0 and line.strip():
                click.echo(line, err=True)
            return
        if self._settings.json:
            click.echo(line)
        if said.get("event") == "done" or ("error" in said and "event" not in said):
            self.end = said
        event = event_of(said)
        if isinstance(event, StepFailedEvent):
            self.failures.append(event.failure)
        if not self._settings.json:
            self._now = float(said.get("elapsed_s", self._now))
            self._show(said)

    def print_other(self) -> None:
        """The last lines that were no events, on stderr."""
        for line in self.other:
            click.echo(line, err=True)

    def _clock(self) -> float:
        return self._now


def event_of(said: Mapping[str, Any]) -> Event | None:
    """A run's event from what ``JsonLines`` wrote of it; None for anything else."""
    match said.get("event"):
        case "step_started":
            return StepStarted(said["step"], said["kind"], tuple(said["cells"]), said["index"], said["total"])
        case "progress":
            return StepProgress(said["step"], said["kind"], Progress(said["done"], said["total"], said["text"]))
        case "step_done":
            return StepDone(said["step"], said["kind"], said["seconds"])
        case "step_cached":
            return StepSkipped(said["step"], said["kind"])
        case "step_waiting":
            return StepWaiting(said["step"], said["kind"])
        case "step_failed":
            failure = Failure(said["step"], said["type"], said["message"], said["help"], said["code"])
            return StepFailedEvent(said["step"], said["kind"], failure)
        case "step_blocked":
            return StepBlocked(said["step"], said["kind"], said["by"])
    return None


def trial_event(said: Mapping[str, Any]) -> tuple[SweepEvent, Summary] | None:
    """A sweep's event, as far as it is shown, from what ``SweepJson`` wrote of it; None for anything else."""
    from r1ci.launch.sweep.events import Summary, TrialEnded, TrialMoved, TrialPoint, TrialStarted
    from r1ci.launch.sweep.place import Place
    from r1ci.store.sweeps import TrialError, TrialRecord

    name = str(said.get("event", ""))
    if not name.startswith("trial_"):
        return None
    record: dict[str, Any] = {"number": said["trial"], "spec": "", "values": {}, "overrides": ()}
    if name == "trial_started":
        record |= {"overrides": tuple(said["overrides"]), "attempt": said["attempt"]}
        return TrialStarted(TrialRecord(**record)), Summary(None)
    if name == "trial_value":
        return TrialPoint(TrialRecord(**record, curve=((said["resource"], said["value"]),))), Summary(None)
    if name == "trial_moved":
        told = said["progress"] and Progress(**said["progress"])
        place = Place(said["step"], said["kind"], said["index"], said["total"], told, said["waiting"])
        return TrialMoved(TrialRecord(**record), place, said["entered"]), Summary(None)
    error = said["error"] and TrialError(**said["error"])
    record |= {key: said[key] for key in ("metric", "stopped_at")} | said["steps"]
    record |= {"state": name.removeprefix("trial_"), "reason": said["reason"] or "", "error": error}
    summary = dict(said["summary"])
    leader, steps = summary.pop("best"), summary.pop("steps")
    best = leader and TrialRecord(leader["trial"], "", {}, (), metric=leader["metric"])
    return TrialEnded(TrialRecord(**record)), Summary(**summary, **steps, best=best)


def _tell(listener: Callable[[Event], None], event: Event | None) -> None:
    if event is not None:
        listener(event)


def _tell_trial(listener: Callable[[SweepEvent, Summary], None], said: Mapping[str, Any]) -> None:
    found = trial_event(said)
    if found is not None:
        listener(*found)


def _document(line: str) -> dict[str, Any] | None:
    """A line as one of r1ci's JSON lines; None where it is none."""
    if not line.startswith("{"):
        return None
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and ("event" in said or "error" in said) else None
