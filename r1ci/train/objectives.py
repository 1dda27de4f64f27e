"""The policy-gradient loss of RL, every choice of it a named field of the spec's Objective.

Per sampled token t of episode i, with lp the policy's log-probability, old the trainer's at generation time, ref the
reference model's, A_t the advantage (of the episode, or of the token), sg(x) x without gradient:

    ratio      token:           r_t = exp(lp_t - old_t)                            (PPO, arXiv 1707.06347)
               sequence:        r_t = exp(mean over i of lp - old)                 (GSPO, arXiv 2507.18071)
               sequence_token:  r_t = sg(exp(mean over i of lp - old)) exp(lp_t - sg(lp_t))     (GSPO-token, same paper)
               product:         r_t = exp(sum over i of lp - old)                  (TRL's RLOO; RLOO: arXiv 2402.14740)
    clip       c_t = clip(r_t, 1 - clip_low, 1 + clip_high)                        (asymmetric: DAPO, arXiv 2503.14476)
               ppo:    L_t = -min(r_t A_t, c_t A_t), where A_t < 0 with min(r_t, clip_dual) for r_t
                       (dual clip, arXiv 1912.09729; as TRL's delta: INTELLECT-2, arXiv 2505.07291)
               cispo:  L_t = -sg(c_t) A_t lp_t                                     (MiniMax-M1, arXiv 2506.13585)
    correction L_t = w_t L_t, w_t constant: corrections.py
    KL         kl_in loss: L_t = L_t + kl_coefficient * KL_t, KL_t times r_t where kl_unbiased: divergence.py
    aggregate  token_mean:    sum of L_t over all tokens / tokens of the global batch              (DAPO)
               sequence_mean: sum over episodes of their mean L_t / episodes of the global batch   (GRPO, 2402.03300)
               sequence_sum:  sum over episodes of their summed L_t / episodes of the global batch (REINFORCE)
               prompt_mean:   sum over questions of the mean L_t over all tokens of their episodes / questions
               constant:      sum of L_t over all tokens / (episodes x max_tokens)                 (Dr.GRPO, 2503.20783)
    entropy    loss = loss - entropy_coefficient * sum of the token entropies / tokens of the global batch

Dual clip and two-sided clip are one loss. With a bound of at least 1 + clip_high, for A < 0 dual clip is
|A| min(max(r, c), bound), two-sided |A| max(min(r, bound), c), and both are |A| min(max(r, 1 - clip_low), bound); for
A > 0 neither does anything. A test holds both peers to it.

Departures from the papers:

- every token that the policy did not sample (prompt, execution results, padding) is outside every sum and count;
- cispo with clip_low null has the upper bound alone, as MiniMax ran it and TRL has it (whose epsilon_high is the bound
  itself, 1 + clip_high here); with clip_low it is the paper's two-sided form, as verl has it;
- the correction does not weigh the KL;
- Dr.GRPO divides by the token budget of an episode (max_tokens), not by the padded length of the batch;
- GSPO keeps the aggregate that the spec names (its paper: sequence_mean) and needs a far smaller clip (3e-4, 4e-4);
- RLOO's paper is on policy and has no ratio; the product with PPO's clip is TRL's;
- the log-ratio is not clamped (verl: to 20 in size).

An episode without a token to learn from adds nothing to the sums but is one of the episodes counted, as in TRL (verl
leaves it out of the count). tests/train/test_objectives.py holds value and gradient against TRL's own loss,
tests/train/test_against_verl.py against verl's.

Shapes: B sequences, T tokens; N sampled tokens; E episodes. torch is imported for types only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r1ci.spec.models import Objective
from r1ci.train.corrections import Correction, correct
from r1ci.train.divergence import estimate
from r1ci.train.segments import Segments

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LossParts:
    """The loss of a micro-batch and what is worth logging of it; all but ``loss`` without gradient.

    Every figure but the maxima is this micro-batch's share of a mean over the global batch: add them up over the
    micro-batches (and workers). Maxima are combined by max.
    """

    loss: Tensor
    """Add over the micro-batches; multiply by the number of workers where gradients are averaged over them."""
    policy_loss: Tensor
    """The part of the loss that is neither KL nor entropy."""
    kl: Tensor
    """KL to the reference per token, not weighted by any ratio; 0 without a reference."""
    entropy: Tensor
    """Entropy per token; 0 where none was given."""
    clip_fraction: Tensor
    """Share of tokens whose gradient the clip stops; with cispo, whose weight it changes."""
    ratio: Tensor
    """Ratio per token."""
    ratio_max: Tensor
    """Largest ratio."""
    mismatch: Tensor
    """exp(|old - roll|) per token: 1 where engine and trainer agree, alarming above 1.02; 0 without rollout logps."""
    mismatch_max: Tensor
    """Largest of these."""
    kept_fraction: Tensor
    """Share of tokens whose raw correction ratio is within its bounds (counted too where nothing is corrected); 0
    without rollout logps."""
    rollout_ratio: Tensor
    """Raw ratio of trainer to engine per token, at the correction's level; 0 without rollout logps."""
    rollout_ratio_max: Tensor
    """Largest of these."""
    rollout_ratio_square: Tensor
    """Its square per token: ``corrections.effective_sample_size`` takes both means."""


