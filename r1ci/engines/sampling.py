"""Drawing tokens: temperature, nucleus, and log-probabilities of the distribution that was drawn from.

Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor


def draw(logits_RV: Tensor, temperature_R: Tensor, top_p_R: Tensor, uniform_R: Tensor) -> tuple[Tensor, Tensor]:
    """Token ids (R) and their log-probabilities (R).

    Each row is drawn by inverting its cumulative distribution at its own uniform number, so that a row's token
    depends on its own logits and seed alone. Temperature 0 takes the most likely token and reports its
    log-probability at temperature 1.
    """
    greedy_R = temperature_R == 0
    scaled_RV = logits_RV.float() / torch.where(greedy_R, 1.0, temperature_R)[:, None]
    if bool((top_p_R < 1).any()):
        scaled_RV = _nucleus(scaled_RV, top_p_R)
    logprob_RV = torch.log_softmax(scaled_RV, dim=-1)
    cumulative_RV = logprob_RV.exp().cumsum(dim=-1)
    target_R1 = (uniform_R * cumulative_RV[:, -1])[:, None]
    token_R = torch.searchsorted(cumulative_RV, target_R1, right=True)[:, 0].clamp(max=logits_RV.shape[1] - 1)
    if bool(greedy_R.any()):
        token_R = torch.where(greedy_R, scaled_RV.argmax(dim=-1), token_R)
    return token_R, logprob_RV.gather(1, token_R[:, None])[:, 0]


def _nucleus(scaled_RV: Tensor, top_p_R: Tensor) -> Tensor:
    """Keep the smallest set of most likely tokens whose mass reaches top_p."""
    ordered_RV, index_RV = scaled_RV.sort(dim=-1, descending=True)
    mass_RV = torch.softmax(ordered_RV, dim=-1)
    outside_RV = mass_RV.cumsum(dim=-1) - mass_RV >= top_p_R[:, None]
    return torch.empty_like(scaled_RV).scatter_(1, index_RV, ordered_RV.masked_fill(outside_RV, float("-inf")))
