"""Refusing what cannot fit: which step, by how much, and which key to change to what.

A remedy is found by trying: the spec with one key changed is estimated again, and the smallest change under which the
step fits is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from r1ci.plan.memory import ENGINE
from r1ci.plan.render import made_of, megabytes
from r1ci.plan.steps import Estimate
from r1ci.spec.models import Experiment, Lora, VllmEngine

MOST_WORKERS = 1024
FEWEST_TOKENS = 512
"""A micro-batch, a demonstration or an episode shorter than this is no remedy."""
SHARES = tuple(share / 100 for share in range(5, 100, 5))


@dataclass(frozen=True)
class Remedy:
    """One key changed, under which the step fits."""

    key: str
    value: str
    memory_mb: int
    """What the step then needs."""


@dataclass(frozen=True)
class Misfit:
    """A step that needs more memory than there is."""

    kind: str
    phase: str
    needed_mb: int
    limit_mb: int
    parts: str
    """What the phase holds, for people."""
    remedies: tuple[Remedy, ...]

    @property
    def key(self) -> str:
        """The key to point at."""
        return self.remedies[0].key if self.remedies else "compute.workers"

    @property
    def message(self) -> str:
        """What is wrong, and by how much."""
        over = f"{megabytes(self.needed_mb - self.limit_mb)} too much"
        if self.phase == ENGINE:
            return f"{self.kind}: vLLM must hold {megabytes(self.needed_mb)} in its share of a GPU, {over}"
        return f"{self.kind}: a GPU would hold {megabytes(self.needed_mb)} ({self.phase}), {over}"

    @property
    def help(self) -> str:
        """What to change."""
        if not self.remedies:
            return "no single key is enough: combine more compute.workers, a lower compute.micro_batch_tokens and LoRA"
        each = (f"{remedy.key}: {remedy.value} ({megabytes(remedy.memory_mb)})" for remedy in self.remedies)
        return " or ".join(each)


def misfit(kind: str, spec: Experiment, cost: Estimate, again: Callable[[Experiment], Estimate]) -> Misfit | None:
    """What is wrong with a step's memory, or None. ``again`` estimates the step under another spec."""
    over = _over(cost)
    if over is None:
        return None
    remedies = []
    for key, changed in _candidates(kind, spec):
        tried = ((value, again(other)) for value, other in changed)
        found = next(((value, estimate) for value, estimate in tried if _over(estimate) is None), None)
        if found is not None:
            remedies.append(Remedy(key, found[0], found[1].memory_mb))
    return Misfit(kind, over, cost.phases[over], cost.limits[over], made_of(cost.parts[over]), tuple(remedies))


def _over(cost: Estimate) -> str | None:
    """The phase that is furthest above its limit."""
    excess = {name: cost.phases[name] - limit for name, limit in cost.limits.items()}
    worst = max(excess, key=lambda name: excess[name], default=None)
    return worst if worst is not None and excess[worst] > 0 else None


# ---------------------------------------------------------------- what could be changed

Changes = Iterable[tuple[str, Experiment]]


def _candidates(kind: str, spec: Experiment) -> Iterator[tuple[str, Changes]]:
    """Keys with the values to try, the smallest change first."""
    compute, engine = spec.compute, spec.engine
    if kind in ("sft", "rl"):
        yield from _training(kind, spec)
    if isinstance(engine, VllmEngine) and kind != "sft":
        lower = [share for share in reversed(SHARES) if share < engine.gpu_memory]
        higher = [share for share in SHARES if share > engine.gpu_memory]
        yield "engine.gpu_memory", _changes(spec, "engine", "gpu_memory", [*lower, *higher])
        gpus = max(1, compute.workers) * compute.gpus_per_worker
        splits = [split for split in (2, 4, 8) if engine.tensor_parallel < split <= gpus]
        yield "engine.tensor_parallel", _changes(spec, "engine", "tensor_parallel", splits)
    yield "agent.context_tokens", _changes(spec, "agent", "context_tokens", _halves(spec.agent.context_tokens))


def _training(kind: str, spec: Experiment) -> Iterator[tuple[str, Changes]]:
    compute = spec.compute
    if not compute.activation_checkpointing:
        yield "compute.activation_checkpointing", _changes(spec, "compute", "activation_checkpointing", [True])
    yield (
        "compute.micro_batch_tokens",
        _changes(spec, "compute", "micro_batch_tokens", _halves(compute.micro_batch_tokens)),
    )
    more = takewhile(lambda count: count <= MOST_WORKERS, (max(1, compute.workers) << n for n in range(1, 11)))
    yield "compute.workers", _changes(spec, "compute", "workers", list(more))
    if compute.workers and compute.sharding == "none":
        yield "compute.sharding", _changes(spec, "compute", "sharding", ["full"])
    if compute.workers and not compute.offload:
        yield "compute.offload", _changes(spec, "compute", "offload", [True])
    optimizer = spec.rl if kind == "rl" else spec.sft
    if optimizer is not None and optimizer.lora is None:
        yield f"{kind}.lora", [("{}", _changed(spec, kind, "lora", Lora()))]
    if kind == "sft" and spec.sft is not None:
        yield "sft.max_tokens", _changes(spec, "sft", "max_tokens", _halves(spec.sft.max_tokens))


def _halves(value: int) -> list[int]:
    return list(takewhile(lambda tokens: tokens >= FEWEST_TOKENS, (value >> n for n in range(1, 20))))


def _changes(spec: Experiment, section: str, key: str, values: Sequence[Any]) -> Changes:
    for value in values:
        yield str(value).lower() if isinstance(value, bool) else str(value), _changed(spec, section, key, value)


def _changed(spec: Experiment, section: str, key: str, value: Any) -> Experiment:
    return spec.model_copy(update={section: getattr(spec, section).model_copy(update={key: value})})
