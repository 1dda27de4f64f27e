"""What an episode's end means for learning: whether it counts in its group, whether it has a gradient, what it costs.

An episode that a token limit cut says little about the answer it would have given; one with a void turn (neither a
program nor an answer) is mostly noise sampled far from the training distribution. The objective's ``overlong`` and
``void`` say what becomes of each:

    mask   the reward counts in the group's statistics and the episode among the episodes; its tokens have no gradient
           (TRL's mask_truncated_completions; SimpleTIR, arXiv 2509.02479, for void turns)
    drop   as if it had not been sampled, like an episode that infrastructure ended

and ``overlong: penalise`` takes from the reward (DAPO's soft overlong punishment, arXiv 2503.14476, equation 13)

    overlong_penalty * clip((tokens - (1 - overlong_buffer) * budget) / (overlong_buffer * budget), 0, 1)

with tokens those that the policy sampled and budget those that it may sample in an episode.

Departures: an episode that a limit cut pays the whole penalty even below the budget, since one turn's limit, or
execution results that fill the context, can cut it early; without a buffer only cut episodes pay. DAPO's penalty goes
up to 1 with answers worth -1 or 1; ours are worth 0 or 1, so the preset dapo halves it.
"""

from __future__ import annotations

from dataclasses import replace

from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.spec.models import AgentSpec, Objective

CUT = frozenset({StopReason.TURN_LENGTH, StopReason.CONTEXT_LENGTH})
"""Ends by a token limit."""


def counts(episode: Trajectory, objective: Objective) -> bool:
    """Whether the episode is one of its group: its reward enters the statistics."""
    return episode.scored and "drop" not in _fates(episode, objective)


def learns(episode: Trajectory, objective: Objective) -> bool:
    """Whether the episode's tokens have a gradient and are among those counted."""
    return counts(episode, objective) and "mask" not in _fates(episode, objective)


def penalty(episode: Trajectory, objective: Objective, budget: int) -> float:
    """What the episode's length takes from its reward; ``budget`` is in tokens."""
    if objective.overlong != "penalise":
        return 0.0
    if episode.stop_reason in CUT:
        return objective.overlong_penalty
    buffer = objective.overlong_buffer * budget
    if buffer == 0:
        return 0.0
    over = (episode.generated_tokens - (budget - buffer)) / buffer
    return objective.overlong_penalty * min(max(over, 0.0), 1.0)


def episode_tokens(agent: AgentSpec) -> int:
    """Tokens that an episode may sample at most: its budget, also in the aggregate constant."""
    return min(agent.context_tokens, agent.turn_tokens * (agent.max_code_calls + 1))


def penalised(episode: Trajectory, objective: Objective, agent: AgentSpec) -> Trajectory:
    """The episode with the penalty as a reward term of its own, ``overlong``, where the objective has one."""
    if objective.overlong != "penalise" or not episode.scored:
        return episode
    cost = penalty(episode, objective, episode_tokens(agent))
    return replace(episode, rewards={**episode.rewards, "overlong": 0.0 - cost})


def _fates(episode: Trajectory, objective: Objective) -> set[str]:
    fates: set[str] = set()
    if episode.stop_reason in CUT:
        fates.add(objective.overlong)
    if episode.stop_reason is StopReason.VOID_TURN:
        fates.add(objective.void)
    return fates
