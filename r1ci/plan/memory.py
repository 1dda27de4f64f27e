"""The memory of one worker, part by part and phase by phase: what a GPU must hold, or this process on a CPU.

A step goes through phases (loading, sampling, the update, the optimizer's step, a checkpoint) that do not hold the same
things; the largest one is what the worker needs, and each has its limit. The parts follow the trainer as it
is: float32 weights, gradients and two AdamW moments (4 + 4 + 8 bytes a parameter, Muon 4 + 4 + 4 for the matrices of
layers), cut over the workers by FSDP2 and gathered layer by layer in the precision of the passes; log-probabilities
made in chunks; vLLM asleep during the update. Activations are those that PyTorch keeps for the backward pass of a
gated transformer layer with fused attention, counted tensor by tensor (in the manner of Korthikanti et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from r1ci.plan.assumptions import (
    ALLOCATOR_SHARE,
    CHUNK_LOGITS,
    PROCESS_MB,
    VLLM_ASLEEP_MB,
    VLLM_OVERHEAD_MB,
    Workload,
    number,
)
from r1ci.plan.hardware import HEADROOM
from r1ci.spec.models import HfEngine, Lora, Optimizer, VllmEngine


class Part(NamedTuple):
    """Something that lies in memory, and the text of how its size came about."""

    name: str
    size: float
    """Bytes."""
    text: str


class Phase(NamedTuple):
    """What lies in memory together."""

    parts: tuple[Part, ...]
    limit_mb: int
    """0 where nobody knows."""

    @property
    def mb(self) -> int:
        """All parts, 10^6 bytes."""
        return math.ceil(sum(part.size for part in self.parts) / 1e6)


@dataclass(frozen=True)
class Memory:
    """The phases of a step by name."""

    phases: Mapping[str, Phase]
    hosts: tuple[tuple[Part, ...], ...] = ()
    """What lies in the host's memory beside the worker's GPU, by phase: while the model is loaded, and after."""

    @property
    def peak(self) -> Phase:
        """The hungriest phase of the whole worker; the engine's own share is checked, but is part of another."""
        return max((phase for name, phase in self.phases.items() if name != ENGINE), key=lambda phase: phase.mb)

    @property
    def host(self) -> tuple[Part, ...]:
        """What the host holds when it holds most."""
        return max(self.hosts, key=lambda parts: sum(part.size for part in parts), default=())


ENGINE = "engine"
"""The phase that holds vLLM's reservation against what it must hold."""


# ---------------------------------------------------------------- the trainer


def training(work: Workload, spec: Optimizer, longest: int, sequences: int) -> Memory:
    """Memory of a worker of SFT, or of the trainer's side of RL, whose updates have so many sequences of at most
    ``longest`` tokens."""
    states = (*context(work), *_states(work, spec))
    update = (*states, *_passes(work, spec, longest, sequences))
    phases = {
        "update": Phase((*update, *_kept(work, update)), _limit(work)),
        "optimizer": Phase((*states, *_stepping(work, spec)), _limit(work)),
    }
    copied, loaded = _copied(work, spec), _loaded(work)
    if work.resources.gpus:
        offloaded = _trained_states(work, spec, "host") if work.offloaded else ()
        return Memory(phases, (loaded, (*offloaded, copied)))
    kept = tuple(part for part in states if part.name != "gradients")
    held = (*kept, copied)
    phases["checkpoint"] = Phase((*held, *_kept(work, held)), 0)
    if loaded:
        phases["loading"] = Phase((*context(work), *loaded), 0)
    return Memory(phases)


def rl(work: Workload, longest: int, sequences: int) -> Memory:
    """Memory of a worker of RL: the trainer, the reference model, a critic, and the engine that it takes turns with.

    ``sequences``: those of one update.
    """
    spec = work.spec.rl
    base = training(work, spec, longest, sequences)
    reference, critic, critic_copy = _reference(work), _critic(work), _critic_copy(work)
    beside = (*(() if work.offloaded else reference), *critic)
    asleep, awake = _engine_asleep(work, longest), engine(work, longest)
    phases = {name: Phase((*phase.parts, *beside, *asleep), phase.limit_mb) for name, phase in base.phases.items()}
    if "loading" in phases:
        phases["loading"] = base.phases["loading"]
    if "checkpoint" in phases:
        phases["checkpoint"] = Phase((*phases["checkpoint"].parts, *critic_copy), 0)
    resting = tuple(part for part in (*context(work), *_states(work, spec)) if part.name != "gradients")
    phases["sampling"] = Phase((*resting, *beside, *awake), _total(work) if _reserves(work) else _limit(work))
    phases |= _reservation(work, longest)
    if not base.hosts:
        return Memory(phases)
    loading, running = base.hosts
    offloaded = tuple(part._replace(name="host reference") for part in reference) if work.offloaded else ()
    return Memory(phases, (loading, (*running, *offloaded, *critic_copy, *_on_host(work))))


