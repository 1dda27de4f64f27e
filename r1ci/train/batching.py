"""From token ids to padded tensors of similar length.

Shapes: B sequences, T positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

PASS_TOKENS = 128
"""What a forward and backward pass costs beside its tokens, in tokens: starting kernels, gathering weights."""


class Batch(NamedTuple):
    """Right-padded sequences."""

    ids_BT: Tensor
    mask_BT: Tensor
    """1.0 on the tokens whose log-probability counts; the first token of a sequence never does."""


def collate(ids: Sequence[Sequence[int]], masks: Sequence[Sequence[int]], pad: int, device: str = "cpu") -> Batch:
    """Right-padded tensors; padding has mask 0 and, since attention is causal, changes nothing before it.

    Of no sequence at all, one of padding: a pass that a worker with nothing left makes along with the others.
    """
    longest = max(map(len, ids), default=2)
    ids_BT = torch.full((max(1, len(ids)), longest), pad, dtype=torch.long)
    mask_BT = torch.zeros(max(1, len(ids)), longest)
    for row, (row_ids, row_mask) in enumerate(zip(ids, masks, strict=True)):
        ids_BT[row, : len(row_ids)] = torch.tensor(row_ids)
        mask_BT[row, : len(row_mask)] = torch.tensor(row_mask, dtype=torch.float32)
    mask_BT[:, 0] = 0
    return Batch(ids_BT.to(device), mask_BT.to(device))


def micro_batches(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices in chunks of similar length, each at most ``max_tokens`` once padded (a longer one stands alone).

    Of all ways to cut the sequences, sorted by length, the one with the least padded tokens, where a pass more costs
    as much as ``PASS_TOKENS`` of them.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    best, cut = [0], [0]
    for end in range(1, len(order) + 1):
        cost, start = min(
            (best[start] + (end - start) * lengths[order[start]] + PASS_TOKENS, start)
            for start in _starts(order, lengths, end, max_tokens)
        )
        best.append(cost)
        cut.append(start)
    chunks: list[list[int]] = []
    end = len(order)
    while end:
        chunks.append(order[cut[end] : end])
        end = cut[end]
    return chunks[::-1]


def _starts(order: Sequence[int], lengths: Sequence[int], end: int, max_tokens: int) -> Iterator[int]:
    """Where the chunk that ends here may begin; the longest sequence comes first and pads the others."""
    yield end - 1
    for start in range(end - 2, -1, -1):
        if (end - start) * lengths[order[start]] > max_tokens:
            return
        yield start
