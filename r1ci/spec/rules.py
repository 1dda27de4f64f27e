"""The linter's rules over one variant of a spec. To add one: a function here, a section in docs/spec.md, a test."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import get_args

from r1ci.spec.diagnostics import Severity, did_you_mean
from r1ci.spec.models import Experiment, FileTeacher, OpenaiEngine, ProgramTeacher, VllmEngine
from r1ci.spec.vocabulary import Vocabulary

PROMPT_TOKENS = 256
"""Rough length of an agent's prompt with a short question, for the warning of context-too-small."""
SEEDS_FOR_AN_INTERVAL = 3


@dataclass(frozen=True)
class Finding:
    """What a rule has to say about a key."""

    key: str
    message: str
    found: str = ""
    allowed: str = ""
    help: str = ""
    severity: Severity | None = None
    """Where it differs from the rule's."""


Check = Callable[[Experiment, Vocabulary], Iterator[Finding]]


@dataclass(frozen=True)
class Rule:
    """A named check."""

    id: str
    severity: Severity
    check: Check


RULES: list[Rule] = []


def _rule(id: str, severity: Severity) -> Callable[[Check], Check]:
    def add(check: Check) -> Check:
        RULES.append(Rule(id, severity, check))
        return check

    return add


def reaches(spec: Experiment, stop: str) -> bool:
    """Whether a cell gets as far as a stop of ``until``."""
    stops: tuple[str, ...] = get_args(Experiment.model_fields["until"].annotation)
    return stops.index(spec.until) >= stops.index(stop)


def train_tasks(spec: Experiment, known: Vocabulary) -> tuple[str, ...]:
    """The tasks trained on."""
    return known.train(spec.tasks)


def test_tasks(spec: Experiment, known: Vocabulary) -> tuple[str, ...]:
    """The tasks held out."""
    return known.test(spec.tasks)


# ---------------------------------------------------------------- tasks