def sampling(work: Workload, longest: int) -> Memory:
    """Memory of a step that only samples."""
    limit = _total(work) if _reserves(work) else _limit(work)
    phase = Phase((*context(work), *engine(work, longest)), limit)
    return Memory({"sampling": phase, **_reservation(work, longest)}, (_on_host(work),))


def context(work: Workload) -> tuple[Part, ...]:
    """What a process takes before it holds any model."""
    return (Part("process", PROCESS_MB * 1e6, f"{PROCESS_MB} MB"),)


def _states(work: Workload, spec: Optimizer) -> tuple[Part, ...]:
    return () if work.offloaded else _trained_states(work, spec, "")


def _trained_states(work: Workload, spec: Optimizer, where: str) -> tuple[Part, ...]:
    """Weights, gradients and the optimizer's state, cut over the shards."""
    shards, learned, cut = work.shards, trained_parameters(work, spec.lora), _cut(work.shards)
    held = work.parameters + (0 if spec.lora is None else learned)
    moments, text = _moments(work, spec, learned)
    prefix = f"{where} " if where else ""
    return (
        Part(f"{prefix}weights", 4 * held / shards, f"4 bytes x {number(held)} parameters{cut}"),
        Part(f"{prefix}gradients", 4 * learned / shards, f"4 bytes x {number(learned)} parameters that learn{cut}"),
        Part(f"{prefix}optimizer", moments / shards, f"{text}{cut}"),
    )


def _moments(work: Workload, spec: Optimizer, learned: float) -> tuple[float, str]:
    if spec.optimizer == "muon" and spec.lora is None:
        inner = work.shape.layers * work.shape.layer_matrices
        text = f"(4 bytes x {number(inner)} by Muon + 8 bytes x {number(learned - inner)} by AdamW)"
        return 4 * inner + 8 * (learned - inner), text
    return 8 * learned, f"8 bytes x {number(learned)} parameters that learn"


def trained_parameters(work: Workload, lora: Lora | None) -> int:
    """Parameters that learn: all of them, or those of LoRA's adapters, rank x (inputs + outputs) for each layer."""
    if lora is None:
        return work.parameters
    sizes = work.shape.linears
    return work.shape.layers * sum(lora.rank * sum(sizes[name]) for name in lora.targets if name in sizes)


def _passes(work: Workload, spec: Optimizer, longest: int, sequences: int) -> tuple[Part, ...]:
    """What the forward and backward pass of the largest micro-batch adds."""
    tokens = min(max(work.spec.compute.micro_batch_tokens, longest), sequences * longest)
    parts = [_activations(work, tokens), _logits(work, spec)]
    if work.shards > 1 or work.offloaded:
        parts.append(_gathered(work, spec))
    elif work.weight_bytes == 2:
        size = 2 * work.parameters
        parts.append(Part("cast weights", size, f"2 bytes x {number(work.parameters)} parameters"))
    return tuple(parts)


def _activations(work: Workload, tokens: int) -> Part:
    """Kept for the backward pass by all layers, and again as gradients by the one whose turn it is."""
    shape, wide = work.shape, work.weight_bytes
    layer = shape.activation_bytes(wide)
    if work.spec.compute.activation_checkpointing:
        each = shape.layers * wide * shape.width + 2 * layer
        text = f"({shape.layers} layers x {wide * shape.width} bytes kept + 2 x {number(layer)} of one made again)"
    else:
        each = (shape.layers + 1) * layer
        text = f"({shape.layers} layers + 1) x {number(layer)} bytes"
    return Part("activations", tokens * each, f"{number(tokens)} tokens x {text}")


def _logits(work: Workload, spec: Optimizer) -> Part:
    """Three float32 tensors of one chunk, and the gradient that the output layer's weights are given if they learn."""
    chunk = max(CHUNK_LOGITS["cuda" if work.resources.gpus else "cpu"], work.shape.vocabulary)
    head = work.shape.vocabulary * work.shape.width if spec.lora is None else 0
    text = f"12 bytes x {number(chunk)} logits at a time + {work.weight_bytes} bytes x {number(head)} of the head"
    return Part("logits", 12 * chunk + work.weight_bytes * head, text)


