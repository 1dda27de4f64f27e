"""Running the real command line, for the end-to-end tests."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SPEC = """
spec_version: 1
name: micro
models: [{kind: tiny, layers: 2, width: 32, heads: 4, kv_heads: 2, feedforward: 64, vocabulary: 400}]
variants: {curriculum: {}, plain: {curriculum.stages: single}}
tasks:
  train:
    include: [rg/gcd, symbench/statistical_counting]
    questions_per_task: 6
    sft_questions_per_task: 12
    new_questions_per_task: 3
  test: {include: [rg/products], questions_per_task: 3}
  params: {symbench/statistical_counting: {max_letters: 3, min_length: 6, max_length: 10}}
executor: {kind: local, timeout_s: 5, memory_mb: 256}
agent: {max_code_calls: 1, turn_tokens: 40, context_tokens: 320, max_output_tokens: 16}
engine: {kind: hf, lock_step: true, max_in_flight: 16}
demonstrations: {max_per_task: 12, teacher: {kind: program, flawed: 0.2}}
sft: {epochs: 6, batch_size: 8, learning_rate: 3e-3}
potential: {agents: [all_text, all_code, code_agent, codesteer], temperatures: [1.0]}
partition: {groups: 2}
curriculum: {steps_per_stage: 3}
rl: {group_size: 4, batch_questions: 4, learning_rate: 1e-3, evaluate_every: 3}
compute: {checkpoint_every: 2}
evaluation: {temperature: 0.0}
report: {baseline: plain}
"""


def r1ci(root: Path, *arguments: str, cwd: Path, extra: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    """Run the command line with a store; one thread per process, so that runs agree to the last bit."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1", **extra}
    command = [sys.executable, "-m", "r1ci", "--root", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def cells(root: Path) -> dict[str, dict[str, str]]:
    """Step ids by role, by cell name."""
    plan = json.loads((root / "experiments" / "micro" / "plan.json").read_text())
    return {f"{cell['variant']}/{cell['seed']}": cell["steps"] for cell in plan["cells"]}
