"""The record of one episode: what the model saw, what it sampled, what its programs did, what it was worth."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from r1ci.executors.protocol import Execution


class StopReason(StrEnum):
    """Why an episode ended."""

    ANSWER = "answer"
    """A final answer was given."""
    VOID_TURN = "void_turn"
    """A turn had neither a program nor an answer."""
    TURN_LENGTH = "turn_length"
    """A turn ran into its token limit without a program or an answer."""
    CONTEXT_LENGTH = "context_length"
    """The next turn would not fit into the context."""
    CALLS_USED_UP = "calls_used_up"
    """All code calls were used and the last generation gave no answer."""
    INFRASTRUCTURE = "infrastructure"
    """A program could not be run for reasons that are not its own; the episode is not scored."""
    ENGINE = "engine"
    """The engine returned log-probabilities that are no numbers; the episode is not scored."""
    SCORING = "scoring"
    """The task's checker or a reward raised, or gave no number; the episode is not scored."""


UNSCORED = (StopReason.INFRASTRUCTURE, StopReason.ENGINE, StopReason.SCORING)
"""Endings that say nothing of the model."""


class Violation(StrEnum):
    """How a response broke the format."""

    SEVERAL_BLOCKS = "several_blocks"
    UNTERMINATED_BLOCK = "unterminated_block"
    BLOCK_AND_ANSWER = "block_and_answer"
    NO_ANSWER = "no_answer"
    VOID_TURN = "void_turn"


@dataclass(frozen=True)
class Turn:
    """One generation of the model and, if it wrote a program, what the program did."""

    start: int
    """Index of the turn's first sampled token in the trajectory's ids."""
    end: int
    """Index after its last sampled token."""
    text: str
    """The sampled text."""
    code: str | None = None
    execution: Execution | None = None
    observation: str = ""
    """The text shown to the model after the turn."""
    violations: tuple[Violation, ...] = ()
    digest: str = ""
    """``digest`` of the turn's ids as the engine returned them: what the trainer is given later is held against it."""


def digest(ids: Sequence[int]) -> str:
    """A short fingerprint of token ids, equal on every machine."""
    return hashlib.blake2b(",".join(map(str, ids)).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class Trajectory:
    """One episode. ids, mask and logprobs are of equal length, prompt included."""

    task: str
    question_id: str
    agent: str
    sample: int
    """Which of the attempts at the question this is."""
    temperature: float
    ids: tuple[int, ...]
    mask: tuple[int, ...]
    """1 exactly on the tokens that the policy sampled."""
    logprobs: tuple[float, ...]
    """Log-probability of each sampled token under the distribution it was drawn from; 0 elsewhere."""
    prompt_tokens: int
    turns: tuple[Turn, ...]
    stop_reason: StopReason
    answer: str | None = None
    correct: bool = False
    rewards: Mapping[str, float] = field(default_factory=dict)
    """Weighted reward terms by name; the total is their sum."""
    policy_version: int = 0

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.mask) == len(self.logprobs):
            raise ValueError(
                f"{self.question_id}: {len(self.ids)} ids, {len(self.mask)} mask values, {len(self.logprobs)} logprobs"
            )

    @property
    def reward(self) -> float:
        """Total reward."""
        return sum(self.rewards.values())

    @property
    def calls(self) -> int:
        """Programs run."""
        return sum(turn.execution is not None for turn in self.turns)

    @property
    def generated_tokens(self) -> int:
        """Tokens sampled by the policy."""
        return sum(self.mask)

    @property
    def scored(self) -> bool:
        """Whether the episode may carry a reward."""
        return self.stop_reason not in UNSCORED

    def to_json(self) -> str:
        """One line of JSON that ``from_json`` reads back to an equal trajectory."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, separators=(",", ":"))

    @staticmethod
    def from_json(line: str) -> Trajectory:
        """Read what ``to_json`` wrote."""
        data = json.loads(line)
        turns = tuple(_turn(turn) for turn in data.pop("turns"))
        for key in ("ids", "mask", "logprobs"):
            data[key] = tuple(data[key])
        return Trajectory(**{**data, "turns": turns, "stop_reason": StopReason(data["stop_reason"])})


def _turn(data: dict[str, Any]) -> Turn:
    execution = data.pop("execution")
    if execution is not None:
        execution = Execution.from_dict(execution)
    violations = tuple(Violation(value) for value in data.pop("violations"))
    return Turn(**data, execution=execution, violations=violations)