def _gathered(work: Workload, spec: Optimizer) -> Part:
    """FSDP2's whole layers: one in use and the next one on its way, and the embeddings, which stay gathered; each with
    its gradient, which is added up in float32."""
    shape, wide = work.shape, work.weight_bytes
    root = shape.embedding_parameters
    gradients = 0 if spec.lora else wide * (root + shape.layer_parameters) + 4 * max(root, shape.layer_parameters)
    size = wide * (root + 2 * shape.layer_parameters) + gradients
    text = (
        f"{wide} bytes x ({number(root)} of the embeddings + 2 x {number(shape.layer_parameters)} of a layer) "
        f"+ {number(gradients)} of gradients"
    )
    return Part("gathered layers", size, text)


def _stepping(work: Workload, spec: Optimizer) -> tuple[Part, ...]:
    """What the optimizer's step adds: temporaries of all tensors at once on a GPU, of one on a CPU; and before it the
    message in which whole gradients are added up over workers."""
    learned = trained_parameters(work, spec.lora)
    parts = []
    if work.resources.gpus and not work.offloaded:
        size = 4 * learned / work.shards
        parts.append(Part("temporaries", size, f"4 bytes x {number(learned)} parameters{_cut(work.shards)}"))
    elif not work.resources.gpus:
        largest = min(learned, work.shape.vocabulary * work.shape.width)
        size = 8 * largest / work.shards
        parts.append(Part("temporaries", size, f"8 bytes x {number(largest)} of the largest{_cut(work.shards)}"))
    if work.resources.workers > 1 and work.shards == 1:
        parts.append(Part("message", 4 * learned, f"4 bytes x {number(learned)} gradients in one message"))
    return tuple(parts)


def _copied(work: Workload, spec: Optimizer) -> Part:
    """The copy in the host's memory that a checkpoint is written from."""
    learned = trained_parameters(work, spec.lora)
    moments, text = _moments(work, spec, learned)
    size = (4 * learned + moments) / work.shards
    return Part("checkpoint", size, f"(4 bytes x {number(learned)} weights + {text}){_cut(work.shards)}")


def _kept(work: Workload, parts: Sequence[Part]) -> tuple[Part, ...]:
    """What a CPU's allocator keeps of what was freed."""
    if work.resources.gpus:
        return ()
    held = sum(part.size for part in parts if part.name != "process")
    return (Part("kept by the allocator", ALLOCATOR_SHARE * held, f"{ALLOCATOR_SHARE:g} x {number(held)} bytes"),)


def _loaded(work: Workload) -> tuple[Part, ...]:
    """A model that is cut over workers is first read whole by each of them."""
    if work.shards == 1:
        return ()
    text = f"4 bytes x {number(work.parameters)} parameters, before they are cut"
    return (Part("whole model while loading", 4 * work.parameters, text),)


# ---------------------------------------------------------------- beside the policy


def _reference(work: Workload) -> tuple[Part, ...]:
    """The frozen model that KL is measured against, in the precision of the passes, sharded and offloaded as the policy
    is. Of a policy with adapters it is the weights below them."""
    if not work.spec.rl.objective.kl_coefficient or work.spec.rl.lora is not None:
        return ()
    text = f"{work.weight_bytes} bytes x {number(work.parameters)} parameters{_cut(work.shards)}"
    return (Part("reference", work.weight_bytes * work.parameters / work.shards, text),)


def _critic(work: Workload) -> tuple[Part, ...]:
    """A second trunk that learns: whole on every worker."""
    if work.spec.rl.critic is None:
        return ()
    trunk = _trunk(work)
    return (Part("critic", 16 * trunk, f"16 bytes x {number(trunk)} parameters"),)


def _critic_copy(work: Workload) -> tuple[Part, ...]:
    """The critic's share of the copy that a checkpoint is written from."""
    if work.spec.rl.critic is None:
        return ()
    trunk = _trunk(work)
    return (Part("critic's checkpoint", 12 * trunk, f"12 bytes x {number(trunk)} parameters"),)


def _trunk(work: Workload) -> int:
    """Parameters of the model without an output layer of its own."""
    return work.shape.layers * work.shape.layer_parameters + work.shape.vocabulary * work.shape.width


# ---------------------------------------------------------------- the engine


def engine(work: Workload, longest: int) -> tuple[Part, ...]:
    """What the engine adds while it samples: the weights that episodes are sampled with, and the key-value cache."""
    if _reserves(work):
        spec = work.spec.engine
        assert isinstance(spec, VllmEngine)
        size = spec.gpu_memory * work.device.memory_mb * 1e6
        text = f"engine.gpu_memory {spec.gpu_memory:g} x {number(work.device.memory_mb)} MB"
        return (Part("vLLM", size, text),)
    return (*_engine_asleep(work, longest), *_decoder(work))


