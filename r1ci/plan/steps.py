"""The plan: frozen data. A step's id is a hash of its kind, its resolved inputs and the ids of what it reads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

KINDS = ("questions", "demonstrations", "model", "sft", "potential", "partition", "rl", "evaluation")


@dataclass(frozen=True)
class Resources:
    """What a step asks of the machine while it runs, over all its workers."""

    workers: int = 0
    """Ray Train workers; 0 runs in this process."""
    cpus: int = 1
    gpus: int = 0
    memory_mb: int = 0
    """Memory of one worker (the GPU's where it has one), as estimated."""


@dataclass(frozen=True)
class Estimate:
    """What a step is expected to cost, with the formula that says how each figure came about."""

    tokens: int = 0
    """Tokens sampled; in SFT, tokens trained on."""
    seconds: float = 0.0
    gpu_hours: float = 0.0
    memory_mb: int = 0
    """Memory of one worker (of its GPU, where it has one) in its hungriest phase."""
    cost: float = 0.0
    """Of the GPU-hours, in ``currency``."""
    currency: str = ""
    memory: Mapping[str, int] = field(default_factory=dict)
    """What ``memory_mb`` is made of, MB by part: weights, gradients, optimizer, activations, logits, KV cache, ..."""
    phases: Mapping[str, int] = field(default_factory=dict)
    """Memory of each phase, MB: loading, sampling, update, optimizer, checkpoint; engine is what vLLM's share must
    hold."""
    parts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What each phase is made of, MB by part."""
    limits: Mapping[str, int] = field(default_factory=dict)
    """What a phase may need, MB; phases without a known limit are not listed."""
    host_mb: int = 0
    """Host memory per worker beside its GPU, when it is most: the whole model while it is loaded, or what is offloaded
    and the copies that checkpoints are written and an engine is updated from."""
    host: Mapping[str, int] = field(default_factory=dict)
    """What ``host_mb`` is made of, MB by part."""
    layout: str = ""
    """How the model is cut over workers and engines, for people."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Tokens per second of all devices: trained, generated."""
    assumed: Mapping[str, float] = field(default_factory=dict)
    """The numbers about the hardware that time and cost rest on, by name with their unit."""
    formulas: Mapping[str, str] = field(default_factory=dict)
    """How each figure came about, as text with the numbers in it, by figure: tokens, seconds, memory_mb, host_mb,
    gpu_hours, cost."""


@dataclass(frozen=True)
class Step:
    """One cached unit of work."""

    kind: str
    inputs: Mapping[str, Any]
    """Everything the step's result depends on besides the steps it reads; plain JSON values."""
    reads: Mapping[str, str]
    """Step ids by role: {"questions": "questions-1f3c…"}."""
    resources: Resources = Resources()
    """How it runs; no part of the id."""
    estimate: Estimate = Estimate()
    """What it costs; no part of the id."""
    runtime: Mapping[str, Any] = field(default_factory=dict)
    """The spec's sections that say how it runs, never what comes out: executor, compute, plugins; no part of the id."""

    @cached_property
    def id(self) -> str:
        """Content id, equal on every machine: the same for equal inputs in any key order. Computed once per object."""
        content = {"kind": self.kind, "inputs": self.inputs, "reads": self.reads}
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        return f"{self.kind}-{hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Cell:
    """One combination of variant, model and seed, with its steps by role."""

    variant: str
    model: str
    seed: int
    steps: Mapping[str, str]
    """Step ids by role: questions, demonstrations, model, sft, potential, partition, rl, and
    ``evaluation:<base|sft|rl>:<agent>``."""

    @property
    def name(self) -> str:
        """variant/model/seed, for people."""
        return f"{self.variant}/{self.model}/{self.seed}"


@dataclass(frozen=True)
class Plan:
    """The graph of steps that a spec compiles to."""

    name: str
    steps: Mapping[str, Step]
    """By id, every step after those it reads."""
    cells: tuple[Cell, ...]
