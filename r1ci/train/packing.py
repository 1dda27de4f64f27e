"""Running a model over a pass whose tokens stand in one line, those of a prompt once for all sequences with it.

Everything in a transformer but attention works on single tokens, so it does its work once per token of the line. For
attention, keys and values are dealt out to right-padded rows, the prompt again in each of them, in bands of similar
length, and so are the queries; the outputs go back into the line. So every token sees exactly what it would see in a
row of its own, values and gradients are those of unshared rows up to rounding, and attention never costs more than for
these. Masks are of one row of a band.

Models that also pass something on from token to token outside attention (state spaces, convolutions) are run on rows.

Shapes: N tokens of a pass, B sequences, T positions, M wanted tokens, H heads, E hidden size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import embedding
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from r1ci.train.batching import Band, Bands, Batch

ATTENTION = "r1ci_packed"
"""Name under which the attention below is known to transformers."""


def states_before(base_model: Any, batch: Batch) -> Tensor:
    """Hidden states (M, E) of the tokens before those at mask 1, row by row; ``base_model`` has no output layer."""
    wanted_BT = batch.mask_BT[:, 1:] > 0
    if not packs(base_model):
        hidden_BTE = base_model(input_ids=batch.ids_N[batch.rows_BT], use_cache=False).last_hidden_state
        states: Tensor = hidden_BTE[:, :-1][wanted_BT]
        return states
    base_model.config._attn_implementation = ATTENTION
    hidden_1NE = base_model(
        input_ids=batch.ids_N[None],
        position_ids=batch.positions_N[None],
        attention_mask=batch.ids_N.new_ones(1, 1, 1, 1),  # of four dimensions: handed on as it is, none is made
        use_cache=False,
        bands=batch.bands,
    ).last_hidden_state
    return embedding(batch.rows_BT[:, :-1][wanted_BT], hidden_1NE[0])


def packs(base_model: Any) -> bool:
    """Whether tokens of a model meet in attention alone, and that attention is replaceable."""
    kinds = set(getattr(base_model.config, "layer_types", None) or ())
    replaceable = base_model._supports_attention_backend and not base_model._is_stateful
    return bool(replaceable and kinds <= {"full_attention", "sliding_attention"})


def packed_attention(
    module: Any,
    query_1HND: Tensor,
    key_1HND: Tensor,
    value_1HND: Tensor,
    attention_mask: Tensor | None,
    bands: Bands | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each sequence of the bands; (1, N, H, D). Without bands transformers' sdpa."""
    if bands is None:
        plain: tuple[Tensor, None] = sdpa_attention_forward(
            module, query_1HND, key_1HND, value_1HND, attention_mask, **options
        )
        return plain
    made = []
    for band in bands.bands:
        query, key = _dealt(query_1HND, band.queries), _dealt(key_1HND, band.keys)
        mask = _mask(band, options.get("sliding_window"))
        out, _ = sdpa_attention_forward(module, query, key, _dealt(value_1HND, band.keys), mask, **options)
        made.append(out.flatten(0, 1).flatten(1))
    out_ND = embedding(bands.back_N, torch.cat(made))
    return out_ND.unflatten(1, (query_1HND.shape[1], -1))[None], None


def _dealt(line_1HND: Tensor, rows: Tensor) -> Tensor:
    """The rows of a band, (b, H, t, D)."""
    rows_btX = embedding(rows, line_1HND[0].transpose(0, 1).flatten(1))
    return rows_btX.view(*rows.shape, line_1HND.shape[1], -1).transpose(1, 2)


def _mask(band: Band, window: int | None) -> Tensor | None:
    """Which keys a query sees: those up to its own, the last ``window`` of them. None where plain causality says it."""
    queries, keys = band.queries.shape[1], band.keys.shape[1]
    if queries == keys and (window is None or keys <= window):
        return None
    seen = torch.ones(queries, keys, dtype=torch.bool, device=band.keys.device).tril(keys - queries)
    return (seen if window is None else seen.triu(keys - queries + 1 - window))[None, None]


AttentionInterface.register(ATTENTION, packed_attention)
AttentionMaskInterface.register(ATTENTION, sdpa_mask)
