"""Run a plan: step after step in its order, what is in the store already is not run again.

A step that fails is data: it is recorded, what depends on it is blocked, everything else still runs. Only what makes
going on pointless ends the run at once: a store that can no longer be written, and Ctrl-C. Either way the attempt in
hand stays in the store and is resumed by the next run. ``status.json`` of the experiment always says how far it is.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from r1ci.errors import R1ciError, UsageError
from r1ci.launch.events import (
    Event,
    Failure,
    Outcome,
    RunDone,
    StepBlocked,
    StepDone,
    StepFailedEvent,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from r1ci.plan.context import Progress, StepContext
from r1ci.plan.steps import Plan, Step
from r1ci.store.files import StoreUnwritable
from r1ci.store.provenance import now
from r1ci.store.store import AlreadyDone, Store

STATUS_EVERY_S = 2.0
"""Shortest time between two writes of status.json for progress, or a finished step, alone."""

RunStep = Callable[[StepContext], None]
Listener = Callable[[Event], None]


def run_plan(
    plan: Plan,
    store: Store,
    run_step: RunStep,
    on_event: Listener,
    *,
    only: Collection[str] | None = None,
) -> Outcome:
    """Run what is not done, in order, and say what became of each step.

    ``only`` names the steps to run; what they read runs too, where it is not done. Raises UsageError for an id that is
    not in the plan, StoreUnwritable if the store can no longer be written, and lets KeyboardInterrupt through.
    """
    chosen = _chosen(plan, only)
    status = Status(plan, store, chosen)
    run = _Run(plan, store, run_step, on_event, status)
    status.write()
    try:
        for index, step_id in enumerate(chosen, start=1):
            run.step(plan.steps[step_id], index, len(chosen))
    except BaseException as error:
        status.end("interrupted" if isinstance(error, KeyboardInterrupt) else "failed", error)
        raise
    outcome = status.outcome()
    status.end("done" if outcome.complete else "failed")
    on_event(RunDone(outcome))
    return outcome


def record_cached(plan: Plan, store: Store) -> None:
    """Say of an experiment whose every step is in the store that it is done, unless that is written already."""
    if store.status(plan.name)["state"] != "done":
        Status(plan, store, plan.steps, "cached").end("done")


def _chosen(plan: Plan, only: Collection[str] | None) -> tuple[str, ...]:
    """The ids to run and everything they read, in the plan's order."""
    if only is None:
        return tuple(plan.steps)
    unknown = sorted(set(only) - set(plan.steps))
    if unknown:
        raise UsageError(f"the plan {plan.name} has no step {', '.join(unknown)}", "`r1ci compile` lists its steps")
    needed = set(only)
    for step_id in reversed(tuple(plan.steps)):
        if step_id in needed:
            needed.update(plan.steps[step_id].reads.values())
    return tuple(step_id for step_id in plan.steps if step_id in needed)


class _Run:
    """One run of a plan: the edge where steps, store and listeners meet."""

    def __init__(self, plan: Plan, store: Store, run_step: RunStep, on_event: Listener, status: Status) -> None:
        self._store, self._run_step, self._on_event, self._status = store, run_step, on_event, status
        self._cells: dict[str, list[str]] = {}
        for cell in plan.cells:
            for step_id in dict.fromkeys(cell.steps.values()):
                self._cells.setdefault(step_id, []).append(cell.name)

    def step(self, step: Step, index: int, total: int) -> None:
        """Bring one step to its end: cached, done, failed or blocked."""
        try:
            if self._store.is_done(step.id):
                self._store.verify(step.id)
                self._skip(step)
                return
            stopped_by = self._status.stopped_by(step)
            if stopped_by is None:
                self._compute(step, index, total)
                return
            self._status.set(step.id, "blocked", by=stopped_by)
            self._on_event(StepBlocked(step.id, step.kind, stopped_by))
        except StoreUnwritable:
            raise
        except Exception as error:
            failure = failure_of(step.id, error)
            self._status.set(step.id, "failed", ended=now(), error=asdict(failure))
            self._on_event(StepFailedEvent(step.id, step.kind, failure))

    def _compute(self, step: Step, index: int, total: int) -> None:
        started = time.monotonic()
        try:
            with self._store.attempt(step, lambda: self._wait(step)) as folder:
                self._status.set(step.id, "running", started=now())
                cells = tuple(self._cells.get(step.id, ()))
                self._on_event(StepStarted(step.id, step.kind, cells, index, total))
                reads = {role: self._store.step_folder(step_id) for role, step_id in step.reads.items()}
                self._run_step(StepContext(step, folder, reads, lambda progress: self._progress(step, progress)))
        except AlreadyDone:
            self._skip(step)
            return
        seconds = time.monotonic() - started
        self._status.set(step.id, "done", ended=now(), seconds=round(seconds, 3))
        self._on_event(StepDone(step.id, step.kind, seconds))

    def _skip(self, step: Step) -> None:
        self._status.set(step.id, "cached")
        self._on_event(StepSkipped(step.id, step.kind))

    def _wait(self, step: Step) -> None:
        self._status.set(step.id, "waiting for another process")
        self._on_event(StepWaiting(step.id, step.kind))

    def _progress(self, step: Step, progress: Progress) -> None:
        self._status.progress(step.id, progress)
        self._on_event(StepProgress(step.id, step.kind, progress))


