"""Estimated against measured memory of SFT and RL, each step in a process of its own.

    python benchmarks/memory.py [tiny] [smollm2-135m]

A small experiment is compiled, each of its steps runs in a fresh process, and the peak resident memory of those that
train is compared with the plan's estimate. Batches fill their micro-batches, since the estimate is of full ones. Two
optimizer steps each: the optimizer's state exists from the first one on. smollm2-135m needs
`r1ci models get smollm2-135m` and takes minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from r1ci.cli.specs import known_names
from r1ci.plan.compile import compile_plan, plan_from_json, plan_to_json
from r1ci.plan.steps import Plan, Step
from r1ci.spec.load import load

SPEC: dict[str, Any] = {
    "spec_version": 1,
    "name": "memory",
    "tasks": {
        "train": {
            "include": ["rg/gcd", "rg/lcm"],
            "questions_per_task": 8,
            "new_questions_per_task": 0,
        },
        "test": {"include": []},
    },
    "executor": {"kind": "local", "timeout_s": 5, "memory_mb": 256, "isolation": "rlimits"},
    "agent": {"max_code_calls": 1, "turn_tokens": 96, "context_tokens": 512, "max_output_tokens": 32},
    "partition": {"groups": 1},
    "curriculum": {"stages": "single", "steps_per_stage": 2},
}
CASES: dict[str, list[tuple[str, int, int, dict[str, Any]]]] = {
    "tiny": [
        ("micro-batches of 2,048 tokens", 32, 2048, {}),
        ("micro-batches of 8,192 tokens", 64, 8192, {}),
        ("8,192 tokens, activations made again", 64, 8192, {"activation_checkpointing": True}),
    ],
    "smollm2-135m": [
        ("micro-batches of 1,024 tokens", 8, 1024, {}),
        ("1,024 tokens, activations made again", 8, 1024, {"activation_checkpointing": True}),
    ],
}
"""What is varied, by model: its name, sequences per update, tokens per micro-batch, the compute section's keys."""


def plan_of(model: str, sequences: int, tokens: int, compute: dict[str, Any], folder: Path) -> Plan:
    """The plan of the experiment for a case."""
    spec = {
        **SPEC,
        "models": [model],
        "tasks": {**SPEC["tasks"], "train": {**SPEC["tasks"]["train"], "sft_questions_per_task": sequences}},
        "engine": {"kind": "hf", "max_in_flight": sequences},
        "sft": {"epochs": 1, "batch_size": sequences, "max_tokens": 512},
        "rl": {"group_size": 4, "batch_questions": sequences // 4},
        "compute": {"micro_batch_tokens": tokens, "checkpoint_every": 1, **compute},
    }
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec), encoding="utf-8")
    known = known_names()
    return compile_plan(load(path, known=known), known)


def measure(plan: Plan, step: Step, folder: Path) -> float:
    """Run a step in a process of its own; its peak resident memory in MB."""
    (folder / "plan.json").write_text(json.dumps(plan_to_json(plan)), encoding="utf-8")
    process = subprocess.Popen([sys.executable, __file__, "--step", step.id, str(folder)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{step.id} failed")
    return usage.ru_maxrss * 1024 / 1e6


def run_one(step_id: str, folder: Path) -> int:
    """The child: run one step whose inputs are in the store."""
    from r1ci.launch.events import StepFailedEvent
    from r1ci.launch.run import run_plan
    from r1ci.steps import run_step
    from r1ci.store.store import Store

    plan = plan_from_json(json.loads((folder / "plan.json").read_text(encoding="utf-8")))

    def tell(event: object) -> None:
        if isinstance(event, StepFailedEvent):
            print(event.failure, file=sys.stderr)

    outcome = run_plan(plan, Store(folder / "runs"), run_step, tell, only=[step_id])
    return 0 if outcome.complete else 1


def main() -> None:
    """Measure every case of the models named, or of all."""
    for model in sys.argv[1:] or CASES:
        for name, sequences, tokens, compute in CASES[model]:
            with tempfile.TemporaryDirectory() as made:
                folder = Path(made)
                plan = plan_of(model, sequences, tokens, compute, folder)
                for step in plan.steps.values():
                    measured, estimated = measure(plan, step, folder), step.estimate.memory_mb
                    if step.kind in ("sft", "rl"):
                        error = f"{100 * (estimated / measured - 1):+.0f}%"
                        print(
                            f"{model}, {name}: {step.kind} estimated {estimated}, measured {measured:.0f} MB, {error}"
                        )
                        print(f"    {dict(step.estimate.memory)} of {dict(step.estimate.phases)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        sys.exit(run_one(sys.argv[2], Path(sys.argv[3])))
    main()
