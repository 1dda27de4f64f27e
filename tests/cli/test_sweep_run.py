"""Running sweeps whose every step is in the store: no Ray, no model."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from r1ci.cli.specs import known_names
from r1ci.launch.run import run_plan
from r1ci.plan.context import StepContext
from r1ci.plan.sweep import trial_plan
from r1ci.spec.sweep.load import load_sweep
from r1ci.spec.sweep.trials import proposals
from r1ci.store.store import Store

SPEC = """
spec_version: 1
name: nothing
models: [tiny]
tasks:
  train: {include: [bbh/navigate], new_questions_per_task: 0}
  test: {include: [], questions_per_task: 1}
"""
SWEEP = """
sweep_version: 1
name: small
spec: nothing.yaml
space: {rl.learning_rate: {kind: grid, values: [1e-4, 2e-4, 3e-4]}}
metric: {name: rl/reward, mode: max}
search: {kind: grid}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a sweep, and a store with all its steps; the reward is the learning rate, the last has none."""
    monkeypatch.chdir(tmp_path)
    Path("nothing.yaml").write_text(SPEC)
    Path("small.yaml").write_text(SWEEP)
    resolved, known = load_sweep(Path("small.yaml"), environ=os.environ), known_names()

    def work(context: StepContext) -> None:
        rate = context.inputs.get("rl", {}).get("learning_rate")
        if rate is not None:
            reward = {} if rate == 3e-4 else {"reward": rate}
            row = {"step": 0, "time": 0.0, "tokens": 1.0, **reward}
            (context.folder / "metrics.jsonl").write_text(json.dumps(row) + "\n")

    for trial in proposals(resolved.sweep):
        run_plan(trial_plan(resolved, trial, known), Store(Path("runs")), work, lambda event: None)
    return tmp_path


def test_a_sweep_in_the_store_says_what_it_found_and_what_it_saved(cli: Any, place: Path) -> None:
    result = cli("sweep", "small.yaml", "--no-report")
    assert result.code == 4
    assert result.out.startswith("best: trial 1, rl/reward 0.0002: rl.learning_rate=0.0002")
    assert "trial 0  done: rl/reward 0.0001, the best so far; nothing to compute, " in result.err
    assert "trial 2  FAILED: rl/reward of rl-" in result.err
    assert "3 of 3 trials ended, 2 done, 1 failed, best 0.0002 (trial 1), " in result.err
    assert "--retry-failed" in result.err


def test_events_as_json_end_with_the_summary(cli: Any, place: Path) -> None:
    result = cli("--json", "sweep", "small.yaml", "--no-report")
    events = [json.loads(line) for line in result.out.splitlines()]
    assert [event["event"] for event in events] == ["launch", "trial_done", "trial_done", "trial_failed", "done"]
    assert events[1]["steps"]["computed"] == 0
    assert events[3]["summary"]["failed"] == 1
    assert events[-1]["trials"] == {"done": 2, "stopped": 0, "failed": 1, "interrupted": 0}
    assert events[-1]["best"] == {"trial": 1, "metric": 2e-4}


def test_a_finished_sweep_is_not_run_again_and_another_does_not_take_its_place(cli: Any, place: Path) -> None:
    cli("sweep", "small.yaml", "--no-report")
    records = {path: path.read_bytes() for path in Path("runs/sweeps/small/trials").glob("*.json")}
    assert "small is finished: nothing to do" in cli("sweep", "small.yaml", "--no-report").err
    assert "small is finished: nothing to do" in cli("resume", "small", "--no-report").err
    assert {path: path.read_bytes() for path in records} == records
    other = cli("sweep", "small.yaml", "metric.mode=min", "--no-report")
    assert other.code == 2
    assert "was made from another sweep" in other.err
    assert "--exists overwrite" in other.err
    replaced = cli("sweep", "small.yaml", "metric.mode=min", "--exists", "overwrite", "--no-report")
    assert "best: trial 0" in replaced.out


def test_failed_trials_are_retried_from_the_folder_alone(cli: Any, place: Path) -> None:
    cli("sweep", "small.yaml", "--no-report")
    Path("small.yaml").unlink()
    Path("nothing.yaml").unlink()
    record = json.loads(Path("runs/sweeps/small/trials/0002.json").read_text())
    log = Path("runs/steps") / record["cells"]["0"]["rl"] / "metrics.jsonl"
    done = json.loads((log.parent / "done.json").read_text())
    log.write_text('{"step": 0, "time": 0.0, "tokens": 1.0, "reward": 1.0}\n')
    outputs = [one for one in done["outputs"] if one["path"] != log.name]
    (log.parent / "done.json").write_text(json.dumps({**done, "outputs": outputs}))
    result = cli("resume", "runs/sweeps/small", "--retry-failed", "--no-report")
    assert result.code == 0, result.err
    assert "best: trial 2, rl/reward 1" in result.out
    assert json.loads(Path("runs/sweeps/small/trials/0002.json").read_text())["attempt"] == 2


def test_sweeps_are_listed_and_shown_and_their_trials_are_no_runs(cli: Any, place: Path) -> None:
    cli("sweep", "small.yaml", "--no-report")
    (row,) = json.loads(cli("--json", "ls", "sweeps").out)
    assert (row["sweep"], row["state"], row["done"], row["failed"], row["best"]) == ("small", "failed", 2, 1, 2e-4)
    assert json.loads(cli("--json", "ls", "runs").out) == []
    shown = cli("show", "small").out
    assert "rl.learning_rate=0.0003\trl/reward of rl-" in shown
    assert "rl.learning_rate=0.0002\tall its steps were in the store" in shown
    trial = json.loads(cli("--json", "show", "small-0001").out)
    assert (trial["state"], trial["trial"]["sweep"], trial["trial"]["number"]) == ("done", "small", 1)
    said = cli("show", "small-0001").out
    assert "trial 1 of the sweep small: done 0.0002; all its steps were in the store\nrl.learning_rate=0.0002" in said


def test_a_sweep_ends_with_its_report_and_report_makes_it_again(cli: Any, place: Path) -> None:
    result = cli("sweep", "small.yaml")
    page = Path("reports/out/small/index.html")
    assert result.out.splitlines()[-1] == str(page)
    assert 'id="sweep"' in page.read_text()
    twin = json.loads(page.with_name("index.json").read_text())["sections"]["sweep"]["sweeps"][0]
    assert [row["state"] for row in twin["rows"]] == ["done", "done", "failed"]
    page.unlink()
    assert cli("report", "small").out == f"{page}\n"
    assert 'id="sweep"' in page.read_text()


def test_the_line_that_the_report_gives_asks_for_the_very_steps_of_the_trial(cli: Any, place: Path) -> None:
    cli("sweep", "small.yaml")
    twin = json.loads(Path("reports/out/small/index.json").read_text())["sections"]["sweep"]["sweeps"][0]
    _, *words = shlex.split(twin["top"][0]["command"])
    plan = cli("--json", *words, "--dry-run").json
    record = json.loads(Path("runs/sweeps/small/trials/0001.json").read_text())
    assert {step["id"] for step in plan["steps"]} == set(record["cells"]["0"].values())


def test_a_sweep_of_which_nothing_finished_has_a_report_too(cli: Any, place: Path) -> None:
    result = cli("sweep", "small.yaml", "space.rl.learning_rate.values=[3e-4]")
    assert result.code == 1
    page = Path(result.out.splitlines()[-1]).read_text()
    assert "No trial has finished." in page
    assert "rl/reward of rl-" in page
