"""The process of a trial as Tune drives it, without Ray: what it says, and when it begins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from r1ci.launch.sweep import actor
from r1ci.launch.sweep.actor import FINAL, POINTS, TrialActor
from r1ci.launch.sweep.trial import TrialOutcome

CONFIG = {"root": "runs", "sweep": "demo", "number": 0, "name": "demo-0000"}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the trials that were begun; each tells two points, then its end."""
    names: list[str] = []

    def run(config: Mapping[str, Any], stop: Path, tell: Any) -> TrialOutcome:
        names.append(config["name"])
        tell(1.0, 0.1)
        tell(2.0, 0.2)
        return TrialOutcome(computed=("rl-1",))

    monkeypatch.setattr(actor, "_run", run)
    return names


def test_a_short_trial_is_one_message(begun: list[str]) -> None:
    said = TrialActor(CONFIG).step()
    assert json.loads(said[POINTS]) == [[1.0, 0.1], [2.0, 0.2]]
    assert json.loads(said[FINAL])["computed"] == ["rl-1"]
    assert said["done"]


def test_a_trial_begins_when_it_is_asked_for_not_when_its_process_starts(begun: list[str]) -> None:
    never_used = TrialActor(CONFIG)
    never_used.cleanup()
    assert begun == []
    used = TrialActor(CONFIG)
    used.step()
    assert used.reset_config({**CONFIG, "number": 1, "name": "demo-0001"})
    assert begun == ["demo-0000"]
    used.step()
    assert begun == ["demo-0000", "demo-0001"]


def test_what_breaks_a_trial_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*asked: Any) -> TrialOutcome:
        raise ValueError("no such number")

    monkeypatch.setattr(actor, "_run", broken)
    error = json.loads(TrialActor(CONFIG).step()[FINAL])["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no such number")
