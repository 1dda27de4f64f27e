"""Running plans with steps that do nothing but what the test says."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.launch.events import Event, Outcome, RunDone, StepBlocked, StepFailedEvent, StepProgress, StepStarted
from r1ci.launch.run import run_plan
from r1ci.plan.context import Progress, StepContext
from r1ci.plan.steps import Cell, Plan, Step
from r1ci.store.files import StoreUnwritable
from r1ci.store.store import Store

QUESTIONS = Step("questions", {"seed": 0}, {})
MODEL = Step("model", {"name": "m"}, {})
SFT = Step("sft", {"seed": 0}, {"model": MODEL.id, "questions": QUESTIONS.id})
RL = Step("rl", {"seed": 0}, {"policy": SFT.id})
BASE = Step("evaluation", {"of": "base"}, {"policy": MODEL.id})
STEPS = (QUESTIONS, MODEL, SFT, RL, BASE)
ROLES = ("questions", "model", "sft", "rl", "evaluation:base:code_agent")
PLAN = Plan(
    "demo",
    {step.id: step for step in STEPS},
    (Cell("default", "m", 0, {role: step.id for role, step in zip(ROLES, STEPS, strict=True)}),),
)

Body = Callable[[StepContext], None]


class Runner:
    """A fake of the steps room: writes one output, then does what the test asks for the step's kind."""

    def __init__(self, **bodies: Body) -> None:
        self.bodies = bodies
        self.ran: list[str] = []

    def __call__(self, context: StepContext) -> None:
        self.ran.append(context.step.kind)
        (context.folder / "out.txt").write_text(context.step.id)
        self.bodies.get(context.step.kind, lambda context: None)(context)


def raising(error: BaseException) -> Body:
    """A step that fails."""

    def body(context: StepContext) -> None:
        raise error

    return body


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "runs")


def run(store: Store, runner: Runner, **options: Any) -> tuple[Outcome, list[Event]]:
    """Run the plan and keep its events."""
    events: list[Event] = []
    return run_plan(PLAN, store, runner, events.append, **options), events


def states(store: Store) -> dict[str, str]:
    """The state of each step in status.json, by kind."""
    return {entry["kind"]: entry["state"] for entry in store.status("demo")["steps"].values()}


# ---------------------------------------------------------------- what runs


def test_every_step_runs_once_in_order_and_is_in_the_store(store: Store) -> None:
    runner = Runner()
    outcome, events = run(store, runner)
    assert runner.ran == [step.kind for step in STEPS]
    assert outcome == Outcome(done=tuple(PLAN.steps))
    assert outcome.complete
    assert all(store.is_done(step_id) for step_id in PLAN.steps)
    assert events[-1] == RunDone(outcome)
    started = [event for event in events if isinstance(event, StepStarted)]
    assert [(event.index, event.total, event.cells) for event in started[:2]] == [
        (1, 5, ("default/m/0",)),
        (2, 5, ("default/m/0",)),
    ]
    assert store.status("demo")["state"] == "done"
    assert set(states(store).values()) == {"done"}


def test_a_second_run_computes_nothing(store: Store) -> None:
    run(store, Runner())
    runner = Runner()
    outcome, _ = run(store, runner)
    assert runner.ran == []
    assert outcome == Outcome(cached=tuple(PLAN.steps))
    assert store.status("demo")["state"] == "done"


def test_a_step_is_given_the_folders_it_reads(store: Store) -> None:
    read: dict[str, str] = {}

    def body(context: StepContext) -> None:
        read.update({role: (folder / "out.txt").read_text() for role, folder in context.reads.items()})

    run(store, Runner(sft=body))
    assert read == {"model": MODEL.id, "questions": QUESTIONS.id}


def test_only_some_steps_run_with_what_they_read(store: Store) -> None:
    runner = Runner()
    outcome, _ = run(store, runner, only=[BASE.id])
    assert runner.ran == ["model", "evaluation"]
    assert outcome.done == (MODEL.id, BASE.id)


