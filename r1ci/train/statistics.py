"""What the episodes of a step say, as named numbers for the metric log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean

from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.executors.protocol import Status


def summarise(trajectories: Sequence[Trajectory], group_size: int) -> dict[str, float]:
    """Means over episodes, shares over executions and stop reasons, and the share of groups with signal.

    A group has signal when the rewards of its scored episodes differ: only then does it move the policy.
    """
    scored = [item for item in trajectories if item.scored]
    groups = [trajectories[i : i + group_size] for i in range(0, len(trajectories), group_size)]
    signal = [len({item.reward for item in group if item.scored}) > 1 for group in groups]
    terms = dict.fromkeys(term for item in scored for term in item.rewards)
    statuses = Counter(turn.execution.status for item in trajectories for turn in item.turns if turn.execution)
    stops = Counter(item.stop_reason for item in trajectories)
    return {
        "reward": _mean([item.reward for item in scored]),
        **{f"reward/{term}": _mean([item.rewards[term] for item in scored]) for term in terms},
        "accuracy": _mean([float(item.correct) for item in scored]),
        "signal": _mean([float(value) for value in signal]),
        "calls": _mean([float(item.calls) for item in trajectories]),
        "generated_tokens": _mean([float(item.generated_tokens) for item in trajectories]),
        "tokens": float(sum(item.generated_tokens for item in trajectories)),
        **{f"status/{status}": statuses[status] / max(1, statuses.total()) for status in Status},
        **{f"stop/{reason}": stops[reason] / max(1, len(trajectories)) for reason in StopReason},
    }


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0
