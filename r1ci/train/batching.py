"""From token ids to padded tensors, and from a model to the log-probabilities of masked tokens.

Shapes: B sequences, T positions, E hidden size, N masked tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Right-padded sequences."""

    ids_BT: Tensor
    mask_BT: Tensor
    """1.0 on the tokens whose log-probability counts; the first token of a sequence never does."""


class TokenLogps(NamedTuple):
    """Log-probabilities of the tokens at mask 1 given what precedes them; 0 elsewhere."""

    logps_BT: Tensor
    entropy_BT: Tensor
    """Entropy of the distribution each was drawn from, without gradient; 0 elsewhere."""


def collate(ids: Sequence[Sequence[int]], masks: Sequence[Sequence[int]], pad: int, device: str = "cpu") -> Batch:
    """Right-padded tensors; padding has mask 0 and, since attention is causal, changes nothing before it."""
    longest = max(map(len, ids))
    ids_BT = torch.full((len(ids), longest), pad, dtype=torch.long)
    mask_BT = torch.zeros(len(ids), longest)
    for row, (row_ids, row_mask) in enumerate(zip(ids, masks, strict=True)):
        ids_BT[row, : len(row_ids)] = torch.tensor(row_ids)
        mask_BT[row, : len(row_mask)] = torch.tensor(row_mask, dtype=torch.float32)
    mask_BT[:, 0] = 0
    return Batch(ids_BT.to(device), mask_BT.to(device))


def micro_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices in chunks of similar length, each at most ``max_tokens`` once padded (a longer one stands alone)."""
    chunks: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if chunks and (len(chunks[-1]) + 1) * lengths[chunks[-1][0]] <= max_tokens:
            chunks[-1].append(index)
        else:
            chunks.append([index])
    return chunks


def token_logps(model: Any, batch: Batch, temperature: float = 1.0, *, entropy: bool = False) -> TokenLogps:
    """Log-probabilities under the model at a temperature; logits are made for the masked positions alone.

    With ``entropy``, the entropy carries gradient too.
    """
    hidden_BTE = model.base_model(input_ids=batch.ids_BT, use_cache=False).last_hidden_state
    wanted_BT = batch.mask_BT[:, 1:] > 0
    logits_NV = model.get_output_embeddings()(hidden_BTE[:, :-1][wanted_BT]).float() / temperature
    logprob_NV = torch.log_softmax(logits_NV, dim=-1)
    target_N = batch.ids_BT[:, 1:][wanted_BT]
    logp_N = logprob_NV.gather(1, target_N[:, None])[:, 0]
    with torch.set_grad_enabled(entropy and torch.is_grad_enabled()):
        entropy_N = -(logprob_NV.exp() * logprob_NV).sum(dim=-1)
    return TokenLogps(_spread(logp_N, wanted_BT), _spread(entropy_N, wanted_BT))


def _spread(values_N: Tensor, wanted_BT: Tensor) -> Tensor:
    """Back to (B, T), shifted so that a token's value stands at the token."""
    out_BT = torch.zeros(wanted_BT.shape, dtype=values_N.dtype, device=values_N.device)
    out_BT = out_BT.masked_scatter(wanted_BT, values_N)
    return torch.nn.functional.pad(out_BT, (1, 0))
