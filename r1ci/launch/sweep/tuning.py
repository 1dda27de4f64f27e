"""Trials over Ray Tune: Tune starts their processes and carries what they say, the desk decides.

Tune's own state is not used: it goes to a temporary folder, and a sweep is continued from its records alone. Neither
are its searchers, schedulers and budgets: they would have to be restored with it, and they do not wait for a step that
two trials share.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune import PlacementGroupFactory
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from r1ci import cluster
from r1ci.launch.sweep.actor import FINAL, POINTS, TrialActor
from r1ci.launch.sweep.demand import NOTHING
from r1ci.launch.sweep.desk import Desk, Job
from r1ci.store.sweeps import TrialError

TUNE_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    # Ctrl-C is ours to answer.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    # One proposal ahead: what is proposed later knows more.
    "TUNE_MAX_PENDING_TRIALS_PG": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),
    "TUNE_WARN_THRESHOLD_S": "60",
    # A stopped trial ends at its next good moment, however long that takes.
    "TUNE_FORCE_TRIAL_CLEANUP_S": "3600",
}
HOLDS_NOTHING = {"memory": 1.0}
"""Tune refuses a trial that asks for nothing: one byte."""


def tune_trials(desk: Desk, name: str, root: Path) -> None:
    """Run trials until the desk has no more. Raises what the desk raises."""
    wires = _Wires(desk, name, root)
    with _cluster(), tempfile.TemporaryDirectory(prefix="r1ci-tune-", ignore_cleanup_errors=True) as scratch:
        tuner = tune.Tuner(
            tune.with_resources(TrialActor, _resources),
            tune_config=tune.TuneConfig(
                num_samples=-1, search_alg=_DeskSearcher(wires), scheduler=_DeskScheduler(wires), reuse_actors=True
            ),
            run_config=tune.RunConfig(
                name=name,
                storage_path=scratch,
                verbose=0,
                callbacks=[_Looker(wires)],
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        try:
            tuner.fit()
        except Exception:
            if wires.broken is not None:
                raise wires.broken from None
            raise


@contextmanager
def _cluster() -> Iterator[None]:
    """The cluster that this process is connected to, or one that is joined or started here and left at the end."""
    os.environ.update({name: os.environ.get(name, value) for name, value in TUNE_ENVIRONMENT.items()})
    for name in ("ray", "ray.tune", "ray.train"):
        # What goes wrong is in the records.
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ours = cluster.connect()
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def _resources(config: Mapping[str, Any]) -> PlacementGroupFactory:
    held = {"CPU": config["cpus"], "GPU": config["gpus"]}
    return PlacementGroupFactory([{key: value for key, value in held.items() if value} or HOLDS_NOTHING])


class _Wires:
    """Connects Tune's ids and messages to the desk's numbers."""

    def __init__(self, desk: Desk, name: str, root: Path) -> None:
        self._desk, self._name, self._root = desk, name, root
        self._numbers: dict[str, int] = {}
        self.broken: Exception | None = None
        """What the desk raised inside Tune, which would wrap it."""

    def suggest(self, trial_id: str) -> Any:
        """The next trial's configuration; None while it must wait."""
        job = self._desk.next()
        if job is None:
            return None if self._desk.waiting() or self._desk.busy() else Searcher.FINISHED
        self._numbers[trial_id] = job.record.number
        return self._config(job)

    def _config(self, job: Job) -> dict[str, Any]:
        held, measure = job.demand.actor, job.prepared.measure
        return {
            "root": str(self._root),
            "folder": os.getcwd(),
            "sweep": self._name,
            "number": job.record.number,
            "name": job.prepared.plan.name,
            "metric": measure.metric.model_dump(mode="json"),
            "resource": measure.resource,
            "agent": measure.agent,
            "apart": held == NOTHING,
            "cpus": held.cpus,
            "gpus": held.gpus,
        }

    def points(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """Whether a trial is to stop after what it reported."""
        number = self._numbers[trial_id]
        return any(self._desk.reported(number, resource, value) for resource, value in json.loads(result[POINTS]))

    def complete(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """A trial has ended by itself; that it was stopped, or is lost, the desk has heard before."""
        if FINAL not in result:
            return
        self.points(trial_id, result)
        told = json.loads(result[FINAL])
        error = None if told["error"] is None else TrialError(**told["error"])
        self._desk.finished(self._numbers[trial_id], computed=told["computed"], reused=told["reused"], error=error)

    def lost(self, trial_id: str, error_file: str | None) -> None:
        """A trial's process is gone; Tune leaves the error in a file."""
        error = pickle.loads(Path(error_file).read_bytes()) if error_file and Path(error_file).exists() else None
        words = str(error or "").strip().splitlines() or ["no reason is known"]
        self._desk.lost(self._numbers[trial_id], words[0])

    def look(self) -> None:
        """See how far the running trials are."""
        self._desk.look()

    def guarded(self, act: Callable[[], Any]) -> Any:
        """Call the desk, and remember what it raises."""
        try:
            return act()
        except Exception as error:
            self.broken = error
            raise


class _DeskSearcher(Searcher):  # type: ignore[misc]
    """The desk as what Tune asks for trials. Tune keeps a pickled copy of it, which has nothing in it."""

    def __init__(self, wires: _Wires) -> None:
        super().__init__()
        self._wires = wires

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def set_search_properties(self, metric: Any, mode: Any, config: Any, **spec: Any) -> bool:
        return True

    def suggest(self, trial_id: str) -> Any:
        return self._wires.guarded(lambda: self._wires.suggest(trial_id))

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        self._wires.guarded(lambda: self._wires.complete(trial_id, result or {}))

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the records are the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Never called."""


class _DeskScheduler(FIFOScheduler):  # type: ignore[misc]
    """The desk as what decides whether a trial goes on."""

    def __init__(self, wires: _Wires) -> None:
        super().__init__()
        self._wires = wires

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: Mapping[str, Any]) -> str:
        stop = self._wires.guarded(lambda: self._wires.points(trial.trial_id, result))
        return str(TrialScheduler.STOP if stop else TrialScheduler.CONTINUE)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self._wires.guarded(lambda: self._wires.lost(trial.trial_id, trial.pickled_error_file))


class _Looker(tune.Callback):  # type: ignore[misc]
    """Lets the desk see how far trials are, between Tune's own steps, several times a second."""

    def __init__(self, wires: _Wires) -> None:
        self._wires = wires

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_step_end(self, iteration: int, trials: Any, **info: Any) -> None:
        self._wires.guarded(self._wires.look)
