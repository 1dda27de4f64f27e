"""What each step is expected to cost: tokens, time, GPU-hours, money and memory, each with its formula as text.

Training takes 6 FLOPs per parameter and token (2 forward, 4 backward, of which 2 are for the weights' gradients and
fall away where only adapters learn) and generation 2, after Kaplan et al. 2020, section 2.1: attention over long
contexts, which adds to both, is left out, and so is waiting for a server's rate limits.
What is assumed besides is in ``r1ci.plan.assumptions`` and ``r1ci.plan.hardware``; memory is counted in
``r1ci.plan.memory``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from r1ci.plan import memory
from r1ci.plan.assumptions import (
    DECODE_OVERHEAD_S,
    DISK_BYTES_PER_S,
    PROGRAM_S,
    QUESTION_S,
    SERVER_TOKENS_PER_S,
    TAIL,
    TIMEOUT_SHARE,
    UPDATE_OVERHEAD_S,
    Episode,
    Workload,
    episode,
    number,
    sampled_per_step,
)
from r1ci.plan.layout import assumed, layout
from r1ci.plan.steps import Estimate
from r1ci.spec.models import HfEngine, Optimizer, ProgramTeacher, VllmEngine


class Figure(NamedTuple):
    """A number and the text of how it came about."""

    value: float
    text: str


# ---------------------------------------------------------------- time


def training_s(work: Workload, tokens: float, passes: Mapping[str, int], updates: int) -> Figure:
    """Time of so many optimizer steps over tokens, whose passes take so many FLOPs per parameter and token."""
    device, devices = work.device, work.trainers
    flops = " + ".join(f"{count} {name}" for name, count in passes.items())
    arithmetic = sum(passes.values()) * work.parameters * tokens / (devices * device.flops * device.trained)
    text = (
        f"training ({flops}) x {number(work.parameters)} parameters x {number(tokens)} tokens / "
        f"({devices} {device.name} x {number(device.flops)} FLOP/s x {device.trained:g}) + "
        f"{number(updates)} updates x {UPDATE_OVERHEAD_S} s"
    )
    return Figure(arithmetic + updates * UPDATE_OVERHEAD_S, text)


def generation_s(work: Workload, episodes: int, shape: Episode, batches: int = 1) -> Figure:
    """Time to sample episodes: reading their prompts, then the arithmetic, or reading weights and cache once per
    decoding step, whichever is longer."""
    tokens = episodes * shape.generated
    if work.spec.engine.kind == "scripted":
        return Figure(0.0, "generation 0 (scripted)")
    if work.spec.engine.kind == "openai":
        return _server_s(tokens)
    device, engines, split = work.device, work.engines, work.tensor_parallel if work.on_gpu else work.resources.cpus
    speed = engines * split * device.flops * device.generated
    speed_text = f"({engines * split} {device.name} x {number(device.flops)} FLOP/s x {device.generated:g})"
    read, read_text = _prompts_s(work, episodes, shape, speed, speed_text)
    arithmetic = 2 * work.parameters * tokens / speed
    in_flight = max(1, min(_in_flight(work, shape), math.ceil(episodes / batches / engines)))
    cache = in_flight * shape.total * work.shape.cache_bytes(work.weight_bytes) if work.on_gpu else 0
    per_step = DECODE_OVERHEAD_S + (work.parameters * work.weight_bytes + cache) / (device.bandwidth * split)
    decoding = shape.generated * (math.ceil(episodes / in_flight / engines) + batches * (TAIL - 1)) * per_step
    if arithmetic >= decoding:
        text = (
            f"generation {read_text}2 x {number(work.parameters)} parameters x {number(tokens)} tokens / {speed_text}"
        )
        return Figure(read + arithmetic, text)
    held = f"({number(work.parameters * work.weight_bytes)} bytes of weights + {number(cache)} of cache)"
    text = (
        f"generation {read_text}{number(shape.generated)} tokens x ({number(episodes)} episodes / {number(in_flight)} "
        f"in flight / {engines} engines + {number(batches)} x {TAIL - 1} for the longest) x {per_step * 1e3:.3g} ms "
        f"per decoding step, {1e3 * DECODE_OVERHEAD_S:g} ms + {held} / ({split} x {number(device.bandwidth)} bytes/s)"
    )
    return Figure(read + decoding, text)


def _prompts_s(work: Workload, episodes: int, shape: Episode, speed: float, speed_text: str) -> tuple[float, str]:
    """Reading prompts and programs' outputs on a GPU; on a CPU the share reached was measured with it."""
    if not work.on_gpu:
        return 0.0, ""
    tokens = episodes * (shape.total - shape.generated)
    text = f"reading 2 x {number(work.parameters)} parameters x {number(tokens)} tokens / {speed_text} + "
    return 2 * work.parameters * tokens / speed, text


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


