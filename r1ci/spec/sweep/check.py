"""What is wrong with a sweep once its specs are known: keys, types, ranges, the metric, the number of trials."""

from __future__ import annotations

import itertools
import shlex
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from r1ci.spec.diagnostics import Diagnostic, SpecError, ordered
from r1ci.spec.interpolate import interpolate
from r1ci.spec.models import Experiment, VllmEngine
from r1ci.spec.overrides import COMMAND_LINE
from r1ci.spec.shape import KeyPath, Leaf, ListOf, Shape, step, walk
from r1ci.spec.sweep.models import LIMIT_TRIALS, AnyDimension, RandInt, Sweep
from r1ci.spec.sweep.resolved import FIXED, Base, ResolvedSweep, place_of, resolve, with_values
from r1ci.spec.sweep.trials import Trial, choose, combinations, ends, proposals, written
from r1ci.spec.tree import Entry, leaves
from r1ci.spec.validate import dotted, validate
from r1ci.spec.variants import refuse_fixed
from r1ci.spec.vocabulary import Vocabulary

CHECKED_AT_MOST = 100
"""Trials looked at where a budget, not a number, ends the sweep, or where results choose the values; and those that the
linter looks at."""


def check(resolved: ResolvedSweep) -> list[Diagnostic]:
    """Everything that is wrong: first key by key, and if nothing is, trial by trial."""
    found = [*_space_problems(resolved)] or [*_count_problems(resolved.sweep, resolved.tree)]
    return list(ordered(found or _trial_problems(resolved)))


def checked_trials(sweep: Sweep) -> list[Trial]:
    """The trials that can be looked at before any has run."""
    fixed = sweep.search.kind == "grid" or (sweep.search.kind == "random" and sweep.trials is not None)
    return list(itertools.islice(proposals(sweep), None if fixed else CHECKED_AT_MOST))


def lint_sweep(resolved: ResolvedSweep, known: Vocabulary) -> list[Diagnostic]:
    """What the linter finds in the specs of the first ``CHECKED_AT_MOST`` trials, each finding once."""
    from r1ci.spec.lint import lint

    found: dict[Diagnostic, None] = {}
    for trial in checked_trials(resolved.sweep)[:CHECKED_AT_MOST]:
        spec = resolve(resolved, trial)
        found |= dict.fromkeys(lint(spec, known))
        if resolved.sweep.metric.name == "accuracy/test_tasks" and not known.test(spec.experiment.tasks):
            message = f"{resolved.bases[trial.spec].path} has no test tasks to take accuracy/test_tasks from"
            found[_at(resolved.tree, _Unfit(("metric", "name"), message, "accuracy/new_questions"))] = None
    return list(ordered(found))


# ---------------------------------------------------------------- key by key


def _space_problems(resolved: ResolvedSweep) -> Iterator[Diagnostic]:
    for key, dimension in resolved.sweep.space.items():
        entry = resolved.tree.value["space"].value[key]
        own = [*_refused(resolved, key, entry)]
        for base in resolved.bases.values():
            own += own or [*_kind_problems(base, key, dimension, entry)] or [*_value_problems(resolved, base, key)]
        yield from own


def _refused(resolved: ResolvedSweep, key: str, entry: Entry) -> Iterator[Diagnostic]:
    """Keys that a sweep cannot change, or that its ``set`` holds fast."""
    where = entry.key or entry.origin
    try:
        refuse_fixed(key, Entry(None, where), where, "a sweep", FIXED)
    except SpecError as error:
        yield from (replace(each, rule="sweep-key", path=f"space.{key}") for each in error.diagnostics)
    fixed = resolved.tree.get("set")
    for path, leaf in leaves(fixed) if fixed is not None else ():
        name = dotted(path)
        if f"{name}.".startswith(f"{key}.") or f"{key}.".startswith(f"{name}."):
            message, help = f"'{key}' is swept, and set fixes '{name}'", f"leave one of them out; set: {leaf.origin}"
            yield Diagnostic("sweep-key", message, where, path=f"space.{key}", help=help)


_TAKES = {int: "integers", str: "text", bool: "true and false", None: "lists or mappings"}
_RANGES = ("uniform", "loguniform", "quniform", "randint")


def _kind_problems(base: Base, key: str, dimension: AnyDimension, entry: Entry) -> Iterator[Diagnostic]:
    """A range over a key that takes no numbers, or real numbers for one that takes integers."""
    shape = walk(path_of(base, key), base.tree.plain())
    if dimension.kind not in _RANGES or shape is None or (isinstance(shape, Leaf) and shape.annotation is Any):
        return
    scalar = _scalar(shape)
    if scalar is float or (scalar is int and isinstance(dimension, RandInt)):
        return
    kind = entry.get("kind")
    gives = "integers" if isinstance(dimension, RandInt) else "real numbers"
    message = f"'{key}' takes {_TAKES.get(scalar, 'listed values')}, and {dimension.kind} gives {gives}"
    help = "kind: randint, with step for multiples" if scalar is int else "kind: choice, or grid, with values"
    yield Diagnostic("sweep-kind", message, kind.origin if kind else entry.where, path=f"space.{key}.kind", help=help)


