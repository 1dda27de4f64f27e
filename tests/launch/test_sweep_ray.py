"""Trials over a real Ray, with steps that do nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trials_of_two_workers_on_two_cpus_all_end(tmp_path: Path) -> None:
    """Two trials at once would each hold a worker that the other waits for, for ever."""
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, str(HERE / "sweep_on_ray.py"), str(tmp_path / "runs"), "2", "3"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "done done done", done.stderr
