"""The trial as Ray Tune runs it: a process that takes trial after trial, as light as a trial's steps let it be.

Torch and everything else of weight is imported when a step that needs it is computed.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ray.tune import Trainable

from r1ci.launch.apart import step_apart
from r1ci.launch.sweep.demand import NOTHING, process
from r1ci.launch.sweep.measure import Measure
from r1ci.launch.sweep.trial import TrialOutcome, run_trial
from r1ci.plan.compile import plan_from_json
from r1ci.plan.context import StepContext
from r1ci.spec.sweep.models import Metric
from r1ci.steps import run_step
from r1ci.store.files import read_json
from r1ci.store.store import Store
from r1ci.store.sweeps import SweepFolder, TrialError

POINTS, FINAL = "points", "final"
"""Keys of what a trial reports: points of its curve, what became of it."""
TOGETHER_S = 0.1
"""What comes within so many seconds goes in one message: each costs Tune as much as a short trial."""

Point = tuple[float, float]
"""Resource, value."""


class TrialActor(Trainable):  # type: ignore[misc]
    """Runs a trial in a thread and reports what it tells, a message per ``step``. Used again for the next trial.

    ``config``: ``root`` and ``sweep`` name the sweep's folder, ``number`` and ``name`` the trial and its experiment,
    whose plan is in the store; ``metric``, ``resource`` and ``agent`` make the Measure; where ``apart`` is true every
    step that is not training runs in a Ray task of its own, which asks for what the plan says.
    """

    def setup(self, config: Mapping[str, Any]) -> None:
        """Make the first trial ready.

        It begins with the first ``step``: while this process starts, Tune may give the trial to another one that has
        become free, and end this one.
        """
        self._said: queue.SimpleQueue[Point | TrialOutcome] = queue.SimpleQueue()
        stop = SweepFolder(Path(config["root"]), config["sweep"]).stop_request(config["number"])
        self._thread = threading.Thread(target=_work, args=(config, stop, self._said.put), daemon=True)

    def step(self) -> dict[str, Any]:
        """The next message: points of the curve, or the outcome with those that nobody heard yet, which is the last."""
        if self._thread.ident is None:
            self._thread.start()
        points: list[Point] = []
        said = self._said.get()
        while not isinstance(said, TrialOutcome):
            points.append(said)
            try:
                said = self._said.get(timeout=TOGETHER_S)
            except queue.Empty:
                return {POINTS: json.dumps(points)}
        return {POINTS: json.dumps(points), FINAL: json.dumps(said.to_json()), "done": True}

    def reset_config(self, new_config: Mapping[str, Any]) -> bool:
        """Make another trial ready, once the one before is over."""
        self.cleanup()
        self.setup(new_config)
        return True

    def cleanup(self) -> None:
        """Wait for a trial that was stopped to come to a good moment."""
        if self._thread.ident is not None:
            self._thread.join()


def _work(config: Mapping[str, Any], stop: Path, put: Callable[[Point | TrialOutcome], None]) -> None:
    try:
        outcome = _run(config, stop, lambda resource, value: put((resource, value)))
    except BaseException as error:  # whatever it is, the driver must hear of it: nobody else would
        logging.getLogger(__name__).exception("trial %s", config["name"])
        outcome = TrialOutcome(error=TrialError(type(error).__name__, str(error)))
    put(outcome)


def _run(config: Mapping[str, Any], stop: Path, tell: Callable[[float, float], None]) -> TrialOutcome:
    root = Path(config["root"])
    os.chdir(config["folder"])
    store = Store(root)
    plan = plan_from_json(read_json(store.experiment_folder(config["name"]) / "plan.json"))
    measure = Measure(Metric.model_validate(config["metric"]), config["resource"], config["agent"])
    return run_trial(plan, store, measure, stop, tell, _step if config["apart"] else run_step)


def _step(context: StepContext) -> None:
    """Run a step that needs a process in a Ray task; training starts its own workers from here."""
    (run_step if process(context.step) == NOTHING else step_apart)(context)
