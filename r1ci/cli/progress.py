"""What a run shows while it works: one live region on a terminal, plain lines elsewhere, JSON lines with --json."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import click

from r1ci.cli.settings import Settings, is_terminal
from r1ci.launch.events import (
    Event,
    StepBlocked,
    StepDone,
    StepFailedEvent,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from r1ci.plan.context import Progress
from r1ci.plan.render import duration

Clock = Callable[[], float]
"""Seconds from any fixed point."""
PLAIN_EVERY_S = 10.0
JSON_EVERY_S = 1.0


@dataclass
class Pace:
    """How fast the running step goes, from when and where it was first seen: a resumed step starts beyond zero."""

    clock: Clock
    since: float = 0.0
    first: int = 0
    seen: bool = False

    def start(self) -> None:
        """A step begins."""
        self.since, self.first, self.seen = self.clock(), 0, False

    def eta_s(self, progress: Progress) -> float | None:
        """Seconds left; None until the step has moved."""
        if not self.seen:
            self.first, self.seen = max(0, progress.done - 1), True
        moved, left = progress.done - self.first, progress.total - progress.done
        return (self.clock() - self.since) * left / moved if moved > 0 and left >= 0 else None


@dataclass
class Throttle:
    """Lets one call through per so many seconds."""

    every_s: float
    clock: Clock
    last: float = field(default=float("-inf"))

    def ready(self) -> bool:
        """Whether enough time has passed since this last said yes."""
        if self.clock() - self.last < self.every_s:
            return False
        self.last = self.clock()
        return True


def some_cells(cells: tuple[str, ...]) -> str:
    """Cell names, the first two and how many more."""
    more = f" and {len(cells) - 2} more" if len(cells) > 2 else ""
    return ", ".join(cells[:2]) + more


def facts(progress: Progress, eta_s: float | None) -> str:
    """Progress in words: 40/120, reward 0.42, 2 min 5 s left."""
    left = "" if eta_s is None else f"{duration(eta_s)} left"
    return ", ".join(filter(None, (f"{progress.done}/{progress.total}", progress.text, left)))


class PlainLines:
    """One line per thing that happens, and one per so many seconds while a step runs."""

    def __init__(self, write: Callable[[str], None], *, verbose: bool = False, clock: Clock = time.monotonic) -> None:
        self._write, self._verbose, self._start, self._clock = write, verbose, clock(), clock
        self._pace, self._throttle = Pace(clock), Throttle(PLAIN_EVERY_S, clock)
        self._position = ""

    def __call__(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        line = self._line(event)
        if line is not None:
            self._write(f"{duration(self._clock() - self._start):>12}  {line}")

    def _line(self, event: Event) -> str | None:
        match event:
            case StepStarted(step_id, _, cells, index, total):
                self._pace.start()
                self._throttle.ready()
                self._position = f"{index}/{total} {step_id}"
                return f"{self._position}  for {some_cells(cells)}"
            case StepProgress(_, _, progress):
                eta = self._pace.eta_s(progress)
                return f"{self._position}  {facts(progress, eta)}" if self._throttle.ready() else None
            case StepDone(_, _, seconds):
                return f"{self._position}  done in {duration(seconds)}"
            case StepSkipped(step_id):
                return f"{step_id}  in the store already" if self._verbose else None
            case StepWaiting(step_id):
                return f"{step_id}  another process runs it: waiting"
            case StepFailedEvent(step_id, _, failure):
                return f"{step_id}  FAILED: {failure.message.splitlines()[0] if failure.message else failure.type}"
            case StepBlocked(step_id, _, by):
                return f"{step_id}  not run: {by} failed"
        return None


class JsonLines:
    """One JSON object per event; ``r1ci.cli.replay`` reads them back."""

    def __init__(self, write: Callable[[str], None], *, clock: Clock = time.monotonic) -> None:
        self._write, self._pace, self._throttle = write, Pace(clock), Throttle(JSON_EVERY_S, clock)
        self._clock, self._start = clock, clock()

    def __call__(self, event: Event) -> None:
        """Write the event's object, if it has one."""
        document = self._document(event)
        if document is not None:
            elapsed_s = round(self._clock() - self._start, 3)
            self._write(json.dumps({**document, "elapsed_s": elapsed_s}, ensure_ascii=False))

    def _document(self, event: Event) -> dict[str, Any] | None:
        match event:
            case StepStarted(step, kind, cells, index, total):
                self._pace.start()
                place = {"index": index, "total": total}
                return {"event": "step_started", "step": step, "kind": kind, "cells": list(cells), **place}
            case StepProgress(step, kind, progress):
                eta = self._pace.eta_s(progress)
                if not self._throttle.ready():
                    return None
                counts = {"done": progress.done, "total": progress.total, "text": progress.text, "eta_s": eta}
                return {"event": "progress", "step": step, "kind": kind, **counts}
            case StepDone(step, kind, seconds):
                return {"event": "step_done", "step": step, "kind": kind, "seconds": seconds}
            case StepSkipped(step, kind):
                return {"event": "step_cached", "step": step, "kind": kind}
            case StepWaiting(step, kind):
                return {"event": "step_waiting", "step": step, "kind": kind}
            case StepFailedEvent(step, kind, failure):
                why = {"type": failure.type, "message": failure.message, "help": failure.help}
                return {"event": "step_failed", "step": step, "kind": kind, **why, "code": failure.exit_code}
            case StepBlocked(step, kind, by):
                return {"event": "step_blocked", "step": step, "kind": kind, "by": by}
        return None


def display(settings: Settings, *, clock: Clock = time.monotonic) -> AbstractContextManager[Callable[[Event], None]]:
    """Where a run's events go. ``clock`` says when they happened."""
    if settings.json:
        return nullcontext(JsonLines(click.echo, clock=clock))
    if settings.verbosity < 0:
        return nullcontext(lambda event: None)
    if is_terminal(sys.stderr):
        from r1ci.cli.live import LiveRegion

        return LiveRegion(color=settings.colored(sys.stderr), clock=clock)
    verbose = settings.verbosity > 0
    return nullcontext(PlainLines(lambda line: click.echo(line, err=True), verbose=verbose, clock=clock))
