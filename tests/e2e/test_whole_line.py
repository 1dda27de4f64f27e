"""One spec file in, one comparison report out."""

import shutil
import signal
from pathlib import Path

import polars as pl
import pytest
from commands import cells, r1ci

from r1ci.train import ledger


def test_every_step_leaves_what_the_store_promises(finished: Path) -> None:
    steps = finished / "runs" / "steps"
    kinds = {
        "questions": ["questions.parquet"],
        "demonstrations": ["demonstrations.jsonl.gz", "attempts.parquet", "executor.parquet"],
        "model": ["model/model.safetensors", "model/tokenizer.json"],
        "sft": ["model/model.safetensors", "metrics.parquet"],
        "potential": ["potential.parquet", "attempts.parquet", "executor.parquet"],
        "partition": ["partition.parquet", "groups.json"],
        "rl": [
            "model/model.safetensors",
            "metrics.parquet",
            "episodes.parquet",
            "executor.parquet",
            "ledger/step-0000000.parquet",
        ],
        "evaluation": ["scores.parquet", "trajectories.jsonl.gz", "executor.parquet"],
    }
    for kind, outputs in kinds.items():
        folders = list(steps.glob(f"{kind}-*"))
        assert folders, kind
        for folder in folders:
            assert all((folder / name).is_file() for name in (*outputs, "done.json", "provenance.json")), folder
            assert not (folder / "checkpoints").exists()


def test_variants_share_what_does_not_differ(finished: Path) -> None:
    by_cell = cells(finished / "runs")
    curriculum, plain = by_cell["curriculum/0"], by_cell["plain/0"]
    assert curriculum["sft"] == plain["sft"]
    assert curriculum["rl"] != plain["rl"]
    assert "partition" not in plain


def test_question_sets_never_overlap(finished: Path) -> None:
    folder = next((finished / "runs" / "steps").glob("questions-*"))
    table = pl.read_parquet(folder / "questions.parquet")
    assert table["text"].n_unique() == table.height
    assert dict(table.group_by("set").len().iter_rows()) == {"sft": 24, "rl": 12, "new": 6, "test": 3}


def test_stages_follow_one_another_and_groups_are_whole(finished: Path) -> None:
    ids = cells(finished / "runs")
    folder = finished / "runs" / "steps" / ids["curriculum/0"]["rl"]
    metrics = pl.read_parquet(folder / "metrics.parquet")
    assert metrics["stage"].to_list() == [1, 1, 1, 2, 2, 2]
    assert metrics["new_accuracy"].drop_nulls().len() == 2
    episodes = pl.read_parquet(folder / "episodes.parquet")
    assert episodes.height == 6 * 4 * 4
    groups = episodes.group_by("step", "question_id").agg(pl.col("advantage").sum())
    assert groups["advantage"].abs().max() < 1e-4


def test_the_report_is_there_and_compares(finished: Path) -> None:
    page = (finished / "reports" / "out" / "micro" / "index.html").read_text()
    assert "curriculum" in page
    assert "plain" in page


def test_a_finished_run_says_so_and_runs_nothing(finished: Path, spec: Path) -> None:
    done = r1ci(finished / "runs", "--json", "run", str(spec), "--no-report", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert '"event":"started"' not in done.stdout.replace(" ", "")


def test_models_load_back_with_plain_transformers(finished: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = finished / "runs" / "steps" / cells(finished / "runs")["curriculum/0"]["rl"] / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "1 + 1?"}], tokenize=False)
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    assert model.generate(ids, max_new_tokens=3, do_sample=False).shape[1] > ids.shape[1]


def test_what_was_trained_on_is_proved(finished: Path) -> None:
    done = r1ci(finished / "runs", "audit", "micro", "--step", "0", "--step", "5", cwd=finished)
    assert done.returncode == 0, done.stdout
    assert "FAILS" not in done.stdout


def test_the_trained_model_answers_a_question(finished: Path) -> None:
    question = "Find the Greatest Common Divisor (GCD) of these numbers: 12, 18."
    done = r1ci(finished / "runs", "solve", "micro", question, cwd=finished)
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr


KILLER = """
import os, pathlib, signal
from r1ci.store.metrics import MetricLog

log, mark = MetricLog.log, pathlib.Path(os.environ["KILL_MARK"])

def killing(self, step, values):
    log(self, step, values)
    if step == 4 and os.environ["KILL_KIND"] in self.folder.name and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)

MetricLog.log = killing
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sft", "rl"])
def test_a_killed_run_resumes_to_the_same_bytes(kind: str, finished: Path, spec: Path, tmp_path: Path) -> None:
    """A plugin kills the run for good after a step that no checkpoint has, once."""
    (tmp_path / "killer.py").write_text(KILLER)
    extra = {"PYTHONPATH": str(tmp_path), "KILL_KIND": f"{kind}-", "KILL_MARK": str(tmp_path / "killed")}
    root = tmp_path / "runs"
    killed = r1ci(root, "run", str(spec), "--no-report", "plugins=[killer]", cwd=tmp_path, extra=extra)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = r1ci(root, "resume", "micro", "--no-report", cwd=tmp_path, extra=extra)
    assert resumed.returncode == 0, resumed.stderr
    ids, whole = cells(root)["curriculum/0"], finished / "runs" / "steps"
    for role in ("sft", "rl"):
        ours, theirs = root / "steps" / ids[role], whole / ids[role]
        name = "model/model.safetensors"
        assert (ours / name).read_bytes() == (theirs / name).read_bytes()
        metrics = [pl.read_parquet(folder / "metrics.parquet") for folder in (ours, theirs)]
        untimed = [table.select(pl.exclude("^.*(_s|seconds)(/.*)?$", "^executor/.*$")) for table in metrics]
        assert untimed[0].equals(untimed[1])
    tables = [pl.read_parquet(folder / ids["rl"] / "episodes.parquet") for folder in (root / "steps", whole)]
    assert tables[0].equals(tables[1])
    for step in range(6):
        ledgers = [ledger.read(ledger.path(folder / ids["rl"], step)) for folder in (root / "steps", whole)]
        assert ledgers[0] == ledgers[1]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_two_ray_workers_train_from_the_same_spec(spec: Path, finished: Path, tmp_path: Path) -> None:
    """Workers are no part of the ids: only where the store has all steps but one do both take their share."""
    root = tmp_path / "runs"
    rl = cells(finished / "runs")["curriculum/0"]["rl"]
    shutil.copytree(finished / "runs" / "steps", root / "steps", ignore=shutil.ignore_patterns(rl, "evaluation-*"))
    done = r1ci(root, "run", str(spec), "--no-report", "compute.workers=2", "until=rl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert rl == cells(root)["curriculum/0"]["rl"]
    episodes = pl.read_parquet(root / "steps" / rl / "episodes.parquet")
    alone = pl.read_parquet(finished / "runs" / "steps" / rl / "episodes.parquet")
    assert (
        episodes.select("step", "question_id", "sample")
        .sort(pl.all())
        .equals(alone.select("step", "question_id", "sample").sort(pl.all()))
    )
    assert episodes["question_id"].n_unique() > 2
