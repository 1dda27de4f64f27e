"""r1ci sweep --dry-run, and what check, schema and completion know of sweeps."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

BASE = """spec_version: 1
name: base
models: [tiny]
tasks: {train: {include: [rg/gcd]}, test: {include: [rg/count_bits]}}
rl: {batch_questions: 16}
"""
SWEEP = """sweep_version: 1
name: sizes
spec: base.yaml
space:
  rl.group_size: {kind: grid, values: [4, 8]}
  sft.epochs: {kind: grid, values: [1, 2]}
metric: {name: accuracy/new_questions, mode: max}
search: {kind: grid}
"""
ASHA = "set: {rl.evaluate_every: 5}\nscheduler: {kind: asha, grace: 5}\nbudget: {time_s: 1e9}\n"


@pytest.fixture(autouse=True)
def _files(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    (tmp_path / "sweep.yaml").write_text(SWEEP, encoding="utf-8")


def masked(out: str) -> str:
    """What was printed without the estimates, which have tests of their own."""
    for pattern, word in (
        (r"\b[\d.]+ (?:s|min|h|d)\b(?: [\d.]+ (?:s|min|h)\b)?", "TIME"),
        (r"\b[\d.]+[kMG]\b", "TOKENS"),
        (r"\d+%", "SHARE"),
        (r"(?<=\S)  +", "  "),
    ):
        out = re.sub(pattern, word, out)
    return "\n" + out


def test_a_dry_run_prints_trials_sharing_and_cost(cli: Any, snapshot: SnapshotAssertion) -> None:
    result = cli("sweep", "sweep.yaml", "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert masked(result.out) == snapshot


def test_a_dry_run_says_how_trials_are_drawn_and_stopped(cli: Any, snapshot: SnapshotAssertion) -> None:
    text = SWEEP.replace("{kind: grid, values", "{kind: choice, values").replace(
        "{kind: grid}", "{kind: optuna, seed: 2}"
    )
    Path("sweep.yaml").write_text(text + "trials: 3\nseeds: [0, 1]\n" + ASHA, encoding="utf-8")
    assert masked(cli("sweep", "sweep.yaml", "--dry-run").out) == snapshot


def test_a_dry_run_names_several_specs_and_equal_trials(cli: Any, snapshot: SnapshotAssertion) -> None:
    Path("other.yaml").write_text(BASE.replace("rg/gcd", "rg/lcm"), encoding="utf-8")
    text = SWEEP.replace("spec: base.yaml", "specs: [base.yaml, other.yaml]").replace(
        "sft.epochs: {kind: grid, values: [1, 2]}", "compute.micro_batch_tokens: {kind: grid, values: [4096, 8192]}"
    )
    Path("sweep.yaml").write_text(text, encoding="utf-8")
    assert masked(cli("sweep", "sweep.yaml", "--dry-run").out) == snapshot


def test_a_dry_run_writes_nothing(cli: Any, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    cli("sweep", "sweep.yaml", "--dry-run")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_the_store_has_is_counted(cli: Any, steps: Any) -> None:
    assert cli("run", "base.yaml", "rl.group_size=4", "sft.epochs=1").code == 0
    document = cli("sweep", "sweep.yaml", "--dry-run", "--json").json
    assert [trial["done"] for trial in document["trials"]] == [True, False, False, False]
    out = cli("sweep", "sweep.yaml", "--dry-run").out
    states = [re.split(r"  +", line)[4] for line in out.splitlines() if line[:1].isdigit()]
    assert states == ["done", "4 of 10", "8 of 10", "4 of 10"]
    assert "Saved by the store: 10 steps" in out


def test_a_dry_run_as_json_gives_the_same_facts(cli: Any) -> None:
    document = cli("sweep", "sweep.yaml", "--dry-run", "--json").json
    assert document["sweep"] == "sizes"
    assert [trial["overrides"] for trial in document["trials"]] == [
        [f"rl.group_size={size}", f"sft.epochs={epochs}"] for size in (4, 8) for epochs in (1, 2)
    ]
    assert document["trials"][0]["values"] == {"rl.group_size": 4, "sft.epochs": 1}
    assert set(document["trials"][0]["cells"]["0"]) >= {"questions", "sft", "rl", "evaluation:rl:code_agent"}
    shared = {name for name, users in document["shared"].items() if users == 4}
    assert {name.rpartition("-")[0] for name in shared} == {"questions", "demonstrations", "model", "evaluation"}
    steps = {name: cost["steps"] for name, cost in document["totals"].items()}
    assert steps["apart"] > steps["together"] == steps["left"]


def test_the_overrides_of_a_trial_give_its_steps_again(cli: Any) -> None:
    document = cli("sweep", "sweep.yaml", "--dry-run", "--json").json
    trial = document["trials"][3]
    plan = cli("compile", "base.yaml", *trial["overrides"], "--json").json
    assert {step["id"] for step in plan["steps"]} == set(trial["cells"]["0"].values())


@pytest.mark.parametrize(
    ("variants", "variant"),
    [
        ("variants: {first: {}, plain: {rl.learning_rate: 1e-6}}\nreport: {baseline: plain}\n", "first"),
        ("variants: {plain: {}, second: {sft.epochs: 3, rl.group_size: 2, curriculum.stages: single}}\n", "second"),
        ("variants: {v1.5: {rl: {group_size: 6}}, other: {rewards: [{kind: correctness}]}}\n", "other"),
        ("", "default"),
    ],
    ids=["baseline is another", "variant sets swept keys", "a name with a dot", "no variants"],
)
def test_the_reports_line_needs_the_steps_of_its_trial_and_no_others(
    cli: Any, tmp_path: Path, variants: str, variant: str
) -> None:
    from r1ci.report.contenders import compare
    from r1ci.report.sections.sweep import sweep_data
    from r1ci.report.sweeps import read_runs
    from r1ci.spec.sweep.load import load_sweep
    from r1ci.spec.sweep.trials import proposals
    from r1ci.store.sweeps import SweepFolder, TrialRecord

    Path("base.yaml").write_text(BASE + variants, encoding="utf-8")
    fixed = "set: {rl.batch_questions: 8, agent.max_code_calls: 2}\nseeds: [0, 3]\n"
    Path("sweep.yaml").write_text(f"{SWEEP}{fixed}variant: {variant}\n", encoding="utf-8")
    document = cli("sweep", "sweep.yaml", "--dry-run", "--json").json
    resolved = load_sweep(Path("sweep.yaml"))
    folder = SweepFolder(tmp_path / "runs", "sizes")
    folder.create(text=resolved.text, resolved=resolved.data)
    for trial in proposals(resolved.sweep):
        folder.write(
            TrialRecord(
                trial.number, trial.spec, trial.values, trial.overrides, "done", metric=0.5, by_seed={0: 0.5, 3: 0.5}
            )
        )
    (view,) = sweep_data(compare(read_runs(tmp_path / "runs", ["sizes"]), None)).sweeps
    assert [top.number for top in view.top] == [0, 1, 2, 3]
    for top in view.top:
        plan = cli(*shlex.split(top.command)[1:], "--dry-run", "--json").json
        cells = document["trials"][top.number]["cells"]
        assert {step["id"] for step in plan["steps"]} == {step for cell in cells.values() for step in cell.values()}
        assert {cell["variant"] for cell in plan["cells"]} == {variant}


def test_overrides_and_name_change_the_sweep(cli: Any) -> None:
    words = ["space.rl.group_size.values=[16]", "set.rl.top_p=0.5", "--name", "other"]
    document = cli("sweep", "sweep.yaml", "--dry-run", "--json", *words).json
    assert document["sweep"] == "other"
    assert [trial["values"]["rl.group_size"] for trial in document["trials"]] == [16, 16]


def test_a_wrong_sweep_is_exit_code_2_with_the_place(cli: Any) -> None:
    Path("sweep.yaml").write_text(SWEEP.replace("group_size", "group_sise"), encoding="utf-8")
    result = cli("sweep", "sweep.yaml", "--dry-run")
    assert result.code == 2
    assert result.out == ""
    assert "sweep.yaml:5:6" in result.err
    assert "did you mean 'group_size'?" in result.err


def test_the_linter_reads_every_trial(cli: Any) -> None:
    text = SWEEP.replace("rl.group_size: {kind: grid, values: [4, 8]}", "rl.group_size: {kind: grid, values: [4, 1]}")
    Path("sweep.yaml").write_text(text, encoding="utf-8")
    result = cli("check", "sweep.yaml")
    assert result.code == 2
    assert "sweep.yaml:5:43" in result.err
    assert "group-size-one" in result.err


def test_check_takes_specs_and_sweeps(cli: Any) -> None:
    result = cli("check", "base.yaml", "sweep.yaml")
    assert (result.code, result.out) == (0, "base.yaml: ok\nsweep.yaml: ok\n")
    Path("sweep.yaml").write_text(SWEEP.replace("[4, 8]", "[four]"), encoding="utf-8")
    result = cli("check", "base.yaml", "sweep.yaml", "--format", "github")
    assert result.code == 2
    assert result.out.startswith("::error file=sweep.yaml,line=5,col=40")


def test_a_sweep_without_its_version_is_still_read_as_one(cli: Any) -> None:
    Path("sweep.yaml").write_text(SWEEP.replace("sweep_version: 1\n", ""), encoding="utf-8")
    assert "missing key 'sweep_version'" in cli("check", "sweep.yaml").err


def test_a_bare_name_stands_for_a_shipped_sweep(cli: Any) -> None:
    Path("sweeps").mkdir()
    Path("sweeps/v1.5.yaml").write_text(SWEEP.replace("base.yaml", "../base.yaml"), encoding="utf-8")
    assert cli("sweep", "v1.5", "--dry-run", "--json").json["sweep"] == "sizes"


def test_schema_prints_that_of_sweeps(cli: Any) -> None:
    assert cli("schema", "sweep").json["title"] == "r1ci sweep"


def test_completion_offers_sweeps_then_keys() -> None:
    Path("sweeps").mkdir()
    Path("sweeps/mine.yaml").write_text(SWEEP, encoding="utf-8")
    assert "sweeps/mine.yaml" in complete("r1ci sweep sw")
    assert "search.seed=" in complete("r1ci sweep sweeps/mine.yaml se")
    assert "set.rl.group_size=" in complete("r1ci sweep sweeps/mine.yaml set.rl.gr")
    assert "sweeps/mine.yaml" in complete("r1ci check sw")


def complete(typed: str) -> str:
    words = {"_R1CI_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    command = [sys.executable, "-m", "r1ci"]
    done = subprocess.run(command, env={**os.environ, **words}, capture_output=True, text=True, check=True)
    return done.stdout
