"""A tokenizer small enough for every test."""

import sys
from pathlib import Path

import pytest

from r1ci.models.tokenizer import train_tokenizer

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tokenizer():
    texts = ["Solve the task. ```python\nprint(1 + 2)\n```\nCode Execution Results:\n<<<3>>>"] * 3
    return train_tokenizer(texts, 320)
