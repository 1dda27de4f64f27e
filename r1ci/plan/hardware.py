"""What machines can do and cost: peaks from data sheets, and the shares of them that are assumed or were measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from r1ci.spec.models import Hardware


@dataclass(frozen=True)
class Gpu:
    """One kind of GPU, from NVIDIA's data sheets of the SXM modules; dense arithmetic."""

    name: str
    flops: Mapping[str, float]
    """Peak, FLOP/s, by precision."""
    bandwidth: float
    """Memory bandwidth, bytes/s."""
    memory_gb: float


GPUS: Mapping[str, Gpu] = MappingProxyType(
    {
        "h100": Gpu("H100", {"bf16": 989e12, "fp32": 67e12}, 3.35e12, 80.0),
        "h200": Gpu("H200", {"bf16": 989e12, "fp32": 67e12}, 4.8e12, 141.0),
        "a100": Gpu("A100", {"bf16": 312e12, "fp32": 19.5e12}, 2.039e12, 80.0),
    }
)

HEADROOM = 0.95
"""Share of a GPU's memory that a step may plan with; the allocator's fragments take the rest (assumed)."""


@dataclass(frozen=True)
class Device:
    """One GPU or CPU core, and the share of it that training and generation are taken to reach."""

    name: str
    flops: float
    """Peak, FLOP/s."""
    trained: float
    """Share of the peak reached in training: model FLOPs utilisation."""
    generated: float
    """Share of the peak reached in reading prompts and in batched generation."""
    bandwidth: float
    """Memory bandwidth reached in decoding, bytes/s: each step reads all weights and the key-value cache once."""
    memory_mb: int
    """Memory of one, 10^6 bytes; 0 where nobody knows."""
    price: float
    """Of one for an hour."""


CPU_CORE = Device("CPU core", 1e11, 0.55, 0.17, 1e10, 0, 0.0)
"""Measured with SmolLM2-135M in fp32 on two cores: 140 tokens/s trained, 130 generated. bf16 is taken to be as fast,
which holds only with AVX512-BF16 or AMX."""


def gpu_device(hardware: Hardware, precision: str) -> Device:
    """The GPU of a spec, with the shares and the price that the spec assumes."""
    gpu = GPUS[hardware.gpu]
    memory_gb = gpu.memory_gb if hardware.memory_gb is None else hardware.memory_gb
    return Device(
        name=f"{gpu.name}, {precision}",
        flops=gpu.flops[precision],
        trained=hardware.mfu,
        generated=hardware.mfu,
        bandwidth=gpu.bandwidth * hardware.bandwidth_share,
        memory_mb=round(1000 * memory_gb),
        price=hardware.price_per_gpu_hour,
    )