@dataclass(frozen=True)
class Totals:
    """Counts over the global batch: all micro-batches on all workers."""

    tokens: float
    """Tokens to learn from."""
    sequences: float
    """Episodes."""
    max_tokens: int
    """Token budget of an episode; read by the aggregate constant."""
    prompts: float = 0.0
    """Questions; read by prompt_mean."""


@dataclass(frozen=True)
class TokenValues:
    """The sampled tokens of some whole episodes, in any order: (N,) each; None where the objective needs none."""

    logps_N: Tensor
    old_logps_N: Tensor
    advantages_N: Tensor
    segments: Segments
    ref_logps_N: Tensor | None = None
    entropy_N: Tensor | None = None
    rollout_logps_N: Tensor | None = None
    prompt_tokens_N: Tensor | None = None
    """Tokens to learn from of all the episodes of the token's question; read by prompt_mean."""


def policy_loss(
    logps_BT: Tensor,
    old_logps_BT: Tensor,
    ref_logps_BT: Tensor | None,
    entropy_BT: Tensor | None,
    advantages: Tensor,
    mask_BT: Tensor,
    objective: Objective,
    *,
    total_tokens: float,
    total_sequences: float,
    max_tokens: int,
    rollout_logps_BT: Tensor | None = None,
    prompt_tokens_B: Tensor | None = None,
    total_prompts: float = 0.0,
) -> LossParts:
    """Loss of one micro-batch of padded rows, normalised by the counts of the whole global batch.

    ``advantages`` is (B,), one for an episode, or (B, T), one for a token. ``total_tokens``, ``total_sequences`` and
    ``total_prompts`` count the tokens to learn from, the episodes and the questions of all micro-batches on all
    workers, so that the parts add up to exactly the loss of the global batch however it is split. ``max_tokens`` is
    the token budget of an episode; ``prompt_tokens_B`` the tokens to learn from of all episodes of a row's question.
    Values at mask 0 are never looked at.

    Raises ValueError if the objective needs something that is not given.
    """
    row_N, column_N = mask_BT.nonzero(as_tuple=True)

    def at(values: Tensor) -> Tensor:
        return values[row_N, column_N] if values.dim() == 2 else values[row_N]

    tokens = TokenValues(
        logps_N=at(logps_BT),
        old_logps_N=at(old_logps_BT),
        advantages_N=at(advantages),
        segments=Segments(row_N, len(mask_BT)),
        ref_logps_N=None if ref_logps_BT is None else at(ref_logps_BT),
        entropy_N=None if entropy_BT is None else at(entropy_BT),
        rollout_logps_N=None if rollout_logps_BT is None else at(rollout_logps_BT),
        prompt_tokens_N=None if prompt_tokens_B is None else at(prompt_tokens_B),
    )
    return token_loss(tokens, objective, Totals(total_tokens, total_sequences, max_tokens, total_prompts))


def token_loss(tokens: TokenValues, objective: Objective, totals: Totals) -> LossParts:
    """As ``policy_loss``, on a flat list of tokens: what padded and packed batches have in common."""
    _require(tokens, objective)
    ratio_N = _ratio(tokens, objective)
    policy_N = _policy(ratio_N, tokens, objective)
    correction = None
    if tokens.rollout_logps_N is not None:
        correction = correct(tokens.old_logps_N - tokens.rollout_logps_N, tokens.segments, objective)
        if objective.correction != "none":
            policy_N = policy_N * correction.weight_N
    share_N = _shares(tokens, objective, totals)
    per_token = 1 / max(totals.tokens, 1)
    none = tokens.logps_N.new_zeros(())
    policy = (policy_N * share_N).sum()
    loss = policy
    kl = entropy = none
    if tokens.ref_logps_N is not None:
        kl_N = estimate(tokens.ref_logps_N - tokens.logps_N, objective.kl)
        kl = kl_N.sum() * per_token
        if objective.kl_coefficient and objective.kl_in == "loss":
            kl_N = kl_N * ratio_N if objective.kl_unbiased else kl_N
            loss = loss + objective.kl_coefficient * (kl_N * share_N).sum()
    if tokens.entropy_N is not None:
        entropy = tokens.entropy_N.sum() * per_token
        if objective.entropy_coefficient:
            loss = loss - objective.entropy_coefficient * entropy
    return LossParts(
        loss=loss,
        policy_loss=policy.detach(),
        kl=kl.detach(),
        entropy=entropy.detach(),
        **_ratio_statistics(ratio_N.detach(), tokens.advantages_N, objective, per_token),
        **_mismatch_statistics(correction, none, per_token),
    )


