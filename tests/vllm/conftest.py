"""Tests that run vLLM: collected where it is installed, which is the environment of ``make test-vllm``."""

import asyncio
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from r1ci.models.load import Policy
from r1ci.spec.models import TinyModel

sys.path.insert(0, str(Path(__file__).parent.parent / "engines"))
collect_ignore_glob = [] if find_spec("vllm") is not None else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """vLLM warns of its own dependencies."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    """vLLM's attention on a CPU wants heads of 32 numbers or more."""
    from engine_asking import tiny_policy

    torch.set_num_threads(1)
    return tiny_policy(TinyModel(layers=2, width=64, heads=2, kv_heads=1, feedforward=48, vocabulary=300))


@pytest.fixture(scope="session")
def loop() -> Iterator[Any]:
    """One event loop for all calls of an engine, as an actor has it."""
    with asyncio.Runner() as runner:
        yield runner
