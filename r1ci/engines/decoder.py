"""The forward pass of Llama-shaped models over the places of the cache, without transformers' cost of a call.

A step of decoding is so little arithmetic that going through some twenty modules a layer takes longer. Here a pass is a
list of tensor operations on the model's own weights: the products, the rotation of queries and keys in one go, one
write of each into the cache, one attention. Any other model, and one with hooks on its modules (a sharded one gathers
weights in them), is called as transformers does it.

Shapes: R rows of one pass, L new tokens of each, N = R x L tokens, E hidden size, Q query heads, H key-value heads, D
head size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaModel, Qwen2Model

from r1ci.engines.kv import RowCache, attend

Product = Callable[[Tensor], Tensor]


class _Layer(NamedTuple):
    """What one decoder layer consists of."""

    before: Product
    q: Product
    k: Product
    v: Product
    o: Product
    after: Product
    gate: Product
    up: Product
    down: Product
    activation: Product


class Decoder:
    """The layers of one model between embedding and output, on the weights that it had when this was made."""

    def __init__(self, base_model: Any) -> None:
        self._embed = base_model.embed_tokens
        self._rotary = base_model.rotary_emb
        self._norm = _normed(base_model.norm)
        self._layers = [_layer(layer) for layer in base_model.layers]
        attention = base_model.layers[0].self_attn
        self._size, self._scaling = attention.head_dim, attention.scaling

    @staticmethod
    def of(base_model: Any) -> Decoder | None:
        """The decoder of a model; None where it is of another kind or something hooks into its modules."""
        if type(base_model) not in (LlamaModel, Qwen2Model) or any(map(_hooked, base_model.modules())):
            return None
        return Decoder(base_model)

    def __call__(self, ids_RL: Tensor, positions_RL: Tensor, mask: Tensor, cache: RowCache) -> Tensor:
        """Hidden states (R, L, E); the cache has been told where the pass writes and reads."""
        rows, length = ids_RL.shape
        hidden_NE = self._embed(ids_RL).flatten(0, 1)
        cos_RLD, sin_RLD = self._rotary(hidden_NE, positions_RL)
        cos_N1D, sin_N1D = cos_RLD.flatten(0, 1)[:, None], sin_RLD.flatten(0, 1)[:, None]
        half = self._size // 2
        sin_N1D = torch.cat((-sin_N1D[..., :half], sin_N1D[..., half:]), dim=-1)
        for number, layer in enumerate(self._layers):
            normed_NE = layer.before(hidden_NE)
            value, key, query = layer.v(normed_NE), layer.k(normed_NE), layer.q(normed_NE)
            both_NXD = torch.cat((query, key), dim=-1).view(rows * length, -1, self._size)
            both_NXD = torch.addcmul(both_NXD * cos_N1D, both_NXD.roll(half, -1), sin_N1D)
            queries = query.shape[-1] // self._size
            query_RQLD, key_RHLD = (
                part.reshape(rows, length, -1, self._size).transpose(1, 2)
                for part in (both_NXD[:, :queries], both_NXD[:, queries:])
            )
            keys, values = cache.update(key_RHLD, value.view(rows, length, -1, self._size).transpose(1, 2), number)
            seen_RLQD = attend(query_RQLD, keys, values, mask, self._scaling)
            hidden_NE = hidden_NE + layer.o(seen_RLQD.reshape(rows * length, -1))
            normed_NE = layer.after(hidden_NE)
            hidden_NE = hidden_NE + layer.down(layer.activation(layer.gate(normed_NE)) * layer.up(normed_NE))
        return self._norm(hidden_NE).view(rows, length, -1)


def _layer(layer: Any) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    parts = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
    q, k, v, o, gate, up, down = map(_product, (*parts, mlp.gate_proj, mlp.up_proj, mlp.down_proj))
    before, after = _normed(layer.input_layernorm), _normed(layer.post_attention_layernorm)
    return _Layer(before, q, k, v, o, after, gate, up, down, mlp.act_fn)


def _product(module: Any) -> Product:
    """A linear layer without the call of a module; an adapter is called as it is."""
    return partial(functional.linear, weight=module.weight, bias=module.bias) if type(module) is nn.Linear else module


def _normed(module: Any) -> Product:
    shape = module.weight.shape
    return partial(functional.rms_norm, normalized_shape=shape, weight=module.weight, eps=module.variance_epsilon)


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_pre_hooks or module._forward_hooks)
