"""From a resolved spec to its plan: which steps, what each depends on, which cells share them.

Pure: reads no file, asks no machine, imports neither torch nor Ray. Equal specs give equal ids everywhere. What an
input names by reference is not looked into: a folder or hub id of a model, and the file of a ``file`` teacher, count
by their name, so put a new version under a new name (or pin the hub revision).
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from r1ci.errors import UsageError
from r1ci.plan.assumptions import Workload, engine_gpus, sampling_gpus
from r1ci.plan.cost import estimate
from r1ci.plan.fit import misfit
from r1ci.plan.render import megabytes
from r1ci.plan.steps import Cell, Estimate, Plan, Resources, Step
from r1ci.spec.cells import CellSpec, cells
from r1ci.spec.diagnostics import Diagnostic, SpecError
from r1ci.spec.load import Resolved
from r1ci.spec.models import ExecutorLimits, Experiment, TinyModel
from r1ci.spec.vocabulary import Vocabulary

JSON_VERSION = 1
"""Version of the JSON form of a plan."""


@dataclasses.dataclass(frozen=True)
class _Tasks:
    """The tasks that a cell's spec selects, and the generator parameters of those."""

    train: tuple[str, ...]
    test: tuple[str, ...]
    params: dict[str, dict[str, Any]]


def compile_plan(resolved: Resolved, known: Vocabulary) -> Plan:
    """The plan of a loaded spec.

    Raises:
        UsageError: a cell trains on no task at all.
        SpecError: a step needs more memory than a GPU has.
    """
    every = cells(resolved)
    plan = compile_experiment(every, resolved.experiment.name, known)
    seen: set[str] = set()
    found = [diagnostic for cell in every for diagnostic in _misfits(cell, plan, resolved, known, seen)]
    if found:
        raise SpecError(found)
    return plan


def _misfits(cell: CellSpec, plan: Plan, resolved: Resolved, known: Vocabulary, seen: set[str]) -> Iterator[Diagnostic]:
    """One diagnostic for every step, not among those seen, that does not fit on its GPUs."""
    (steps,) = (
        made.steps
        for made in plan.cells
        if (made.variant, made.model, made.seed) == (cell.variant, cell.model.name, cell.seed)
    )
    case, tasks = resolved.cases[cell.variant], _select(cell, known)
    for role, step_id in steps.items():
        if step_id in seen:
            continue
        seen.add(step_id)
        step = plan.steps[step_id]
        again = functools.partial(_cost_again, step.kind, role, cell, tasks)
        found = misfit(step.kind, cell.experiment, step.estimate, again)
        if found is not None:
            yield Diagnostic(
                "does-not-fit",
                f"{cell.model.name} does not fit: {found.message}",
                case.where(found.key),
                path=found.key,
                found=found.parts,
                allowed=f"{megabytes(found.limit_mb)}",
                help=found.help,
                docs="docs/plan.md#does-not-fit",
            )


def _cost_again(kind: str, role: str, cell: CellSpec, tasks: _Tasks, spec: Experiment) -> Estimate:
    return _cost(kind, role, spec, cell, tasks)


def compile_experiment(cells: Sequence[CellSpec], name: str, known: Vocabulary) -> Plan:
    """The plan of an experiment's cells; steps that cells share appear once, every step after those it reads.

    Steps come cell by cell, so that the first cell is evaluated before the second is trained.
    Raises UsageError where a cell trains on no task at all.
    """
    steps: dict[str, Step] = {}
    compiled = tuple(_compile_cell(cell, known, steps) for cell in cells)
    return Plan(name=name, steps=steps, cells=compiled)


def _compile_cell(cell: CellSpec, known: Vocabulary, steps: dict[str, Step]) -> Cell:
    tasks = _select(cell, known)
    candidates = _candidates(cell, tasks)
    roles = _needed(candidates, _targets(cell.experiment, candidates))
    for role in roles:
        step = candidates[role]
        if step.id not in steps:
            steps[step.id] = _with_cost(step, role, cell, tasks)
    return Cell(cell.variant, cell.model.name, cell.seed, {role: candidates[role].id for role in roles})


def _select(cell: CellSpec, known: Vocabulary) -> _Tasks:
    spec = cell.experiment.tasks
    train, test = known.train(spec), known.test(spec)
    if not train:
        raise UsageError(
            f"variant {cell.variant!r} selects no training tasks: split {spec.train.split}, "
            f"include {spec.train.include}, exclude {spec.train.exclude}",
            "change tasks.train; `r1ci ls tasks` lists the tasks there are",
        )
    selected = dict.fromkeys((*train, *test))
    params = {task: spec.params[task] for task in selected if task in spec.params}
    try:
        json.dumps(params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"tasks.params holds a value that JSON has no form for: {error}", "use plain values") from None
    return _Tasks(train, test, params)


# ---------------------------------------------------------------- steps of one cell


