"""Trials over a real Ray, with steps that do nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from r1ci.store.files import read_json
from r1ci.store.sweeps import SweepFolder

HERE = Path(__file__).parent


def states(place: Path, *, workers: int, trials: int, **environment: str) -> str:
    """Run a sweep of fake steps as a process of its own; what became of its trials."""
    path = os.pathsep.join([str(HERE), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, str(HERE / "sweep_on_ray.py"), str(place / "runs"), str(workers), str(trials)],
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **environment},
        timeout=800,
    )
    assert done.returncode == 0, done.stderr
    print(done.stderr)
    return done.stdout.splitlines()[-1]


@pytest.mark.cluster
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_trials_of_two_workers_on_two_cpus_all_end(tmp_path: Path) -> None:
    """Two trials at once would each hold a worker that the other waits for, for ever."""
    assert states(tmp_path, workers=2, trials=3) == "done done done"


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoints(tmp_path: Path) -> None:
    killed = tmp_path / "killed"
    assert states(tmp_path, workers=0, trials=2, DIE_ONCE=str(killed)) == "done done"
    assert killed.exists()
    first, second = SweepFolder(tmp_path / "runs", "demo").records()
    assert (first.attempt, second.attempt) == (1, 2)
    assert (second.computed, second.reason) == (2, "")
    provenance = read_json(tmp_path / "runs" / "steps" / second.cells[0]["rl"] / "provenance.json")
    assert provenance["attempt"] == 2, "it went on in the same folder"
