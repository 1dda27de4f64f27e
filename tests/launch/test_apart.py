"""A step in a Ray task: its process is lost, and it is begun again where that left nothing to go on from."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from r1ci.cli.specs import known_names
from r1ci.launch.apart import step_apart
from r1ci.plan.compile import compile_plan
from r1ci.plan.context import StepContext
from r1ci.spec.load import load

SPEC = """spec_version: 1
name: small
models: [tiny]
tasks:
  train: {include: [rg/gcd], questions_per_task: 2, sft_questions_per_task: 2, new_questions_per_task: 2}
  test: {include: []}
"""
LOSE = '''
"""Loses the process of the first task that loads this, with a file half written."""
import os, pathlib

place = pathlib.Path(os.environ["LOSE"])
if not (place / "lost").exists():
    (place / "lost").touch()
    (place / "step" / "half.txt").write_text("half")
    os._exit(1)
'''


@pytest.mark.ray
@pytest.mark.slow
def test_a_step_whose_process_is_lost_is_begun_again_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    (tmp_path / "small.yaml").write_text(SPEC)
    (tmp_path / "lose.py").write_text(LOSE)
    plan = compile_plan(load(tmp_path / "small.yaml"), known_names())
    step = next(step for step in plan.steps.values() if step.kind == "questions")
    step = dataclasses.replace(step, runtime={**step.runtime, "plugins": ["lose"]})
    folder = tmp_path / "step"
    folder.mkdir()
    monkeypatch.setenv("LOSE", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    ray.init("local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        step_apart(StepContext(step, folder, {}, lambda progress: None))
    finally:
        ray.shutdown()
    assert (tmp_path / "lost").exists()
    assert not (folder / "half.txt").exists()
    assert (folder / "questions.parquet").is_file()
    assert not (folder / ".apart.json").exists()