def _candidates(cell: CellSpec, tasks: _Tasks) -> dict[str, Step]:
    """Every step that the cell could need, by role, in an order where each comes after what it reads."""
    spec, seed = cell.experiment, cell.seed
    limits, agent, engine = _limits(spec), _json(spec.agent), _json(spec.engine)
    sampling: dict[str, Any] = {
        "agent": agent,
        "limits": limits,
        "engine": engine,
        "params": tasks.params,
        "seed": seed,
    }
    if spec.compute.precision != "fp32":
        sampling |= {"precision": spec.compute.precision}
    steps = {"questions": _questions(spec, tasks)}
    demonstrations = {"demonstrations": _json(spec.demonstrations), "agent": agent, "limits": limits}
    steps["demonstrations"] = Step(
        "demonstrations", {**demonstrations, "seed": spec.tasks.seed}, {"questions": steps["questions"].id}
    )
    steps["model"] = _model(cell, steps["demonstrations"].id)
    if spec.sft is not None:
        steps["sft"] = Step(
            "sft",
            {"sft": _json(spec.sft), "precision": spec.compute.precision, "seed": seed},
            {"model": steps["model"].id, "demonstrations": steps["demonstrations"].id},
        )
    policy = {"questions": steps["questions"].id, "policy": steps.get("sft", steps["model"]).id}
    steps["potential"] = Step("potential", {"potential": _json(spec.potential), **sampling}, policy)
    steps["partition"] = _partition(spec, seed, steps)
    steps["rl"] = _rl(spec, sampling, policy, steps["partition"].id)
    steps.update(_evaluations(spec, sampling, steps))
    return steps


def _questions(spec: Experiment, tasks: _Tasks) -> Step:
    train, test = spec.tasks.train, spec.tasks.test
    inputs = {
        "train": list(tasks.train),
        "test": list(tasks.test),
        "questions_per_task": train.questions_per_task,
        "sft_questions_per_task": train.sft_questions_per_task,
        "new_questions_per_task": train.new_questions_per_task,
        "test_questions_per_task": test.questions_per_task,
        "params": tasks.params,
        "seed": spec.tasks.seed,
        **({"official": spec.tasks.official} if spec.tasks.official is not None else {}),
    }
    return Step("questions", inputs, {})


def _model(cell: CellSpec, demonstrations: str) -> Step:
    """A tiny model depends on the seed that draws its weights and on the text its tokenizer is trained on."""
    if isinstance(cell.model, TinyModel):
        inputs = {"model": _json(cell.model), "seed": cell.seed}
        return Step("model", inputs, {"demonstrations": demonstrations})
    return Step("model", {"model": _json(cell.model)}, {})


def _partition(spec: Experiment, seed: int, steps: Mapping[str, Step]) -> Step:
    reads = {"questions": steps["questions"].id}
    if spec.partition.by != "random":
        reads["potential"] = steps["potential"].id
    return Step("partition", {"partition": _json(spec.partition), "seed": seed}, reads)


def _rl(spec: Experiment, sampling: Mapping[str, Any], policy: Mapping[str, str], partition: str) -> Step:
    inputs = {
        "rl": _json(spec.rl),
        "rewards": [_json(reward) for reward in spec.rewards],
        "stages": spec.curriculum.stages,
        "groups": group_count(spec),
        "steps_per_stage": spec.curriculum.steps_per_stage,
        "precision": spec.compute.precision,
        **sampling,
    }
    reads = dict(policy) if spec.curriculum.stages == "single" else {**policy, "partition": partition}
    return Step("rl", inputs, reads)


def _evaluations(spec: Experiment, sampling: Mapping[str, Any], steps: Mapping[str, Step]) -> dict[str, Step]:
    """One step per checkpoint and agent, ``evaluation:<checkpoint>:<agent>``."""
    inputs = {
        **sampling,
        "temperature": spec.evaluation.temperature,
        "samples": spec.evaluation.samples,
        "trajectories": spec.report.trajectories,
        "rewards": [_json(reward) for reward in spec.rewards],
    }
    made = {}
    for checkpoint, role in (("base", "model"), ("sft", "sft"), ("rl", "rl")):
        if checkpoint not in spec.evaluation.checkpoints or role not in steps:
            continue
        reads = {"questions": steps["questions"].id, "policy": steps[role].id}
        for kind in dict.fromkeys(spec.evaluation.agents):
            agent = {**sampling["agent"], "kind": kind}
            made[f"evaluation:{checkpoint}:{kind}"] = Step("evaluation", {**inputs, "agent": agent}, reads)
    return made


def group_count(spec: Experiment) -> int:
    """Groups of the partition: as many as asked for, or one more than there are edges."""
    return spec.partition.groups if spec.partition.edges is None else len(spec.partition.edges) + 1


# ---------------------------------------------------------------- which of them are needed


