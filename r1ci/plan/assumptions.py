"""What the estimates assume: the length of an episode, the shapes of models, overheads. Each constant says its source.

The figures are for planning, right within a small factor at best; what a run really cost is in its provenance and
metrics.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from r1ci.plan.hardware import CPU_CORE, Device, gpu_device
from r1ci.plan.steps import Resources
from r1ci.spec.models import AgentSpec, Experiment, GgufModel, HfEngine, HubModel, Rl, TinyModel, VllmEngine

DECODE_OVERHEAD_S = 0.005
"""One decoding step costs at least this, whatever the model: Python, sampling, kernel launches (assumed)."""
UPDATE_OVERHEAD_S = 0.05
"""One optimizer step costs this besides its arithmetic: Python, kernel launches, communication (assumed)."""
TAIL = 4
"""The longest episode of a batch is taken to be this many times the mean (assumed)."""
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
SIGNAL_SHARE = 0.5
"""Share of groups whose rewards differ, which dynamic sampling keeps (assumed)."""
QUESTION_S = 0.001
"""Making one question (assumed)."""
PROCESS_MB = 600
"""Python with torch, transformers and Ray loaded (measured: benchmarks/memory.py), or a CUDA context and the buffers of
its communication (assumed)."""
ALLOCATOR_SHARE = 0.15
"""Of what an update or a checkpoint holds on a CPU besides the process, as much again is memory that was freed and that
glibc keeps for later; none is kept with MALLOC_MMAP_THRESHOLD_=131072 (measured: docs/benchmarks.md)."""
VLLM_OVERHEAD_MB = 4000
"""Of vLLM's share of a GPU, what neither weights nor cache can have: activations of its largest batch, CUDA graphs
(assumed)."""
VLLM_ASLEEP_MB = 2000
"""What vLLM still holds on the GPU while it sleeps: CUDA graphs, buffers (assumed)."""
CHUNK_LOGITS = MappingProxyType({"cuda": 1 << 26, "cpu": 1 << 22})
"""Logits that the trainer makes at a time (``r1ci.train.logprobs.CHUNK_LOGITS``)."""
DISK_BYTES_PER_S = 5e8
"""Reading weights (assumed)."""


@dataclass(frozen=True)
class Shape:
    """What of a decoder's shape memory and time depend on."""

    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    feedforward: int
    vocabulary: int
    tied: bool
    """Whether the output layer's weights are the embeddings."""
    bias: bool
    """Whether queries, keys and values have biases (Qwen2) or not (Llama)."""

    @property
    def query_width(self) -> int:
        """Heads x head size."""
        return self.heads * self.head_size

    @property
    def kv_width(self) -> int:
        """Key-value heads x head size."""
        return self.kv_heads * self.head_size

    @property
    def linears(self) -> Mapping[str, tuple[int, int]]:
        """Inputs and outputs of a layer's linear maps by the names that transformers gives them."""
        width, query, kv, feed = self.width, self.query_width, self.kv_width, self.feedforward
        return {
            "q_proj": (width, query),
            "k_proj": (width, kv),
            "v_proj": (width, kv),
            "o_proj": (query, width),
            "gate_proj": (width, feed),
            "up_proj": (width, feed),
            "down_proj": (feed, width),
        }

    @property
    def layer_matrices(self) -> int:
        """Parameters of the matrices of one layer."""
        return sum(inputs * outputs for inputs, outputs in self.linears.values())

    @property
    def layer_parameters(self) -> int:
        """Parameters of one layer: its matrices, two norms, biases."""
        biases = self.query_width + 2 * self.kv_width if self.bias else 0
        return self.layer_matrices + 2 * self.width + biases

    @property
    def embedding_parameters(self) -> int:
        """Parameters of the embeddings and, where it has its own, the output layer."""
        return self.vocabulary * self.width * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.layers * self.layer_parameters + self.embedding_parameters + self.width

    def activation_bytes(self, wide: int) -> int:
        """What the backward pass of one layer needs of one token: per norm its input in float32, that input scaled and
        its output; queries, keys, values and the attention's output; four tensors of the gated feed-forward layer."""
        norms = 2 * (4 + 2 * wide) * self.width
        return norms + wide * (2 * self.query_width + 2 * self.kv_width + 4 * self.feedforward)

    def cache_bytes(self, wide: int) -> int:
        """Keys and values of one token over all layers."""
        return 2 * self.layers * self.kv_width * wide


SHAPES = MappingProxyType(
    {
        "smollm2-135m": Shape(30, 576, 9, 3, 64, 1536, 49_152, tied=True, bias=False),
        "qwen2.5-3b": Shape(36, 2048, 16, 2, 128, 11_008, 151_936, tied=True, bias=True),
        "qwen2.5-7b": Shape(28, 3584, 28, 4, 128, 18_944, 152_064, tied=False, bias=True),
        "qwen2.5-14b": Shape(48, 5120, 40, 8, 128, 13_824, 152_064, tied=False, bias=True),
    }
)
"""From the published config.json of HuggingFaceTB/SmolLM2-135M-Instruct, Qwen/Qwen2.5-3B-Instruct,
Qwen/Qwen2.5-7B-Instruct-1M and Qwen/Qwen2.5-14B-Instruct-1M; their parameters add up to the published numbers. Other
models are taken to be 128 times as wide as deep, with 12 x layers x width^2 parameters, 8 queries per key-value head, a
feed-forward layer 3.25 times as wide, a vocabulary of 152,064 of their own besides."""

