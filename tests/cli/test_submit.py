"""Submitting, up to where a cluster would answer; and the events of a run elsewhere, shown as here."""

import json
from pathlib import Path
from typing import Any

import pytest

from r1ci.cli.jobs import ended, exit_code, forwarded, sweep_of
from r1ci.cli.progress import JsonLines, PlainLines
from r1ci.cli.replay import Replay, event_of, trial_event
from r1ci.cli.settings import Settings
from r1ci.cli.sweep_progress import SweepJson
from r1ci.errors import UsageError
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
from r1ci.launch.jobs.client import Job
from r1ci.launch.sweep.events import Summary, TrialEnded, TrialStarted
from r1ci.plan.context import Progress
from r1ci.spec.sweep.models import Sweep
from r1ci.store.sweeps import TrialError, TrialRecord

EVENTS: list[Event] = [
    StepStarted("rl-1", "rl", ("a", "b"), 2, 5),
    StepProgress("rl-1", "rl", Progress(1, 4, "reward 0.5")),
    StepDone("rl-1", "rl", 2.5),
    StepSkipped("sft-1", "sft"),
    StepWaiting("sft-2", "sft"),
    StepFailedEvent("rl-3", "rl", Failure("rl-3", "StepFailed", "it failed", "look", 3)),
    StepBlocked("evaluation-1", "evaluation", "rl-3"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_its_json_line(event: Event) -> None:
    lines: list[str] = []
    JsonLines(lines.append)(event)
    assert event_of(json.loads(lines[0])) == event


def test_a_trial_comes_back_as_far_as_it_is_shown() -> None:
    lines: list[str] = []
    tell = SweepJson(lines.append)
    best = TrialRecord(1, "", {}, (), metric=0.75)
    summary = Summary(4, done=2, failed=1, best=best, computed=7, reused=3, saved_s=1.5)
    error = TrialError("StepFailed", "it failed", "look")
    failed = TrialRecord(2, "", {}, (), state="failed", error=error, computed=2, reused=1, saved_s=0.5)
    tell(TrialStarted(TrialRecord(2, "", {}, ("rl.top_p=0.9",), attempt=2)), summary)
    tell(TrialEnded(failed), summary)
    started, over = (trial_event(json.loads(line)) for line in lines)
    assert started is not None
    assert started[0] == TrialStarted(TrialRecord(2, "", {}, ("rl.top_p=0.9",), attempt=2))
    assert over == (TrialEnded(failed), summary)


def test_a_log_shown_later_has_the_times_at_which_things_happened(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    lines: list[str] = []
    tell, shown = JsonLines(lines.append, clock=lambda: now[0]), []
    here = PlainLines(shown.append, clock=lambda: now[0])
    for event in EVENTS:
        tell(event)
        here(event)
        now[0] += 20
    with Replay(Settings()) as replay:
        for line in ("INFO of somebody", *lines, json.dumps({"event": "done", "code": 1})):
            replay(line)
    assert capsys.readouterr().err.splitlines() == shown
    assert list(replay.other) == ["INFO of somebody"]
    assert replay.failures == [Failure("rl-3", "StepFailed", "it failed", "look", 3)]
    assert replay.end == {"event": "done", "code": 1}


def test_the_log_of_a_sweep_is_shown_from_what_is_kept_with_its_job(capsys: pytest.CaptureFixture[str]) -> None:
    given = {
        "sweep_version": 1, "name": "lr", "spec": "base.yaml", "metric": {"name": "rl/reward", "mode": "max"},
        "space": {"rl.learning_rate": {"kind": "grid", "values": [0.1, 0.2]},
                  "rl.top_p": {"kind": "uniform", "low": 0.5, "high": 1, "when": {"rl.learning_rate": 0.1}}},
        "search": {"kind": "random", "seed": 3}, "trials": 4,
    }  # fmt: skip
    sweep = Sweep.model_validate(given)
    job = Job("lr-1", "succeeded", "", 0.0, 1.0, 0, {"run": "lr", "sweep": sweep.model_dump_json()})
    assert sweep_of(job) == sweep
    lines: list[str] = []
    tell = SweepJson(lines.append)
    best = TrialRecord(1, "", {}, (), metric=0.75)
    tell(TrialStarted(TrialRecord(1, "", {}, ("rl.top_p=0.9",))), Summary(4))
    tell(TrialEnded(TrialRecord(1, "", {}, (), state="done", metric=0.75)), Summary(4, done=1, best=best))
    end = {"event": "done", "code": 0, "best": {"trial": 1, "metric": 0.75}}
    with Replay(Settings(), sweep_of(job)) as replay:
        for line in (*lines, json.dumps(end)):
            replay(line)
    assert ended(job, replay, Settings()) == 0
    said = capsys.readouterr()
    assert "trial 1  rl.top_p=0.9" in said.err
    assert "done: rl/reward 0.75" in said.err
    assert said.out == "best: trial 1, 0.75\n"
    assert sweep_of(Job("a", "running", "", 0.0, None, None, {"run": "a"})) is None


@pytest.mark.parametrize(
    ("state", "end", "code"),
    [
        ("running", None, 0),
        ("succeeded", {"event": "done", "code": 0}, 0),
        ("failed", {"event": "done", "code": 4}, 4),
        ("failed", {"error": {"code": 3, "message": "no"}}, 3),
        ("failed", None, 1),
        ("stopped", None, 130),
    ],
)
def test_the_exit_code_is_that_of_the_run(state: str, end: dict[str, object] | None, code: int) -> None:
    replay = Replay(Settings())
    replay.end = end
    assert exit_code(Job("a", state, "", 0.0, None, None, {}), replay) == code


def test_packages_that_cannot_be_installed_are_named_without_rays_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    said = (
        "runtime_env setup failed: Failed to set up runtime environment.\n"
        '[Node 10.0.0.2] Traceback (most recent call last):\n  File "pip.py", line 252, in _install\n    await do()\n'
        "Last 50 lines of stdout:\n    Looking in indexes: x\n"
        "    ERROR: Could not find a version that satisfies the requirement torch==9\n"
        "    ERROR: No matching distribution found for torch==9\n"
    )
    assert ended(Job("micro-1", "failed", said, 0.0, 1.0, None, {}), Replay(Settings()), Settings()) == 3
    shown = capsys.readouterr().err
    assert "micro-1: a node could not set up the environment of the job\n" in shown
    assert "No matching distribution found for torch==9\nhelp: r1ci --json status micro-1" in shown
    assert "Traceback" not in shown


def test_a_store_that_is_a_folder_of_this_machine_is_refused(cli: Any, spec: Path) -> None:
    result = cli("submit", spec, "--address", "http://127.0.0.1:1")
    assert result.code == 2
    assert "the store 'runs' is a folder of this machine" in result.err
    assert "--root" in result.err


def test_errors_of_the_spec_are_found_before_anything_is_sent(cli: Any, spec: Path) -> None:
    result = cli("--root", "/nfs/runs", "submit", spec, "rl.group_sise=4", "--address", "http://127.0.0.1:1")
    assert result.code == 2
    assert "group_size" in result.err


def test_a_cluster_must_be_named(cli: Any, spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    for words in (["--root", "/nfs/runs", "submit", str(spec)], ["status"], ["logs", "a"], ["stop", "a"]):
        result = cli(*words)
        assert result.code == 2
        assert "no cluster is named" in result.err


def test_variables_are_sent_by_name_or_with_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_HERE", "yes")
    monkeypatch.delenv("R1CI_SET", raising=False)
    assert forwarded(("OF_HERE", "OTHER=a=b")) == {"OF_HERE": "yes", "OTHER": "a=b"}
    with pytest.raises(UsageError, match="there is no such variable here"):
        forwarded(("NOT_HERE",))


def test_a_run_in_a_bucket_is_finished_on_any_machine(
    cli: Any, spec: Path, steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"file://{tmp_path / 'bucket'}"
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "first"))
    assert cli("--root", url, "run", spec).code == 0
    ran = len(steps.ran)
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "second"))
    again = cli("--root", url, "run", spec, "--no-report")
    assert again.code == 0
    assert "nothing to do" in again.err
    assert len(steps.ran) == ran
    listed = cli("--root", url, "--json", "ls", "runs")
    assert [row["state"] for row in listed.json] == ["done"]
