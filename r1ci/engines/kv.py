"""A key-value cache of fixed places, one per episode, that survives between turns.

Every episode being decoded owns a row. These rows are kept at the front, so that a step reads them as one view without
copying. Positions are per row: a chunk of new tokens is written at each row's own length. Behind the last position is
one that nobody reads: the padding of chunks is written there.

Shapes: N layers, S places, H key-value heads, X = 2 x H (keys, then values), T positions, D head size, R rows of one
forward pass, L new tokens, Q query heads.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

ATTENTION = "r1ci_rows"
"""Name under which the attention below is known to transformers."""


class RowCache:
    """Keys and values of all places; duck-types the part of transformers' Cache that a decoder layer calls."""

    is_compileable = False

    def __init__(self, config: Any, places: int, positions: int, dtype: torch.dtype, device: torch.device) -> None:
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (config.num_hidden_layers, places, 2 * config.num_key_value_heads, positions + 1, head)
        self.kv_NSXTD = torch.zeros(shape, dtype=dtype, device=device)
        self.positions = positions
        self._rows = slice(0, 0)
        self._extent = 0

    def begin(self, start: int, positions_RL: Tensor, extent: int) -> None:
        """The next forward pass is for the places from ``start`` on, writes these positions, reads up to ``extent``."""
        self._rows = slice(start, start + positions_RL.shape[0])
        both, room = self.kv_NSXTD.shape[2:4]
        place_RX = torch.arange(start * both, self._rows.stop * both, device=positions_RL.device).view(-1, both)
        self._index = (place_RX[:, :, None] * room + positions_RL[:, None]).flatten()
        self._extent = extent

    def update(self, key_RHLD: Tensor, value_RHLD: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> Any:
        """Write new keys and values; return those of all positions that the pass may look at."""
        whole_SXTD, new_RXLD = self.kv_NSXTD[layer_idx], torch.cat((key_RHLD, value_RHLD), dim=1)
        size = new_RXLD.shape[-1]
        whole_SXTD.view(-1, size).index_copy_(0, self._index, new_RXLD.view(-1, size))
        return whole_SXTD[self._rows, :, : self._extent].chunk(2, dim=1)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Unused by the forward pass, which is given its positions; transformers asks all the same."""
        return 0

    def swap(self, a: int, b: int, length_a: int, length_b: int) -> None:
        """Exchange two places that hold so many tokens each."""
        keep = self.kv_NSXTD[:, a, :, :length_a].clone()
        self.copy(b, a, length_b)
        self.kv_NSXTD[:, b, :, :length_a] = keep

    def copy(self, source: int, target: int, length: int) -> None:
        """Make the first tokens of one place those of another, too."""
        self.kv_NSXTD[:, target, :, :length] = self.kv_NSXTD[:, source, :, :length]


def rows_attention(
    module: Any, query_RQLD: Tensor, key_RHTD: Tensor, value_RHTD: Tensor, mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """``attend`` in the form that a decoder layer of transformers calls."""
    return attend(query_RQLD, key_RHTD, value_RHTD, mask, kwargs["scaling"]), None


def attend(query_RQLD: Tensor, key_RHTD: Tensor, value_RHTD: Tensor, mask: Tensor | None, scaling: float) -> Tensor:
    """Grouped-query attention (R, L, Q, D) without repeating keys: the queries that share a head become rows of it."""
    rows, queries, length, size = query_RQLD.shape
    heads = key_RHTD.shape[1]
    group = queries // heads
    if mask is not None and length > 1:
        mask = mask.expand(rows, group, length, -1).reshape(rows, 1, group * length, -1)
    seen = scaled_dot_product_attention(
        query_RQLD.reshape(rows, heads, group * length, size), key_RHTD, value_RHTD, attn_mask=mask, scale=scaling
    )
    return seen.reshape(rows, queries, length, size).transpose(1, 2)


def row_mask(positions_RL: Tensor, extent: int, dtype: torch.dtype) -> Tensor:
    """Additive mask (R, 1, L, T): a token sees its own row up to its own position."""
    column_T = torch.arange(extent, device=positions_RL.device)
    hidden = column_T[None, None] > positions_RL[:, :, None]
    return torch.zeros(hidden.shape, dtype=dtype, device=positions_RL.device).masked_fill_(
        hidden, torch.finfo(dtype).min
    )[:, None]


AttentionInterface.register(ATTENTION, rows_attention)
