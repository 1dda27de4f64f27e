"""What is shown of a sweep while its trials run."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from r1ci.cli.replay import trial_event
from r1ci.cli.sweep_progress import LiveSweep, SweepJson, SweepLines
from r1ci.launch.sweep.events import Summary, SweepEvent, TrialEnded, TrialMoved, TrialPoint, TrialStarted
from r1ci.launch.sweep.place import Place, place
from r1ci.plan.context import Progress
from r1ci.spec.sweep.models import Sweep
from r1ci.store.sweeps import TrialRecord

SWEEP = Sweep.model_validate(
    {
        "sweep_version": 1,
        "name": "demo",
        "spec": "base.yaml",
        "space": {"rl.x": {"kind": "grid", "values": [0.1, 0.2]}},
        "metric": {"name": "accuracy/new_questions", "mode": "max"},
        "search": {"kind": "grid"},
    }
)
SFT, RL = Place("sft-1", "sft", 2, 4), Place("rl-2", "rl", 3, 4, Progress(12, 40, "reward 0.42"))
SUMMARY = Summary(2, running=1)


def trial(number: int, **facts: Any) -> TrialRecord:
    return TrialRecord(number, "base.yaml", {}, (f"rl.x={number}",), **facts)


def moved(number: int, to: Place, *, entered: bool = False) -> TrialMoved:
    return TrialMoved(trial(number), to, entered)


def status(**states: Any) -> dict[str, Any]:
    """A run's status with a step for each word, in that state."""
    steps = {kind: {"kind": kind, "state": "pending", **facts} for kind, facts in states.items()}
    return {"state": "running", "steps": steps}


def test_a_trial_is_where_its_status_says() -> None:
    done, told = {"state": "cached"}, {"done": 3, "total": 9, "text": "loss 1.2"}
    running = status(questions=done, sft={"state": "running", "progress": told}, rl={})
    assert place(running) == Place("sft", "sft", 2, 3, Progress(3, 9, "loss 1.2"))
    waiting = status(questions=done, sft={"state": "waiting for another process", "progress": told}, rl={})
    assert place(waiting) == Place("sft", "sft", 2, 3, waiting=True)
    assert place(status(questions=done, rl={})) is None
    assert place({**running, "state": "killed"}) is None
    assert place({"state": "new"}) is None


def test_plain_lines_name_each_step_that_a_trial_enters_and_each_minute_how_far_all_are() -> None:
    now, lines = [0.0], []
    tell = SweepLines(SWEEP, lambda text: lines.append(text.strip()), clock=lambda: now[0])
    tell(TrialStarted(trial(0)), SUMMARY)
    tell(moved(0, SFT, entered=True), SUMMARY)
    tell(moved(1, Place("sft-1", "sft", 2, 4, waiting=True), entered=True), SUMMARY)
    for done in range(1, 30):
        now[0] += 1.0
        tell(moved(0, Place("sft-1", "sft", 2, 4, Progress(done, 90))), SUMMARY)
    tell(moved(0, RL, entered=True), SUMMARY)
    now[0] = 60.0
    tell(moved(0, RL), SUMMARY)
    tell(moved(0, RL), SUMMARY)
    assert lines == [
        "0.0 s  trial 0  rl.x=0",
        "0.0 s  trial 0  step 2 of 4, sft-1",
        "0.0 s  trial 1  step 2 of 4, sft-1: another trial computes it",
        "29 s  trial 0  step 3 of 4, rl 12/40, reward 0.42",
        "1 min 0 s  trial 0 rl 12/40, reward 0.42; trial 1 sft",
    ]


@pytest.mark.parametrize("event", [moved(0, RL, entered=True), moved(1, Place("sft-1", "sft", 2, 4, waiting=True))])
def test_json_lines_say_where_a_trial_is_and_are_read_back(event: TrialMoved) -> None:
    lines: list[str] = []
    SweepJson(lines.append, clock=lambda: 0.0)(event, SUMMARY)
    read = trial_event(json.loads(lines[0]))
    assert read is not None
    assert isinstance(read[0], TrialMoved)
    assert (read[0].record.number, read[0].place, read[0].entered) == (
        event.record.number,
        event.place,
        event.entered,
    )


def test_the_live_display_has_a_row_for_each_running_trial() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None)
    events: list[SweepEvent] = [
        TrialStarted(trial(0)),
        moved(0, SFT, entered=True),
        moved(1, RL, entered=True),
        TrialPoint(trial(1, curve=((12.0, 0.25),))),
    ]
    live = LiveSweep(SWEEP, color=False, console=console, clock=lambda: 0.0)
    with live:
        for event in events:
            live(event, SUMMARY)
        live._bars.refresh()
        shown = screen.getvalue()
        screen.truncate(0)
        live(TrialEnded(trial(1, state="done", metric=0.5)), Summary(2, running=1, done=1))
        live._bars.refresh()
        after = screen.getvalue()
    assert "trial 0" in shown
    assert "step 2 of 4, sft-1" in shown
    assert "step 3 of 4, rl 12/40, reward 0.42" in shown
    assert "trial 1  new_accuracy 0.25 at 12 steps" in shown
    assert "trial 1  done: accuracy/new_questions 0.5" in after
    assert "rl 12/40" not in after.rsplit("trials", 1)[-1]
