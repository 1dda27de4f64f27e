"""solve: which model answers, and what is shown."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.errors import StepFailed


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands in for the model: what it was asked, and the answer it gives."""
    said: dict[str, Any] = {"answer": "42"}

    def solve(
        folder: Path, question: str, experiment: Any, tell: Callable[[str, str], None], *, temperature: float
    ) -> Trajectory:
        said.update(folder=folder, question=question, stages=experiment.curriculum.stages, temperature=temperature)
        tell("model", "```python\nprint(42)\n```")
        tell("output", "42\n")
        reason = StopReason.VOID_TURN if said["answer"] is None else StopReason.ANSWER
        return Trajectory("user", "user#0", "code_agent", 0, 0.0, (), (), (), 0, (), reason, said["answer"])

    room = types.ModuleType("r1ci.steps.solve")
    room.solve = solve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "r1ci.steps.solve", room)
    return said


def test_the_answer_is_the_result_and_the_way_to_it_is_told(cli: Any, spec: Path, steps: Any, asked: Any) -> None:
    cli("run", spec)
    result = cli("solve", "small", "6 x 7?")
    assert (result.code, result.out) == (0, "42\n")
    assert result.err == "model\n```python\nprint(42)\n```\n\noutput\n42\n\n"
    assert (asked["question"], asked["stages"], asked["temperature"]) == ("6 x 7?", "cumulative", 0.0)
    assert asked["folder"].name.startswith("rl-")
    assert cli("solve", "small", "6 x 7?", "-q").err == ""


def test_a_cell_and_a_checkpoint_can_be_named(cli: Any, spec: Path, steps: Any, asked: Any) -> None:
    cli("run", spec)
    cli("solve", "small", "?", "--cell", "plain/tiny/0", "--ckpt", "base", "--temperature", "0.6")
    assert asked["folder"].name.startswith("model-")
    assert (asked["stages"], asked["temperature"]) == ("single", 0.6)
    wrong = cli("solve", "small", "?", "--cell", "plain/tiny/9")
    assert (wrong.code, "cells: curriculum/tiny/0, plain/tiny/0" in wrong.err) == (2, True)


def test_the_most_trained_finished_model_answers(cli: Any, spec: Path, steps: Any, asked: Any) -> None:
    steps.broken["rl"] = StepFailed("loss is nan", "")
    cli("run", spec)
    assert cli("solve", "small", "?").code == 0
    assert asked["folder"].name.startswith("sft-")
    result = cli("solve", "small", "?", "--ckpt", "rl")
    assert (result.code, "curriculum/tiny/0 has no finished rl" in result.err) == (2, True)


def test_no_answer_is_a_failure(cli: Any, spec: Path, steps: Any, asked: Any) -> None:
    cli("run", spec)
    asked["answer"] = None
    result = cli("solve", "small", "?")
    assert result.code == 1
    assert "error: the model gave no answer: void_turn" in result.err
    events = cli("solve", "small", "?", "--json").events
    assert [event["event"] for event in events] == ["model", "output", "done"]
    assert (events[-1]["ok"], events[-1]["answer"]) == (False, None)
