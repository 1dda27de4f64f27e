"""A plug-in with a task that a tiny model half learns, and train functions whose second worker is killed once."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1ci.tasks.base import Question, TaskInfo
from r1ci.tasks.registry import register
from r1ci.train import progress
from r1ci.train.rl import train_rl
from r1ci.train.sft import train_sft
from r1ci.train.sharding import rank


@dataclass(frozen=True)
class Write:
    """Write the digit that the question names."""

    id: str

    def question(self, index: int, seed: int) -> Question:
        return Question(self.id, index, f"Write {index % 3}.", str(index % 3))

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer

    def program(self, question: Question) -> str | None:
        return None


register(
    TaskInfo("fake/write", "fake", "train", __name__, "writing", False),
    lambda id, params: Write(id),
)


def sft_killed(config: Mapping[str, Any]) -> None:
    """SFT whose second worker is killed between two checkpoints."""
    _killing(train_sft, config)


def rl_killed(config: Mapping[str, Any]) -> None:
    """RL whose second worker is killed between two checkpoints."""
    _killing(train_rl, config)


def _killing(train: Callable[[Mapping[str, Any]], None], config: Mapping[str, Any]) -> None:
    marker, tell = Path(config["folder"]) / "killed-once", progress.tell

    def tell_or_die(folder: Path, done: int, total: int, text: str) -> None:
        if rank() == 1 and done == 3 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        tell(folder, done, total, text)

    progress.tell = tell_or_die
    train(config)
