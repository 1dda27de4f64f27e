"""Tests that run vLLM: collected where it is installed, which is the environment of ``make test-vllm``."""

import asyncio
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from r1ci.models.build import build_tiny
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer

sys.path.insert(0, str(Path(__file__).parent))
collect_ignore_glob = [] if find_spec("vllm") is not None else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """vLLM warns of its own dependencies."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def policy() -> Policy:
    from vllm_asking import SHAPE

    torch.set_num_threads(1)
    tokenizer = train_tokenizer(["print(1 + 2)\n```\nthe answer is"] * 3, SHAPE.vocabulary)
    return Policy(build_tiny(SHAPE, tokenizer, 1).eval(), tokenizer)


@pytest.fixture(scope="session")
def loop() -> Iterator[Any]:
    """One event loop for all calls of an engine, as an actor has it."""
    with asyncio.Runner() as runner:
        yield runner
