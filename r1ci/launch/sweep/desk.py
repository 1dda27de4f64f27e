"""The books of a running sweep: which trial is next, which may start now, what became of each.

Knows nothing of Ray. The driver asks it for the next trial and tells it what trials report; it keeps every record on
the disk, so that what is not there has not happened. Continuing a sweep is making a new desk from the same folder:
ended trials stay as they are, trials that were begun are begun again with the values they had and go on from their
checkpoints, and new ones are a function of their number and the records.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from r1ci.errors import R1ciError, StoreError
from r1ci.launch.run import record_cached
from r1ci.launch.sweep.books import Books
from r1ci.launch.sweep.demand import Bundle, Demand, demand, fits, refusal
from r1ci.launch.sweep.events import Summary, SweepEvent, TrialEnded, TrialMoved, TrialPoint, TrialStarted
from r1ci.launch.sweep.measure import Computed, Measure, computed_when, rl_rows, totals
from r1ci.launch.sweep.place import Place, place
from r1ci.launch.sweep.stopping import reason_to_stop
from r1ci.plan.compile import plan_to_json
from r1ci.plan.steps import Plan
from r1ci.spec.models import Compute
from r1ci.spec.sweep.models import Sweep
from r1ci.spec.sweep.trials import Trial
from r1ci.store.files import StoreUnwritable
from r1ci.store.provenance import now
from r1ci.store.store import Store
from r1ci.store.sweeps import ENDED, SweepFolder, TrialError, TrialRecord, best

LOOK_EVERY_S = 2.0
"""Shortest time between two looks at how far running trials are."""


@dataclass(frozen=True)
class Prepared:
    """A trial compiled."""

    plan: Plan
    measure: Measure
    text: str
    """The spec as written."""
    data: Mapping[str, Any]
    """The spec resolved."""


@dataclass(frozen=True)
class Proposal:
    """A trial, and the trials whose results its values were chosen by."""

    trial: Trial
    informed_by: tuple[int, ...] = ()


@dataclass(frozen=True)
class Job:
    """A trial that is to be run."""

    record: TrialRecord
    prepared: Prepared
    demand: Demand


Propose = Callable[[int, Sequence[TrialRecord]], Proposal | None]
"""The trial with a number, given all records so far; None where there is none."""
Listener = Callable[[SweepEvent, Summary], None]


class Desk:
    """The books of one sweep. ``nodes`` says what the cluster has; it is asked once, before the first trial runs."""

    def __init__(
        self,
        sweep: Sweep,
        folder: SweepFolder,
        store: Store,
        propose: Propose,
        prepare: Callable[[Trial], Prepared],
        nodes: Callable[[], Sequence[Bundle]],
        listener: Listener,
        *,
        total: int | None,
        retry_failed: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sweep, self._folder, self._store, self._listener = sweep, folder, store, listener
        self._propose, self._prepare, self._ask_nodes, self._clock = propose, prepare, nodes, clock
        self._nodes: Sequence[Bundle] | None = None
        self.records = {record.number: record for record in folder.records()}
        keep = [state for state in ENDED if not (retry_failed and state == "failed")]
        self._again = deque(number for number, record in self.records.items() if record.state not in keep)
        self._number = max(self.records, default=-1) + 1
        self._exhausted = False
        self._head: Job | None = None
        self._running: dict[int, tuple[Job, float]] = {}
        self._places: dict[int, Place] = {}
        self._looked = float("-inf")
        self._losses: Counter[int] = Counter()
        self._done_steps: set[str] = set()
        self._took: dict[str, Computed] = {}
        self._books = Books(folder, total, clock)
        self._write_status("running")

    # ------------------------------------------------------------ what is next

    def waiting(self) -> bool:
        """Whether a trial is to be run. Trials whose every step is in the store are recorded on the way."""
        while self._head is None and (taken := self._take()) is not None:
            self._head = self._ready(*taken)
        return self._head is not None

    def next(self) -> Job | None:
        """The next trial, begun, if it may begin now: None while it must wait, or where there is none.

        It waits while the running trials leave no room for it, or while one of them computes what both need.
        """
        while self.waiting():
            job = self._head
            assert job is not None
            if self._nodes is None:
                self._nodes = self._ask_nodes()
            refused = refusal(job.demand, self._nodes)
            if refused is not None:
                self._head = None
                self._fail(job.record, refused)
                continue
            if self._must_wait(job):
                return None
            self._head = None
            return self._begin(job)
        return None

    def _take(self) -> tuple[TrialRecord, Trial] | None:
        """The next trial that the records do not say the end of."""
        if self._again:
            record = self.records[self._again.popleft()]
            again = dataclasses.replace(
                record, state="pending", attempt=record.attempt + 1, error=None, reason="", ended=None
            )
            return again, Trial(record.number, record.spec, record.values)
        self._exhausted = self._exhausted or self._spent()
        proposal = None if self._exhausted else self._propose(self._number, tuple(self.records.values()))
        if proposal is None:
            self._exhausted = True
            return None
        self._number += 1
        trial = proposal.trial
        record = TrialRecord(trial.number, trial.spec, trial.values, trial.overrides, informed_by=proposal.informed_by)
        self.records[trial.number] = record
        return record, trial

    def _ready(self, record: TrialRecord, trial: Trial) -> Job | None:
        """The trial as a job; None where it has ended right here: it cannot be compiled, or is in the store already."""
        started = record.started or now()
        record = dataclasses.replace(record, started=started)
        try:
            prepared = self._prepare(trial)
            cells = {cell.seed: dict(cell.steps) for cell in prepared.plan.cells}
            record = dataclasses.replace(record, cells=cells)
            if not all(map(self._is_done, prepared.plan.steps)):
                return Job(record, prepared, demand(prepared.plan))
            self._keep_experiment(prepared)
            record_cached(prepared.plan, self._store)
        except StoreUnwritable:
            raise
        except R1ciError as error:
            self._fail(record, error)
            return None
        self._settle(record, prepared, computed=(), reused=tuple(prepared.plan.steps))
        return None

    def _must_wait(self, job: Job) -> bool:
        running = [other for other, _ in self._running.values()]
        if running and not fits([job.demand, *(other.demand for other in running)], self._nodes or ()):
            return True
        first = job.prepared.plan.cells[0].steps.values()
        shared = {step_id for other in running for step_id in other.prepared.plan.steps}
        return not all(self._is_done(step_id) for step_id in shared.intersection(first))

    def _begin(self, job: Job) -> Job:
        self._keep_experiment(job.prepared)
        self._folder.stop_request(job.record.number).unlink(missing_ok=True)
        # It may have waited long for what others computed: that is not its own.
        started = job.record.started if job.record.attempt > 1 else now()
        job = dataclasses.replace(job, record=dataclasses.replace(job.record, state="running", started=started))
        self._running[job.record.number] = (job, self._clock())
        self._write(job.record, TrialStarted)
        return job

    def _keep_experiment(self, prepared: Prepared) -> None:
        plan = prepared.plan
        self._store.write_experiment(plan.name, text=prepared.text, resolved=prepared.data, plan=plan_to_json(plan))

    def _is_done(self, step_id: str) -> bool:
        if step_id not in self._done_steps and self._store.is_done(step_id):
            self._done_steps.add(step_id)
        return step_id in self._done_steps

    def _spent(self) -> bool:
        """Whether the budget is used up."""
        budget = self._sweep.budget
        if budget is None:
            return False
        used = {"computed_tokens": 0.0, "gpu_hours": 0.0}
        for record in self.records.values():
            used = {key: so_far + record.totals.get(key, 0.0) for key, so_far in used.items()}
        for job, started in self._running.values():
            rows = [row for cell in job.prepared.plan.cells for row in rl_rows(self._store, cell.steps)]
            used["computed_tokens"] += sum(row.get("tokens", 0.0) for row in rows)
            used["gpu_hours"] += _gpus(job.demand) * (self._clock() - started) / 3600
        limits = (
            (budget.time_s, self._books.elapsed_s()),
            (budget.tokens, used["computed_tokens"]),
            (budget.gpu_hours, used["gpu_hours"]),
        )
        return any(limit is not None and so_far >= limit for limit, so_far in limits)

    # ------------------------------------------------------------ what trials tell

    def reported(self, number: int, resource: float, value: float) -> bool:
        """A running trial has an intermediate value. Returns whether it is to stop; it has ended then."""
        if number not in self._running:
            return False
        record = self.records[number]
        earlier = tuple(point for point in record.curve if point[0] < resource)
        record = dataclasses.replace(record, curve=(*earlier, (resource, value)))
        others = [other.curve for other in self.records.values() if other.number != number]
        reason = reason_to_stop(self._sweep.scheduler, self._sweep.metric, record.curve, others)
        self._write(record, TrialPoint)
        if not reason:
            return False
        request = self._folder.stop_request(number)
        request.parent.mkdir(exist_ok=True)
        request.touch()
        _, record = self._leave(number)
        self._write(dataclasses.replace(record, state="stopped", stopped_at=resource, reason=reason), TrialEnded)
        return True

    def finished(
        self, number: int, *, computed: Collection[str], reused: Collection[str], error: TrialError | None
    ) -> None:
        """A running trial has come to its end."""
        if number not in self._running:
            return
        job, record = self._leave(number, computed=computed, reused=reused)
        if error is None:
            self._settle(record, job.prepared, computed=computed, reused=reused)
        elif error.type == StoreUnwritable.__name__:
            self._write(dataclasses.replace(record, state="interrupted"), TrialEnded)
            raise StoreUnwritable(error.message, error.help)
        else:
            self._write(dataclasses.replace(record, state="failed", error=error), TrialEnded)

    def lost(self, number: int, message: str) -> None:
        """The process of a running trial is gone: it is begun again, ``compute.max_restarts`` times at most."""
        if number not in self._running:
            return
        job, record = self._leave(number)
        self._losses[number] += 1
        if self._losses[number] <= _restarts(job.prepared.plan):
            reason = f"its process died: {message}; it goes on from its checkpoints"
            self._write(dataclasses.replace(record, state="interrupted", reason=reason), TrialEnded)
            self._again.appendleft(number)
            return
        again = f" {self._losses[number]} times, last" if self._losses[number] > 1 else ""
        help = "it goes on from its checkpoints: r1ci resume SWEEP --retry-failed"
        error = TrialError("TrialLost", f"the trial's process died{again}: {message}", help)
        self._write(dataclasses.replace(record, state="failed", error=error), TrialEnded)

    def busy(self) -> bool:
        """Whether trials are running; more may have to be run when they are over."""
        return bool(self._running)

    def look(self) -> None:
        """See how far the running trials are, unless that was seen a moment ago."""
        if self._clock() - self._looked < LOOK_EVERY_S:
            return
        self._looked = self._clock()
        for number, (job, _) in self._running.items():
            found = None
            with suppress(StoreError, OSError):  # it is for people to look at: no reason to end a sweep
                found = place(self._store.status(job.prepared.plan.name))
            before = self._places.get(number)
            if found is None or found == before:
                continue
            self._places[number] = found
            entered = before is None or (before.step_id, before.waiting) != (found.step_id, found.waiting)
            self._listener(TrialMoved(self.records[number], found, entered), self.summary())

    def interrupt(self) -> None:
        """Whatever runs is cut off; it is begun again by the next desk."""
        for number in list(self._running):
            _, record = self._leave(number)
            self._write(dataclasses.replace(record, state="interrupted"), TrialEnded)

    def close(self, state: str) -> Summary:
        """Write the last status, as ``state``."""
        self._write_status(state)
        return self.summary()

    def summary(self) -> Summary:
        """How far the sweep is."""
        return self._books.summary(self.records.values(), best(tuple(self.records.values()), self._sweep.metric.mode))

    # ------------------------------------------------------------ records

    def _leave(
        self, number: int, *, computed: Collection[str] = (), reused: Collection[str] = ()
    ) -> tuple[Job, TrialRecord]:
        """Take a trial out of the running ones; its record with what it has used so far."""
        job, started = self._running.pop(number)
        self._places.pop(number, None)
        record, seconds = self.records[number], self._clock() - started
        hours = record.totals.get("gpu_hours", 0.0) + _gpus(job.demand) * seconds / 3600
        used = {**totals(self._store, job.prepared.plan, set(reused)), "gpu_hours": hours}
        return job, dataclasses.replace(record, seconds=record.seconds + seconds, totals=used)

    def _settle(
        self, record: TrialRecord, prepared: Prepared, *, computed: Collection[str], reused: Collection[str]
    ) -> None:
        """Record a trial whose every step is in the store, with its metric."""
        plan, measure = prepared.plan, prepared.measure
        saved = [step_id for step_id in reused if not self._own(step_id, record)]
        record = dataclasses.replace(
            record,
            computed=len(computed) + len(reused) - len(saved),
            reused=len(saved),
            saved_s=sum(self._computed(step_id).seconds for step_id in saved),
        )
        try:
            by_seed = {cell.seed: measure.value(self._store, cell.steps) for cell in plan.cells}
            curve = measure.curve(rl_rows(self._store, plan.cells[0].steps))
            used = {**record.totals, **totals(self._store, plan, set(reused))}
        except R1ciError as error:
            self._fail(record, error)
            return
        mean = sum(by_seed.values()) / len(by_seed)
        changes: dict[str, Any] = {"metric": mean, "by_seed": by_seed, "curve": curve, "totals": used}
        self._write(dataclasses.replace(record, state="done", **changes), TrialEnded)

    def _own(self, step_id: str, record: TrialRecord) -> bool:
        """Whether a step was computed for this trial by an earlier attempt at it, and not saved."""
        return record.attempt > 1 and self._computed(step_id).started >= (record.started or "")

    def _computed(self, step_id: str) -> Computed:
        if step_id not in self._took:
            self._took[step_id] = computed_when(self._store, step_id)
        return self._took[step_id]

    def _fail(self, record: TrialRecord, error: R1ciError) -> None:
        reason = TrialError(type(error).__name__, error.message, error.help)
        self._write(dataclasses.replace(record, state="failed", error=reason), TrialEnded)

    def _write(self, record: TrialRecord, event: Callable[[TrialRecord], SweepEvent]) -> None:
        if event is TrialEnded:
            record = dataclasses.replace(record, ended=now())
        self.records[record.number] = record
        self._folder.write(record)
        if self._books.due():
            self._write_status("running")
        self._listener(event(record), self.summary())

    def _write_status(self, state: str) -> None:
        self._books.write(state, self.summary())


def _restarts(plan: Plan) -> int:
    return max(Compute.model_validate(step.runtime["compute"]).max_restarts for step in plan.steps.values())


def _gpus(asked: Demand) -> float:
    return sum(bundle.gpus for bundle in asked.most)
