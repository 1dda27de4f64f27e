"""How a step is laid out over its workers and engines, in words, and the numbers that its estimates rest on."""

from __future__ import annotations

from r1ci.plan.assumptions import (
    DECODE_OVERHEAD_S,
    SIGNAL_SHARE,
    TAIL,
    UPDATE_OVERHEAD_S,
    Workload,
    sampled_per_step,
)
from r1ci.spec.models import HfEngine, VllmEngine


def layout(work: Workload) -> str:
    """How weights are cut and where episodes are sampled; empty for steps that hold no model."""
    parts = []
    if work.trains:
        parts.append(_training(work))
    if work.kind in ("rl", "potential", "evaluation"):
        parts.append(_sampling(work))
    return "; ".join(filter(None, parts))


def _training(work: Workload) -> str:
    compute = work.spec.compute
    if work.shards > 1:
        text = f"FSDP2 over {work.shards} workers (compute.sharding full)"
    else:
        workers = max(1, compute.workers)
        text = "one process" if workers == 1 else f"{workers} workers, each with the whole model"
    text += f", {compute.precision} passes from fp32 weights" if compute.precision == "bf16" else ", fp32"
    if compute.activation_checkpointing:
        text += ", activations made again"
    if work.offloaded:
        text += ", weights and optimizer on the host"
    spec = work.spec.rl if work.kind == "rl" else work.spec.sft
    if spec is not None and spec.lora is not None:
        text += f", LoRA of rank {spec.lora.rank}"
    return text


def _sampling(work: Workload) -> str:
    engine, split = work.spec.engine, work.tensor_parallel
    if not isinstance(engine, HfEngine | VllmEngine):
        return ""
    if not work.on_gpu:
        return f"the {engine.kind} engine in each process"
    over = f", each tensor parallel over {split} GPUs" if split > 1 else ""
    engines = f"{work.engines} {engine.kind} engine{'s' if work.engines > 1 else ''}{over}"
    if not work.trains:
        return f"{engines}, on {work.resources.gpus} GPU{'s' if work.resources.gpus > 1 else ''}"
    where = f"{work.engine_gpus} GPUs of their own" if work.engine_gpus else "the workers' GPUs"
    return f"{engines}, on {where}"


def assumed(work: Workload) -> dict[str, float]:
    """What time and cost rest on: from data sheets, from ``compute.hardware``, measured, or assumed."""
    device = work.device
    found = {
        "peak_flops": device.flops,
        "training_share_of_peak": device.trained,
        "generation_share_of_peak": device.generated,
        "decoding_bytes_per_s": device.bandwidth,
        "decoding_step_overhead_s": DECODE_OVERHEAD_S,
        "update_overhead_s": UPDATE_OVERHEAD_S,
        "longest_episode_over_mean": float(TAIL),
    }
    if work.kind == "rl" and work.spec.rl.dynamic_sampling is not None:
        found |= {
            "groups_with_signal": SIGNAL_SHARE,
            "batches_sampled_per_step": sampled_per_step(work.spec.rl).batches,
            "batches_sampled_at_most": 1.0 + work.spec.rl.dynamic_sampling.max_rounds,
        }
    if work.on_gpu:
        found |= {"gpu_memory_mb": float(device.memory_mb), "price_per_gpu_hour": device.price}
    return found
