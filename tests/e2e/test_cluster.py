"""Submitting to a real Ray cluster of two nodes with a job server and a token: progress, a lost node, stop, errors."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))

from commands import SPEC
from ray_cluster import RayCluster

from r1ci.store.metrics import read_rows

pytestmark = [pytest.mark.cluster, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

PLAIN = SPEC.replace("variants: {curriculum: {}, plain: {curriculum.stages: single}}\n", "").replace(
    "report: {baseline: plain}\n", ""
)
ON_WORKERS = (
    PLAIN.replace("compute: {checkpoint_every: 2}", "compute: {checkpoint_every: 2, workers: 2}")
    .replace("curriculum: {steps_per_stage: 3}", "curriculum: {steps_per_stage: 3, stages: single}")
    .replace("evaluation: {temperature: 0.0}", "evaluation: {agents: [all_text], checkpoints: [rl]}\nplugins: [gate]")
    .replace(
        "sft: {epochs: 6, batch_size: 8, learning_rate: 3e-3}", "sft: {epochs: 12, batch_size: 8, learning_rate: 1e-2}"
    )
    .replace("agent: {", "agent: {kind: all_text, ")
)
GATE = '''
"""Holds RL at the end of its fourth step, once, until the file ``gone`` is there."""
import os, pathlib, time
from r1ci.store.metrics import MetricLog

log, gate = MetricLog.log, pathlib.Path(os.environ.get("GATE", ""))

def held(self, step, values):
    log(self, step, values)
    if "GATE" in os.environ and "reward" in values and step == 3 and not (gate / "held").exists():
        (gate / "held").write_text(str(os.getpid()))
        while not (gate / "gone").exists():
            time.sleep(0.1)

MetricLog.log = held
'''


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """Two nodes of one CPU each; the second is ``cluster.second``."""
    with tempfile.TemporaryDirectory(prefix="ray-") as scratch:  # a socket's path has at most 107 characters
        made = RayCluster(Path(scratch))
        try:
            made.second = made.add_node()
            made.wait_for_nodes(2)
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project: specs, no copy of r1ci."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "plain.yaml").write_text(PLAIN.replace("name: micro", "name: plain"))
    (folder / "gate.py").write_text(GATE)
    (folder / "gated.yaml").write_text(ON_WORKERS.replace("name: micro", "name: gated").replace(", workers: 2", ""))
    (folder / "workers.yaml").write_text(ON_WORKERS.replace("name: micro", "name: workers"))
    return folder


def finish(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate(timeout=600)
    return said


def test_a_wrong_token_is_an_error_that_says_what_to_set(cluster: RayCluster, project: Path) -> None:
    asked = cluster.r1ci("status", "--address", cluster.address, cwd=project, extra={"RAY_AUTH_TOKEN": "x" * 40})
    said = finish(asked)
    assert asked.returncode == 3, said
    assert "refuses the token" in said
    assert "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN" in said
    assert "Traceback" not in said


def test_a_run_with_workers_survives_the_loss_of_a_node(cluster: RayCluster, project: Path, tmp_path: Path) -> None:
    """RL is held in its fourth step until a third node is there and the second is gone; it ends as if undisturbed."""
    root, alone, gate = tmp_path / "runs", tmp_path / "alone", tmp_path / "gate"
    gate.mkdir()
    words = ("--json", "--root", str(root), "submit", "workers.yaml", "--env", "cluster", "-e", f"GATE={gate}")
    job = cluster.r1ci(*words, "--address", cluster.address, cwd=project)
    cluster.wait_until(lambda: (gate / "held").exists() or job.poll() is not None, "the fourth step of RL")
    (rl,) = (path.name for path in (root / "steps").glob("rl-*"))
    before = read_rows(root / "steps" / rl / "metrics.jsonl")
    third = cluster.add_node()
    cluster.wait_for_nodes(3)
    cluster.kill(cluster.second)
    cluster.second = third
    (gate / "gone").touch()
    said = finish(job)
    assert job.returncode == 0, said
    assert [row["step"] for row in before] == [0, 1, 2, 3], "it was lost in the middle"
    assert json.loads((root / "steps" / rl / "provenance.json").read_text())["attempt"] == 1, (
        "the step was not begun anew"
    )

    shutil.copytree(root, alone, ignore=shutil.ignore_patterns("rl-*", "experiments"))
    undisturbed = cluster.r1ci("--root", str(alone), "run", "workers.yaml", "compute.workers=0", cwd=project)
    told = finish(undisturbed)
    assert undisturbed.returncode == 0, told
    after, expected = (pl.read_parquet(store / "steps" / rl / "metrics.parquet") for store in (root, alone))
    assert after["step"].to_list() == list(range(6))
    assert after["reward"].to_list() == pytest.approx(expected["reward"].to_list(), abs=1e-6)
    assert [row["reward"] for row in before] == pytest.approx(after["reward"].to_list()[:4], abs=1e-6)
    assert expected["signal"].sum() > 0, "there was something to learn"
    ours, theirs = (load_file(store / "steps" / rl / "model" / "model.safetensors") for store in (root, alone))
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in theirs) < 1e-5


def test_a_run_whose_head_is_lost_is_resumed_by_submitting_it_again(project: Path, tmp_path: Path) -> None:
    root, gate = tmp_path / "runs", tmp_path / "gate"
    gate.mkdir()
    words = ("--root", str(root), "submit", "gated.yaml", "--env", "cluster", "-e", f"GATE={gate}", "--address")
    with tempfile.TemporaryDirectory(prefix="ray-") as scratch, closing(RayCluster(Path(scratch))) as lost:
        job = lost.r1ci(*words, lost.address, cwd=project)
        lost.wait_until(lambda: (gate / "held").exists() or job.poll() is not None, "the fourth step of RL")
        lost.kill(lost.head)
        said = finish(job)
        assert job.returncode == 3, said
        assert "submit it again" in said
        worker = Path("/proc") / (gate / "held").read_text()
        lost.wait_until(lambda: not worker.exists(), "the end of what ran there")
    (rl,) = (root / "steps").glob("rl-*")
    before = read_rows(rl / "metrics.jsonl")
    assert not (rl / "done.json").exists()
    with tempfile.TemporaryDirectory(prefix="ray-") as scratch, closing(RayCluster(Path(scratch))) as new:
        job = new.r1ci(*words, new.address, cwd=project)
        said = finish(job)
    assert job.returncode == 0, said
    after = pl.read_parquet(rl / "metrics.parquet")
    assert after["step"].to_list() == list(range(6))
    assert [row["reward"] for row in before] == pytest.approx(after["reward"].to_list()[:4], abs=1e-6)
    assert json.loads((rl / "provenance.json").read_text())["attempt"] == 2


def test_jobs_are_listed_stopped_and_shown(cluster: RayCluster, project: Path, tmp_path: Path) -> None:
    at = ("--address", cluster.address)
    words = ("--root", str(tmp_path / "runs"), "-q", "submit", "plain.yaml", "--env", "cluster", "--no-wait", *at)
    submitted = cluster.r1ci(*words, cwd=project)
    job_id = finish(submitted).strip().splitlines()[-1]
    assert submitted.returncode == 0
    assert job_id.startswith("plain-")
    again = cluster.r1ci(*words, cwd=project)
    assert f"job {job_id} is the same and is" in finish(again)
    assert again.returncode == 2
    finish(cluster.r1ci("stop", job_id, *at, cwd=project))
    shown = cluster.r1ci("logs", job_id, "--follow", *at, cwd=project)
    assert f"{job_id}: stopped" in finish(shown)
    assert shown.returncode == 130
    listed = json.loads(finish(cluster.r1ci("--json", "status", *at, cwd=project)))
    assert {job["job"]: job["state"] for job in listed["jobs"]}[job_id] == "stopped"
    absent = cluster.r1ci("logs", "nobody", *at, cwd=project)
    assert "has no job 'nobody'" in finish(absent)
    assert absent.returncode == 2
