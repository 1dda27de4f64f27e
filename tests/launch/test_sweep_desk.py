"""The books of a sweep: order, sharing, ends, resuming."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sweep_fakes import Office, compute, plan, prepare, prepared, sweep, work, write_log

from r1ci.errors import StepFailed, StoreError
from r1ci.launch.run import Status
from r1ci.launch.sweep.demand import Bundle
from r1ci.launch.sweep.desk import LOOK_EVERY_S, Prepared, Proposal
from r1ci.launch.sweep.events import TrialEnded, TrialMoved, TrialPoint, TrialStarted
from r1ci.plan.context import Progress
from r1ci.plan.steps import Resources
from r1ci.spec.sweep.trials import Trial
from r1ci.store.files import StoreUnwritable
from r1ci.store.sweeps import SweepFolder, TrialError, TrialRecord, from_json, to_json


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def numbers(office: Office) -> list[int]:
    """Trials that may begin now."""
    found = []
    while (job := office.desk.next()) is not None:
        found.append(job.record.number)
    return found


def test_every_trial_ends_with_its_metric_and_what_it_computed(office: Office) -> None:
    office.run_all()
    records = office.folder.records()
    assert [record.state for record in records] == ["done"] * 3
    assert [record.metric for record in records] == pytest.approx([0.1, 0.2, 0.3])
    assert [(record.computed, record.reused) for record in records] == [(4, 0), (2, 2), (2, 2)]
    assert records[2].curve == ((1.0, 0.1), (2.0, 0.2))
    assert records[2].totals["tokens"] == 20.0
    summary = office.desk.summary()
    assert (summary.done, summary.computed, summary.reused) == (3, 8, 4)
    assert summary.best is not None
    assert summary.best.number == 2
    assert not office.desk.waiting()


def test_a_trial_waits_for_what_another_computes_for_both(office: Office) -> None:
    assert numbers(office) == [0]
    assert office.desk.waiting()
    shared = [step for step in plan(Trial(0, "", {"rl.x": 0.1})).steps.values() if step.kind in ("questions", "sft")]
    for step in shared:
        with office.store.attempt(step):
            pass
    assert numbers(office) == [1]  # two CPUs: the third has no room


def test_a_shared_step_of_a_later_seed_is_not_waited_for(tmp_path: Path) -> None:
    def two_seeds(trial: Trial) -> Prepared:
        return prepared(trial, plan(trial, seeds=(0, 1)))

    office = Office(tmp_path, prepare=two_seeds)
    assert numbers(office) == [0]
    first = plan(Trial(0, "", {"rl.x": 0.1}), seeds=(0, 1))
    for step_id in (first.cells[0].steps["questions"], first.cells[0].steps["sft"]):
        with office.store.attempt(first.steps[step_id]):
            pass
    assert numbers(office) == [1]


def test_trials_with_workers_begin_only_where_their_workers_fit_beside_the_others(tmp_path: Path) -> None:
    def two_workers(trial: Trial) -> Prepared:
        return prepared(trial, plan(trial, resources=Resources(2, 2)))

    office = Office(tmp_path, prepare=two_workers)
    first = plan(Trial(0, "", {"rl.x": 0.1}), resources=Resources(2, 2))
    shared = [first.steps[first.cells[0].steps[role]] for role in ("questions", "sft")]
    for step in shared:
        with office.store.attempt(step):
            pass
    assert numbers(office) == [0]
    office.run(0)
    assert numbers(office) == [1]


def test_a_trial_that_never_fits_is_a_failed_row_with_the_numbers(tmp_path: Path) -> None:
    def sized(trial: Trial) -> Prepared:
        workers = 3 if trial.number == 1 else 1
        return prepared(trial, plan(trial, resources=Resources(workers, workers)))

    office = Office(tmp_path, prepare=sized)
    office.run_all()
    assert office.states() == {0: "done", 1: "failed", 2: "done"}
    error = office.folder.records()[1].error
    assert error is not None
    assert error.type == "EnvironmentMissing"
    assert "3 times 1 CPU at once; the cluster has 2 CPUs" in error.message


def test_what_is_in_the_store_is_recorded_and_not_run(tmp_path: Path) -> None:
    first = Office(tmp_path)
    first.run_all()
    (first.folder.folder / "trials").rename(tmp_path / "forgotten")
    (first.folder.folder / "trials").mkdir()

    def nobody_asks() -> Sequence[Bundle]:
        raise AssertionError("no cluster is needed")

    again = Office(tmp_path, nodes=nobody_asks)
    assert not again.desk.waiting()
    records = again.folder.records()
    assert [(record.state, record.computed, record.reused) for record in records] == [("done", 0, 4)] * 3
    assert again.desk.summary().saved_s == pytest.approx(sum(record.saved_s for record in records))
    assert (again.store.experiment_folder("demo-0002") / "plan.json").exists()


def test_failures_are_rows_with_their_reason(tmp_path: Path) -> None:
    def broken(trial: Trial) -> Prepared:
        if trial.number == 0:
            raise StepFailed("no such plan", "change it")
        return prepare(trial)

    office = Office(tmp_path, prepare=broken)
    assert numbers(office) == [1]
    office.desk.finished(1, computed=(), reused=(), error=TrialError("StepFailed", "out of luck", ""))
    errors = [record.error for record in office.folder.records()]
    assert [error and error.message for error in errors] == ["no such plan", "out of luck"]
    assert office.desk.summary().failed == 2


def test_a_trial_whose_process_dies_is_begun_again_as_often_as_its_spec_says(tmp_path: Path) -> None:
    def at_most_once(trial: Trial) -> Prepared:
        made = plan(trial)
        runtime = {"executor": {"kind": "local"}, "compute": {"max_restarts": 1}, "plugins": []}
        steps = {step_id: dataclasses.replace(step, runtime=runtime) for step_id, step in made.steps.items()}
        return prepared(trial, dataclasses.replace(made, steps=steps))

    office = Office(tmp_path, prepare=at_most_once)
    assert numbers(office) == [0]
    office.desk.lost(0, "killed")
    waiting = office.folder.records()[0]
    assert (waiting.state, waiting.reason) == (
        "interrupted",
        "its process died: killed; it goes on from its checkpoints",
    )
    assert not office.desk.busy()
    assert numbers(office) == [1], "what waited for it goes first"
    office.run(1)
    assert numbers(office) == [0, 2]
    again = office.folder.records()[0]
    assert (again.state, again.attempt, again.reason) == ("running", 2, "")
    office.desk.lost(0, "killed")
    failed = office.folder.records()[0]
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error.message == "the trial's process died 2 times, last: killed"
    office.run(2)
    assert numbers(office) == []


def test_what_was_computed_while_a_trial_waited_is_not_its_own_when_it_is_begun_again(office: Office) -> None:
    assert numbers(office) == [0]
    office.run(0)
    assert numbers(office) == [1, 2]
    office.desk.lost(1, "killed")
    assert numbers(office) == [1]
    office.run(1)
    record = office.folder.records()[1]
    assert (record.attempt, record.computed, record.reused) == (2, 2, 2)


def test_what_running_trials_do_is_seen_now_and_then_and_told_once(tmp_path: Path) -> None:
    now = [0.0]
    office = Office(tmp_path, clock=lambda: now[0])
    assert numbers(office) == [0]
    made = prepare(Trial(0, "base.yaml", {"rl.x": 0.1})).plan
    status = Status(made, office.store, made.steps)
    rl = made.cells[0].steps["rl"]
    status.set(rl, "running")
    for done in (0, 0, 1):
        if done:
            status.progress(rl, Progress(done, 2, "reward 0.5"))
            status.write()
        office.desk.look()
        office.desk.look()
        now[0] += LOOK_EVERY_S
    moves = [event for event, _ in office.events if isinstance(event, TrialMoved)]
    assert [(move.place.index, move.place.progress, move.entered) for move in moves] == [
        (3, None, True),
        (3, Progress(1, 2, "reward 0.5"), False),
    ]
    office.run(0)
    now[0] += LOOK_EVERY_S
    office.desk.look()
    assert [type(event) for event, _ in office.events][-1] is TrialEnded


def test_a_trial_taken_from_the_store_is_an_experiment_that_is_done(tmp_path: Path) -> None:
    store = Office(tmp_path).store
    for number, x in enumerate((0.1, 0.2, 0.3)):
        compute(store, plan(Trial(number, "base.yaml", {"rl.x": x})))
    office = Office(tmp_path)
    assert not office.desk.waiting()
    status = store.status("demo-0001")
    assert status["state"] == "done"
    assert {step["state"] for step in status["steps"].values()} == {"cached"}


def test_a_metric_that_is_no_number_is_a_failure(office: Office) -> None:
    job = office.desk.next()
    assert job is not None
    compute(office.store, job.prepared.plan)
    role = job.prepared.measure.metric_role(job.prepared.plan.cells[0].steps)
    scores = office.store.step_folder(job.prepared.plan.cells[0].steps[role]) / "scores.parquet"
    import polars as pl

    pl.read_parquet(scores).filter(pl.col("set") == "test").write_parquet(scores)
    office.desk.finished(0, computed=(), reused=(), error=None)
    assert office.states()[0] == "failed"


def test_the_scheduler_stops_a_trial_by_the_curves_of_the_others(tmp_path: Path) -> None:
    office = Office(tmp_path, sweep(scheduler={"kind": "asha", "grace": 2, "reduction": 2}))
    compute(office.store, plan(Trial(9, "", {"rl.x": 9.9})))  # what trials share
    assert numbers(office) == [0, 1]
    assert not office.desk.reported(0, 1.0, 0.9)
    assert not office.desk.reported(0, 2.0, 0.9)
    assert not office.desk.reported(1, 1.0, 0.1)
    assert office.desk.reported(1, 2.0, 0.1)
    record = office.folder.records()[1]
    assert (record.state, record.stopped_at) == ("stopped", 2.0)
    assert "new_accuracy 0.1 at 2 steps" in record.reason
    assert office.folder.stop_request(1).exists()
    assert not office.desk.reported(1, 3.0, 0.1)
    assert numbers(office) == [2]
    kinds = [type(event) for event, _ in office.events]
    assert kinds == [TrialStarted, TrialStarted, *[TrialPoint] * 4, TrialEnded, TrialStarted]


def test_a_desk_made_again_loses_no_trial_and_doubles_none(tmp_path: Path) -> None:
    killed = Office(tmp_path, sweep(scheduler={"kind": "asha", "grace": 2, "reduction": 2}))
    compute(killed.store, plan(Trial(9, "", {"rl.x": 9.9})))
    assert numbers(killed) == [0, 1]
    killed.desk.reported(0, 2.0, 0.9)
    killed.run(0)
    assert numbers(killed) == [2]
    # killed here: trials 1 and 2 are running
    assert killed.states() == {0: "done", 1: "running", 2: "running"}

    again = Office(tmp_path, killed.sweep)
    assert numbers(again) == [1, 2]
    assert again.desk.records[1].attempt == 2
    assert again.desk.records[1].values == {"rl.x": 0.2}
    assert again.desk.reported(1, 2.0, 0.1), "the done trial's curve counts"
    again.run(2)
    assert again.states() == {0: "done", 1: "stopped", 2: "done"}
    assert numbers(Office(tmp_path, killed.sweep)) == []


def test_steps_of_an_own_earlier_attempt_are_not_counted_as_saved(tmp_path: Path) -> None:
    killed = Office(tmp_path)
    job = killed.desk.next()
    assert job is not None
    compute(killed.store, job.prepared.plan, lambda context: work(context))
    again = Office(tmp_path)
    assert not [number for number in numbers(again) if number == 0]
    record = again.folder.records()[0]
    assert (record.state, record.computed, record.reused, record.saved_s) == ("done", 4, 0, 0.0)


def test_ctrl_c_leaves_running_trials_interrupted(office: Office) -> None:
    assert numbers(office) == [0]
    office.desk.interrupt()
    office.desk.close("interrupted")
    assert office.states() == {0: "interrupted"}
    assert office.folder.status()["state"] == "interrupted"
    assert numbers(Office(office.store.root)) == [0]


def test_failed_trials_are_run_again_only_where_that_is_asked_for(office: Office) -> None:
    assert numbers(office) == [0]
    office.desk.finished(0, computed=(), reused=(), error=TrialError("StepFailed", "once", ""))
    assert numbers(Office(office.store.root)) == [1]
    retried = Office(office.store.root, retry_failed=True)
    retried.run_all()
    assert set(retried.states().values()) == {"done"}
    assert retried.folder.records()[0].error is None


def test_a_store_that_cannot_be_written_ends_the_sweep(office: Office) -> None:
    assert numbers(office) == [0]
    with pytest.raises(StoreUnwritable):
        office.desk.finished(0, computed=(), reused=(), error=TrialError("StoreUnwritable", "full", "free some"))
    assert office.states() == {0: "interrupted"}


@pytest.mark.parametrize(("budget", "begun"), [({"tokens": 40}, 2), ({"tokens": 41}, 3), ({"time_s": 15.0}, 2)])
def test_no_trial_begins_once_the_budget_is_used_up(tmp_path: Path, budget: dict[str, float], begun: int) -> None:
    """A trial samples 20 tokens, and takes 10 seconds of the test's clock."""
    space = {"rl.x": {"kind": "uniform", "low": 0.0, "high": 1.0}}
    endless = sweep(budget=budget, search={"kind": "random"}, space=space)

    def propose(number: int, records: Sequence[TrialRecord]) -> Proposal:
        return Proposal(Trial(number, "base.yaml", {"rl.x": 0.1 * (number + 1)}))

    office = Office(
        tmp_path, endless, propose=propose, clock=lambda: 10.0 * len(SweepFolder(tmp_path, "demo").records())
    )
    office.run_all()
    assert len(office.states()) == begun


