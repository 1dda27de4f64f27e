"""A policy small enough for every test."""

import sys
from pathlib import Path

import pytest

from r1ci.models.load import Policy
from r1ci.spec.models import TinyModel

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def policy() -> Policy:
    from engine_asking import tiny_policy

    return tiny_policy(TinyModel(layers=2, width=32, heads=4, kv_heads=2, feedforward=48, vocabulary=300))
