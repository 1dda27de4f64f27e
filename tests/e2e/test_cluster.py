"""Submitting to a real Ray cluster of two nodes with a job server and a token: progress, a lost node, stop, errors."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from commands import SPEC
from ray_cluster import RayCluster

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

PLAIN = SPEC.replace("variants: {curriculum: {}, plain: {curriculum.stages: single}}\n", "").replace(
    "report: {baseline: plain}\n", ""
)
ON_WORKERS = PLAIN.replace("compute: {checkpoint_every: 2}", "compute: {checkpoint_every: 2, workers: 2}")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayCluster]:
    """Two nodes of one CPU each; the second is ``cluster.second``."""
    made = RayCluster(tmp_path_factory.mktemp("ray"))
    try:
        made.second = made.add_node()
        made.wait_for_nodes(2)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's project: two specs, no copy of r1ci."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "plain.yaml").write_text(PLAIN.replace("name: micro", "name: plain"))
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
    root = tmp_path / "runs"
    words = ("--json", "--root", str(root), "submit", "workers.yaml", "--env", "cluster", "--address", cluster.address)
    job = cluster.r1ci(*words, cwd=project)
    assert job.stdout is not None
    lines: list[str] = []
    lost = False
    for line in job.stdout:
        lines.append(line)
        if not lost and '"event": "progress"' in line and '"kind": "rl"' in line and json.loads(line)["done"] >= 1:
            cluster.kill(cluster.second)
            cluster.add_node()
            lost = True
    said = "".join(lines)
    assert job.wait() == 0, said
    assert lost, said
    events = [json.loads(line) for line in lines if line.startswith('{"event"')]
    rl = next(event["step"] for event in events if event["event"] == "step_done" and event["kind"] == "rl")
    steps = pl.read_parquet(root / "steps" / rl / "metrics.parquet")["step"].to_list()
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) == 6
    assert json.loads((root / "steps" / rl / "provenance.json").read_text())["attempt"] == 1


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