@_rule("unknown-task", "error")
def _unknown_task(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    for part, section in (("train", spec.tasks.train), ("test", spec.tasks.test)):
        for name in ("include", "exclude"):
            for index, pattern in enumerate(getattr(section, name)):
                key = f"tasks.{part}.{name}.{index}"
                splits = {split for task, split in known.tasks.items() if fnmatch.fnmatchcase(task, pattern)}
                if not splits:
                    yield Finding(key, _matches_nothing(pattern), help=_suggest_task(pattern, known))
                elif name == "include" and section.split not in ("any", *splits) and spec.tasks.leave_out is None:
                    message = f"'{pattern}' matches only {' and '.join(sorted(splits))} tasks"
                    help = f"write tasks.{part}.split: any to take tasks of both splits"
                    yield Finding(key, message, found=f"tasks.{part}.split is {section.split}", help=help)
    for task in spec.tasks.params:
        if task not in known.tasks:
            yield Finding(f"tasks.params.{task}", f"there is no task '{task}'", help=_suggest_task(task, known))


@_rule("unknown-source", "error")
def _unknown_source(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    named = [("tasks.leave_out", spec.tasks.leave_out)] if spec.tasks.leave_out is not None else []
    named += [(f"tasks.train.sources.{n}", source) for n, source in enumerate(spec.tasks.train.sources)]
    named += [(f"tasks.test.sources.{n}", source) for n, source in enumerate(spec.tasks.test.sources)]
    for key, source in named:
        if source not in known.sources:
            help = did_you_mean(source, known.sources) or f"there are {', '.join(known.sources)}"
            yield Finding(key, f"no task is of the source '{source}'", help=help)


def _matches_nothing(pattern: str) -> str:
    return f"'{pattern}' matches no task" if set(pattern) & set("*?[") else f"there is no task '{pattern}'"


def _suggest_task(name: str, known: Vocabulary) -> str:
    same_name = [task for task in known.tasks if task.rsplit("/", 1)[-1] == name.rsplit("/", 1)[-1]]
    if same_name:
        return f"did you mean '{same_name[0]}'?"
    return did_you_mean(name, known.tasks) or "r1ci ls tasks lists the tasks there are"


@_rule("no-training-tasks", "error")
def _no_training_tasks(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if not train_tasks(spec, known):
        yield Finding("tasks.train", "no task is left to train on", help="widen include, or shorten exclude")


@_rule("unused-params", "warning")
def _unused_params(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    selected = {*train_tasks(spec, known), *test_tasks(spec, known)}
    for task in spec.tasks.params:
        if task in known.tasks and task not in selected:
            yield Finding(f"tasks.params.{task}", f"parameters for '{task}', which is not selected")


@_rule("evaluation-overlaps-training", "error")
def _evaluation_overlaps_training(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    train, test = train_tasks(spec, known), test_tasks(spec, known)
    shared = [task for task in test if task in train]
    if shared:
        yield Finding(
            "tasks.test",
            f"{_some(shared)} {'is' if len(shared) == 1 else 'are'} both trained on and a test task",
            help="exclude from one of the two; new questions of training tasks are evaluated anyway",
        )
    names = {task.rsplit("/", 1)[-1]: task for task in train}
    for task in test:
        twin = names.get(task.rsplit("/", 1)[-1])
        if twin is not None and task not in shared:
            message = f"test task '{task}' asks the questions of training task '{twin}' from another source"
            yield Finding("tasks.test", message, help="exclude one of the two", severity="warning")


@_rule("sft-rl-overlap", "warning")
def _sft_rl_overlap(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if isinstance(spec.demonstrations.teacher, FileTeacher) and spec.sft is not None and reaches(spec, "potential"):
        yield Finding(
            "demonstrations.teacher.path",
            "nothing keeps the questions of this file apart from those of RL and of the evaluation",
            help="collect it from questions of another tasks.seed, or from other tasks",
        )


@_rule("teacher-without-program", "error")
def _teacher_without_program(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if not isinstance(spec.demonstrations.teacher, ProgramTeacher):
        return
    tasks = train_tasks(spec, known)
    lacking = [task for task in tasks if task not in known.with_program]
    if lacking:
        none = len(lacking) == len(tasks)
        yield Finding(
            "demonstrations.teacher",
            f"the program teacher cannot demonstrate {_some(lacking)}: no reference program",
            help="use an openai or file teacher" if none else "they are trained by RL alone; or use an openai teacher",
            severity="error" if none else "warning",
        )


# ---------------------------------------------------------------- training


@_rule("group-size-one", "error")
def _group_size_one(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    objective = spec.rl.objective
    relative = objective.baseline != "none" or objective.scale == "group"
    if reaches(spec, "rl") and spec.rl.group_size == 1 and relative:
        yield Finding(
            "rl.group_size",
            "a group of one has no advantage: the only reward is its own mean",
            found="group_size 1",
            allowed="at least 2, or objective.baseline none with a scale other than group",
        )


@_rule("critic-and-group", "error")
def _critic_and_group(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    rl = spec.rl
    if not reaches(spec, "rl"):
        return
    if rl.critic is None and rl.preset == "ppo":
        help = "leave rl.critic out for its defaults, or take another preset"
        yield Finding("rl.critic", "the preset ppo needs a critic", found="critic null", help=help)
    if rl.critic is not None and (rl.objective.baseline != "none" or rl.objective.scale in ("group", "batch")):
        yield Finding(
            "rl.critic",
            "a critic takes the place of the group: its values are the baseline",
            found=f"objective.baseline {rl.objective.baseline}, objective.scale {rl.objective.scale}",
            allowed="baseline none with scale whiten or none, as the preset ppo has them",
        )


@_rule("dynamic-sampling", "error")
def _dynamic_sampling(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    rl = spec.rl
    if not reaches(spec, "rl") or rl.dynamic_sampling is None:
        return
    if rl.group_size == 1:
        message = "a group of one never has signal, so every question would be replaced"
        yield Finding("rl.dynamic_sampling", message, found="group_size 1", allowed="rl.group_size of at least 2")
    elif 0 < (smallest := _smallest_stage(spec, known)) <= rl.batch_questions:
        yield Finding(
            "rl.dynamic_sampling",
            f"the smallest stage has {smallest} questions: a step of {rl.batch_questions} leaves no fresh ones",
            help="raise tasks.train.questions_per_task or lower rl.batch_questions",
            severity="warning",
        )


@_rule("batch-not-divisible", "error")
def _batch_not_divisible(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    rl, workers = spec.rl, max(1, spec.compute.workers)
    if reaches(spec, "rl"):
        per_update, rest = divmod(rl.batch_questions, rl.updates_per_step)
        if rest:
            yield _uneven("rl.batch_questions", rl.batch_questions, "rl.updates_per_step", rl.updates_per_step)
        elif per_update % workers:
            what = "compute.workers" if rl.updates_per_step == 1 else "rl.updates_per_step x compute.workers"
            yield _uneven("rl.batch_questions", rl.batch_questions, what, rl.updates_per_step * workers)
    if spec.sft is not None and reaches(spec, "sft") and spec.sft.batch_size % workers:
        yield _uneven("sft.batch_size", spec.sft.batch_size, "compute.workers", workers)


def _uneven(key: str, value: int, by: str, divisor: int) -> Finding:
    below = value - value % divisor
    nearest = [str(each) for each in (below, below + divisor) if each > 0]
    message = f"{key} {value} is not divisible by {by} {divisor}"
    return Finding(key, message, allowed=f"a multiple of {divisor}, such as {' or '.join(nearest)}")


@_rule("batch-exceeds-stage", "warning")
def _batch_exceeds_stage(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    smallest = _smallest_stage(spec, known)
    if reaches(spec, "rl") and 0 < smallest < spec.rl.batch_questions:
        yield Finding(
            "rl.batch_questions",
            f"the smallest stage has {smallest} questions, fewer than the {spec.rl.batch_questions} of one step",
            help="questions repeat within a step; raise tasks.train.questions_per_task or lower rl.batch_questions",
        )


def _smallest_stage(spec: Experiment, known: Vocabulary) -> int:
    """Questions of the stage with the fewest; all of them where edges cut groups of unknown sizes."""
    questions = len(train_tasks(spec, known)) * spec.tasks.train.questions_per_task
    whole = spec.curriculum.stages == "single" or spec.partition.edges is not None
    return questions if whole else questions // spec.partition.groups


@_rule("empty-partition", "error")
def _empty_partition(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if spec.curriculum.stages == "single" or not reaches(spec, "partition"):
        return
    questions = len(train_tasks(spec, known)) * spec.tasks.train.questions_per_task
    edges, attempts = spec.partition.edges, len(spec.potential.agents) * len(spec.potential.temperatures)
    if edges is None:
        if 0 < questions < spec.partition.groups:
            message = f"{questions} questions cannot fill {spec.partition.groups} groups"
            yield Finding("partition.groups", message, allowed=f"at most {questions}")
        return
    if spec.partition.by == "random":
        yield Finding("partition.edges", "a random partition has no values that edges could cut", help="use groups")
        return
    values = _attainable(spec, attempts)
    for low, high in zip([*edges, 0.0], [float("inf"), *edges], strict=True):
        if not any(low <= value < high for value in values):
            interval = f"[{low:g}, {high:g})" if high <= 1 else f"[{low:g}, 1]"
            yield Finding(
                "partition.edges",
                f"the group {interval} is always empty: {attempts} attempts per question cannot give such a value",
                found=f"attainable: {', '.join(f'{value:.3g}' for value in values)}",
                help="move the edges, or add agents or temperatures to potential",
            )


def _attainable(spec: Experiment, attempts: int) -> list[float]:
    """The values that a question can get from so many attempts, highest first."""
    rates = [correct / attempts for correct in range(attempts + 1)]
    if spec.partition.by == "difficulty":
        return sorted(rates, reverse=True)
    score = spec.partition.score
    if score.kind == "bernoulli":
        return sorted({4 * p * (1 - p) for p in rates}, reverse=True)
    mode = score.a / (score.a + score.b)
    top = mode**score.a * (1 - mode) ** score.b
    return sorted({p**score.a * (1 - p) ** score.b / top for p in rates}, reverse=True)


@_rule("correction-with-truncated-sampling", "error")
def _correction_with_truncated_sampling(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    rl = spec.rl
    if reaches(spec, "rl") and rl.objective.correction != "none" and rl.top_p < 1.0:
        yield Finding(
            "rl.objective.correction",
            "the importance correction compares with a distribution that top_p has cut off",
            found=f"correction {rl.objective.correction} with rl.top_p {rl.top_p:g}",
            allowed="rl.top_p 1, or correction none",
        )


@_rule("wide-sequence-clip", "warning")
def _wide_sequence_clip(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    objective = spec.rl.objective
    if not reaches(spec, "rl") or objective.ratio not in ("sequence", "sequence_token") or objective.clip != "ppo":
        return
    for key in ("clip_low", "clip_high"):
        width = getattr(objective, key)
        if width is not None and width > 0.02:
            yield Finding(
                f"rl.objective.{key}",
                "the mean ratio of a whole episode hardly ever leaves so wide a clip, so nothing is clipped",
                found=f"{key} {width:g} with ratio {objective.ratio}",
                help="about 3e-4 below and 4e-4 above, as the preset gspo has them",
            )


@_rule("engine-cannot-train", "error")
def _engine_cannot_train(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if isinstance(spec.engine, OpenaiEngine) and reaches(spec, "potential"):
        yield Finding(
            "engine",
            "an openai engine cannot follow the model that is trained",
            allowed="hf or vllm, or until: sft",
        )


@_rule("engine-placement", "error")
def _engine_placement(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    engine = spec.engine
    if not isinstance(engine, VllmEngine) or not reaches(spec, "rl"):
        return
    if engine.placement == "actors" and spec.rl.objective.correction == "none":
        yield Finding(
            "rl.objective.correction",
            "engines apart from the trainer sample one step ahead: their episodes need an importance correction",
            found="engine.placement actors with correction none",
            allowed="a correction such as token_truncate, or engine.placement colocated",
        )
    if engine.placement == "colocated" and engine.tensor_parallel > 1:
        yield Finding(
            "engine.tensor_parallel",
            "beside a trainer an engine has the one GPU of its worker",
            found=f"tensor_parallel {engine.tensor_parallel} with placement colocated",
            allowed="1, or engine.placement actors",
        )


@_rule("engine-temperature", "error")
def _engine_temperature(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    asked = {
        "rl.temperature": spec.rl.temperature if reaches(spec, "rl") else 0.0,
        "potential.temperatures": max(spec.potential.temperatures) if reaches(spec, "potential") else 0.0,
        "evaluation.temperature": spec.evaluation.temperature,
    }
    for key, value in asked.items():
        if isinstance(spec.engine, VllmEngine) and value > 2.0:
            yield Finding(key, "vLLM samples at temperatures up to 2", found=f"{value:g}", help="lower it, or use hf")


@_rule("bf16-without-gpu", "warning")
def _bf16_without_gpu(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if spec.compute.precision == "bf16" and spec.compute.gpus_per_worker == 0:
        message = "bf16 is much slower than fp32 on most CPUs"
        yield Finding("compute.precision", message, help="use fp32, or give workers a GPU with compute.gpus_per_worker")


@_rule("offload-without-sharding", "error")
def _offload_without_sharding(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    compute = spec.compute
    if compute.offload and (compute.workers == 0 or compute.sharding == "none"):
        yield Finding(
            "compute.offload",
            "only a sharded model's optimizer can live in the host's memory",
            found=f"compute.workers {compute.workers}, compute.sharding {compute.sharding}",
            allowed="compute.workers 1 or more with compute.sharding full",
        )


# ---------------------------------------------------------------- episodes


@_rule("context-too-small", "warning")
def _context_too_small(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    agent = spec.agent
    shortest = 2 * agent.turn_tokens + agent.max_output_tokens
    longest = (
        PROMPT_TOKENS + (agent.max_code_calls + 1) * agent.turn_tokens + agent.max_code_calls * agent.max_output_tokens
    )
    if agent.context_tokens <= shortest:
        yield Finding(
            "agent.context_tokens",
            "the context cannot hold a prompt, one program, its output and an answer",
            found=f"context_tokens {agent.context_tokens}",
            allowed=f"more than 2 x turn_tokens + max_output_tokens = {shortest}",
            severity="error",
        )
    elif agent.context_tokens < longest:
        yield Finding(
            "agent.context_tokens",
            f"an episode that uses all {agent.max_code_calls} calls at full length does not fit and is cut",
            found=f"context_tokens {agent.context_tokens}",
            allowed=f"prompt (about {PROMPT_TOKENS}) + (max_code_calls + 1) x turn_tokens + max_code_calls x "
            f"max_output_tokens = {longest}",
            help="harmless where turns are short; the report counts the episodes that were cut",
        )


@_rule("step-budget", "error")
def _step_budget(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if not reaches(spec, "rl"):
        return
    one = spec.executor.timeout_s * spec.agent.max_code_calls
    budget = spec.compute.step_budget_s
    if one > budget:
        yield Finding(
            "executor.timeout_s",
            f"one episode may spend {one:g} s in programs, more than a whole step may take",
            found=f"timeout_s {spec.executor.timeout_s:g} x max_code_calls {spec.agent.max_code_calls}",
            allowed=f"compute.step_budget_s {budget:g}",
        )
    elif spec.executor.workers is not None:
        episodes = spec.rl.batch_questions * spec.rl.group_size
        waves = ceil(episodes / spec.executor.workers)
        if waves * one > budget:
            yield Finding(
                "executor.workers",
                f"if every program times out, one step takes {waves * one:g} s",
                found=f"{episodes} episodes on {spec.executor.workers} workers: {waves} x {one:g} s",
                allowed=f"compute.step_budget_s {budget:g}",
                severity="warning",
            )


# ---------------------------------------------------------------- comparisons


@_rule("few-seeds", "warning")
def _few_seeds(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    compared = len(spec.variants) * len(spec.models)
    if compared > 1 and len(spec.seeds) < SEEDS_FOR_AN_INTERVAL:
        seeds = f"{len(spec.seeds)} seed{'s' * (len(spec.seeds) != 1)}"
        message = f"a comparison of {compared} with {seeds}: no interval can tell a difference from luck"
        yield Finding("seeds", message, allowed=f"at least {SEEDS_FOR_AN_INTERVAL}", help="seeds: [0, 1, 2]")


@_rule("nothing-evaluated", "warning")
def _nothing_evaluated(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    there = {"base"} | ({"sft"} if spec.sft is not None and reaches(spec, "sft") else set())
    there |= {"rl"} if reaches(spec, "rl") else set()
    if there.isdisjoint(spec.evaluation.checkpoints):
        message = "none of these checkpoints will exist, so nothing is evaluated"
        yield Finding("evaluation.checkpoints", message, allowed=", ".join(sorted(there)))


@_rule("greedy-samples", "warning")
def _greedy_samples(spec: Experiment, known: Vocabulary) -> Iterator[Finding]:
    if spec.evaluation.temperature == 0 and spec.evaluation.samples > 1:
        message = f"greedy sampling gives the same answer {spec.evaluation.samples} times"
        yield Finding("evaluation.samples", message, allowed="1, or a temperature above 0")


def _some(tasks: list[str]) -> str:
    shown = ", ".join(tasks[:3])
    return shown if len(tasks) <= 3 else f"{shown} and {len(tasks) - 3} more"
