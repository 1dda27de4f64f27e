"""What the estimates assume: devices, the length of an episode, the shapes of models. Each constant says its source.

The figures are for planning, right within a small factor at best; what a run really cost is in its provenance and
metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from r1ci.plan.steps import Resources
from r1ci.spec.models import AgentSpec, Experiment, GgufModel, HubModel, TinyModel


@dataclass(frozen=True)
class Device:
    """One GPU or CPU core: what it can do, and the share of it that training and generation are taken to reach."""

    name: str
    flops: float
    """Peak, FLOP/s."""
    trained: float
    """Share of the peak reached in training."""
    generated: float
    """Share of the peak reached in batched generation."""
    bandwidth: float
    """Memory bandwidth, bytes/s: each decoding step reads all weights once."""
    memory_mb: int


H100 = MappingProxyType(
    {
        "bf16": Device("H100, bf16", 989e12, 0.30, 0.10, 3.35e12, 81_000),
        "fp32": Device("H100, fp32", 67e12, 0.50, 0.20, 3.35e12, 81_000),
    }
)
"""Peaks, bandwidth and memory from NVIDIA's data sheet of the H100 SXM (dense); shares assumed, for sharded full
training on sequences of uneven length."""

CPU_CORE = Device("CPU core", 1e11, 0.55, 0.17, 1e10, 0)
"""Measured with SmolLM2-135M in fp32 on two cores: 140 tokens/s trained, 130 generated. bf16 is taken to be as fast,
which holds only with AVX512-BF16 or AMX."""

DECODE_OVERHEAD_S = 0.005
"""One decoding step costs at least this, whatever the model: Python, sampling, kernel launches (assumed)."""
UPDATE_OVERHEAD_S = 0.05
"""One optimizer step costs this besides its arithmetic: Python, kernel launches, communication (assumed)."""
TAIL = 4
"""The longest episode of a batch is taken to be this many times the mean (assumed)."""
VLLM_IN_FLIGHT = 256
"""Sequences decoded at once by one vLLM engine (assumed)."""
SERVER_TOKENS_PER_S = 3200
"""Of an OpenAI-compatible server: 64 requests at once, 50 tokens/s each (assumed)."""
PROMPT_TOKENS = 512
"""Prompt of an episode, at most a quarter of its context (assumed)."""
TURN_SHARE = 4
"""A turn takes one part in four of turn_tokens (assumed)."""
OUTPUT_SHARE = 8
"""A program's output takes one part in eight of max_output_tokens (assumed)."""
CALLS = MappingProxyType({"all_text": 0, "all_code": 1, "code_agent": 2, "codesteer": 3})
"""Programs per episode (assumed); every agent but all_code takes one more turn to answer."""
PROGRAM_S = 0.03
"""Wall-clock time of one program on one core: start-up of a Python process, mostly (assumed)."""
TIMEOUT_SHARE = 0.001
"""Share of programs that run into the time limit (assumed)."""
QUESTION_S = 0.001
"""Making one question (assumed)."""
PROCESS_MB = 600
"""Python with torch loaded, or a CUDA context (assumed)."""
DISK_BYTES_PER_S = 5e8
"""Reading weights (assumed)."""


@dataclass(frozen=True)
class Shape:
    """What of a model's shape memory depends on."""

    layers: int
    width: int
    kv_width: int
    """Key-value heads x head size."""
    vocabulary: int


SHAPES = MappingProxyType(
    {
        "smollm2-135m": Shape(30, 576, 192, 49_152),
        "qwen2.5-3b": Shape(36, 2048, 256, 151_936),
        "qwen2.5-7b": Shape(28, 3584, 512, 152_064),
        "qwen2.5-14b": Shape(48, 5120, 1024, 152_064),
    }
)
"""From each preset's published configuration. Other models are taken to be 128 times as wide as deep, 12 x layers x
width^2 parameters, 8 queries per key-value head, a vocabulary of 152,064."""

UNKNOWN_PARAMETERS = 7_000_000_000
"""Taken for a model whose size the spec does not say."""


@dataclass(frozen=True)
class Workload:
    """What the estimates of one cell's steps are made from."""

    spec: Experiment
    model: TinyModel | GgufModel | HubModel
    train_tasks: int
    test_tasks: int
    groups: int
    resources: Resources

    @property
    def parameters(self) -> int:
        """Parameters of the model."""
        return self.model.parameters or UNKNOWN_PARAMETERS

    @property
    def device(self) -> Device:
        """What the step runs on."""
        return H100[self.spec.compute.precision] if self.resources.gpus else CPU_CORE

    @property
    def devices(self) -> int:
        """How many of them."""
        return self.resources.gpus or self.resources.cpus

    @property
    def weight_bytes(self) -> int:
        """Bytes of one parameter."""
        return 2 if self.spec.compute.precision == "bf16" else 4


@dataclass(frozen=True)
class Episode:
    """The length of a mean episode, in tokens."""

    prompt: int
    turns: int
    turn: int
    calls: int
    output: int

    @property
    def generated(self) -> int:
        """Tokens that the model samples."""
        return self.turns * self.turn

    @property
    def total(self) -> int:
        """All tokens."""
        return self.prompt + self.generated + self.calls * self.output

    @property
    def text(self) -> str:
        """How the total came about."""
        return (
            f"episode = {self.prompt} prompt + {self.turns} turns x {self.turn} "
            f"+ {self.calls} outputs x {self.output} = {number(self.total)} tokens"
        )


def episode(agent: AgentSpec, kind: str) -> Episode:
    """The mean episode of an agent, by the assumptions above."""
    calls = min(CALLS[kind], agent.max_code_calls)
    return Episode(
        prompt=min(PROMPT_TOKENS, max(1, agent.context_tokens // 4)),
        turns=1 if kind == "all_code" else calls + 1,
        turn=max(1, agent.turn_tokens // TURN_SHARE),
        calls=calls,
        output=agent.max_output_tokens // OUTPUT_SHARE,
    )


def number(value: float) -> str:
    """A number for people: 1,536 or 7.62e9."""
    if abs(value) < 1e6:
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def shape_of(model: TinyModel | GgufModel | HubModel, parameters: int) -> Shape:
    """The model's shape: its own, its preset's, or one inferred from its size."""
    if isinstance(model, TinyModel):
        return Shape(model.layers, model.width, model.kv_heads * model.width // model.heads, model.vocabulary)
    if model.name in SHAPES:
        return SHAPES[model.name]
    width = max(64, round((parameters * 128 / 12) ** (1 / 3)))
    return Shape(max(1, width // 128), width, width // 8, 152_064)