UNKNOWN_PARAMETERS = 7_000_000_000
"""Taken for a model whose size the spec does not say."""


@dataclass(frozen=True)
class Workload:
    """What the estimates of one cell's steps are made from."""

    kind: str
    """The step's."""
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
    def shape(self) -> Shape:
        """The model's: its own, its preset's, or one inferred from its size."""
        return shape_of(self.model, self.parameters)

    @property
    def device(self) -> Device:
        """What the step runs on."""
        compute = self.spec.compute
        return gpu_device(compute.hardware, compute.precision) if self.resources.gpus else CPU_CORE

    @property
    def on_gpu(self) -> bool:
        """Whether the step runs on GPUs."""
        return self.resources.gpus > 0

    @property
    def trainers(self) -> int:
        """GPUs, or CPU cores, that train: a worker uses one GPU."""
        return max(1, self.spec.compute.workers) if self.on_gpu else self.resources.cpus

    @property
    def tensor_parallel(self) -> int:
        """GPUs that one copy of the sampled model is split over."""
        engine = self.spec.engine
        return engine.tensor_parallel if isinstance(engine, VllmEngine) and self.on_gpu else 1

    @property
    def engines(self) -> int:
        """Engines that sample at the same time."""
        return max(1, (self.engine_gpus or self.resources.gpus) // self.tensor_parallel)

    @property
    def engine_gpus(self) -> int:
        """GPUs that RL samples on beside those of its workers."""
        return engine_gpus(self.spec) if self.kind == "rl" else 0

    @property
    def weight_bytes(self) -> int:
        """Bytes of one number in the model's passes."""
        return 2 if self.spec.compute.precision == "bf16" else 4

    @property
    def trains(self) -> bool:
        """Whether the step trains, on the workers of the compute section."""
        return self.kind in ("sft", "rl")

    @property
    def shards(self) -> int:
        """Pieces that the trained model is cut into: one per worker, unless every worker holds all of it."""
        compute = self.spec.compute
        return compute.workers if self.trains and compute.workers and compute.sharding == "full" else 1

    @property
    def offloaded(self) -> bool:
        """Whether weights, gradients and optimizer live in the host's memory."""
        return self.trains and self.spec.compute.offload and self.resources.gpus > 0


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


@dataclass(frozen=True)
class Sampled:
    """What a step of RL samples."""

    batches: float
    """Episodes, in batches of ``rl.batch_questions`` x ``rl.group_size``."""
    rounds: int
    """How often they are waited for."""
    text: str = ""
    """Of a formula: the factor that dynamic sampling brings, and between what it may lie."""


def sampled_per_step(rl: Rl) -> Sampled:
    """A batch, and what dynamic sampling draws besides: the rounds of ``r1ci.train.rollouts`` where half of the groups
    have signal (SIGNAL_SHARE) and no stage runs out of questions."""
    spec = rl.dynamic_sampling
    if spec is None:
        return Sampled(1.0, 1)
    batches, rounds, missing = 1.0, 1, 1 - SIGNAL_SHARE
    while rounds <= spec.max_rounds and missing * rl.batch_questions >= 1:
        drawn = min(1.0, missing * spec.over_sampling)
        batches, rounds, missing = batches + drawn, rounds + 1, missing - SIGNAL_SHARE * drawn
    most = 1 + spec.max_rounds
    return Sampled(batches, rounds, f"x {batches:.3g} batches by dynamic sampling (from 1 to {most}) ")


def engine_gpus(spec: Experiment) -> int:
    """GPUs of vLLM's actors beside those of the training workers."""
    engine = spec.engine
    if not isinstance(engine, VllmEngine) or engine.placement != "actors" or not spec.compute.gpus_per_worker:
        return 0
    return max(1, spec.compute.workers) * engine.engines * engine.tensor_parallel


def sampling_gpus(spec: Experiment) -> int:
    """GPUs of a step that only samples: one process with one vLLM engine, or several as actors; one GPU for hf."""
    engine = spec.engine
    if not spec.compute.gpus_per_worker or not isinstance(engine, HfEngine | VllmEngine):
        return 0
    if isinstance(engine, HfEngine):
        return 1
    return engine.tensor_parallel * (engine.engines if engine.placement == "actors" else 1)


def number(value: float) -> str:
    """A number for people: 1,536 or 7.62e9."""
    if abs(value) < 1e6:
        return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def shape_of(model: TinyModel | GgufModel | HubModel, parameters: int) -> Shape:
    """The model's shape: its own, its preset's, or one inferred from its size."""
    if isinstance(model, TinyModel):
        head = model.width // model.heads
        sizes = (model.layers, model.width, model.heads, model.kv_heads, head, model.feedforward, model.vocabulary)
        return Shape(*sizes, tied=True, bias=True)
    if model.name in SHAPES:
        return SHAPES[model.name]
    width = max(64, round((parameters * 128 / 12) ** (1 / 3) / 64) * 64)
    heads = max(8, width // 128)
    sizes = (max(1, width // 128), width, heads, heads // 8, width // heads, round(3.25 * width), 152_064)
    return Shape(*sizes, tied=False, bias=False)
