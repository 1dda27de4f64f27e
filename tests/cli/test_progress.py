"""What a run says while it works."""

from __future__ import annotations

import io
import json

from r1ci.cli.live import LiveRegion
from r1ci.cli.progress import JsonLines, Pace, PlainLines, Throttle
from r1ci.launch.events import (
    Event,
    Failure,
    StepBlocked,
    StepDone,
    StepFailedEvent,
    StepProgress,
    StepSkipped,
    StepStarted,
    StepWaiting,
)
from r1ci.plan.context import Progress


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


STORY: list[tuple[float, Event]] = [
    (0, StepSkipped("questions-1", "questions")),
    (1, StepStarted("rl-2", "rl", ("a/tiny/0", "a/tiny/1", "a/tiny/2"), 2, 3)),
    (2, StepProgress("rl-2", "rl", Progress(1, 100, "reward 0.10"))),
    (11, StepProgress("rl-2", "rl", Progress(10, 100, "reward 0.42"))),
    (12, StepProgress("rl-2", "rl", Progress(11, 100, "reward 0.43"))),
    (101, StepDone("rl-2", "rl", 100.0)),
    (102, StepWaiting("rl-3", "rl")),
    (103, StepFailedEvent("sft-4", "sft", Failure("sft-4", "StepFailed", "loss is nan\nat step 3", "lower it", 1))),
    (104, StepBlocked("rl-5", "rl", "sft-4")),
]


def _tell(listener: PlainLines | JsonLines, clock: Clock) -> None:
    for now, event in STORY:
        clock.now = now
        listener(event)


def test_plain_lines_tell_every_event_and_progress_now_and_then() -> None:
    clock, lines = Clock(), list[str]()
    _tell(PlainLines(lines.append, clock=clock), clock)
    assert [line.strip() for line in lines] == [
        "1.0 s  2/3 rl-2  for a/tiny/0, a/tiny/1 and 1 more",
        "11 s  2/3 rl-2  10/100, reward 0.42, 1 min 30 s left",
        "1 min 41 s  2/3 rl-2  done in 1 min 40 s",
        "1 min 42 s  rl-3  another process runs it: waiting",
        "1 min 43 s  sft-4  FAILED: loss is nan",
        "1 min 44 s  rl-5  not run: sft-4 failed",
    ]


def test_verbose_plain_lines_name_the_steps_that_were_there() -> None:
    clock, lines = Clock(), list[str]()
    _tell(PlainLines(lines.append, verbose=True, clock=clock), clock)
    assert lines[0].strip() == "0.0 s  questions-1  in the store already"


def test_json_lines_are_objects_with_an_event_each() -> None:
    clock, lines = Clock(), list[str]()
    _tell(JsonLines(lines.append, clock=clock), clock)
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == [
        "step_cached",
        "step_started",
        "progress",
        "progress",
        "progress",
        "step_done",
        "step_waiting",
        "step_failed",
        "step_blocked",
    ]
    assert events[3] == {
        "event": "progress",
        "step": "rl-2",
        "kind": "rl",
        "done": 10,
        "total": 100,
        "text": "reward 0.42",
        "eta_s": 90.0,
        "elapsed_s": 11.0,
    }


def test_the_pace_of_a_resumed_step_counts_from_where_it_went_on() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.start()
    clock.now = 1.0
    assert pace.eta_s(Progress(51, 100)) == 49.0
    clock.now = 10.0
    assert pace.eta_s(Progress(60, 100)) == 40.0


def test_a_step_without_a_total_has_no_time_left() -> None:
    pace = Pace(Clock())
    pace.start()
    assert pace.eta_s(Progress(0, 0)) is None


def test_the_throttle_lets_one_call_through_per_period() -> None:
    clock = Clock()
    throttle = Throttle(10.0, clock)
    said = []
    for now in (0, 5, 9.9, 10, 15, 20):
        clock.now = now
        said.append(throttle.ready())
    assert said == [True, False, False, True, False, True]


def test_the_live_region_keeps_what_is_finished_above_it() -> None:
    from rich.console import Console

    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100, no_color=True, highlight=False)
    with LiveRegion(color=False, console=console) as region:
        for _, event in STORY:
            region(event)
    text = screen.getvalue()
    assert "rl-2  done in 1 min 40 s" in text
    assert "sft-4  FAILED: loss is nan" in text
    assert "rl-5  not run: sft-4 failed" in text
