"""A key-value cache of fixed places, one per episode, that survives between turns.

Every episode being decoded owns a row. These rows are kept at the front, so that a step reads them as one view without
copying. A pass consists of parts: neighbouring rows that read equally many new tokens each, written at each row's own
length. So nothing is padded, and what one row reads of its prompt goes along with the one token of the others.

Shapes: N tokens of a pass, c keys or values, S places, H key-value heads, T positions, D head size, R rows of one part,
L new tokens of each, Q query heads, G = Q / H of a group that share a head, X = R x G or R x H, P shared positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

ATTENTION = "r1ci_rows"
"""Name under which the attention below is known to transformers."""
MANY_ROWS = 6
"""From so many rows on, plain operations are faster than the kernel of torch."""
WORTH_SHARING = 2048
"""Positions not read again that make up for the operations more that it takes."""


@dataclass(frozen=True)
class Part:
    """Neighbouring places that read equally many new tokens each."""

    start: int
    positions_RL: Tensor
    extent: int
    """Positions that they look at."""
    mask_R1LT: Tensor
    """Added to the scores: a token sees its own row up to its own position."""
    shared: int = 0
    """Leading positions in which all of them hold the same."""

    @staticmethod
    def of(start: int, positions_RL: Tensor, extent: int, dtype: torch.dtype, shared: int = 0) -> Part:
        """The part of the places from ``start`` on that writes these positions."""
        column_T = torch.arange(extent, device=positions_RL.device)
        hidden_RLT = column_T > positions_RL[:, :, None]
        mask_RLT = torch.zeros(hidden_RLT.shape, dtype=dtype, device=positions_RL.device)
        mask_RLT.masked_fill_(hidden_RLT, torch.finfo(dtype).min)
        return Part(start, positions_RL, extent, mask_RLT[:, None], shared)

    @property
    def rows(self) -> int:
        """Number of places."""
        return self.positions_RL.shape[0]

    @property
    def tokens(self) -> int:
        """Number of new tokens."""
        return self.positions_RL.numel()


class RowCache:
    """Keys and values of all places; duck-types the part of transformers' Cache that a decoder layer calls."""

    is_compileable = False

    def __init__(self, config: Any, places: int, positions: int, dtype: torch.dtype, device: torch.device) -> None:
        head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        shape = (config.num_hidden_layers, 2, places, config.num_key_value_heads, positions, head)
        self.kv_NcSHTD = torch.zeros(shape, dtype=dtype, device=device)
        self.positions = positions
        self._parts: Sequence[Part] = ()

    def begin(self, parts: Sequence[Part]) -> None:
        """The next forward pass consists of these parts; a model of transformers is given one at a time."""
        self._parts = parts
        places, heads, room = self.kv_NcSHTD.shape[2:5]
        device = self.kv_NcSHTD.device
        place_N = torch.cat(
            [
                torch.arange(part.start, part.start + part.rows, device=device).repeat_interleave(
                    part.positions_RL.shape[1]
                )
                for part in parts
            ]
        )
        position_N = torch.cat([part.positions_RL.flatten() for part in parts])
        head_c1H = torch.arange(heads, device=device) + torch.tensor([[[0]], [[places * heads]]], device=device)
        self._index = ((head_c1H + place_N[:, None] * heads) * room + position_N[:, None]).flatten()

    def write(self, layer: int, new_cNHD: Tensor) -> None:
        """Put the new keys and values of all tokens of the pass where they belong."""
        size = new_cNHD.shape[-1]
        self.kv_NcSHTD[layer].view(-1, size).index_copy_(0, self._index, new_cNHD.reshape(-1, size))

    def read(self, layer: int, part: Part) -> tuple[Tensor, Tensor]:
        """Keys and values (R, H, T, D) of all positions that a part may look at."""
        keys, values = self.kv_NcSHTD[layer, :, part.start : part.start + part.rows, :, : part.extent].unbind()
        return keys, values

    def update(self, key_RHLD: Tensor, value_RHLD: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> Any:
        """Write and read in the form that a decoder layer of transformers asks for."""
        self.write(layer_idx, torch.stack((key_RHLD, value_RHLD)).transpose(2, 3).flatten(1, 2))
        return self.read(layer_idx, self._parts[0])

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Unused by the forward pass, which is given its positions; transformers asks all the same."""
        return 0

    def swap(self, a: int, b: int, length_a: int, length_b: int) -> None:
        """Exchange two places that hold so many tokens each."""
        keep = self.kv_NcSHTD[:, :, a, :, :length_a].clone()
        self.copy(b, a, length_b)
        self.kv_NcSHTD[:, :, b, :, :length_a] = keep

    def copy(self, source: int, target: int, length: int) -> None:
        """Make the first tokens of one place those of another, too."""
        self.kv_NcSHTD[:, :, target, :, :length] = self.kv_NcSHTD[:, :, source, :, :length]


def attend(query_RQLD: Tensor, key_RHTD: Tensor, value_RHTD: Tensor, part: Part, scaling: float) -> Tensor:
    """Grouped-query attention (R, L, Q, D) of a part without repeating keys.

    Of many rows with one token each, what all of them hold in common is read once.
    """
    rows, queries, length, size = query_RQLD.shape
    heads = key_RHTD.shape[1]
    query_RHXD = query_RQLD.reshape(rows, heads, -1, size)
    if length > 1 or rows < MANY_ROWS or query_RQLD.device.type != "cpu":
        mask = part.mask_R1LT.expand(rows, queries // heads, length, -1).reshape(rows, 1, -1, part.extent)
        seen = scaled_dot_product_attention(query_RHXD, key_RHTD, value_RHTD, attn_mask=mask, scale=scaling)
    else:
        shared = part.shared if (rows - 1) * part.shared >= WORTH_SHARING else 0
        seen = _attend_once(query_RHXD * scaling, key_RHTD, value_RHTD, part.mask_R1LT, shared)
    return seen.reshape(rows, queries, length, size).transpose(1, 2)


def _attend_once(query_RHGD: Tensor, key_RHTD: Tensor, value_RHTD: Tensor, mask_R11T: Tensor, shared: int) -> Tensor:
    """Attention (R, H, G, D) of one token a row. The kernel of torch takes longer for so few queries a head."""
    rows, heads, group, size = query_RHGD.shape
    own_XGT = torch.bmm(query_RHGD.flatten(0, 1), key_RHTD[:, :, shared:].flatten(0, 1).transpose(1, 2))
    own_RHGT = own_XGT.view(rows, heads, group, -1).add_(mask_R11T[..., shared:])
    if shared == 0:
        return torch.bmm(own_RHGT.softmax(dim=-1).flatten(0, 1), value_RHTD.flatten(0, 1)).view(query_RHGD.shape)
    query_HXD = query_RHGD.transpose(0, 1).reshape(heads, -1, size)
    alike_HXP = torch.bmm(query_HXD, key_RHTD[0, :, :shared].transpose(1, 2))
    alike_RHGP = alike_HXP.view(heads, rows, group, shared).transpose(0, 1)
    share_RHGT = torch.cat((alike_RHGP, own_RHGT), dim=-1).softmax(dim=-1)
    alike_HXP = share_RHGT[..., :shared].transpose(0, 1).reshape(heads, -1, shared)
    alike_HXD = torch.bmm(alike_HXP, value_RHTD[0, :, :shared])
    own_XGD = torch.bmm(share_RHGT[..., shared:].flatten(0, 1), value_RHTD[:, :, shared:].flatten(0, 1))
    return alike_HXD.view(heads, rows, group, size).transpose(0, 1) + own_XGD.view(query_RHGD.shape)


def rows_attention(
    module: Any, query_RQLD: Tensor, key_RHTD: Tensor, value_RHTD: Tensor, mask: Tensor | None, **kwargs: Any
) -> tuple[Tensor, None]:
    """``attend`` in the form that a decoder layer of transformers calls."""
    part = kwargs["part"]
    return attend(query_RQLD, key_RHTD, value_RHTD, part, kwargs["scaling"]), None


AttentionInterface.register(ATTENTION, rows_attention)
