"""What one trial does: run its plan, tell the points of its curve, stop where it is asked to. Knows nothing of Ray."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from r1ci.errors import R1ciError
from r1ci.launch.events import Event, StepDone, StepSkipped, StepStarted
from r1ci.launch.run import RunStep, run_plan
from r1ci.launch.sweep.measure import Measure, rl_rows
from r1ci.plan.context import Stopped
from r1ci.plan.steps import Plan
from r1ci.store.metrics import LINES
from r1ci.store.store import Store
from r1ci.store.sweeps import TrialError

POLL_S = 0.5
"""How often the RL log and the request to stop are looked at."""

Tell = Callable[[float, float], None]
"""Takes a point of the curve: resource, value."""


@dataclass(frozen=True)
class TrialOutcome:
    """What became of a trial's steps."""

    computed: tuple[str, ...] = ()
    reused: tuple[str, ...] = ()
    error: TrialError | None = None
    stopped: bool = False
    """It ended before its end because it was asked to."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def run_trial(plan: Plan, store: Store, measure: Measure, stop: Path, tell: Tell, run_step: RunStep) -> TrialOutcome:
    """Run a trial to its end: seed after seed, as the plan has its cells; the first seed's curve is told.

    While the file ``stop`` exists the trial stops at the next good moment: in RL after the step in hand, elsewhere
    when the plan's step in hand is done. It may be asked for by other processes.
    """
    watch = _Watch(plan, store, measure, stop, tell)
    try:
        with watch:
            outcome = run_plan(plan, store, run_step, watch.heard)
    except Stopped:
        return TrialOutcome(stopped=True)
    except R1ciError as error:
        return TrialOutcome(error=TrialError(type(error).__name__, error.message, error.help))
    reason = None
    if outcome.failed:
        first = outcome.failed[0]
        reason = TrialError(first.type, f"{first.step_id}: {first.message}", first.help)
    return TrialOutcome(outcome.done, outcome.cached, reason)


class _Watch:
    """Follows the RL of a trial's first seed from a thread of its own."""

    def __init__(self, plan: Plan, store: Store, measure: Measure, stop: Path, tell: Tell) -> None:
        self._store, self._measure, self._stop, self._tell = store, measure, stop, tell
        self._roles = plan.cells[0].steps
        self._rl = self._roles.get("rl")
        self._training: str | None = None
        """The RL step, of any seed, that this process computes now."""
        self._told = float("-inf")
        self._size = -1
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def heard(self, event: Event) -> None:
        """Between steps: tell what is left of the curve, and stop where that is asked for."""
        match event:
            case StepStarted(step_id, "rl"):
                self._training = step_id
            case StepDone(step_id, "rl") | StepSkipped(step_id, "rl"):
                self._training = None
                if step_id == self._rl:
                    self._tell_new()
        if self._stop.exists():
            raise Stopped("the trial was asked to stop")

    def _follow(self) -> None:
        while not self._over.wait(POLL_S):
            training = self._training
            if training is None:
                continue
            if training == self._rl:
                self._tell_new()
            if self._stop.exists():
                self._store.ask_to_stop(training)

    def _tell_new(self) -> None:
        """Tell the points that were not told yet; a log that has not grown is not read again."""
        assert self._rl is not None
        with self._lock:
            log = self._store.step_folder(self._rl) / LINES
            size = log.stat().st_size if log.exists() else -1
            if size == self._size:
                return
            self._size = size
            for resource, value in self._measure.curve(rl_rows(self._store, self._roles)):
                if resource > self._told:
                    self._told = resource
                    self._tell(resource, value)
