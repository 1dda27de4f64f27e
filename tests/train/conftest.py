"""A random model small enough for every test, and episodes of it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.models.build import build_tiny
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import TinyModel

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)  # the tests run beside each other, and threads would only wait for one another

TEXTS = ["Solve the task. ```python\nprint(1 + 2)\n```\nCode Execution Results:\n<<<3>>>"] * 3
SHAPE = TinyModel(layers=2, width=32, heads=4, kv_heads=2, feedforward=48, vocabulary=320)


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return train_tokenizer(TEXTS, SHAPE.vocabulary)


@pytest.fixture
def policy(tokenizer: Any) -> Policy:
    """Made anew for every test: training changes it in place."""
    return Policy(build_tiny(SHAPE, tokenizer, 1), tokenizer)


@pytest.fixture(scope="session")
def episodes() -> Any:
    return make_episodes


def make_episodes(rewards: Sequence[float], *, group_size: int, unscored: Sequence[int] = ()) -> list[Trajectory]:
    """One episode per reward, of different lengths, with a gap of unsampled tokens in the middle of every other."""
    generator = torch.Generator().manual_seed(7)
    made = []
    for index, reward in enumerate(rewards):
        length = 8 + 5 * (index % 4)
        ids = torch.randint(3, SHAPE.vocabulary, (length,), generator=generator).tolist()
        mask = [0] * 4 + [1] * (length - 4)
        if index % 2:
            mask[6:8] = [0, 0]
        logprobs = [-2.0 * value for value in mask]
        made.append(
            Trajectory(
                task="t",
                question_id=f"t#{index // group_size}",
                agent="code_agent",
                sample=index % group_size,
                temperature=1.0,
                ids=tuple(ids),
                mask=tuple(mask),
                logprobs=tuple(logprobs),
                prompt_tokens=4,
                turns=(),
                stop_reason=StopReason.INFRASTRUCTURE if index in unscored else StopReason.ANSWER,
                correct=reward > 0,
                rewards={} if index in unscored else {"correctness": reward},
            )
        )
    return made
