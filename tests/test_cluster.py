"""Which Ray cluster is joined, and what is asked of it for engines."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from r1ci import cluster
from r1ci.errors import EnvironmentMissing


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket that does not listen yet."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        yield made


def left_by_ray_start(monkeypatch: pytest.MonkeyPatch, address: str | None) -> None:
    from ray._private import services

    monkeypatch.setattr(services, "find_bootstrap_address", lambda scratch: address)


def test_a_cluster_is_started_here_where_the_one_that_ray_start_left_word_of_is_gone(
    monkeypatch: pytest.MonkeyPatch, listening: socket.socket
) -> None:
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    left_by_ray_start(monkeypatch, address)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert cluster.address() == "local"
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    assert cluster.address() == "local"
    listening.listen()
    assert cluster.address() is None


def test_a_cluster_is_started_here_where_nobody_left_word_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    left_by_ray_start(monkeypatch, None)
    assert cluster.address() == "local"


def test_the_cluster_that_is_asked_for_is_joined_or_missed_by_name(
    monkeypatch: pytest.MonkeyPatch, listening: socket.socket
) -> None:
    address = f"127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(EnvironmentMissing, match=f"no Ray cluster answers at {address}, which RAY_ADDRESS names"):
        cluster.address()
    listening.listen()
    assert cluster.address() is None
    for elsewhere in ("ray://head:10001", "local"):
        monkeypatch.setenv("RAY_ADDRESS", elsewhere)
        assert cluster.address() is None


TWO_ENGINES = """
import sys
import ray
from r1ci.engines.vllm_actor import reserve
from r1ci.errors import EnvironmentMissing

ray.init("local", num_cpus=1, num_gpus=3, include_dashboard=False, log_to_driver=False, _temp_dir=sys.argv[1])
first = reserve(2, 1)
for engines, wait_s in ((4, 0.1), (2, 0.1)):
    try:
        reserve(engines, 1, wait_s)
    except EnvironmentMissing as error:
        print(error.message)
ray.util.remove_placement_group(first)
reserve(3, 1)
print("all three")
"""


@pytest.mark.ray
@pytest.mark.slow
def test_engines_that_find_no_gpus_say_so_and_hold_none(tmp_path_factory: pytest.TempPathFactory) -> None:
    scratch: Path = tmp_path_factory.mktemp("r")
    command = [sys.executable, "-c", TWO_ENGINES, str(scratch)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "4 engines of 1 GPU do not fit: the Ray cluster has 3",
        "2 engines of 1 GPU do not fit: for 0.1 s the Ray cluster had only 1 of its 3 GPUs free",
        "all three",
    ]
