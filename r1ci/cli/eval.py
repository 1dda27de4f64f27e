"""r1ci eval: score the models of a run again, under other settings, training nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from r1ci.cli.compile import done_steps
from r1ci.cli.complete import complete_run_words
from r1ci.cli.execute import execute, finished, report_option
from r1ci.cli.run import Exists, exists_option, is_finished, write_experiment
from r1ci.cli.runs import Run, find_run
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import known_names, split_one
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.plan.steps import Cell, Plan, Step
    from r1ci.spec.load import Resolved

CHANGEABLE = ("evaluation", "agent", "engine", "executor")
"""Sections that say how a finished model is scored."""


@click.command(
    cls=Verb,
    epilog="r1ci eval quickstart evaluation.temperature=0\nr1ci eval quickstart --ckpt rl evaluation.samples=4",
)
@click.argument("words", metavar="RUN [a.b=c ...]", nargs=-1, required=True, shell_complete=complete_run_words)
@click.option("--ckpt", "checkpoint", type=click.Choice(["base", "sft", "rl"]), help="Score these models only.")
@click.option("--name", help="Name of the new run (default: RUN-eval).")
@exists_option
@report_option
@pass_settings
def command(
    settings: Settings, words: tuple[str, ...], checkpoint: str | None, name: str | None, exists: Exists, report: bool
) -> int:
    """Score the models of a run again with other evaluation, agent, engine or executor settings."""
    from r1ci.plan.compile import compile_plan, plan_from_json

    given, overrides = split_one(words, "RUN")
    source = find_run(given, settings.root)
    short = [f"name={name or source.name + '-eval'}"]
    short += [f"evaluation.checkpoints=[{checkpoint}]"] * (checkpoint is not None)
    resolved = changed(source, overrides, short)
    old = plan_from_json(source.read_json("plan.json"))
    plan = grafted(old, compile_plan(resolved, known_names()), done_steps(old, source.root))
    run = Run(source.root, resolved.experiment.name)
    settings.root = source.root
    if is_finished(run, plan, exists):
        return finished(run, settings, report=report)
    write_experiment(run, resolved, plan)
    return execute(plan, run, settings, report=report)


def changed(source: Run, overrides: Sequence[str], short: Sequence[str]) -> Resolved:
    """The resolved spec of a run under changed evaluation settings.

    Raises:
        UsageError: an override changes more than how models are scored.
        SpecError: it breaks the language.
    """
    from r1ci.spec.load import load
    from r1ci.tasks.registry import load_plugins

    for override in overrides:
        section = override.lstrip("~").partition("=")[0].rstrip("+").split(".")[0]
        if section not in CHANGEABLE:
            raise UsageError(
                f"{override}: eval changes {', '.join(CHANGEABLE)} only",
                "to train with other settings, give the override to r1ci run",
            )
    resolved = load(source.folder / "resolved.json", overrides=[*overrides, *short])
    load_plugins(resolved.experiment.plugins)
    return resolved


def grafted(old: Plan, new: Plan, done: Collection[str]) -> Plan:
    """The evaluations of the new plan on the finished models of the old one, cell by cell; nothing else is to be run.

    Raises:
        UsageError: a model is not there, or not finished.
    """
    from r1ci.plan.steps import Plan

    olds = {cell.name: cell for cell in old.cells}
    steps: dict[str, Step] = {}
    cells = []
    for cell in new.cells:
        kept = _kept(olds[cell.name], cell, old, new, done)
        steps.update({step.id: step for step in kept.values()})
        cells.append(dataclasses.replace(cell, steps={role: step.id for role, step in kept.items()}))
    if not any(step.kind == "evaluation" for step in steps.values()):
        raise UsageError("there is nothing to evaluate", "name models that the run has with --ckpt")
    return Plan(name=new.name, steps=_ordered(steps), cells=tuple(cells))


def _kept(old_cell: Cell, new_cell: Cell, old: Plan, new: Plan, done: Collection[str]) -> dict[str, Step]:
    """The old cell's finished steps, and the new evaluations reading those."""
    made = {role: step for role, step in old_cell.steps.items() if not role.startswith("evaluation:") and step in done}
    kept = {role: old.steps[step] for role, step in made.items()}
    renamed = {new_cell.steps[role]: step for role, step in made.items() if role in new_cell.steps}
    for role, step_id in new_cell.steps.items():
        if role.startswith("evaluation:"):
            step = new.steps[step_id]
            if not set(step.reads.values()) <= set(renamed):
                checkpoint = role.split(":")[1]
                hint = "finish the run with r1ci resume, or score other models with --ckpt"
                raise UsageError(f"{old_cell.name} has no finished {checkpoint} model", hint)
            kept[role] = dataclasses.replace(step, reads={name: renamed[read] for name, read in step.reads.items()})
    return kept


def _ordered(steps: Mapping[str, Step]) -> dict[str, Step]:
    """Every step after those it reads."""
    ordered: dict[str, Step] = {}

    def place(step: Step) -> None:
        for read in step.reads.values():
            if read not in ordered:
                place(steps[read])
        ordered.setdefault(step.id, step)

    for step in steps.values():
        place(step)
    return ordered