def test_a_step_that_is_not_in_the_plan_cannot_be_asked_for(store: Store) -> None:
    with pytest.raises(UsageError, match="the plan demo has no step rl-0"):
        run(store, Runner(), only=["rl-0"])


def test_progress_is_passed_on(store: Store) -> None:
    progress = Progress(3, 10, "loss 0.5")
    _, events = run(store, Runner(sft=lambda context: context.progress(progress)))
    assert StepProgress(SFT.id, "sft", progress) in events
    assert store.status("demo")["steps"][SFT.id]["progress"] == {"done": 3, "total": 10, "text": "loss 0.5"}


# ---------------------------------------------------------------- failures


def test_a_failed_step_blocks_what_depends_on_it_and_nothing_else(store: Store) -> None:
    runner = Runner(sft=raising(ValueError("no luck")))
    outcome, events = run(store, runner)
    assert runner.ran == ["questions", "model", "sft", "evaluation"]
    assert outcome.done == (QUESTIONS.id, MODEL.id, BASE.id)
    assert [(failure.step_id, failure.type, failure.message) for failure in outcome.failed] == [
        (SFT.id, "ValueError", "no luck")
    ]
    assert outcome.blocked == (RL.id,)
    assert not outcome.complete
    assert [event.step_id for event in events if isinstance(event, StepFailedEvent)] == [SFT.id]
    assert StepBlocked(RL.id, "rl", by=SFT.id) in events
    status = store.status("demo")
    assert status["state"] == "failed"
    assert states(store) == {
        "questions": "done",
        "model": "done",
        "sft": "failed",
        "rl": "blocked",
        "evaluation": "done",
    }
    assert status["steps"][SFT.id]["error"]["message"] == "no luck"
    assert "ValueError: no luck" in (store.step_folder(SFT.id) / "error.txt").read_text()


def test_what_depends_on_a_blocked_step_is_blocked_by_the_failed_one(store: Store) -> None:
    _, events = run(store, Runner(model=raising(ValueError("no"))))
    blocked = {event.kind: event.by for event in events if isinstance(event, StepBlocked)}
    assert blocked == {"sft": MODEL.id, "rl": MODEL.id, "evaluation": MODEL.id}


def test_a_failure_keeps_what_to_do_and_the_exit_code(store: Store) -> None:
    outcome, _ = run(store, Runner(model=raising(EnvironmentMissing("no GPU", "set compute.gpus_per_worker=0"))))
    (failure,) = outcome.failed
    assert (failure.message, failure.help, failure.exit_code) == ("no GPU", "set compute.gpus_per_worker=0", 3)


def test_a_failed_step_runs_again_and_then_all_is_done(store: Store) -> None:
    run(store, Runner(sft=raising(ValueError("no luck"))))
    runner = Runner()
    outcome, _ = run(store, runner)
    assert runner.ran == ["sft", "rl"]
    assert set(outcome.cached) == {QUESTIONS.id, MODEL.id, BASE.id}
    assert outcome.complete


def test_what_was_finished_stays_finished_when_what_it_read_is_damaged(store: Store) -> None:
    run(store, Runner())
    (store.step_folder(SFT.id) / "out.txt").unlink()
    runner = Runner()
    outcome, _ = run(store, runner)
    assert runner.ran == []
    assert [failure.step_id for failure in outcome.failed] == [SFT.id]
    assert "out.txt is missing" in outcome.failed[0].message
    assert set(outcome.cached) == set(PLAN.steps) - {SFT.id}


def test_a_small_output_changed_by_hand_is_found_before_it_is_used(store: Store) -> None:
    run(store, Runner(), only=[MODEL.id])
    path = store.step_folder(MODEL.id) / "out.txt"
    path.write_text(path.read_text()[::-1])
    outcome, _ = run(store, Runner())
    assert [failure.step_id for failure in outcome.failed] == [MODEL.id]
    assert SFT.id in outcome.blocked