def test_status_says_how_far_the_sweep_is(office: Office) -> None:
    office.run_all()
    office.desk.close("done")
    status = office.folder.status()
    assert status["state"] == "done"
    assert status["trials"] == {"running": 0, "done": 3, "stopped": 0, "failed": 0, "interrupted": 0}
    assert status["best"]["number"] == 2
    assert status["steps"]["computed"] == 8


def test_records_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    record = TrialRecord(
        number=3,
        spec="s",
        values={"a": [1, 2]},
        overrides=("a=[1, 2]",),
        state="stopped",
        informed_by=(0, 1),
        by_seed={0: 0.5},
        curve=((1.0, 0.1),),
        error=TrialError("X", "m"),
        cells={0: {"rl": "rl-1"}},
        totals={"tokens": 1.0},
    )
    assert from_json(json.loads(json.dumps(to_json(record)))) == record
    folder = SweepFolder(tmp_path, "demo")
    folder.create(text="", resolved={})
    folder.write(record)
    assert folder.records() == (record,)
    (folder.folder / "trials" / "0003.json").write_text('{"number": 3}')
    with pytest.raises(StoreError, match=r"0003\.json.*not a trial"):
        folder.records()


def test_rl_logs_give_curves_over_steps_and_tokens(tmp_path: Path) -> None:
    from r1ci.launch.sweep.measure import Measure
    from r1ci.store.metrics import read_rows

    write_log(tmp_path, [0.1, 0.2])
    rows = read_rows(tmp_path / "metrics.jsonl")
    measure = Measure(sweep().metric)
    assert measure.curve(rows) == ((1.0, 0.1), (2.0, 0.2))
    assert dataclasses.replace(measure, resource="tokens").curve(rows) == ((10.0, 0.1), (20.0, 0.2))