def path_of(base: Base, key: str) -> KeyPath:
    """A dotted key as a path, digits being indices where the spec has lists."""
    shape: Shape | None = Experiment
    path: list[str | int] = []
    data = base.tree.plain()
    for part in key.split("."):
        at = int(part) if isinstance(shape, ListOf) and part.isdecimal() else part
        kind = data.get("kind") if isinstance(data, Mapping) else None
        shape = step(shape, at, kind)
        path.append(at)
        inside = isinstance(data, list) and isinstance(at, int) and at < len(data)
        data = data.get(at) if isinstance(data, Mapping) else data[at] if inside else None
    return tuple(path)


def _scalar(shape: Shape) -> Any:
    """The type of a scalar: int, float, str, bool, Literal; None for lists, mappings and sections."""
    return _bare(shape.annotation) if isinstance(shape, Leaf) else None


def _bare(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bare(arguments[0])
    if origin in (Union, types.UnionType):
        return _bare(next(member for member in arguments if member is not type(None)))
    return Literal if origin is Literal else annotation


def _value_problems(resolved: ResolvedSweep, base: Base, key: str) -> Iterator[Diagnostic]:
    """Each value of a key, or both ends of its range, laid over the spec with the first value of every other key."""
    space = resolved.sweep.space
    for value in ends(space[key]):
        fixed = {**_conditions(space, key), key: value}

        def pick(name: str, dimension: AnyDimension, fixed: Mapping[str, Any] = fixed) -> Any:
            return fixed[name] if name in fixed else ends(dimension)[0]

        place = place_of(resolved.tree, key, value)
        _, problems = _validated(resolved, base, choose(space, pick))
        for problem in problems:
            yield _blame(problem, place, f", with {key}={written(value)}")


def _conditions(space: Mapping[str, AnyDimension], key: str) -> dict[str, Any]:
    """The values that other keys must have for a key to count."""
    needed: dict[str, Any] = {}
    for parent, value in space[key].when.items():
        needed |= {**_conditions(space, parent), parent: value}
    return needed


def _validated(
    resolved: ResolvedSweep, base: Base, values: Mapping[str, Any]
) -> tuple[Experiment | None, list[Diagnostic]]:
    try:
        tree, problems = interpolate(with_values(resolved, base.tree, values), resolved.environ)
    except SpecError as error:
        return None, list(error.diagnostics)
    experiment, invalid = validate(tree, Experiment)
    return experiment, [*problems, *invalid]


def _blame(problem: Diagnostic, value: Entry, why: str) -> Diagnostic:
    """Make a problem that a value brings up in the spec point at the value; a key that it asks for says so."""
    if problem.where.source != value.origin.source:
        return replace(problem, message=problem.message + why, where=value.origin)
    return replace(problem, message=problem.message + why) if problem.rule == "missing-key" else problem


# ---------------------------------------------------------------- trial by trial


def _trial_problems(resolved: ResolvedSweep) -> Iterator[Diagnostic]:
    """Values that are wrong together, and trials that the metric or the scheduler cannot judge; each thing once."""
    sweep, tree = resolved.sweep, resolved.tree
    always = {unfit for base in resolved.bases.values() for unfit in _unfit(sweep, base.experiment, base)}
    seen: set[tuple[str, str]] = set()
    for trial in checked_trials(sweep):
        base = resolved.bases[trial.spec]
        experiment, problems = _validated(resolved, base, trial.values)
        why = f", in trial {trial.number}: {shlex.join(trial.overrides)}"
        found = [(each.message, _in_trial(each, tree, why)) for each in problems]
        for unfit in _unfit(sweep, experiment, base) if experiment is not None else ():
            problem = _at(tree, unfit)
            said = problem if unfit in always else replace(problem, message=problem.message + why)
            found.append((unfit.message, said))
        for message, problem in found:
            if (message, problem.path) not in seen:
                seen.add((message, problem.path))
                yield problem


def _in_trial(problem: Diagnostic, tree: Entry, why: str) -> Diagnostic:
    """A problem of values together; it points into the sweep even if it shows in the spec."""
    where = problem.where if problem.where.source in (tree.origin.source, COMMAND_LINE) else tree.value["space"].where
    return replace(problem, message=problem.message + why, where=where)


@dataclass(frozen=True)
class _Unfit:
    """Why a trial cannot be judged as the sweep says, and at which key of the sweep to point."""

    at: KeyPath
    message: str
    help: str


def _at(tree: Entry, unfit: _Unfit) -> Diagnostic:
    entry = tree
    for part in unfit.at:
        entry = entry.get(part) or entry
    return Diagnostic("sweep-metric", unfit.message, entry.where, path=dotted(unfit.at), help=unfit.help)


def _unfit(sweep: Sweep, experiment: Experiment, base: Base) -> Iterator[_Unfit]:
    metric, name = sweep.metric, ("metric", "name")
    stops = sweep.scheduler.kind != "none"
    if len(experiment.models) != 1:
        message = f"{base.path} has {len(experiment.models)} models, and a trial has one"
        yield _Unfit(("spec",) if sweep.spec is not None else ("specs",), message, "set: {models: [NAME]}")
    if metric.column is None:
        yield from _unfit_evaluation(metric.name, experiment, base)
    if (metric.column is not None or stops) and experiment.until != "rl":
        what = "rl is what a scheduler stops" if stops else "rl logs the metric"
        message = f"{base.path} ends with {experiment.until}, and {what}"
        yield _Unfit(("scheduler",) if stops else name, message, "set: {until: rl}")
        return
    if metric.curve == "new_accuracy" and (metric.column is not None or stops):
        at = ("scheduler",) if stops else name
        if experiment.rl.evaluate_every == 0:
            message = "rl.evaluate_every is 0, so RL never measures the accuracy on new questions"
            yield _Unfit(at, message, "set: {rl.evaluate_every: 5}, steps between two measurements")
        if experiment.tasks.train.new_questions_per_task == 0:
            yield _Unfit(at, "there are no new questions", "set: {tasks.train.new_questions_per_task: 20}")
    if metric.column == "kl" and experiment.rl.objective.kl_coefficient == 0:
        yield _Unfit(name, "rl/kl is only logged where rl.objective.kl_coefficient is not 0", "rl/reward, rl/accuracy")
    term = (metric.column or "").partition("reward/")[2]
    terms = [reward.kind for reward in experiment.rewards]
    if term and term not in terms:
        yield _Unfit(name, f"{base.path} has no reward term '{term}'", f"its terms: {', '.join(terms)}")
    yield from _unfit_ends(sweep, experiment)


def _unfit_evaluation(name: str, experiment: Experiment, base: Base) -> Iterator[_Unfit]:
    at, evaluation = ("metric", "name"), experiment.evaluation
    last = last_checkpoint(experiment)
    if last is None or last not in evaluation.checkpoints:
        message = f"{base.path} does not evaluate the last checkpoint{f' ({last})' if last else ''}"
        yield _Unfit(at, message, f"set: {{evaluation.checkpoints: [{last}]}}" if last else "set: {until: rl}")
    if experiment.agent.kind not in evaluation.agents:
        message = f"{base.path} is not evaluated with its own agent, {experiment.agent.kind}"
        yield _Unfit(at, message, f"set: {{evaluation.agents: [{experiment.agent.kind}]}}")
    if name == "accuracy/new_questions" and experiment.tasks.train.new_questions_per_task == 0:
        yield _Unfit(at, "there are no new questions", "set: {tasks.train.new_questions_per_task: 20}")


def _unfit_ends(sweep: Sweep, experiment: Experiment) -> Iterator[_Unfit]:
    """A grace period that no trial outlives, and a budget that is never used up."""
    scheduler, partition = sweep.scheduler, experiment.partition
    groups = partition.groups if partition.edges is None else len(partition.edges) + 1
    steps = groups * experiment.curriculum.steps_per_stage
    if scheduler.kind != "none" and scheduler.resource == "steps" and scheduler.grace >= steps:
        message = f"a trial has {steps} steps of RL, so none could be stopped after a grace of {scheduler.grace}"
        yield _Unfit(("scheduler", "grace"), message, f"at most {steps - 1}")
    budget = sweep.budget
    only = budget is not None and budget.gpu_hours is not None and budget.time_s is None and budget.tokens is None
    cpu = experiment.compute.gpus_per_worker == 0 and not isinstance(experiment.engine, VllmEngine)
    if only and cpu and sweep.trials is None and sweep.search.kind != "grid":
        yield _Unfit(("budget", "gpu_hours"), "trials hold no GPU, so these GPU-hours never end", "budget: {time_s: S}")


def last_checkpoint(experiment: Experiment) -> Literal["base", "sft", "rl"] | None:
    """The most trained model of a cell; None where a cell stops before it has one."""
    if experiment.until == "rl":
        return "rl"
    if experiment.until == "demonstrations":
        return None
    return "base" if experiment.sft is None else "sft"


def _count_problems(sweep: Sweep, tree: Entry) -> Iterator[Diagnostic]:
    """More trials than the space has, fewer than the grid has, or more than a sweep may have."""
    size = len(sweep.names) * sum(1 for _ in itertools.islice(combinations(sweep.space), LIMIT_TRIALS + 1))
    if size > LIMIT_TRIALS:
        message = f"the grid has more than {LIMIT_TRIALS} combinations"
        help = "search: {kind: random} with kind: choice draws some of them"
        yield Diagnostic("sweep-trials", message, tree.value["space"].where, path="space", help=help)
    elif sweep.trials is not None:
        where = tree.value["trials"].origin
        if sweep.trials < size:
            message = f"{sweep.trials} trials cannot try the grid's {size} combinations"
            yield Diagnostic("sweep-trials", message, where, path="trials", help=f"at least {size}, or kind: choice")
        elif (found := sum(1 for _ in proposals(sweep))) < sweep.trials:
            message = f"the space has {found} different trials"
            yield Diagnostic("sweep-trials", message, where, path="trials", help=f"trials: {found}, or search grid")
