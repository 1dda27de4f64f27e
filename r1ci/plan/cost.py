"""What each step is expected to cost: tokens, time, GPU-hours and memory, each with its formula as text.

Training takes 6 FLOPs per parameter and token (2 forward, 4 backward) and generation 2, after Kaplan et al. 2020,
section 2.1: attention over long contexts, which adds to both, is left out, and so is waiting for a server's rate
limits. What is assumed besides is in ``r1ci.plan.assumptions``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from r1ci.plan.assumptions import (
    DECODE_OVERHEAD_S,
    DISK_BYTES_PER_S,
    PROCESS_MB,
    PROGRAM_S,
    QUESTION_S,
    SERVER_TOKENS_PER_S,
    TAIL,
    TIMEOUT_SHARE,
    UPDATE_OVERHEAD_S,
    VLLM_IN_FLIGHT,
    Workload,
    episode,
    number,
    shape_of,
)
from r1ci.plan.steps import Estimate
from r1ci.spec.models import HfEngine, ProgramTeacher, VllmEngine


class Figure(NamedTuple):
    """A number and the text of how it came about."""

    value: float
    text: str


# ---------------------------------------------------------------- time


def training_s(work: Workload, tokens: float, flops: int, updates: int) -> Figure:
    """Time of so many optimizer steps over tokens, at so many FLOPs per parameter and token."""
    device = work.device
    arithmetic = flops * work.parameters * tokens / (work.devices * device.flops * device.trained)
    text = (
        f"training {flops} x {number(work.parameters)} parameters x {number(tokens)} tokens / "
        f"({work.devices} {device.name} x {number(device.flops)} FLOP/s x {device.trained}) + "
        f"{number(updates)} updates x {UPDATE_OVERHEAD_S} s"
    )
    return Figure(arithmetic + updates * UPDATE_OVERHEAD_S, text)


def generation_s(work: Workload, episodes: int, generated: float, batches: int = 1) -> Figure:
    """Time to sample episodes of so many tokens: the arithmetic, or reading the weights once per decoding step,
    whichever is longer."""
    tokens = episodes * generated
    if work.spec.engine.kind == "scripted":
        return Figure(0.0, "generation 0 (scripted)")
    if work.spec.engine.kind == "openai":
        return _server_s(tokens)
    device, devices, in_flight = work.device, work.devices, _in_flight(work)
    arithmetic = 2 * work.parameters * tokens / (devices * device.flops * device.generated)
    per_step = DECODE_OVERHEAD_S + work.parameters * work.weight_bytes / (device.bandwidth * devices)
    decoding = generated * (math.ceil(episodes / in_flight) + batches * (TAIL - 1)) * per_step
    if arithmetic >= decoding:
        text = (
            f"generation 2 x {number(work.parameters)} parameters x {number(tokens)} tokens / "
            f"({devices} {device.name} x {number(device.flops)} FLOP/s x {device.generated})"
        )
        return Figure(arithmetic, text)
    text = (
        f"generation {number(generated)} tokens x ({number(episodes)} episodes / {number(in_flight)} in flight "
        f"+ {number(batches)} x {TAIL - 1} for the longest) x {per_step * 1e3:.3g} ms per decoding step"
    )
    return Figure(decoding, text)


def _server_s(tokens: float) -> Figure:
    text = f"generation {number(tokens)} tokens / {number(SERVER_TOKENS_PER_S)} per s of the server"
    return Figure(tokens / SERVER_TOKENS_PER_S, text)


def execution_s(work: Workload, episodes: int, calls: float, batches: int = 1) -> Figure:
    """Time that programs add: their share of the executor, and each turn of a batch waiting for its slowest."""
    programs = episodes * calls
    if not programs:
        return Figure(0.0, "no programs")
    workers = _executor_workers(work)
    limit = work.spec.executor.timeout_s
    waits = min(1.0, TIMEOUT_SHARE * episodes / batches)
    value = programs * PROGRAM_S / workers + batches * calls * waits * limit
    text = (
        f"programs {number(programs)} x {PROGRAM_S} s / {workers} workers + time-outs {number(batches)} x "
        f"{number(calls)} turns x {waits:.2g} chance x {limit:g} s"
    )
    return Figure(value, text)


def _executor_workers(work: Workload) -> int:
    return work.spec.executor.workers or max(1, work.resources.cpus)


def _in_flight(work: Workload) -> int:
    engine = work.spec.engine
    if isinstance(engine, HfEngine):
        return engine.max_in_flight
    if isinstance(engine, VllmEngine):
        return VLLM_IN_FLIGHT * max(1, work.devices // engine.tensor_parallel if work.resources.gpus else 1)
    return 1


# ---------------------------------------------------------------- memory


def training_mb(work: Workload, batch_tokens: int, *, reference: bool) -> Figure:
    """Memory of one training worker.

    Weights, gradients and AdamW's two moments: 4 + 4 + 8 bytes per parameter in fp32; in bf16 2 + 2 + 8 and 4 for the
    fp32 master copy. Sharded over GPU workers, whole on CPU workers. Activations: 34 bytes per token, layer and unit of
    width in 16 bits (Korthikanti et al. 2022, without the attention matrix), or 2 with recomputation, assumed from a
    billion parameters on. Logits: two fp32 copies.
    """
    parameters, shape = work.parameters, shape_of(work.model, work.parameters)
    shards = max(1, work.resources.workers) if work.resources.gpus else 1
    per_parameter = 16 + (work.weight_bytes if reference else 0)
    tokens = min(work.spec.compute.micro_batch_tokens, batch_tokens)
    wide = work.weight_bytes // 2
    per_token = (2 if parameters >= 1e9 else 34) * wide * shape.layers * shape.width
    value = PROCESS_MB + (parameters * per_parameter / shards + tokens * (per_token + 8 * shape.vocabulary)) / 1e6
    text = (
        f"{PROCESS_MB} MB + {per_parameter} bytes x {number(parameters)} parameters / {shards} shards + "
        f"{number(tokens)} tokens x ({number(per_token)} activation + 8 x {number(shape.vocabulary)} logit bytes)"
    )
    return Figure(value, text)


def engine_mb(work: Workload, length: int) -> Figure:
    """Memory of the engine: weights and key-value cache, or the share of the GPU that vLLM reserves for both."""
    engine = work.spec.engine
    if isinstance(engine, VllmEngine) and work.resources.gpus:
        value = engine.gpu_memory * work.device.memory_mb
        return Figure(value, f"vLLM {engine.gpu_memory:g} x {number(work.device.memory_mb)} MB")
    if not isinstance(engine, HfEngine | VllmEngine):
        return Figure(0.0, "no engine here")
    shape, in_flight = shape_of(work.model, work.parameters), _in_flight(work)
    cache = in_flight * length * 2 * shape.layers * shape.kv_width * work.weight_bytes
    text = (
        f"engine {work.weight_bytes} bytes x {number(work.parameters)} parameters + {in_flight} in flight x "
        f"{number(length)} tokens x 2 x {shape.layers} layers x {shape.kv_width} x {work.weight_bytes} bytes of cache"
    )
    return Figure((work.parameters * work.weight_bytes + cache) / 1e6, text)


# ---------------------------------------------------------------- one estimate per kind of step


def estimate(kind: str, work: Workload, agent: str) -> Estimate:
    """What a step of a kind costs; ``agent`` is the one whose episodes it runs."""
    return _ESTIMATORS[kind](work, agent)


def _questions(work: Workload, agent: str) -> Estimate:
    train, test = work.spec.tasks.train, work.spec.tasks.test
    per_task = train.questions_per_task + train.sft_questions_per_task + train.new_questions_per_task
    count = work.train_tasks * per_task + work.test_tasks * test.questions_per_task
    text = (
        f"({work.train_tasks} training tasks x {number(per_task)} + {work.test_tasks} test tasks x "
        f"{number(test.questions_per_task)}) questions x {QUESTION_S} s"
    )
    return _estimate(work, 0, Figure(0, "none sampled"), [Figure(count * QUESTION_S, text)], [_process()])


def _demonstrations(work: Workload, agent: str) -> Estimate:
    spec, shape = work.spec.demonstrations, episode(work.spec.agent, agent)
    attempts = work.train_tasks * work.spec.tasks.train.sft_questions_per_task * spec.attempts
    programs = attempts * (1 + spec.teacher.flawed if isinstance(spec.teacher, ProgramTeacher) else shape.calls)
    workers = _executor_workers(work)
    text = f"programs {number(programs)} x {PROGRAM_S} s / {workers} workers"
    seconds = [Figure(programs * PROGRAM_S / workers, text)]
    tokens = 0
    if spec.teacher.kind == "openai":
        tokens = attempts * shape.generated
        seconds.append(_server_s(tokens))
    how = Figure(tokens, f"{number(attempts)} attempts x {shape.generated if tokens else 0} sampled; {shape.text}")
    return _estimate(work, tokens, how, seconds, [_process()])


def _model(work: Workload, agent: str) -> Estimate:
    size = work.parameters * work.weight_bytes
    text = f"{work.weight_bytes} bytes x {number(work.parameters)} parameters"
    seconds = Figure(size / DISK_BYTES_PER_S, f"{text} / {number(DISK_BYTES_PER_S)} bytes per s")
    return _estimate(work, 0, Figure(0, "none sampled"), [seconds], [_process(), Figure(size / 1e6, text)])


def demonstration_count(work: Workload) -> int:
    """Demonstrations there are at most: all attempts correct, capped per task."""
    per_task = work.spec.tasks.train.sft_questions_per_task * work.spec.demonstrations.attempts
    return work.train_tasks * min(work.spec.demonstrations.max_per_task, per_task)


def _sft(work: Workload, agent: str) -> Estimate:
    spec, shape = work.spec.sft, episode(work.spec.agent, work.spec.agent.kind)
    if spec is None:
        return Estimate()
    length = min(shape.total, spec.max_tokens)
    count = demonstration_count(work)
    tokens = count * length * spec.epochs
    updates = math.ceil(count / spec.batch_size) * spec.epochs
    how = Figure(tokens, f"{number(count)} demonstrations x {number(length)} x {spec.epochs} epochs; {shape.text}")
    memory = training_mb(work, spec.batch_size * length, reference=False)
    return _estimate(work, tokens, how, [training_s(work, tokens, 6, updates)], [memory])


def _potential(work: Workload, agent: str) -> Estimate:
    spec = work.spec.potential
    questions = work.train_tasks * work.spec.tasks.train.questions_per_task
    shapes = [episode(work.spec.agent, kind) for kind in spec.agents]
    episodes = questions * len(spec.temperatures) * len(shapes)
    tokens = questions * len(spec.temperatures) * sum(shape.generated for shape in shapes)
    seconds = [
        generation_s(work, episodes, tokens / episodes),
        execution_s(work, episodes, sum(shape.calls for shape in shapes) / len(shapes)),
    ]
    sampled = " + ".join(str(shape.generated) for shape in shapes)
    how = Figure(tokens, f"{number(questions)} questions x {len(spec.temperatures)} temperatures x ({sampled}) sampled")
    longest = max(shape.total for shape in shapes)
    return _estimate(work, tokens, how, seconds, [_process(), engine_mb(work, longest)])


def _partition(work: Workload, agent: str) -> Estimate:
    questions = work.train_tasks * work.spec.tasks.train.questions_per_task
    text = f"{number(questions)} questions x {QUESTION_S} s"
    return _estimate(work, 0, Figure(0, "none sampled"), [Figure(questions * QUESTION_S, text)], [_process()])


def _rl(work: Workload, agent: str) -> Estimate:
    rl, shape = work.spec.rl, episode(work.spec.agent, agent)
    steps = work.groups * work.spec.curriculum.steps_per_stage
    batch = rl.batch_questions * rl.group_size
    episodes = steps * batch
    # 6 for the update, 2 for the log-probabilities before it, 2 for the reference model's where KL is weighed
    flops = 8 + (2 if rl.objective.kl_coefficient else 0)
    seconds = [
        generation_s(work, episodes, shape.generated, steps),
        execution_s(work, episodes, shape.calls, steps),
        training_s(work, episodes * shape.total, flops, steps * rl.updates_per_step),
    ]
    tokens = episodes * shape.generated
    text = (
        f"{number(steps)} steps x {number(batch)} episodes ({number(rl.batch_questions)} questions x {rl.group_size}) "
        f"x {number(shape.generated)} sampled; {shape.text}"
    )
    if rl.evaluate_every:
        checks = steps // rl.evaluate_every
        asked = checks * work.train_tasks * work.spec.tasks.train.new_questions_per_task
        tokens += asked * shape.generated
        seconds.append(generation_s(work, asked, shape.generated, checks))
        seconds.append(execution_s(work, asked, shape.calls, max(1, checks)))
        text += f"; {number(asked)} more episodes to evaluate on new questions"
    training = training_mb(work, batch * shape.total, reference=bool(rl.objective.kl_coefficient))
    return _estimate(work, tokens, Figure(tokens, text), seconds, [training, engine_mb(work, shape.total)])


def _evaluation(work: Workload, agent: str) -> Estimate:
    spec, shape = work.spec, episode(work.spec.agent, agent)
    new, test = spec.tasks.train.new_questions_per_task, spec.tasks.test.questions_per_task
    questions = work.train_tasks * new + work.test_tasks * test
    episodes = questions * spec.evaluation.samples
    tokens = episodes * shape.generated
    text = (
        f"({work.train_tasks} training tasks x {number(new)} + {work.test_tasks} test tasks x {number(test)}) "
        f"questions x {spec.evaluation.samples} samples x {number(shape.generated)} sampled; {shape.text}"
    )
    seconds = [generation_s(work, episodes, shape.generated), execution_s(work, episodes, shape.calls)]
    return _estimate(work, tokens, Figure(tokens, text), seconds, [_process(), engine_mb(work, shape.total)])


_ESTIMATORS: Mapping[str, Callable[[Workload, str], Estimate]] = MappingProxyType(
    {
        "questions": _questions,
        "demonstrations": _demonstrations,
        "model": _model,
        "sft": _sft,
        "potential": _potential,
        "partition": _partition,
        "rl": _rl,
        "evaluation": _evaluation,
    }
)


def _process() -> Figure:
    return Figure(PROCESS_MB, f"{PROCESS_MB} MB")


def _estimate(work: Workload, tokens: int, how: Figure, seconds: list[Figure], memory: list[Figure]) -> Estimate:
    total = sum(part.value for part in seconds)
    gpus = work.resources.gpus
    formulas = {
        "tokens": how.text,
        "seconds": " + ".join(part.text for part in seconds if part.value),
        "memory_mb": " + ".join(part.text for part in memory if part.value),
    }
    if gpus:
        formulas["gpu_hours"] = f"{gpus} GPUs x {number(round(total, 1))} s / 3,600"
    return Estimate(
        tokens=tokens,
        seconds=round(total, 3),
        gpu_hours=round(total * gpus / 3600, 6),
        memory_mb=math.ceil(sum(part.value for part in memory)),
        formulas=formulas,
    )
