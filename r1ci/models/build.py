"""Building the tiny model: Qwen2 architecture, random weights from a seed."""

from __future__ import annotations

from typing import Any

from r1ci.spec.models import TinyModel

MAX_POSITIONS = 4096
INITIALIZER_RANGE = 0.06
"""Standard deviation of the initial weights. Near 1/sqrt(width) a small model learns to copy from its context much
sooner than at transformers' 0.02, which is meant for wide ones."""


def build_tiny(spec: TinyModel, tokenizer: Any, seed: int) -> Any:
    """A ``Qwen2ForCausalLM`` of the given shape; equal seeds give equal weights."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=spec.vocabulary,
        hidden_size=spec.width,
        intermediate_size=spec.feedforward,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.kv_heads,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        initializer_range=INITIALIZER_RANGE,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen2ForCausalLM(config)