def _at_once(ours: Sequence[Figure], theirs: Sequence[Figure]) -> Figure:
    """Time of two things that run beside each other: the longer one's."""
    both = [Figure(sum(each.value for each in some), _sum(some)) for some in (ours, theirs)]
    return Figure(max(each.value for each in both), f"the longer of ({both[0].text}) and ({both[1].text})")


def _sum(parts: Sequence[Figure]) -> str:
    return " + ".join(part.text for part in parts if part.value)


def _executor_workers(work: Workload) -> int:
    return work.spec.executor.workers or max(1, work.resources.cpus)


def _in_flight(work: Workload, shape: Episode) -> int:
    """Episodes that one engine decodes at once: as many as it may, and as its cache has room for."""
    engine = work.spec.engine
    if isinstance(engine, VllmEngine) and work.on_gpu:
        return min(engine.max_in_flight, memory.cache_tokens(work) // shape.total)
    return engine.max_in_flight if isinstance(engine, HfEngine | VllmEngine) else 1


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
    return _estimate(work, Figure(0, "none sampled"), [Figure(count * QUESTION_S, text)], _plain(work))


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
    return _estimate(work, how, seconds, _plain(work))


def _model(work: Workload, agent: str) -> Estimate:
    size = 4 * work.parameters
    text = f"4 bytes x {number(work.parameters)} parameters"
    seconds = Figure(size / DISK_BYTES_PER_S, f"{text} / {number(DISK_BYTES_PER_S)} bytes per s")
    need = _plain(work, memory.Part("weights", size, text))
    return _estimate(work, Figure(0, "none sampled"), [seconds], need)


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
    training = training_s(work, tokens, _update(work, spec), updates)
    longest = min(spec.max_tokens, work.spec.agent.context_tokens)
    need = memory.training(work, spec, longest, math.ceil(spec.batch_size / work.trainers))
    return _estimate(work, how, [training], need, {"trained": tokens / training.value})


def _update(work: Workload, spec: Optimizer) -> dict[str, int]:
    """FLOPs per parameter and token of the passes of an update."""
    again = {"activations made again": 2} if work.spec.compute.activation_checkpointing else {}
    return {"update": 6, **again} if spec.lora is None else {"update of adapters": 4, **again}


def _potential(work: Workload, agent: str) -> Estimate:
    spec = work.spec.potential
    questions = work.train_tasks * work.spec.tasks.train.questions_per_task
    shapes = [episode(work.spec.agent, kind) for kind in spec.agents]
    attempts = questions * len(spec.temperatures)
    generations = [generation_s(work, attempts, shape) for shape in shapes]
    tokens = attempts * sum(shape.generated for shape in shapes)
    seconds = [
        *generations,
        execution_s(work, attempts * len(shapes), sum(shape.calls for shape in shapes) / len(shapes)),
    ]
    sampled = " + ".join(str(shape.generated) for shape in shapes)
    how = Figure(tokens, f"{number(questions)} questions x {len(spec.temperatures)} temperatures x ({sampled}) sampled")
    rates = _generated(tokens, generations)
    return _estimate(work, how, seconds, memory.sampling(work, work.spec.agent.context_tokens), rates)


def _generated(tokens: float, generations: Sequence[Figure]) -> dict[str, float]:
    seconds = sum(each.value for each in generations)
    return {"generated": tokens / seconds} if seconds else {}


def _partition(work: Workload, agent: str) -> Estimate:
    questions = work.train_tasks * work.spec.tasks.train.questions_per_task
    text = f"{number(questions)} questions x {QUESTION_S} s"
    return _estimate(work, Figure(0, "none sampled"), [Figure(questions * QUESTION_S, text)], _plain(work))


def _rl(work: Workload, agent: str) -> Estimate:
    rl, shape = work.spec.rl, episode(work.spec.agent, agent)
    steps, batch = work.groups * work.spec.curriculum.steps_per_stage, rl.batch_questions * rl.group_size
    sampled, trained = sampled_per_step(rl), steps * batch
    episodes = math.ceil(sampled.batches * trained)
    rounds = steps * sampled.rounds
    generation = generation_s(work, episodes, shape, rounds)
    sampling = [generation, execution_s(work, episodes, shape.calls, rounds)]
    read = trained * shape.total - steps * rl.batch_questions * (rl.group_size - 1) * shape.prompt
    training = training_s(work, read, _rl_passes(work), steps * rl.updates_per_step)
    seconds = [_at_once(sampling, [training])] if work.engine_gpus else [*sampling, training]
    tokens = episodes * shape.generated
    text = (
        f"{number(steps)} steps x {number(batch)} episodes ({number(rl.batch_questions)} questions x {rl.group_size}) "
        f"{sampled.text}x {number(shape.generated)} sampled; {shape.text}; "
        f"{number(read)} tokens trained on, a question's prompt once for its {rl.group_size} episodes"
    )
    rates = {"trained": read / training.value, **_generated(tokens, [generation])}
    if rl.evaluate_every:
        checks = steps // rl.evaluate_every
        asked = checks * work.train_tasks * work.spec.tasks.train.new_questions_per_task
        tokens += asked * shape.generated
        seconds.append(generation_s(work, asked, shape, max(1, checks)))
        seconds.append(execution_s(work, asked, shape.calls, max(1, checks)))
        text += f"; {number(asked)} more episodes to evaluate on new questions"
    of_update = math.ceil(batch / rl.updates_per_step / work.trainers)
    need = memory.rl(work, work.spec.agent.context_tokens, of_update)
    return _estimate(work, Figure(tokens, text), seconds, need, rates)


def _rl_passes(work: Workload) -> dict[str, int]:
    """FLOPs per parameter and token of a step: the update; the policy's log-probabilities before it, where there are
    several updates or the rewards lose a KL; the reference model's, before the update for the rewards and in it for the
    loss or the metrics; a critic's values and its update.
    """
    rl = work.spec.rl
    passes = _update(work, rl)
    priced = rl.objective.kl_coefficient > 0 and rl.objective.kl_in != "loss"
    if rl.updates_per_step > 1 or priced:
        passes["log-probabilities before"] = 2
    if rl.objective.kl_coefficient:
        passes["reference"] = 4 if priced else 2
    if rl.critic is not None:
        passes["critic"] = 10 if work.spec.compute.activation_checkpointing else 8
    return passes


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
    generation = generation_s(work, episodes, shape)
    seconds = [generation, execution_s(work, episodes, shape.calls)]
    need = memory.sampling(work, spec.agent.context_tokens)
    return _estimate(work, Figure(tokens, text), seconds, need, _generated(tokens, [generation]))


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


def _plain(work: Workload, *parts: memory.Part) -> memory.Memory:
    return memory.Memory({"all": memory.Phase((*memory.context(work), *parts), 0)})


def _estimate(
    work: Workload,
    how: Figure,
    seconds: Sequence[Figure],
    need: memory.Memory,
    rates: Mapping[str, float] | None = None,
) -> Estimate:
    total = sum(part.value for part in seconds)
    gpus, peak, device = work.resources.gpus, need.peak, work.device
    hours = total * gpus / 3600
    formulas = {
        "tokens": how.text,
        "seconds": _sum(seconds),
        "memory_mb": _parts_text(peak.parts),
    }
    if need.host:
        formulas["host_mb"] = _parts_text(need.host)
    if gpus:
        currency = work.spec.compute.hardware.currency
        formulas["gpu_hours"] = f"{gpus} GPUs x {number(round(total, 1))} s / 3,600"
        formulas["cost"] = f"GPU-hours x {device.price:g} {currency} (compute.hardware.price_per_gpu_hour)"
    return Estimate(
        tokens=int(how.value),
        seconds=round(total, 3),
        gpu_hours=round(hours, 6),
        memory_mb=peak.mb,
        cost=round(hours * device.price, 2),
        currency=work.spec.compute.hardware.currency if gpus else "",
        memory=_parts_mb(peak.parts),
        phases={name: phase.mb for name, phase in need.phases.items()},
        parts={name: _parts_mb(phase.parts) for name, phase in need.phases.items()},
        limits={name: phase.limit_mb for name, phase in need.phases.items() if phase.limit_mb},
        host_mb=math.ceil(sum(part.size for part in need.host) / 1e6),
        host=_parts_mb(need.host),
        layout=layout(work),
        rates={name: round(value, 1) for name, value in (rates or {}).items()},
        assumed=assumed(work),
        formulas=formulas,
    )


def _parts_mb(parts: Sequence[memory.Part]) -> dict[str, int]:
    return {part.name: math.ceil(part.size / 1e6) for part in parts if part.size}


def _parts_text(parts: Sequence[memory.Part]) -> str:
    return " + ".join(f"{part.name} {part.text}" for part in parts if part.size)
