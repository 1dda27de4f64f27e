"""What a sweep shows while it runs: live lines on a terminal, plain lines elsewhere, JSON lines with --json."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import click

from r1ci.cli.progress import PLAIN_EVERY_S, Clock, Pace, Throttle, facts
from r1ci.cli.settings import Settings, is_terminal
from r1ci.launch.sweep.events import Summary, SweepEvent, TrialEnded, TrialMoved, TrialPoint, TrialStarted
from r1ci.launch.sweep.place import Place
from r1ci.plan.render import duration
from r1ci.spec.sweep.models import Sweep
from r1ci.store.sweeps import TrialRecord

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

Listener = Callable[[SweepEvent, Summary], None]
RUNNING_EVERY_S = 60.0
"""Between two plain lines that say how far the running trials are."""


def line(sweep: Sweep, event: SweepEvent, summary: Summary) -> str:
    """An event for people."""
    record = event.record
    name = f"trial {record.number}"
    match event:
        case TrialStarted():
            again = f"attempt {record.attempt}: " if record.attempt > 1 else ""
            return f"{name}  {again}{shlex.join(record.overrides)}"
        case TrialMoved(_, place):
            return f"{name}  {whereabouts(place)}"
        case TrialPoint():
            resource, value = record.curve[-1]
            unit = getattr(sweep.scheduler, "resource", "steps")
            return f"{name}  {sweep.metric.curve} {value:.4g} at {resource:g} {unit}"
        case TrialEnded():
            return f"{name}  {ending(sweep, record, summary)}"


def whereabouts(place: Place, eta_s: float | None = None) -> str:
    """The step that a trial is in, and how far it is."""
    doing = place.step_id if place.progress is None else progress(place, eta_s)
    waiting = ": another trial computes it" if place.waiting else ""
    return f"step {place.index} of {place.total}, {doing}{waiting}"


def progress(place: Place, eta_s: float | None = None) -> str:
    """How far the step is that a trial is in: rl 12/40, reward 0.42."""
    return place.kind if place.progress is None else f"{place.kind} {facts(place.progress, eta_s)}"


def ending(sweep: Sweep, record: TrialRecord, summary: Summary) -> str:
    """How a trial ended."""
    if record.state == "failed" and record.error is not None:
        first = (record.error.message.splitlines() or [record.error.type])[0]
        return f"FAILED: {first}"
    if record.state == "stopped":
        return f"stopped: {record.reason}"
    if record.state == "done":
        best = ", the best so far" if summary.best is not None and summary.best.number == record.number else ""
        saved = f", {record.reused} steps reused ({duration(record.saved_s)} saved)" if record.reused else ""
        made = f"{record.computed} steps computed" if record.computed else "nothing to compute"
        return f"done: {sweep.metric.name} {record.metric:.4g}{best}; {made}{saved}"
    return ": ".join(filter(None, (record.state, record.reason)))


def counts(summary: Summary) -> str:
    """A summary for people."""
    of = "" if summary.total is None else f" of {summary.total}"
    parts = [f"{summary.ended}{of} trials ended"]
    named = ("running", "done", "stopped", "failed", "interrupted")
    parts += [f"{count} {name}" for name in named if (count := getattr(summary, name))]
    if summary.best is not None:
        parts.append(f"best {summary.best.metric:.4g} (trial {summary.best.number})")
    if summary.reused:
        parts.append(f"{summary.reused} steps saved ({duration(summary.saved_s)})")
    return ", ".join(parts)


class SweepLines:
    """One line per thing that happens, a summary every so many seconds, and each minute how far the trials are."""

    def __init__(self, sweep: Sweep, write: Callable[[str], None], *, clock: Clock = time.monotonic) -> None:
        self._sweep, self._write, self._clock, self._start = sweep, write, clock, clock()
        self._throttle, self._minute = Throttle(PLAIN_EVERY_S, clock), Throttle(RUNNING_EVERY_S, clock)
        self._minute.ready()
        self._places: dict[int, Place] = {}

    def __call__(self, event: SweepEvent, summary: Summary) -> None:
        """Write the event's line, if it has one."""
        if isinstance(event, TrialMoved):
            self._places[event.record.number] = event.place
        if not isinstance(event, TrialMoved) or event.entered:
            self._say(line(self._sweep, event, summary))
        elif self._minute.ready():
            self._say("; ".join(f"trial {number} {progress(place)}" for number, place in sorted(self._places.items())))
        if isinstance(event, TrialEnded):
            self._places.pop(event.record.number, None)
            if self._throttle.ready():
                self._say(counts(summary))

    def _say(self, text: str) -> None:
        self._write(f"{duration(self._clock() - self._start):>12}  {text}")