def _engine_asleep(work: Workload, longest: int) -> tuple[Part, ...]:
    """What the engine keeps during the update: everything but what vLLM and the hf engine's decoder give back."""
    spec = work.spec.engine
    if _reserves(work):
        return (Part("vLLM asleep", VLLM_ASLEEP_MB * 1e6, f"{VLLM_ASLEEP_MB} MB"),)
    if _elsewhere(work) or not isinstance(spec, HfEngine | VllmEngine):
        return ()
    return (*_sampler(work), _cache(work, spec.max_in_flight, longest))


def _decoder(work: Workload) -> tuple[Part, ...]:
    """The copy of the weights that the hf engine decodes with on a CPU while episodes are open."""
    if work.on_gpu or not isinstance(work.spec.engine, HfEngine):
        return ()
    text = f"{work.weight_bytes} bytes x {number(work.parameters)} parameters"
    return (Part("decoding copy", work.weight_bytes * work.parameters, text),)


def _sampler(work: Workload) -> tuple[Part, ...]:
    """The whole copy that the engine samples with, or takes its weights from; none where it is the trained model."""
    if work.trains and not work.resources.workers and work.weight_bytes == 4:
        return ()
    text = f"{work.weight_bytes} bytes x {number(work.parameters)} parameters"
    return (Part("sampling copy", work.weight_bytes * work.parameters, text),)


def _on_host(work: Workload) -> tuple[Part, ...]:
    """The copy that vLLM takes its weights from waits in the host's memory."""
    return _sampler(work) if isinstance(work.spec.engine, VllmEngine) and work.on_gpu else ()


def _cache(work: Workload, in_flight: int, longest: int) -> Part:
    wide = work.weight_bytes
    size = in_flight * longest * work.shape.cache_bytes(wide)
    text = f"{in_flight} in flight x {number(longest)} tokens x {number(work.shape.cache_bytes(wide))} bytes"
    return Part("KV cache", size, text)


def _reservation(work: Workload, longest: int) -> dict[str, Phase]:
    """vLLM's share against what it must hold: the weights, its buffers, and the cache of at least one whole episode."""
    spec = work.spec.engine
    if not isinstance(spec, VllmEngine) or not work.resources.gpus:
        return {}
    wide, split = work.weight_bytes, spec.tensor_parallel
    parts = (
        Part("engine weights", wide * work.parameters / split, f"{wide} bytes x {number(work.parameters)} / {split}"),
        Part("buffers", VLLM_OVERHEAD_MB * 1e6, f"{VLLM_OVERHEAD_MB} MB"),
        Part(
            "KV cache of an episode",
            longest * work.shape.cache_bytes(wide) / split,
            f"one episode of {number(longest)} tokens x {number(work.shape.cache_bytes(wide))} bytes / {split}",
        ),
    )
    return {ENGINE: Phase(parts, math.floor(spec.gpu_memory * work.device.memory_mb))}


def cache_tokens(work: Workload) -> int:
    """Tokens that the key-value cache of one vLLM engine on GPUs has room for, over all its GPUs."""
    spec = work.spec.engine
    assert isinstance(spec, VllmEngine)
    held = work.weight_bytes * work.parameters / spec.tensor_parallel + VLLM_OVERHEAD_MB * 1e6
    room = spec.gpu_memory * work.device.memory_mb * 1e6 - held
    return max(0, math.floor(room * spec.tensor_parallel / work.shape.cache_bytes(work.weight_bytes)))


def _reserves(work: Workload) -> bool:
    """Whether vLLM takes a share of this worker's own GPU."""
    return isinstance(work.spec.engine, VllmEngine) and work.resources.gpus > 0 and not _elsewhere(work)


def _elsewhere(work: Workload) -> bool:
    """Whether RL samples on GPUs of its own."""
    spec = work.spec.engine
    return isinstance(spec, VllmEngine) and spec.placement == "actors" and work.trains


def _limit(work: Workload) -> int:
    return math.floor(work.device.memory_mb * HEADROOM)


def _total(work: Workload) -> int:
    return work.device.memory_mb


def _cut(shards: int) -> str:
    return f" / {shards} shards" if shards > 1 else ""


def short(memory: Memory) -> Iterable[tuple[str, Phase]]:
    """The phases that need more than they may have."""
    return ((name, phase) for name, phase in memory.phases.items() if phase.limit_mb and phase.mb > phase.limit_mb)
