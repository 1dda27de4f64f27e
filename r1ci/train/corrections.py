"""Weights for tokens that one program sampled (the engine) and another learns from (the trainer).

The engine's log-probabilities roll and the trainer's old differ by kernels, number formats and, where rollouts run
ahead, by weights. With d = old - roll on the sampled tokens, the raw ratio of a token t of episode i is

    token      exp(d_t)                  biased, little variance            (truncated importance sampling, IcePop)
    sequence   exp(sum of d over i)      unbiased, dies with length
    geometric  exp(mean of d over i)     a distance rather than a weight; does not die with length

and the weight w of the token's policy loss, a constant, is

    truncate   clip(raw, correction_low, correction_cap)
    mask       raw where correction_low <= raw <= correction_cap, else 0;  geometric_mask: 1 there, else 0

TRL: vllm_importance_sampling_mode token_truncate, token_mask, sequence_truncate, sequence_mask. verl: rollout_is token
and sequence, with one threshold (truncate) or two (mask); rollout_rs seq_mean_k1 is geometric_mask, bounds inverted.

A product over T tokens spreads with sqrt(T) and drifts with T: at a mismatch of 0.02 per token, the share of episodes
below a cap of 3 falls from 0.96 at 1,000 tokens to 0.67 at 16,000. Prefer token_truncate or geometric_mask for long
episodes and watch kept_fraction.

Departures: an engine that gave no figure (NaN) is taken to agree; weights are not normalised to mean 1; a masked token
stays in the denominators, as in TRL (verl's rejection takes it out of them). Ratios, of weights too, are those of a
log-ratio clamped to 20 in size, so that one token cannot turn a statistic into infinity. Statistics are of the raw
ratios, before truncation.

Shapes: N sampled tokens. torch is imported for types only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from r1ci.spec.models import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from r1ci.train.segments import Segments

LOG_BOUND = 20.0


class Correction(NamedTuple):
    """Per token, without gradient."""

    weight_N: Tensor
    """What the policy loss is multiplied by."""
    raw_N: Tensor
    """The ratio at the objective's level (the token's where nothing is corrected), before truncation."""
    kept_N: Tensor
    """Whether the raw ratio lies within the bounds."""
    mismatch_N: Tensor
    """exp(|d|): 1 where engine and trainer agree."""


def correct(difference_N: Tensor, segments: Segments, objective: Objective) -> Correction:
    """The weights, given old - roll of the sampled tokens."""
    log_N = difference_N.detach().nan_to_num(nan=0.0, posinf=LOG_BOUND, neginf=-LOG_BOUND)
    mismatch_N = log_N.abs().clamp(max=LOG_BOUND).exp()
    level, _, how = objective.correction.partition("_")
    if level == "sequence":
        log_N = segments.spread(segments.sum(log_N))
    elif level == "geometric":
        log_N = segments.spread(segments.mean(log_N))
    raw_N = log_N.clamp(-LOG_BOUND, LOG_BOUND).exp()
    low, cap = objective.correction_low, objective.correction_cap
    kept_N = (raw_N >= low) & (raw_N <= cap)
    if how == "truncate":
        weight_N = raw_N.clamp(low, cap)
    elif how == "mask":
        weight_N = kept_N.to(raw_N.dtype) if level == "geometric" else raw_N.masked_fill(~kept_N, 0.0)
    else:
        weight_N = raw_N.new_ones(raw_N.shape)
    return Correction(weight_N, raw_N, kept_N, mismatch_N)


def effective_sample_size(mean: float, mean_square: float) -> float:
    """Share of the tokens that weighted ones are worth (Kish): (mean w)^2 / mean(w^2), 1 where all weights are equal.

    Both means are over the global batch. 0 where there were no weights.
    """
    return mean * mean / mean_square if mean_square > 0 and math.isfinite(mean_square) else 0.0
