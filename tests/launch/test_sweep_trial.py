"""What one trial does, with steps that do nothing but what a test says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sweep_fakes import plan, sweep, work, write_log

from r1ci.errors import StepFailed
from r1ci.launch.sweep.measure import Measure
from r1ci.launch.sweep.trial import run_trial
from r1ci.plan.context import StepContext, Stopped
from r1ci.spec.sweep.models import Metric
from r1ci.spec.sweep.trials import Trial
from r1ci.store.store import STOP, Store

TRIAL = Trial(0, "base.yaml", {"rl.x": 0.5})
MEASURE = Measure(sweep().metric)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def test_a_trial_tells_the_curve_of_its_first_seed_once(store: Store, tmp_path: Path) -> None:
    made = plan(TRIAL, seeds=(0, 1))
    told: list[tuple[float, float]] = []
    outcome = run_trial(made, store, MEASURE, tmp_path / "stop", lambda at, value: told.append((at, value)), work)
    assert outcome.error is None
    assert set(outcome.computed) == set(made.steps)
    assert told == [(1.0, 0.1), (2.0, 0.2)]


def test_a_trial_whose_rl_is_in_the_store_still_tells_its_curve(store: Store, tmp_path: Path) -> None:
    made = plan(TRIAL)
    run_trial(made, store, MEASURE, tmp_path / "stop", lambda at, value: None, work)
    told: list[float] = []
    outcome = run_trial(made, store, MEASURE, tmp_path / "stop", lambda at, value: told.append(value), work)
    assert outcome.computed == ()
    assert set(outcome.reused) == set(made.steps)
    assert told == [0.1, 0.2]


def test_a_failure_says_which_step_and_why(store: Store, tmp_path: Path) -> None:
    def failing(context: StepContext) -> None:
        if context.step.kind == "rl":
            raise StepFailed("diverged", "lower rl.learning_rate")

    outcome = run_trial(plan(TRIAL), store, MEASURE, tmp_path / "stop", lambda at, value: None, failing)
    assert outcome.error is not None
    assert outcome.error.message.endswith(": diverged")
    assert outcome.error.message.startswith("rl-")
    assert outcome.error.help == "lower rl.learning_rate"
    assert len(outcome.computed) == 2


def test_a_trial_that_is_asked_to_stop_asks_its_training_and_runs_nothing_more(store: Store, tmp_path: Path) -> None:
    made, stop = plan(TRIAL), tmp_path / "stop"

    def training(context: StepContext) -> None:
        if context.step.kind != "rl":
            return
        write_log(context.folder, [0.1])
        while not told:
            pass
        stop.touch()
        while not (context.folder / STOP).exists():
            pass
        raise Stopped("as asked")

    told: list[float] = []
    outcome = run_trial(made, store, MEASURE, stop, lambda at, value: told.append(value), training)
    assert outcome.stopped
    assert told == [0.1]
    assert store.status("demo-0000")["state"] == "interrupted"
    assert not any(store.is_done(step_id) for step_id in made.steps if step_id.startswith("evaluation"))


def test_a_request_that_comes_when_training_is_over_stops_before_the_next_step(store: Store, tmp_path: Path) -> None:
    made, stop = plan(TRIAL), tmp_path / "stop"

    def late(context: StepContext) -> None:
        work(context)
        if context.step.kind == "rl":
            stop.touch()

    assert run_trial(made, store, MEASURE, stop, lambda at, value: None, late).stopped
    assert store.is_done(made.cells[0].steps["rl"])
    assert not store.is_done(made.cells[0].steps["evaluation:rl:code_agent"])


def test_the_metric_is_of_the_last_checkpoint_or_of_the_log(store: Store, tmp_path: Path) -> None:
    made = plan(TRIAL)
    run_trial(made, store, MEASURE, tmp_path / "stop", lambda at, value: None, work)
    roles = made.cells[0].steps
    assert MEASURE.value(store, roles) == pytest.approx(0.5)
    assert Measure(Metric(name="accuracy/test_tasks", mode="max")).value(store, roles) == 0.0
    assert Measure(Metric(name="rl/new_accuracy", mode="max")).value(store, roles) == 0.2
    with pytest.raises(StepFailed, match=r"rl/kl of rl-.* is not there"):
        Measure(Metric(name="rl/kl", mode="min")).value(store, roles)
    with pytest.raises(StepFailed, match="none of evaluation:rl:all_text"):
        Measure(sweep().metric, agent="all_text").value(store, roles)