def _require(tokens: TokenValues, objective: Objective) -> None:
    needs = (
        ("kl_coefficient", objective.kl_coefficient > 0 and objective.kl_in == "loss", "ref_logps", tokens.ref_logps_N),
        ("entropy_coefficient", objective.entropy_coefficient > 0, "entropy", tokens.entropy_N),
        ("correction", objective.correction != "none", "rollout_logps", tokens.rollout_logps_N),
        ("aggregate", objective.aggregate == "prompt_mean", "prompt_tokens", tokens.prompt_tokens_N),
    )
    for field, used, name, value in needs:
        if used and value is None:
            raise ValueError(f"objective.{field} = {getattr(objective, field)} needs {name}")


def _ratio(tokens: TokenValues, objective: Objective) -> Tensor:
    log_N = tokens.logps_N - tokens.old_logps_N
    if objective.ratio == "token":
        return log_N.exp()
    if objective.ratio == "product":
        return tokens.segments.spread(tokens.segments.sum(log_N).exp())
    mean_N = tokens.segments.spread(tokens.segments.mean(log_N))
    if objective.ratio == "sequence":
        return mean_N.exp()
    return (tokens.logps_N - tokens.logps_N.detach() + mean_N.detach()).exp()


def _bounds(objective: Objective) -> tuple[float, float]:
    low = -math.inf if objective.clip_low is None else 1 - objective.clip_low
    return low, math.inf if objective.clip_high is None else 1 + objective.clip_high


def _policy(ratio_N: Tensor, tokens: TokenValues, objective: Objective) -> Tensor:
    advantages_N = tokens.advantages_N
    clipped_N = ratio_N.clamp(*_bounds(objective))
    if objective.clip == "cispo":
        return -clipped_N.detach() * advantages_N * tokens.logps_N
    if objective.clip_dual is not None:
        ratio_N = ratio_N.clamp(max=objective.clip_dual).where(advantages_N < 0, ratio_N)
    return -(ratio_N * advantages_N).minimum(clipped_N * advantages_N)


def _shares(tokens: TokenValues, objective: Objective, totals: Totals) -> Tensor:
    """What each token's loss is multiplied by, so that the sum over the global batch is its aggregate."""
    one_N = tokens.logps_N.new_ones(tokens.logps_N.shape)
    sequences = max(totals.sequences, 1)
    if objective.aggregate == "token_mean":
        return one_N / max(totals.tokens, 1)
    if objective.aggregate == "sequence_mean":
        return one_N / tokens.segments.spread(tokens.segments.counts()) / sequences
    if objective.aggregate == "prompt_mean" and tokens.prompt_tokens_N is not None:
        return one_N / tokens.prompt_tokens_N / max(totals.prompts, 1)
    return one_N / (sequences * (totals.max_tokens if objective.aggregate == "constant" else 1))


def _ratio_statistics(
    ratio_N: Tensor, advantages_N: Tensor, objective: Objective, per_token: float
) -> dict[str, Tensor]:
    low, high = _bounds(objective)
    below_N, above_N = ratio_N < low, ratio_N > high
    if objective.clip == "ppo":
        below_N, above_N = below_N & (advantages_N < 0), above_N & (advantages_N > 0)
    clipped_N = below_N | above_N
    if objective.clip_dual is not None:
        clipped_N = clipped_N | ((ratio_N > objective.clip_dual) & (advantages_N < 0))
    return {
        "clip_fraction": clipped_N.to(ratio_N.dtype).sum() * per_token,
        "ratio": ratio_N.sum() * per_token,
        "ratio_max": _largest(ratio_N),
    }


def _mismatch_statistics(correction: Correction | None, none: Tensor, per_token: float) -> dict[str, Tensor]:
    if correction is None:
        names = ("mismatch", "mismatch_max", "kept_fraction")
        return dict.fromkeys((*names, "rollout_ratio", "rollout_ratio_max", "rollout_ratio_square"), none)
    return {
        "mismatch": correction.mismatch_N.sum() * per_token,
        "mismatch_max": _largest(correction.mismatch_N),
        "kept_fraction": correction.kept_N.to(none.dtype).sum() * per_token,
        "rollout_ratio": correction.raw_N.sum() * per_token,
        "rollout_ratio_max": _largest(correction.raw_N),
        "rollout_ratio_square": correction.raw_N.square().sum() * per_token,
    }


def _largest(values_N: Tensor) -> Tensor:
    """The largest value, 0 of none; values are not negative."""
    return values_N.max() if values_N.numel() else values_N.new_zeros(())
