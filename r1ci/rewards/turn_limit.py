"""Not more turns than needed. The paper's third term: -0.1 for more than six generation turns."""

from __future__ import annotations

from r1ci.rewards.episode import Episode
from r1ci.spec.models import TurnLimitReward

SUMMARY = "-1 if the episode took more turns than allowed, else 0"


def turn_limit(episode: Episode, spec: TurnLimitReward) -> float:
    """-1 or 0; exactly as many turns as allowed is allowed."""
    return -1.0 if len(episode.turns) > spec.turns else 0.0
