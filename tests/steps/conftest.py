"""Step contexts over hand-made folders."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.plan.context import Progress, StepContext
from r1ci.plan.steps import Step
from r1ci.tasks.base import Question

Make = Callable[..., StepContext]


@dataclass(frozen=True)
class Digits:
    """A task with few questions: counting up to its size, over and over."""

    size: int
    id: str = "fake/digits"
    seen: list[int] = field(default_factory=list)

    def question(self, index: int, seed: int) -> Question:
        self.seen.append(seed)
        number = (index * 7 + seed) % self.size
        return Question(self.id, index, f"Write {number}.", str(number))

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer

    def program(self, question: Question) -> str | None:
        return None


@pytest.fixture
def context(tmp_path: Path) -> Make:
    """Make the context of a step; what it tells of its progress is kept in ``told``."""

    def make(
        kind: str,
        inputs: Mapping[str, Any],
        reads: Mapping[str, Path] = {},
        told: list[Progress] | None = None,
        runtime: Mapping[str, Any] = {},
    ) -> StepContext:
        folder = tmp_path / f"{kind}-attempt"
        folder.mkdir()
        step = Step(kind, inputs, {role: path.name for role, path in reads.items()}, runtime=runtime)
        return StepContext(step, folder, reads, (told if told is not None else []).append)

    return make


@pytest.fixture
def episode() -> Callable[..., Trajectory]:
    """Make a short episode."""

    def make(
        question_id: str,
        sample: int = 0,
        *,
        correct: bool = False,
        task: str = "fake/digits",
        agent: str = "code_agent",
        stop: StopReason = StopReason.ANSWER,
        ids: Sequence[int] = (5, 6, 7),
    ) -> Trajectory:
        mask = (0,) * (len(ids) - 1) + (1,)
        return Trajectory(
            task=task,
            question_id=question_id,
            agent=agent,
            sample=sample,
            temperature=1.0,
            ids=tuple(ids),
            mask=mask,
            logprobs=(0.0,) * len(ids),
            prompt_tokens=len(ids) - 1,
            turns=(),
            stop_reason=stop,
            correct=correct,
            answer="1" if correct else None,
        )

    return make


@pytest.fixture(scope="session")
def digits() -> type[Digits]:
    return Digits
