"""The forward pass of Llama-shaped models over the places of the cache, on a CPU, without transformers' cost of a call.

A step of decoding is so little arithmetic that going through some twenty modules a layer takes longer, and a product of
few rows with a matrix is faster where the matrix lies the other way round. Here a pass is a list of tensor operations
on a copy of the weights, transposed, those that are applied to the same input in one piece: the products, the rotation
of queries and keys in one go, one write into the cache, one attention for each part of the pass. Any other model, one
on another device, and one with hooks on its modules (a sharded one gathers weights in them) is called as transformers
does it.

Shapes: N tokens of a pass, R rows of one part, L new tokens of each, E hidden size, Q query heads, H key-value heads, X
all heads, D head size, I inputs and O outputs of a product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import LlamaModel, Qwen2Model

from r1ci.engines.kv import Part, RowCache, attend

Product = Callable[[Tensor], Tensor]


class _Layer(NamedTuple):
    """What one decoder layer consists of."""

    before: Product
    qkv: Product
    o: Product
    after: Product
    gate_up: Product
    down: Product
    activation: Product


class Decoder:
    """A model's layers and its output, with the weights that it had when this was made."""

    def __init__(self, model: Any) -> None:
        base_model = model.base_model
        self.logits = _product(model.get_output_embeddings())
        """Logits of hidden states."""
        self._embed = base_model.embed_tokens
        self._rotary = base_model.rotary_emb
        self._norm = _normed(base_model.norm)
        self._layers = [_layer(layer) for layer in base_model.layers]
        attention, config = base_model.layers[0].self_attn, base_model.config
        self._size, self._scaling = attention.head_dim, attention.scaling
        self._queries, self._keys = config.num_attention_heads, config.num_key_value_heads

    @staticmethod
    def of(model: Any) -> Decoder | None:
        """The decoder of a model; None where it is of another kind, elsewhere, or something hooks into its modules."""
        known = type(model.base_model) in (LlamaModel, Qwen2Model) and model.device.type == "cpu"
        if not known or any(map(_hooked, model.modules())):
            return None
        with torch.no_grad():
            return Decoder(model)

    def __call__(self, ids_N: Tensor, parts: Sequence[Part], cache: RowCache) -> Tensor:
        """Hidden states (N, E) of a pass that the cache has been told of."""
        hidden_NE = self._embed(ids_N)
        positions_N = torch.cat([part.positions_RL.flatten() for part in parts])
        cos_1ND, sin_1ND = self._rotary(hidden_NE, positions_N[None])
        half, turned = self._size // 2, self._queries + self._keys
        cos_N1D = cos_1ND[0, :, None]
        sin_N1D = torch.cat((-sin_1ND[0, :, None, :half], sin_1ND[0, :, None, half:]), dim=-1)
        for number, layer in enumerate(self._layers):
            all_NXD = layer.qkv(layer.before(hidden_NE)).view(len(ids_N), -1, self._size)
            turned_NXD = all_NXD[:, :turned]
            turned_NXD = torch.addcmul(turned_NXD * cos_N1D, turned_NXD.roll(half, -1), sin_N1D)
            cache.write(number, torch.stack((turned_NXD[:, self._queries :], all_NXD[:, turned:])))
            seen_NE = self._attend(turned_NXD[:, : self._queries], parts, cache, number)
            hidden_NE = hidden_NE + layer.o(seen_NE)
            gate_NO, up_NO = layer.gate_up(layer.after(hidden_NE)).chunk(2, dim=-1)
            hidden_NE = hidden_NE + layer.down(layer.activation(gate_NO) * up_NO)
        return self._norm(hidden_NE)

    def _attend(self, query_NQD: Tensor, parts: Sequence[Part], cache: RowCache, number: int) -> Tensor:
        seen, start = [], 0
        for part in parts:
            query_RLQD = query_NQD[start : start + part.tokens].unflatten(0, part.positions_RL.shape)
            seen_RLQD = attend(query_RLQD.transpose(1, 2), *cache.read(number, part), part, self._scaling)
            seen.append(seen_RLQD.reshape(part.tokens, -1))
            start += part.tokens
        return torch.cat(seen)


def _layer(layer: Any) -> _Layer:
    attention, mlp = layer.self_attn, layer.mlp
    return _Layer(
        _normed(layer.input_layernorm),
        _product(attention.q_proj, attention.k_proj, attention.v_proj),
        _product(attention.o_proj),
        _normed(layer.post_attention_layernorm),
        _product(mlp.gate_proj, mlp.up_proj),
        _product(mlp.down_proj),
        mlp.act_fn,
    )


def _product(*modules: Any) -> Product:
    """The outputs of linear layers side by side, from one product; with an adapter among them each is called."""
    if any(type(module) is not nn.Linear for module in modules):
        return lambda input_NI: torch.cat([module(input_NI) for module in modules], dim=-1)
    weight_IO = torch.cat([module.weight for module in modules]).t().contiguous()
    biases = [module.bias for module in modules if module.bias is not None]
    if not biases:
        return partial(torch.mm, mat2=weight_IO)
    bias_O = torch.cat(
        [module.weight.new_zeros(len(module.weight)) if module.bias is None else module.bias for module in modules]
    )
    return lambda input_NI: torch.addmm(bias_O, input_NI, weight_IO)


def _normed(module: Any) -> Product:
    """Root mean square norm; the one of torch takes three times as long for few rows."""
    weight_E, eps = module.weight, torch.tensor(module.variance_epsilon)

    def normed(hidden_NE: Tensor) -> Tensor:
        wide_NE = hidden_NE.float()
        length_N1 = torch.linalg.vector_norm(wide_NE, dim=-1, keepdim=True)
        scale_N1 = torch.addcmul(eps, length_N1, length_N1, value=1 / hidden_NE.shape[-1]).rsqrt_()
        scaled_NE: Tensor = (wide_NE * scale_N1).to(hidden_NE.dtype) * weight_E
        return scaled_NE

    return normed


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_pre_hooks or module._forward_hooks)
