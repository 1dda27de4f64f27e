"""run, resume, eval and report over fake steps: what runs, what is refused, what comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing, StepFailed

WHOLE = ["questions", "demonstrations", "model", "sft"]


def _plan(name: str = "small") -> dict[str, Any]:
    return dict(json.loads(Path(f"runs/experiments/{name}/plan.json").read_text()))


def test_a_run_leaves_an_experiment_and_a_report(cli: Any, spec: Path, steps: Any) -> None:
    result = cli("run", spec)
    assert result.code == 0
    assert result.out == "reports/out/small/index.html\n"
    assert len(steps.ran) == len(_plan()["steps"])
    assert steps.ran[:4] == WHOLE
    assert Path("runs/experiments/small/spec.yaml").read_text() == spec.read_text()
    row = cli("ls", "runs", "--json").json[0]
    assert (row["run"], row["state"], row["done"]) == ("small", "done", row["steps"])


def test_a_finished_run_says_so_and_does_nothing(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec)
    steps.ran.clear()
    again = cli("run", spec)
    assert (again.code, again.out) == (0, "reports/out/small/index.html\n")
    assert "small is finished: nothing to do" in again.err
    assert cli("resume", "small").code == 0
    assert steps.ran == []


def test_a_failed_step_stops_only_what_depends_on_it(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["partition"] = StepFailed("no question has any potential", "sample more attempts")
    result = cli("run", spec)
    assert result.code == 4
    assert "failed: no question has any potential\nhelp: sample more attempts" in result.err
    assert "some cells failed" in result.err
    assert result.out == "reports/out/small/index.html\n"
    assert steps.ran.count("rl") == 1


def test_nothing_usable_is_exit_code_1(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["questions"] = ValueError("odd")
    result = cli("run", spec)
    assert result.code == 1
    assert "failed: ValueError: odd\nhelp: the traceback is in runs/steps/questions-" in result.err
    assert result.out == ""


def test_a_missing_environment_is_exit_code_3(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["model"] = EnvironmentMissing("no such model", "fetch it")
    assert cli("run", spec).code == 3


def test_an_unfinished_run_is_refused_and_both_choices_are_named(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["sft"] = StepFailed("loss is nan", "lower the rate")
    cli("run", spec)
    refused = cli("run", spec)
    assert refused.code == 2
    assert "runs/experiments/small is unfinished" in refused.err
    assert "r1ci resume runs/experiments/small" in refused.err
    assert "--exists overwrite" in refused.err


@pytest.mark.parametrize("how", [["resume", "small"], ["run", "small.yaml", "--exists", "resume"]])
def test_an_unfinished_run_continues_with_what_is_left(cli: Any, spec: Path, steps: Any, how: list[str]) -> None:
    steps.broken["sft"] = StepFailed("loss is nan", "lower the rate")
    cli("run", spec)
    steps.broken.clear()
    steps.ran.clear()
    assert cli(*how).code == 0
    assert "demonstrations" not in steps.ran
    assert "sft" in steps.ran


def test_overwriting_keeps_finished_steps(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec)
    steps.ran.clear()
    assert cli("run", spec, "rl.learning_rate=3e-4", "--exists", "overwrite").code == 0
    assert set(steps.ran) == {"rl", "evaluation"}


@pytest.mark.parametrize("exists", ["fail", "resume"])
def test_a_run_of_another_spec_under_the_same_name_is_refused(cli: Any, spec: Path, steps: Any, exists: str) -> None:
    cli("run", spec)
    result = cli("run", spec, "rl.learning_rate=3e-4", "--exists", exists)
    assert result.code == 2
    assert "was made from another spec" in result.err
    assert "--name" in result.err
    assert cli("run", spec, "rl.learning_rate=3e-4", "--name", "other").code == 0


def test_a_dry_run_writes_nothing(cli: Any, spec: Path, steps: Any) -> None:
    result = cli("run", spec, "--dry-run")
    assert result.code == 0
    assert "small: 2 cells" in result.out
    assert not Path("runs").exists()


def test_short_forms_set_the_name_and_the_seeds(cli: Any, spec: Path, steps: Any) -> None:
    assert cli("run", spec, "--name", "three", "--seeds", "0,1,2", "--no-report").code == 0
    assert sorted({cell["seed"] for cell in _plan("three")["cells"]}) == [0, 1, 2]
    assert not Path("reports").exists()


def test_json_lines_tell_a_run(cli: Any, spec: Path, steps: Any) -> None:
    result = cli("run", spec, "--json")
    events = result.events
    assert [events[0]["event"], events[-1]["event"]] == ["launch", "done"]
    assert events[0]["schema_version"] == 1
    assert events[-1] == {
        "event": "done",
        "ok": True,
        "code": 0,
        "state": "done",
        "run": "small",
        "folder": "runs/experiments/small",
        "report": "reports/out/small/index.html",
    }
    assert sum(event["event"] == "step_done" for event in events) == len(steps.ran)


def test_a_failed_run_says_so_in_json(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["questions"] = StepFailed("no", "yes")
    events = cli("run", spec, "--json").events
    assert events[-1]["code"] == 1
    assert [event["message"] for event in events if event["event"] == "step_failed"] == ["no"]


def test_quiet_runs_say_nothing_but_the_report(cli: Any, spec: Path, steps: Any) -> None:
    result = cli("run", spec, "-q")
    assert (result.out, result.err) == ("reports/out/small/index.html\n", "")


def test_show_tells_cells_and_steps_of_a_run(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["rl"] = StepFailed("loss is nan", "")
    cli("run", spec)
    facts = cli("show", "small", "--json").json
    assert [cell["cell"] for cell in facts["cells"]] == ["curriculum/tiny/0", "plain/tiny/0"]
    states = {role: step["state"] for role, step in facts["cells"][0]["steps"].items()}
    assert (states["sft"], states["rl"], states["evaluation:rl:code_agent"]) == ("done", "failed", "blocked")
    assert "curriculum/tiny/0" in cli("show", "run", "runs/experiments/small").out
    step = facts["cells"][0]["steps"]["sft"]["id"]
    assert f"{step}  (done)" in cli("show", step).out


def test_show_reads_the_accuracy_of_finished_evaluations(cli: Any, spec: Path, steps: Any) -> None:
    import polars

    cli("run", spec)
    scores = {"set": ["new"] * 4, "task": ["a", "b", "b", "b"], "correct": [True, False, False, True]}
    evaluation = _plan()["cells"][0]["steps"]["evaluation:rl:code_agent"]
    polars.DataFrame(scores).write_parquet(Path("runs/steps") / evaluation / "scores.parquet")
    facts = cli("show", "small", "--json").json
    accuracy = facts["cells"][0]["steps"]["evaluation:rl:code_agent"]["accuracy"]
    assert accuracy == {"new": pytest.approx((1 + 1 / 3) / 2)}
    assert "new 66.7%" in cli("show", "small").out


def test_eval_scores_finished_models_and_trains_nothing(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec)
    before = _plan()
    steps.ran.clear()
    result = cli("eval", "small", "evaluation.temperature=0", "agent.max_code_calls=2", "--ckpt", "rl")
    assert result.code == 0
    assert steps.ran == ["evaluation", "evaluation"]
    after = _plan("small-eval")
    for cell, old in zip(after["cells"], before["cells"], strict=True):
        assert cell["steps"]["rl"] == old["steps"]["rl"]
        assert cell["steps"]["evaluation:rl:code_agent"] != old["steps"]["evaluation:rl:code_agent"]
        assert "evaluation:sft:code_agent" not in cell["steps"]
    assert cli("eval", "small", "evaluation.temperature=0", "agent.max_code_calls=2", "--ckpt", "rl").code == 0
    assert len(steps.ran) == 2


def test_eval_refuses_to_change_what_was_trained(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec)
    result = cli("eval", "small", "rl.group_size=3")
    assert result.code == 2
    assert "rl.group_size=3: eval changes evaluation, agent, engine, executor only" in result.err


def test_eval_refuses_models_that_are_not_finished(cli: Any, spec: Path, steps: Any) -> None:
    steps.broken["rl"] = StepFailed("loss is nan", "")
    cli("run", spec)
    steps.broken.clear()
    result = cli("eval", "small", "evaluation.temperature=0")
    assert result.code == 2
    assert "has no finished rl model" in result.err
    assert cli("eval", "small", "evaluation.temperature=0", "--ckpt", "sft").code == 0


def test_report_compares_runs(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec, "--no-report")
    cli("run", spec, "--name", "other", "--no-report")
    result = cli("report", "small", "runs/experiments/other", "--json")
    assert result.json == {"html": "reports/out/small+other/index.html", "json": "reports/out/small+other/index.json"}
    assert cli("report", "small", "--out", "here").out == "here/index.html\n"
    failed = cli("report", "small", "--baseline", "nobody")
    assert (failed.code, failed.err) == (1, "error: no variant 'nobody'\nhelp: variants: curriculum, plain\n")


@pytest.mark.parametrize("damage", ["", "{", '{"version": 99}'])
def test_a_damaged_plan_is_one_clear_error(cli: Any, spec: Path, steps: Any, damage: str) -> None:
    cli("run", spec)
    Path("runs/experiments/small/plan.json").write_text(damage)
    result = cli("resume", "small")
    assert result.code in (1, 2)
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    assert cli("ls", "runs", "--json").json[0]["state"] == "damaged"


def test_an_unwritable_store_is_one_clear_error(cli: Any, spec: Path, steps: Any) -> None:
    Path("runs").write_text("not a folder")
    result = cli("run", spec)
    assert result.code == 1
    assert result.err.splitlines()[-2].startswith("error: ") or "error: " in result.err
    assert "Traceback" not in result.err


_BLOCKING = """
import sys, time, types
import r1ci.steps
def run_step(context):
    (context.folder / "checkpoints").mkdir(exist_ok=True)
    print("running", flush=True)
    time.sleep(60)
r1ci.steps.run_step = run_step
from r1ci.cli.main import main
main(sys.argv[1:])
"""


def test_ctrl_c_leaves_a_run_that_resumes(cli: Any, spec: Path, steps: Any) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _BLOCKING, "run", "small.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "small: interrupted\nhelp: continue with r1ci resume runs/experiments/small" in err
    assert "Traceback" not in err
    assert cli("ls", "runs", "--json").json[0]["state"] == "interrupted"
    assert cli("resume", "small").code == 0
