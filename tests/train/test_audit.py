"""A real tiny RL run is proved clean, and every claim that is broken on purpose is found at its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from r1ci.cli.main import main
from r1ci.plan.context import StepContext
from r1ci.plan.steps import Step
from r1ci.train import ledger
from r1ci.train.audit import audit, subject
from r1ci.train.fit import fit
from r1ci.train.rl import train_rl

SPEC = """
spec_version: 1
name: audited
models: [{kind: tiny, layers: 2, width: 64, heads: 4, kv_heads: 2, feedforward: 96, vocabulary: 320}]
tasks:
  train: {include: [rg/gcd], questions_per_task: 4, sft_questions_per_task: 16, new_questions_per_task: 0}
  test: {include: []}
executor: {kind: local, timeout_s: 5, memory_mb: 256}
agent: {max_code_calls: 2, turn_tokens: 48, context_tokens: 320, max_output_tokens: 16}
engine: {kind: hf, lock_step: true, max_in_flight: 16}
demonstrations: {max_per_task: 16, teacher: {kind: program}}
sft: {optimizer: muon, epochs: 20, batch_size: 8, learning_rate: 1e-2}
partition: {groups: 1}
curriculum: {stages: single, steps_per_stage: 3}
rl: {group_size: 4, batch_questions: 4, learning_rate: 1e-3}
compute: {checkpoint_every: 1}
"""
STEP = 2
Rows = list[ledger.Row]
Facts = dict[str, Any]
Capture = pytest.CaptureFixture[str]


def r1ci(*arguments: str | Path) -> int:
    """The command line in this process; its exit code."""
    with pytest.raises(SystemExit) as leaving:
        main([str(argument) for argument in arguments])
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a finished run."""
    folder = tmp_path_factory.mktemp("audited")
    (folder / "spec.yaml").write_text(SPEC)
    assert r1ci("-q", "--root", folder / "runs", "run", folder / "spec.yaml", "--no-report") == 0
    return folder / "runs"


@pytest.fixture
def copied(finished: Path, tmp_path: Path) -> Path:
    """A copy of the store to break."""
    shutil.copytree(finished, tmp_path / "runs")
    return tmp_path / "runs"


def rl_folder(root: Path) -> Path:
    return next((root / "steps").glob("rl-*"))


