"""From the rewards of a group of episodes to the advantage of each.

    A_i = (R_i - b_i) / (s + eps)

baseline b  mean: the mean of the group (GRPO, arXiv 2402.03300); leave_one_out: the mean of the group's other episodes
            (RLOO, arXiv 2402.14740); none: 0.
scale s     group: standard deviation of the group's rewards (GRPO); batch: of all rewards of the step
            (REINFORCE++-style, arXiv 2501.03262); none: the difference is not divided at all, eps included
            (Dr.GRPO, arXiv 2503.20783).
ddof        1 divides by n - 1 as TRL and verl do, 0 by n as numpy does.

Departures: an episode that could not be scored is left out of its group's statistics and gets 0. A group whose rewards
are all equal gives exactly 0 wherever a baseline is subtracted or the group's deviation divides (rounding would
otherwise leave noise that a small eps blows up), and so does a group of one. Statistics are taken in float64.

Shapes: B questions, G episodes per question. torch is imported for types only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from r1ci.spec.models import Objective

if TYPE_CHECKING:
    from torch import Tensor


def advantages(rewards_BG: Tensor, objective: Objective, valid_BG: Tensor | None = None) -> Tensor:
    """Advantage of every episode, in the rewards' type. ``valid_BG`` is False where an episode was not scored; its
    reward is never looked at, so it may be anything, NaN included."""
    valid_BG = rewards_BG.new_ones(rewards_BG.shape).bool() if valid_BG is None else valid_BG.bool()
    reward_BG = rewards_BG.double().masked_fill(~valid_BG, 0.0)
    advantage_BG = reward_BG - _baseline(reward_BG, valid_BG, objective)
    zero_BG = ~valid_BG
    if objective.baseline != "none":
        zero_BG = zero_BG | _all_equal(reward_BG, valid_BG)
    if objective.scale != "none":
        # The batch is one group of all episodes.
        rows = reward_BG.shape if objective.scale == "group" else (1, -1)
        among, scored = reward_BG.reshape(rows), valid_BG.reshape(rows)
        advantage_BG = advantage_BG / (_deviation(among, scored, objective.ddof) + objective.eps)
        zero_BG = zero_BG | _all_equal(among, scored)
    return advantage_BG.masked_fill(zero_BG, 0.0).to(rewards_BG.dtype)


def _baseline(reward_BG: Tensor, valid_BG: Tensor, objective: Objective) -> Tensor:
    if objective.baseline == "none":
        return reward_BG.new_zeros(())
    sum_B1 = reward_BG.sum(dim=1, keepdim=True)
    count_B1 = valid_BG.sum(dim=1, keepdim=True)
    if objective.baseline == "mean":
        return sum_B1 / count_B1.clamp(min=1)
    return (sum_B1 - reward_BG) / (count_B1 - 1).clamp(min=1)


def _deviation(reward_BG: Tensor, valid_BG: Tensor, ddof: int) -> Tensor:
    """Standard deviation of each row's valid rewards, shape (rows, 1)."""
    count_B1 = valid_BG.sum(dim=1, keepdim=True)
    mean_B1 = reward_BG.sum(dim=1, keepdim=True) / count_B1.clamp(min=1)
    square_BG = (reward_BG - mean_B1).square().masked_fill(~valid_BG, 0.0)
    return (square_BG.sum(dim=1, keepdim=True) / (count_B1 - ddof).clamp(min=1)).sqrt()


def _all_equal(reward_BG: Tensor, valid_BG: Tensor) -> Tensor:
    """Whether each row has no two different valid rewards, shape (rows, 1)."""
    high_B1 = reward_BG.masked_fill(~valid_BG, -float("inf")).amax(dim=1, keepdim=True)
    low_B1 = reward_BG.masked_fill(~valid_BG, float("inf")).amin(dim=1, keepdim=True)
    return high_B1 <= low_B1
