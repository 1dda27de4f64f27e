"""The answer is right, or it is not. The paper's main term, with weight 1."""

from __future__ import annotations

from r1ci.rewards.episode import Episode
from r1ci.spec.models import CorrectnessReward

SUMMARY = "1 if the task's checker accepts the final answer, else 0"


def correctness(episode: Episode, spec: CorrectnessReward) -> float:
    """1 or 0."""
    return float(episode.correct)
