"""A tokenizer and a model small enough for every test."""

from typing import Any

import pytest

from r1ci.models.build import build_tiny
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import TinyModel

TEXTS = ["What is gcd(12, 18)?\n```python\nprint(12 + 345)\n```\nthe answer is <<<357>>>"] * 3
SHAPE = TinyModel(layers=2, width=32, heads=4, kv_heads=2, feedforward=48, vocabulary=320)


@pytest.fixture(scope="session")
def shape() -> TinyModel:
    return SHAPE


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS, SHAPE.vocabulary)


@pytest.fixture(scope="session")
def policy(tokenizer: Any) -> Policy:
    return Policy(build_tiny(SHAPE, tokenizer, 1).eval(), tokenizer)
