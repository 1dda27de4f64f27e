"""RL with episodes from vLLM through the real command line: beside the trainer, and apart from it one step ahead."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import ray

SPEC = """
spec_version: 1
name: micro
models: [{kind: tiny, layers: 2, width: 64, heads: 2, kv_heads: 1, feedforward: 64, vocabulary: 400}]
tasks:
  train:
    include: [symbench/statistical_counting]
    questions_per_task: 6
    sft_questions_per_task: 12
    new_questions_per_task: 3
  test: {include: []}
  params: {symbench/statistical_counting: {max_letters: 3, min_length: 6, max_length: 10}}
executor: {kind: local, timeout_s: 5, memory_mb: 256}
agent: {max_code_calls: 1, turn_tokens: 40, context_tokens: 320, max_output_tokens: 16}
engine: {kind: vllm, max_in_flight: 16}
demonstrations: {max_per_task: 12}
sft: {epochs: 2, batch_size: 8, learning_rate: 3e-3}
curriculum: {stages: single, steps_per_stage: 1}
rl: {group_size: 4, batch_questions: 3, learning_rate: 1e-3, evaluate_every: 2, objective: {correction: token_truncate}}
evaluation: {temperature: 0.0, checkpoints: [rl]}
"""


TWO_WORKERS = ["compute.workers=2", "rl.batch_questions=4"]
LORA = ["rl.lora={rank: 4, targets: [q_proj, down_proj]}", "rl.objective.entropy_coefficient=0.01"]


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """A Ray cluster whose CPUs two workers hold all."""
    context = ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield {"RAY_ADDRESS": context.address_info["gcs_address"]}
    ray.shutdown()


def train(folder: Path, keys: list[str], **variables: str) -> pl.DataFrame:
    """Run the spec with these keys through the command line; the metrics of RL."""
    (folder / "micro.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "r1ci", "--root", "runs", "run", "micro.yaml", *keys]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **variables}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return pl.read_parquet(next((folder / "runs" / "steps").glob("rl-*/metrics.parquet")))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("placement", "ages"), [("colocated", [0, 0, 0, 0]), ("actors", [0, 1, 1, 1])])
def test_rl_trains_on_episodes_of_vllm(tmp_path: Path, placement: str, ages: list[int]) -> None:
    metrics = train(tmp_path, [f"engine.placement={placement}"])
    assert metrics["policy_age"].to_list() == ages
    assert metrics["sync_difference"].max() < 1e-4
    assert metrics["new_accuracy"].drop_nulls().len() == 2
    scored = list((tmp_path / "runs" / "steps").glob("evaluation-*/scores.parquet"))
    assert [pl.read_parquet(path).height for path in scored] == [3]


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
@pytest.mark.parametrize("placement", ["colocated", "actors"])
def test_two_workers_train_on_episodes_of_an_engine_each(tmp_path: Path, cluster, placement: str) -> None:
    metrics = train(tmp_path, [f"engine.placement={placement}", *TWO_WORKERS], **cluster)
    assert metrics.height == 4
    assert metrics["sync_difference"].max() < 1e-4
    assert metrics["mismatch_max"].max() < 1.01 or placement == "actors"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_engine_samples_from_merged_adapters(tmp_path: Path) -> None:
    metrics = train(tmp_path, LORA)
    assert metrics["grad_norm"].max() > 0
    assert metrics["sync_difference"].max() < 1e-4
    assert metrics["mismatch_max"].max() < 1.01
