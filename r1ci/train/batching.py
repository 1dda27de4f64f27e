"""From token ids to padded tensors of similar length.

Shapes: B sequences, T positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


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
    """Indices in chunks of similar length, each at most ``max_tokens`` once padded (a longer one stands alone)."""
    chunks: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        if chunks and (len(chunks[-1]) + 1) * lengths[chunks[-1][0]] <= max_tokens:
            chunks[-1].append(index)
        else:
            chunks.append([index])
    return chunks