def _targets(spec: Experiment, candidates: Mapping[str, Step]) -> list[str]:
    """The roles a cell is run for: where it stops, and the evaluations of the checkpoints that exist by then."""
    order = ("demonstrations", "sft", "potential", "partition", "rl")
    last = spec.until if spec.until in candidates else "model"
    if spec.tasks.train.new_questions_per_task == 0 and not candidates["questions"].inputs["test"]:
        return [last]
    reached = order.index(spec.until)
    exists = {"base": reached >= order.index("sft"), "sft": reached >= order.index("sft"), "rl": spec.until == "rl"}
    evaluations = [role for role in candidates if role.startswith("evaluation:") and exists[role.split(":")[1]]]
    return [last, *evaluations]


def _needed(candidates: Mapping[str, Step], targets: Sequence[str]) -> list[str]:
    """The targets and everything they read, in the order of the candidates."""
    role_of = {step.id: role for role, step in candidates.items()}
    needed: set[str] = set()
    pending = list(targets)
    while pending:
        role = pending.pop()
        if role not in needed:
            needed.add(role)
            pending.extend(role_of[read] for read in candidates[role].reads.values())
    return [role for role in candidates if role in needed]


# ---------------------------------------------------------------- what is no part of an id


def _with_cost(step: Step, role: str, cell: CellSpec, tasks: _Tasks) -> Step:
    spec = cell.experiment
    cost = _cost(step.kind, role, spec, cell, tasks)
    runtime = {
        "executor": _json(spec.executor),
        "compute": _json(spec.compute),
        "plugins": list(spec.plugins),
    }
    resources = dataclasses.replace(_resources(step.kind, spec), memory_mb=cost.memory_mb)
    return dataclasses.replace(step, resources=resources, estimate=cost, runtime=runtime)


def _cost(kind: str, role: str, spec: Experiment, cell: CellSpec, tasks: _Tasks) -> Estimate:
    agent = role.rsplit(":", 1)[-1] if kind == "evaluation" else spec.agent.kind
    workload = Workload(
        kind=kind,
        spec=spec,
        model=cell.model,
        train_tasks=len(tasks.train),
        test_tasks=len(tasks.test),
        groups=group_count(spec),
        resources=_resources(kind, spec),
    )
    return estimate(kind, workload, agent)


def _resources(kind: str, spec: Experiment) -> Resources:
    """Training asks for the workers of the compute section; sampling, in one process, for its engines' GPUs."""
    compute = spec.compute
    processes = max(1, compute.workers)
    gpus = processes * compute.gpus_per_worker
    if kind in ("sft", "rl"):
        beside = engine_gpus(spec) if kind == "rl" else 0
        return Resources(compute.workers, processes * compute.cpus_per_worker, gpus + beside)
    if kind in ("potential", "evaluation"):
        usable = sampling_gpus(spec)
        return Resources(0, processes * compute.cpus_per_worker, usable)
    return Resources(0, compute.cpus_per_worker if kind == "demonstrations" else 1, 0)


def _limits(spec: Experiment) -> dict[str, Any]:
    """What one program may use: the executor section without who runs it and how many at once."""
    return spec.executor.model_dump(mode="json", include=set(ExecutorLimits.model_fields))


def _json(section: BaseModel) -> dict[str, Any]:
    return section.model_dump(mode="json")


# ---------------------------------------------------------------- the JSON form


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """The whole plan as plain JSON values; ``plan_from_json`` reads it back to an equal plan."""
    steps = [{"id": step.id, **dataclasses.asdict(step)} for step in plan.steps.values()]
    return {
        "version": JSON_VERSION,
        "name": plan.name,
        "steps": steps,
        "cells": [{"name": cell.name, **dataclasses.asdict(cell)} for cell in plan.cells],
    }


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """Read what ``plan_to_json`` wrote.

    Raises UsageError for what is not a plan of this version, and where a step's recorded id is not the hash of its
    contents (a plan edited by hand).
    """
    try:
        if data["version"] != JSON_VERSION:
            raise UsageError(
                f"the plan has version {data['version']!r}, this r1ci reads {JSON_VERSION}", "compile the spec again"
            )
        steps = {entry["id"]: _step_from_json(entry) for entry in data["steps"]}
        cells = tuple(Cell(cell["variant"], cell["model"], cell["seed"], dict(cell["steps"])) for cell in data["cells"])
        name = str(data["name"])
    except (KeyError, TypeError) as error:
        raise UsageError(f"this is not a plan: {type(error).__name__} {error}", "compile the spec again") from None
    for recorded, step in steps.items():
        if recorded != step.id:
            raise UsageError(
                f"step {recorded} of the plan does not match its contents (their id is {step.id})",
                "plans are not edited by hand: change the spec and compile it again",
            )
    return Plan(name=name, steps=steps, cells=cells)


def _step_from_json(entry: Mapping[str, Any]) -> Step:
    return Step(
        kind=entry["kind"],
        inputs=entry["inputs"],
        reads=entry["reads"],
        resources=Resources(**entry["resources"]),
        estimate=Estimate(**entry["estimate"]),
        runtime=entry["runtime"],
    )
