"""From the rewards of a group of episodes to the advantage of each, or of each token.

    A_i = (R_i - b_i) / (s + eps)

baseline b  mean: the mean of the group (GRPO, arXiv 2402.03300); leave_one_out: the mean of the group's other episodes
            (RLOO, arXiv 2402.14740); none: 0.
scale s     group: standard deviation of the group's rewards (GRPO); batch: of all rewards of the step (TRL's
            scale_rewards batch); none: the difference is not divided at all, eps included (Dr.GRPO, arXiv 2503.20783);
            whiten: A = (A - mean(A)) / (std(A) + eps) over the tokens to learn from of the whole step, an episode's
            difference counting once per token (REINFORCE++, arXiv 2501.03262; with baseline mean its baseline variant;
            verl's masked_whiten, which has sqrt(var + 1e-8) below).
ddof        1 divides by n - 1 as TRL and verl do, 0 by n as numpy does.

KL in the reward, at coefficient c, k the estimate (divergence.py) for old and ref, a constant:

kl_in reward  R_i = R_i - c * sum over i of k         before the baseline (RLOO; verl's and TRL's RLOO)
kl_in return  A_t = A_i - c * sum from t on of k      after baseline and scale, before whiten (REINFORCE++, equation of
              its token-level KL penalty, without discount)

Departures: an episode that could not be scored is left out of its group's statistics and gets 0. A group whose rewards
are all equal gives exactly 0 wherever a baseline is subtracted or the group's deviation divides (rounding would
otherwise leave noise that a small eps blows up), and so does a group of one. Statistics are taken in float64.

Shapes: B questions, G episodes per question; E episodes, T positions. torch is imported for types only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from r1ci.spec.models import Objective
from r1ci.train.divergence import estimate, from_here_on

if TYPE_CHECKING:
    from torch import Tensor


def advantages(
    rewards_BG: Tensor, objective: Objective, valid_BG: Tensor | None = None, tokens_BG: Tensor | None = None
) -> Tensor:
    """Advantage of every episode, in the rewards' type. ``valid_BG`` is False where an episode was not scored; its
    reward is never looked at, so it may be anything, NaN included. ``tokens_BG`` counts the tokens to learn from, which
    scale whiten weighs by; where ``per_token`` holds, that scale is left to ``token_advantages``.

    Raises ValueError if the scale needs token counts that are not given.
    """
    valid_BG = rewards_BG.new_ones(rewards_BG.shape).bool() if valid_BG is None else valid_BG.bool()
    reward_BG = rewards_BG.double().masked_fill(~valid_BG, 0.0)
    advantage_BG = reward_BG - _baseline(reward_BG, valid_BG, objective)
    zero_BG = ~valid_BG
    if objective.baseline != "none":
        zero_BG = zero_BG | _all_equal(reward_BG, valid_BG)
    if objective.scale in ("group", "batch"):
        # The batch is one group of all episodes.
        rows = reward_BG.shape if objective.scale == "group" else (1, -1)
        among, scored = reward_BG.reshape(rows), valid_BG.reshape(rows)
        advantage_BG = advantage_BG / (_deviation(among, scored, objective.ddof) + objective.eps)
        zero_BG = zero_BG | _all_equal(among, scored)
    advantage_BG = advantage_BG.masked_fill(zero_BG, 0.0)
    if objective.scale == "whiten" and not per_token(objective):
        if tokens_BG is None:
            raise ValueError("objective.scale = whiten needs tokens_BG")
        weight_BG = tokens_BG.to(advantage_BG.dtype).masked_fill(~valid_BG, 0.0)
        advantage_BG = whiten(advantage_BG, weight_BG, objective).masked_fill(~valid_BG, 0.0)
    return advantage_BG.to(rewards_BG.dtype)


def per_token(objective: Objective) -> bool:
    """Whether the tokens of an episode have advantages of their own."""
    return objective.kl_in == "return" and objective.kl_coefficient > 0


def kl_penalty(old_logps_ET: Tensor, ref_logps_ET: Tensor, mask_ET: Tensor, objective: Objective) -> Tensor:
    """What each token's KL takes from its episode's reward or from the returns up to it: (E, T), 0 outside the mask."""
    kl_ET = estimate((ref_logps_ET - old_logps_ET).detach().masked_fill(~mask_ET.bool(), 0.0), objective.kl)
    return objective.kl_coefficient * kl_ET.masked_fill(~mask_ET.bool(), 0.0)


def token_advantages(
    advantages_E: Tensor,
    penalty_ET: Tensor,
    mask_ET: Tensor,
    objective: Objective,
    total: Callable[[float], float] = float,
) -> Tensor:
    """Advantages (E, T) of the tokens at mask 1, in the advantages' type; 0 elsewhere.

    ``penalty_ET`` is ``kl_penalty``'s. ``total`` adds up a number over all workers, each of which calls this with its
    own episodes.
    """
    mask_ET = mask_ET.bool()
    penalty_ET = penalty_ET.double().masked_fill(~mask_ET, 0.0)
    advantage_ET = (advantages_E.double()[:, None] - from_here_on(penalty_ET)).masked_fill(~mask_ET, 0.0)
    if objective.scale == "whiten":
        advantage_ET = whiten(advantage_ET, mask_ET.double(), objective, total)
    return advantage_ET.masked_fill(~mask_ET, 0.0).to(advantages_E.dtype)


def whiten(values: Tensor, weights: Tensor, objective: Objective, total: Callable[[float], float] = float) -> Tensor:
    """(values - mean) / (deviation + eps), mean and deviation weighted by whole counts, over the values of all workers;
    exactly 0 where they are all equal. Values of weight 0 must be finite."""
    count = total(float(weights.sum()))
    mean = total(float((values * weights).sum())) / max(count, 1.0)
    square = total(float(((values - mean).square() * weights).sum()))
    deviation = math.sqrt(square / max(count - objective.ddof, 1.0))
    # Equal values are apart from their mean by rounding alone.
    if deviation <= 1e-12 * (1.0 + abs(mean)):
        return values.new_zeros(values.shape)
    return (values - mean) / (deviation + objective.eps)


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