def test_a_real_run_is_clean_from_end_to_end(finished: Path, capsys: Capture) -> None:
    assert r1ci("--root", finished, "audit", "audited", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ok"]
    assert [step["step"] for step in found["steps"]] == [0, 1, 2]
    for step in found["steps"]:
        outcomes = {claim["claim"]: claim["outcome"] for claim in step["claims"]}
        weights = "holds" if step["step"] == 0 else "skipped"
        held = dict.fromkeys(("tokens", "mask", "advantages", "loss", "engine"), "holds")
        assert outcomes == {**held, "weights": weights}
        engine = next(claim for claim in step["claims"] if claim["claim"] == "engine")
        assert sum(part["tokens"] for part in engine["histogram"]) == engine["checked"] > 100


def test_the_run_has_what_the_proofs_are_about(finished: Path) -> None:
    """Programs with glue behind them, groups that differ, an advantage that moves the policy."""
    rows = ledger.read(ledger.path(rl_folder(finished), STEP)).rows
    assert any(len(row["turns"]) > 1 for row in rows)
    assert any(row["advantage"] > 0 for row in rows)
    metrics = pl.read_parquet(rl_folder(finished) / "metrics.parquet")
    assert metrics["loss"].abs().max() > 1e-6


def test_weights_of_checkpoints_give_the_stored_log_probabilities_again(copied: Path) -> None:
    """An attempt that is not published keeps its last two checkpoints."""
    first, folder = rl_folder(copied), copied / "steps" / "again"
    folder.mkdir()
    shutil.copy(first / "step.json", folder)
    plan = json.loads((copied / "experiments" / "audited" / "plan.json").read_text())
    planned = next(step for step in plan["steps"] if step["kind"] == "rl")
    step = Step("rl", planned["inputs"], planned["reads"], runtime=planned["runtime"])
    reads = {role: copied / "steps" / name for role, name in planned["reads"].items()}
    fit(train_rl, StepContext(step, folder, reads, lambda progress: None))
    found = {item.step: item.verdicts[-1] for item in audit(subject(folder), [0, 1, 2])}
    assert [verdict.outcome for verdict in found.values()] == ["holds"] * 3
    assert all(verdict.checked > 100 for verdict in found.values())
    for number in range(3):
        assert ledger.read(ledger.path(folder, number)) == ledger.read(ledger.path(first, number))
    other = folder / "checkpoints" / "step-0000001.0-of-1.pt"
    other.write_bytes((folder / "checkpoints" / "step-0000002.0-of-1.pt").read_bytes())
    moved = next(audit(subject(folder), [1])).verdicts[-1]
    assert moved.outcome == "FAILS"
    assert "trainer's" in moved.faults[0].message


# ---------------------------------------------------------------- claims broken on purpose


def multi(rows: Rows) -> int:
    """An episode with a program and a turn behind its results, which was run through the model."""
    return next(at for at, row in enumerate(rows) if len(row["turns"]) > 1 and row["old_logps"] is not None)


def mask_on_the_prompt(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    rows[at]["mask"][5] = 1
    return at, "token 5"


def mask_off_a_sampled_token(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    place = rows[at]["turns"][1]["start"]
    rows[at]["mask"][place] = 0
    return at, f"token {place}"


def mask_on_the_results(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    first, second = rows[at]["turns"][:2]
    rows[at]["mask"][first["end"] : second["start"]] = [1] * (second["start"] - first["end"])
    return at, f"tokens {first['end']}-{second['start']}"


def id_of_a_turn(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    rows[at]["ids"][rows[at]["turns"][1]["start"]] ^= 1
    return at, "turn 2"


def id_of_the_results(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    place = rows[at]["turns"][0]["end"] + 3
    rows[at]["ids"][place] ^= 1
    return at, f"after turn 1, token {place}"


def id_of_the_prompt(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    rows[at]["ids"][7] ^= 1
    return at, "prompt"


def observation(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    rows[at]["turns"][0]["observation"] += "7"
    return at, "after turn 1"


def engine_log_probability(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    place = rows[at]["turns"][0]["start"] + 2
    rows[at]["engine_logps"][place] -= 0.02
    return at, f"token {place}"


def trainer_log_probability(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    place = rows[at]["turns"][0]["start"] + 2
    rows[at]["old_logps"][place] -= 0.02
    return at, f"token {place}"


def one_log_probability_that_is_no_number(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    place = rows[at]["turns"][0]["start"]
    rows[at]["engine_logps"][place] = float("nan")
    return at, f"token {place}"


def every_log_probability_of_the_reference(rows: Rows, facts: Facts) -> tuple[None, str]:
    for row in rows:
        row["ref_logps"] = row["ref_logps"] and [value - 0.5 for value in row["ref_logps"]]
    return None, "update 0"


def one_advantage(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = multi(rows)
    rows[at]["advantage"] += 0.01
    return at, ""


def two_advantages_of_a_group(rows: Rows, facts: Facts) -> tuple[int, str]:
    """Their sum stays 0."""
    rows[4]["advantage"] += 0.25
    rows[5]["advantage"] -= 0.25
    return 4, ""


def one_reward(rows: Rows, facts: Facts) -> tuple[int, str]:
    rows[6]["rewards"][0]["value"] += 0.5
    return 6, ""


def the_loss_of_an_update(rows: Rows, facts: Facts) -> tuple[None, str]:
    facts["updates"][0]["loss"] += 1e-4
    return None, "update 0"


def the_loss_of_the_step(rows: Rows, facts: Facts) -> tuple[None, str]:
    facts["loss"] += 1e-4
    return None, "step"


def what_the_loss_is_divided_by(rows: Rows, facts: Facts) -> tuple[None, str]:
    facts["updates"][0]["tokens"] += 1
    return None, "step"


def an_episode_left_out_of_the_update(rows: Rows, facts: Facts) -> tuple[int, str]:
    at = next(at for at, row in enumerate(rows) if row["advantage"])
    rows[at]["update"] = None
    return at, ""


Break = Callable[[Rows, Facts], tuple[int | None, str]]
BREAKS: list[tuple[str, Break]] = [
    ("mask", mask_on_the_prompt),
    ("mask", mask_off_a_sampled_token),
    ("mask", mask_on_the_results),
    ("mask", one_log_probability_that_is_no_number),
    ("tokens", id_of_a_turn),
    ("tokens", id_of_the_results),
    ("tokens", id_of_the_prompt),
    ("tokens", observation),
    ("engine", engine_log_probability),
    ("engine", trainer_log_probability),
    ("engine", one_log_probability_that_is_no_number),
    ("advantages", one_advantage),
    ("advantages", two_advantages_of_a_group),
    ("advantages", one_reward),
    ("loss", every_log_probability_of_the_reference),
    ("loss", the_loss_of_an_update),
    ("loss", the_loss_of_the_step),
    ("loss", what_the_loss_is_divided_by),
    ("loss", an_episode_left_out_of_the_update),
]


@pytest.mark.parametrize(("claim", "change"), BREAKS, ids=[f"{name}-{each.__name__}" for name, each in BREAKS])
def test_a_claim_that_is_broken_is_found_at_its_place(claim: str, change: Break, copied: Path, capsys: Capture) -> None:
    folder = rl_folder(copied)
    facts, rows = ledger.read(ledger.path(folder, STEP))
    rows, facts = list(rows), dict(facts)
    episode, place = change(rows, facts)
    ledger.write(folder, STEP, rows, facts)
    assert r1ci("--root", copied, "audit", "audited", "--no-weights", "--json") == 1
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [step["ok"] for step in steps] == [True, True, False]
    faults = next(each["faults"] for each in steps[STEP]["claims"] if each["claim"] == claim)
    where = "" if episode is None else f"{rows[episode]['question_id']} sample {rows[episode]['sample']}"
    assert any(
        fault["episode"] == episode and where in fault["where"] and place in fault["where"] for fault in faults
    ), faults


def test_a_logged_loss_that_is_not_the_ledgers_is_found(copied: Path, capsys: Capture) -> None:
    file = rl_folder(copied) / "metrics.parquet"
    table = pl.read_parquet(file)
    table.with_columns(loss=pl.col("loss") + pl.when(pl.col("step") == 1).then(1e-3).otherwise(0)).write_parquet(file)
    assert r1ci("--root", copied, "audit", "audited", "--no-weights") == 1
    said = capsys.readouterr().out
    assert "loss FAILS: default/tiny/0 step 1, step: logged is 0.00" in said
    assert "step 2, step" not in said


def test_the_text_names_step_episode_and_token(copied: Path, capsys: Capture) -> None:
    folder = rl_folder(copied)
    facts, rows = ledger.read(ledger.path(folder, 1))
    rows[3]["mask"][5] = 1
    ledger.write(folder, 1, rows, facts)
    assert r1ci("--root", copied, "audit", "audited", "--step", "1", "--no-weights") == 1
    said = capsys.readouterr()
    question = rows[3]["question_id"]
    text = f"step 1, episode 3, {question} sample 3, token 5: mask 1 on a token that was not sampled"
    assert f"mask FAILS: default/tiny/0 {text}" in said.out
    assert "not asked for" in said.out
    assert "tokens by |engine - trainer| in nats: <= 1e-06: " in said.err


def test_bounds_can_be_set(copied: Path, capsys: Capture) -> None:
    assert r1ci("--root", copied, "audit", "audited", "--no-weights", "--token-bound", "0") == 1
    assert "engine FAILS" in capsys.readouterr().out


def test_a_step_that_trained_on_nothing_has_nothing_to_prove(copied: Path, capsys: Capture) -> None:
    """What dynamic sampling leaves where no group has signal."""
    folder = rl_folder(copied)
    facts, _ = ledger.read(ledger.path(folder, 1))
    nothing = {"loss": 0.0, "updates": [{"loss": 0.0, "tokens": 0.0, "sequences": 0.0, "prompts": 0.0}]}
    ledger.write(folder, 0, [], {**facts, **nothing, "step": 0})
    table = pl.read_parquet(folder / "metrics.parquet")
    loss = pl.when(pl.col("step") == 0).then(0.0).otherwise(pl.col("loss"))
    table.with_columns(loss=loss).write_parquet(folder / "metrics.parquet")
    assert r1ci("--root", copied, "audit", "audited", "--step", "0") == 0
    assert "no episode was trained on" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "no run 'nothing'"),
        (["audited", "--cell", "x/y/0"], "no cell 'x/y/0'\nhelp: cells: default/tiny/0"),
        (["audited", "--step", "1", "--step", "9"], "no ledger of step 9\nhelp: written down are: 0, 1, 2"),
    ],
)
def test_what_cannot_be_audited_says_why(arguments: list[str], message: str, finished: Path, capsys: Capture) -> None:
    assert r1ci("--root", finished, "audit", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_run_without_ledgers_says_which_key_makes_them(copied: Path, capsys: Capture) -> None:
    shutil.rmtree(rl_folder(copied) / "ledger")
    assert r1ci("--root", copied, "audit", "audited") == 2
    assert "no ledger\nhelp: compute.ledger_every" in capsys.readouterr().err
