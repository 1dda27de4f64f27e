"""A sweep through the real command line and a real Ray: a failing trial, early stopping, kill -9, Ctrl-C, resume."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SPEC = """
spec_version: 1
name: nano
models: [{kind: tiny, layers: 1, width: 16, heads: 2, kv_heads: 1, feedforward: 32, vocabulary: 300}]
variants: {only: {curriculum.stages: single}}
plugins: [sweep_scenes]
until: rl
tasks:
  train: {include: [rg/gcd], questions_per_task: 4, sft_questions_per_task: 4, new_questions_per_task: 2}
  test: {include: [], questions_per_task: 1}
agent: {kind: all_text, max_code_calls: 1, turn_tokens: 8, context_tokens: 200, max_output_tokens: 8}
engine: {kind: hf, lock_step: true}
executor: {kind: local, timeout_s: 5, memory_mb: 256, workers: 1}
demonstrations: {max_per_task: 4}
sft: null
partition: {groups: 2}
curriculum: {steps_per_stage: 2}
rl: {group_size: 2, batch_questions: 2}
compute: {checkpoint_every: 1, ledger_every: 0}
evaluation: {agents: [all_text], checkpoints: [rl], temperature: 0.0}
"""

SWEEP = """
sweep_version: 1
name: scenes
spec: nano.yaml
space: {rl.learning_rate: {kind: grid, values: [1e-3, 2e-3, 3e-3, 4e-3]}}
metric: {name: rl/reward, mode: max}
search: {kind: grid}
scheduler: {kind: asha, grace: 2, reduction: 2}
"""

SCENES = '''
"""What happens in RL, by learning rate: the reward in the log; a failure, a kill and a Ctrl-C of the driver, once."""
import json, os, pathlib, signal, time
from r1ci.errors import StepFailed
from r1ci.store.metrics import MetricLog

REWARD = {1e-3: 0.5, 2e-3: 0.6, 3e-3: 0.1, 4e-3: 0.9}
log, marks = MetricLog.log, pathlib.Path(os.environ["MARKS"])

def once(name):
    mark = marks / name
    return not mark.exists() and (mark.touch() or True)

def signalled(number):
    status = json.loads((marks.parent / "runs" / "sweeps" / "scenes" / "status.json").read_text())
    os.kill(status["pid"], number)
    time.sleep(600)

def scene(self, step, values):
    if "reward" not in values:
        return log(self, step, values)
    rate = json.loads((self.folder / "step.json").read_text())["inputs"]["rl"]["learning_rate"]
    log(self, step, {**values, "reward": REWARD[rate]})
    if rate == 2e-3 and once("failed"):
        raise StepFailed("the second trial fails", "nothing helps")
    if rate == 4e-3 and step == 1 and once("killed"):
        signalled(signal.SIGKILL)
    if rate == 4e-3 and step == 2 and once("interrupted"):
        signalled(signal.SIGINT)

MetricLog.log = scene
'''

DRIVER = """
import sys, ray
from r1ci.cli.main import main

ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False, _temp_dir=sys.argv[1])
main(sys.argv[2:])
"""
"""The command line on a Ray of one CPU, so that trials come one after another."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name, text in (("nano.yaml", SPEC), ("scenes.yaml", SWEEP), ("sweep_scenes.py", SCENES)):
        (tmp_path / name).write_text(text)
    (tmp_path / "marks").mkdir()
    return tmp_path


def r1ci(place: Path, *words: str, scratch: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "PYTHONPATH": os.pathsep.join([str(place), *filter(None, sys.path)]),
        "MARKS": str(place / "marks"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, "-c", DRIVER, str(scratch), "--root", "runs", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=place, env=environment, timeout=800)


def records(place: Path) -> list[dict[str, Any]]:
    folder = place / "runs" / "sweeps" / "scenes" / "trials"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(1800)
def test_a_sweep_survives_failures_kills_and_interruptions(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch = tmp_path_factory.mktemp("r")
    killed = r1ci(place, "sweep", "scenes.yaml", scratch=scratch)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert [record["state"] for record in records(place)] == ["done", "failed", "stopped", "running"]
    assert records(place)[1]["error"]["message"].endswith("the second trial fails")

    interrupted = r1ci(place, "resume", "scenes", scratch=scratch)
    assert interrupted.returncode == 130, interrupted.stderr
    assert "Traceback" not in interrupted.stderr
    assert "help: continue with r1ci resume" in interrupted.stderr
    before = records(place)
    assert [record["state"] for record in before] == ["done", "failed", "stopped", "interrupted"]

    finished = r1ci(place, "--json", "resume", "scenes", scratch=scratch)
    assert finished.returncode == 4, finished.stderr
    events = [json.loads(line) for line in finished.stdout.splitlines()]
    assert {event["trial"] for event in events if "trial" in event} == {3}
    assert events[-1]["best"] == {"trial": 3, "metric": 0.9}
    after = records(place)
    assert [record["state"] for record in after] == ["done", "failed", "stopped", "done"]
    assert after[:3] == before[:3]
    assert [record["attempt"] for record in after] == [1, 1, 1, 3]
    assert after[2]["stopped_at"] == 2
    assert "reward 0.1 at 2 steps is worse than 0.5" in after[2]["reason"]
    assert after[3]["curve"] == [[1, 0.9], [2, 0.9], [3, 0.9], [4, 0.9]]
    assert after[3]["cells"]["0"]["questions"] == after[0]["cells"]["0"]["questions"]
    attempts = json.loads((place / "runs" / "steps" / after[3]["cells"]["0"]["rl"] / "provenance.json").read_text())
    assert attempts["attempt"] == 3, "it went on in the same folder"

    assert (place / "reports" / "out" / "scenes" / "index.html").is_file()