class SweepJson:
    """One JSON object per event; those that end a trial carry the summary. ``r1ci.cli.replay`` reads them back."""

    def __init__(self, write: Callable[[str], None], *, clock: Clock = time.monotonic) -> None:
        self._write, self._clock, self._start = write, clock, clock()

    def __call__(self, event: SweepEvent, summary: Summary) -> None:
        """Write the event's object."""
        record = event.record
        document: dict[str, Any] = {"event": "trial_started", "trial": record.number}
        match event:
            case TrialStarted():
                document |= {"attempt": record.attempt, "overrides": list(record.overrides)}
            case TrialMoved(_, place, entered):
                told = place.progress
                document |= {"event": "trial_moved", "step": place.step_id, "kind": place.kind, "entered": entered}
                document |= {"index": place.index, "total": place.total, "waiting": place.waiting}
                document |= {"progress": None if told is None else asdict(told)}
            case TrialPoint():
                resource, value = record.curve[-1]
                document |= {"event": "trial_value", "resource": resource, "value": value}
            case TrialEnded():
                document |= {"event": f"trial_{record.state}", **outcome(record), "summary": summary_json(summary)}
        elapsed_s = round(self._clock() - self._start, 3)
        self._write(json.dumps({**document, "elapsed_s": elapsed_s}, ensure_ascii=False))


def outcome(record: TrialRecord) -> dict[str, Any]:
    """What became of a trial, as plain JSON values."""
    error = record.error
    return {
        "metric": record.metric,
        "stopped_at": record.stopped_at,
        "reason": record.reason or None,
        "error": None if error is None else {"type": error.type, "message": error.message, "help": error.help},
        "steps": {"computed": record.computed, "reused": record.reused, "saved_s": record.saved_s},
    }


def summary_json(summary: Summary) -> dict[str, Any]:
    """A summary as plain JSON values."""
    leader = summary.best
    named = ("total", "running", "done", "stopped", "failed", "interrupted")
    return {
        **{name: getattr(summary, name) for name in named},
        "best": None if leader is None else {"trial": leader.number, "metric": leader.metric},
        "steps": {"computed": summary.computed, "reused": summary.reused, "saved_s": summary.saved_s},
    }


class LiveSweep:
    """A line for the sweep and one for each running trial, drawn again, with what happened above them."""

    def __init__(
        self, sweep: Sweep, *, color: bool, console: Console | None = None, clock: Clock = time.monotonic
    ) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        console = console or Console(stderr=True, no_color=not color, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[facts]}"))
        self._bars = Progress(*columns, console=console, transient=True, refresh_per_second=4)
        self._sweep, self._clock, self._bar = sweep, clock, self._bars.add_task("trials", total=None, facts="")
        self._rows: dict[int, _Row] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, event: SweepEvent, summary: Summary) -> None:
        """Draw what happened."""
        if isinstance(event, TrialMoved):
            self._move(event.record.number, event.place, entered=event.entered)
            return
        if isinstance(event, TrialEnded) and event.record.number in self._rows:
            self._bars.remove_task(self._rows.pop(event.record.number).task)
        self._bars.console.print(line(self._sweep, event, summary), markup=False)
        self._bars.update(self._bar, total=summary.total, completed=summary.ended, facts=counts(summary))

    def _move(self, number: int, place: Place, *, entered: bool) -> None:
        if number not in self._rows:
            self._rows[number] = _Row(self._bars.add_task(f"trial {number}", total=None, facts=""), Pace(self._clock))
        task, pace = self._rows[number]
        if entered:
            pace.start()
            self._bars.reset(task, total=None)
        told = place.progress
        if told is None:
            self._bars.update(task, facts=whereabouts(place))
        else:
            eta_s = pace.eta_s(told)
            words = whereabouts(place, None if entered else eta_s)
            self._bars.update(task, total=told.total, completed=told.done, facts=words)


class _Row(NamedTuple):
    """What is drawn of a running trial."""

    task: TaskID
    pace: Pace


def sweep_display(
    sweep: Sweep, settings: Settings, *, clock: Clock = time.monotonic
) -> AbstractContextManager[Listener]:
    """Where a sweep's events go. ``clock`` says when they happened."""
    if settings.json:
        return nullcontext(SweepJson(click.echo, clock=clock))
    if settings.verbosity < 0:
        return nullcontext(lambda event, summary: None)
    if is_terminal(sys.stderr):
        return LiveSweep(sweep, color=settings.colored(sys.stderr), clock=clock)
    return nullcontext(SweepLines(sweep, lambda text: click.echo(text, err=True), clock=clock))