def test_a_full_disk_ends_the_run_at_once(store: Store) -> None:
    runner = Runner(model=raising(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(StoreUnwritable, match="is full"):
        run(store, runner)
    assert runner.ran == ["questions", "model"]
    assert store.status("demo")["state"] == "failed"
    assert store.is_done(QUESTIONS.id)


def test_an_unwritable_store_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable, match="cannot be written"):
        run(Store(tmp_path / "file" / "runs"), Runner())


# ---------------------------------------------------------------- interruptions


def checkpoint(context: StepContext) -> int:
    """A step of three parts that keeps a checkpoint after each; returns the part to go on with."""
    folder = context.folder / "checkpoints"
    folder.mkdir(exist_ok=True)
    return len(list(folder.iterdir()))


def test_ctrl_c_leaves_a_resumable_attempt_and_passes_through(store: Store) -> None:
    def interrupted(context: StepContext) -> None:
        (context.folder / "checkpoints").mkdir()
        (context.folder / "checkpoints" / "0").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(store, Runner(sft=interrupted))
    assert store.status("demo")["state"] == "interrupted"
    assert states(store)["sft"] == "interrupted"
    assert states(store)["rl"] == "pending"

    found: list[int] = []
    outcome, _ = run(store, Runner(sft=lambda context: found.append(checkpoint(context))))
    assert found == [1]
    assert outcome.complete


@pytest.mark.parametrize("when", [StepStarted, StepProgress])
def test_ctrl_c_while_an_event_is_shown_is_no_different(store: Store, when: type[Event]) -> None:
    def listener(event: Event) -> None:
        if isinstance(event, when) and event.kind == "sft":
            raise KeyboardInterrupt

    runner = Runner(sft=lambda context: context.progress(Progress(1, 2)))
    with pytest.raises(KeyboardInterrupt):
        run_plan(PLAN, store, runner, listener)
    assert states(store)["sft"] == "interrupted"
    assert run(store, Runner())[0].complete


KILLED = """
import sys, time
from pathlib import Path
from r1ci.launch.run import run_plan
from r1ci.plan.steps import Cell, Plan, Step
from r1ci.store.store import Store

first = Step("questions", {"seed": 0}, {})
second = Step("sft", {"seed": 0}, {"questions": first.id})
plan = Plan("demo", {first.id: first, second.id: second}, (Cell("default", "m", 0, {}),))

def run_step(context):
    if context.step.kind == "sft":
        folder = context.folder / "checkpoints"
        folder.mkdir(exist_ok=True)
        for part in range(len(list(folder.iterdir())), 3):
            print("part", part, flush=True)
            if sys.argv[2] == "stop" and part == 2:
                sys.stdin.readline()
            (folder / str(part)).write_text("")
    (context.folder / "out.txt").write_text("all parts")

outcome = run_plan(plan, Store(Path(sys.argv[1])), run_step, lambda event: None)
print("done", len(outcome.done), "cached", len(outcome.cached), flush=True)
"""


def test_a_run_killed_in_the_middle_of_a_step_goes_on_where_its_checkpoints_end(store: Store) -> None:
    command = [sys.executable, "-c", KILLED, str(store.root)]
    process = subprocess.Popen([*command, "stop"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["part 0\n", "part 1\n", "part 2\n"]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert store.status("demo")["state"] == "killed"
    assert not store.is_done(Step("sft", {"seed": 0}, {"questions": QUESTIONS.id}).id)

    again = subprocess.run([*command, "go"], capture_output=True, text=True)
    assert again.stdout == "part 2\ndone 1 cached 1\n", again.stderr
    assert store.status("demo")["state"] == "done"


def test_status_is_readable_at_any_moment(store: Store) -> None:
    seen: list[str] = []

    def body(context: StepContext) -> None:
        status = json.loads((store.experiment_folder("demo") / "status.json").read_text())
        assert status["pid"] == os.getpid()
        seen.append(status["steps"][context.step.id]["state"])

    run(store, Runner(questions=body, sft=body))
    assert seen == ["running", "running"]