def failure_of(step_id: str, error: Exception) -> Failure:
    """What is recorded of the exception that ended a step; its traceback is in the attempt's ``error.txt``."""
    if isinstance(error, R1ciError):
        return Failure(step_id, type(error).__name__, error.message, error.help, error.exit_code)
    return Failure(step_id, type(error).__name__, str(error), "", 1)


class Status:
    """How far a run is, kept in ``status.json`` of the experiment.

    ``state`` is running, done, failed or interrupted; each step's is pending, running, waiting for another process,
    done, cached, failed, blocked or interrupted. Two runs of one experiment at once share its steps safely, but each
    writes its own view over the other's.
    """

    def __init__(self, plan: Plan, store: Store, chosen: Collection[str], state: str = "pending") -> None:
        self._plan, self._store = plan, store
        self._steps: dict[str, dict[str, Any]] = {
            step_id: {"kind": plan.steps[step_id].kind, "state": state} for step_id in chosen
        }
        self._head: dict[str, Any] = {
            "state": "running",
            "name": plan.name,
            "started": now(),
            "ended": None,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "command": shlex.join(sys.argv),
        }
        self._written = 0.0
        self._lock = threading.Lock()

    def write(self) -> None:
        """Write it now. Steps may tell their progress from threads of their own."""
        with self._lock:
            self._written = time.monotonic()
            self._store.write_status(self._plan.name, {**self._head, "updated": now(), "steps": self._steps})

    def set(self, step_id: str, state: str, **facts: Any) -> None:
        """Record the state of a step, and facts about it.

        That a step is done the store says as well: it is written with whatever comes next, or now and then.
        """
        self._steps[step_id] = {**self._steps[step_id], "state": state, **facts}
        if state not in ("done", "cached") or self._due():
            self.write()

    def progress(self, step_id: str, progress: Progress) -> None:
        """Record how far a running step is; written now and then.

        A store that can no longer be written is left for the step itself to find.
        """
        self._steps[step_id] = {**self._steps[step_id], "progress": asdict(progress)}
        if self._due():
            with suppress(StoreUnwritable):
                self.write()

    def _due(self) -> bool:
        return time.monotonic() - self._written >= STATUS_EVERY_S

    def end(self, state: str, error: BaseException | None = None) -> None:
        """Record the end of the run; if an error ends it, the step in hand is interrupted or failed, too.

        A store that can no longer be written must not hide the error that ended the run.
        """
        self._head.update(state=state, ended=now())
        for entry in self._steps.values():
            if error is not None and entry["state"] in ("running", "waiting for another process"):
                entry.update(state=state, ended=now())
        try:
            self.write()
        except StoreUnwritable:
            if error is None:
                raise

    def stopped_by(self, step: Step) -> str | None:
        """The failed step that this one depends on, if there is one."""
        for read in step.reads.values():
            entry: Mapping[str, Any] = self._steps.get(read, {})
            if entry.get("state") == "failed":
                return read
            if entry.get("state") == "blocked":
                return str(entry["by"])
        return None

    def outcome(self) -> Outcome:
        """What became of the steps."""

        def ids(state: str) -> tuple[str, ...]:
            return tuple(step_id for step_id, entry in self._steps.items() if entry["state"] == state)

        failed = tuple(Failure(**self._steps[step_id]["error"]) for step_id in ids("failed"))
        return Outcome(done=ids("done"), cached=ids("cached"), failed=failed, blocked=ids("blocked"))
