"""The reward terms by kind, and the reward of an episode: their weighted sum."""

from __future__ import annotations

import math
from collections.abc import Sequence

from r1ci.rewards import correctness, format, turn_limit
from r1ci.rewards.episode import Episode
from r1ci.spec.models import CorrectnessReward, FormatReward, RewardSpec

SUMMARIES = {"correctness": correctness.SUMMARY, "format": format.SUMMARY, "turn_limit": turn_limit.SUMMARY}
"""One line per term, before its weight."""


def score(episode: Episode, specs: Sequence[RewardSpec]) -> dict[str, float]:
    """Weighted value of each term by kind, in the order of the specs; a kind named twice is summed.

    Raises ValueError for an episode that a failure of ours cut short, which says nothing about the model, and for a
    term that is no finite number.
    """
    if not episode.scored:
        raise ValueError(f"{episode.question_id}: the episode was cut short by infrastructure and carries no reward")
    terms: dict[str, float] = {}
    for spec in specs:
        terms[spec.kind] = terms.get(spec.kind, 0.0) + spec.weight * _value(episode, spec)
    wrong = [kind for kind, value in terms.items() if not math.isfinite(value)]
    if wrong:
        raise ValueError(f"{episode.question_id}: reward {wrong[0]} is {terms[wrong[0]]}")
    return terms


def _value(episode: Episode, spec: RewardSpec) -> float:
    if isinstance(spec, CorrectnessReward):
        return correctness.correctness(episode, spec)
    if isinstance(spec, FormatReward):
        return format.format_kept(episode, spec)
    return turn_limit.turn_limit(episode, spec)
