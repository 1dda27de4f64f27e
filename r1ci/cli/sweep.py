"""r1ci sweep: trials of a spec over a space of values."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.complete import complete_sweep_words
from r1ci.cli.execute import report_option
from r1ci.cli.failure import SCHEMA_VERSION, print_diagnostics
from r1ci.cli.output import aligned, print_json
from r1ci.cli.run import Exists, exists_option
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import load_sweep_file, split_one

if TYPE_CHECKING:
    from r1ci.plan.render import Totals
    from r1ci.plan.steps import Plan
    from r1ci.plan.sweep import SweepPlan
    from r1ci.spec.sweep.resolved import ResolvedSweep
    from r1ci.spec.sweep.trials import Trial


@click.command(
    cls=Verb, epilog="r1ci sweep sweeps/lr-kl-laptop.yaml --dry-run\nr1ci sweep lr-kl trials=4 set.rl.group_size=8"
)
@click.argument("words", metavar="FILE [a.b=c ...]", nargs=-1, required=True, shell_complete=complete_sweep_words)
@click.option("--name", help="Name of the sweep, short for name=NAME.")
@click.option("--dry-run", is_flag=True, help="Print every trial, what trials share and what the whole costs; stop.")
@exists_option
@report_option
@pass_settings
def command(
    settings: Settings, words: tuple[str, ...], name: str | None, dry_run: bool, exists: Exists, report: bool
) -> int:
    """Run trials of a spec over a space of values."""
    file, overrides = split_one(words, "FILE")
    resolved = load_sweep_file(file, [*overrides, *([f"name={name}"] if name is not None else [])])
    plan = planned(resolved, settings)
    if dry_run:
        print_plan(resolved, plan, settings)
        return 0
    from r1ci.cli.sweep_run import start

    return start(resolved, settings, exists=exists, report=report)


def planned(resolved: ResolvedSweep, settings: Settings) -> SweepPlan:
    """The plan of a sweep that the linter lets pass; its warnings go to stderr.

    Raises:
        SpecError: the linter found an error in a trial, or a step of one does not fit on its GPUs.
    """
    from r1ci.cli.specs import known_names
    from r1ci.plan.sweep import plan_sweep
    from r1ci.spec.diagnostics import SpecError
    from r1ci.spec.sweep.check import lint_sweep
    from r1ci.store.store import Condition, Store

    known = known_names()
    findings = lint_sweep(resolved, known)
    if any(finding.severity == "error" for finding in findings):
        raise SpecError(findings)
    if settings.verbosity >= 0:
        print_diagnostics(findings, settings)
    store = Store(settings.root)
    return plan_sweep(resolved, known, lambda step: store.condition(step) is Condition.DONE)


def print_plan(resolved: ResolvedSweep, plan: SweepPlan, settings: Settings) -> None:
    """A sweep's plan for people, or as JSON."""
    if settings.json:
        print_json({"schema_version": SCHEMA_VERSION, **_document(resolved, plan)})
        return
    parts = [_heading(resolved, plan), _trials(resolved, plan), _shared(plan), _totals(plan)]
    click.echo("\n\n".join(parts))


# ---------------------------------------------------------------- for people


def _heading(resolved: ResolvedSweep, plan: SweepPlan) -> str:
    sweep = resolved.sweep
    lines = [f"{sweep.name}: {_count(len(plan.trials), 'trial')}, {sweep.metric.name} to the {sweep.metric.mode}imum"]
    for name, base in resolved.bases.items():
        seeds = ", ".join(map(str, base.experiment.seeds))
        lines.append(f"  spec       {name} ({base.path}), variant {base.variant}, seeds {seeds}")
    search = sweep.search
    seed = "" if search.kind == "grid" else f", seed {search.seed}"
    note = "; results choose the values, these draws stand in for them" if search.kind == "optuna" else ""
    lines.append(f"  search     {search.kind}{seed}{note}")
    scheduler = sweep.scheduler
    if scheduler.kind != "none":
        stops = f"{scheduler.kind}, on {sweep.metric.curve} after {scheduler.grace} {scheduler.resource} of RL"
        lines.append(f"  scheduler  {stops}; a trial costs at most what is said here")
    if sweep.budget is not None:
        limits = ", ".join(f"{key} {value:g}" for key, value in sweep.budget.model_dump(exclude_none=True).items())
        lines.append(f"  budget     {limits}; by the estimates it lasts for the trials listed")
    return "\n".join(lines)


def _trials(resolved: ResolvedSweep, plan: SweepPlan) -> str:
    from r1ci.plan.render import duration, totals

    several = len(resolved.bases) > 1
    header = ("trial", *(("spec",) if several else ()), "steps", "own", "time of own", "store", "overrides")
    rows = []
    for trial, of in zip(plan.trials, plan.plans, strict=True):
        own = [] if trial.number in plan.twins else plan.own(of)
        rows.append(
            (
                str(trial.number),
                *((trial.spec,) if several else ()),
                str(len(of.steps)),
                str(len(own)),
                duration(totals(own).seconds) if own else "-",
                _state(plan, trial, of),
                shlex.join(trial.overrides),
            )
        )
    return aligned(header, rows)


def _state(plan: SweepPlan, trial: Trial, of: Plan) -> str:
    """Why a trial need not run, or how far the store has it."""
    if trial.number in plan.twins:
        return f"same as {plan.twins[trial.number]}"
    done = sum(step in plan.done for step in of.steps)
    return "done" if plan.finished(of) else f"{done} of {len(of.steps)}" if done else "-"


def _shared(plan: SweepPlan) -> str:
    from r1ci.plan.render import count, duration, totals
    from r1ci.plan.sweep import shared_kinds

    rows = []
    for name, steps in shared_kinds(plan):
        cost = totals(steps)
        kinds: dict[str, int] = {}
        for step in steps:
            kinds[step.kind] = kinds.get(step.kind, 0) + 1
        done = sum(step.id in plan.done for step in steps)
        what = ", ".join(kind if number == 1 else f"{number} {kind}" for kind, number in kinds.items())
        rows.append((name, str(len(steps)), str(done), count(cost.tokens), duration(cost.seconds), what))
    return aligned(("needed by", "steps", "done", "tokens", "time", "which"), rows)


def _totals(plan: SweepPlan) -> str:
    from r1ci.plan.render import count, duration, money

    def row(name: str, cost: Totals) -> tuple[str, ...]:
        hours, price = f"{cost.gpu_hours:.2f}", money(cost.cost, cost.currency)
        return name, str(cost.steps), count(cost.tokens), duration(cost.seconds), hours, price

    named = (("every trial on its own", plan.apart), ("shared", plan.together), ("not in the store", plan.left))
    table = aligned(("total", "steps", "tokens", "time", "GPU-hours", "cost"), [row(*each) for each in named])
    lines = [_saved("sharing", plan.apart, plan.together), _saved("the store", plan.together, plan.left)]
    return "\n".join([table, "", *filter(None, lines), "Times are estimates, one step after another."])


def _saved(by: str, before: Totals, after: Totals) -> str:
    from r1ci.plan.render import count, duration

    if before.steps == after.steps:
        return ""
    seconds = before.seconds - after.seconds
    share = seconds / before.seconds if before.seconds else 0.0
    what = f"{_count(before.steps - after.steps, 'step')}, {count(before.tokens - after.tokens)} tokens"
    return f"Saved by {by}: {what}, {duration(seconds)} ({share:.0%} of the time)."


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


# ---------------------------------------------------------------- for programs


def _document(resolved: ResolvedSweep, plan: SweepPlan) -> dict[str, Any]:
    from dataclasses import asdict

    sweep = resolved.sweep
    pairs = zip(plan.trials, plan.plans, strict=True)
    return {
        "sweep": sweep.name,
        "metric": sweep.metric.model_dump(mode="json"),
        "search": sweep.search.kind,
        "specs": {
            name: {"path": str(base.path), "variant": base.variant, "seeds": list(base.experiment.seeds)}
            for name, base in resolved.bases.items()
        },
        "trials": [
            {
                "number": trial.number,
                "spec": trial.spec,
                "values": dict(trial.values),
                "overrides": list(trial.overrides),
                "cells": {str(cell.seed): dict(cell.steps) for cell in of.cells},
                "own": [step.id for step in plan.own(of)],
                "same_as": plan.twins.get(trial.number),
                "done": plan.finished(of),
            }
            for trial, of in pairs
        ],
        "shared": {step: len(numbers) for step, numbers in plan.users.items() if len(numbers) > 1},
        "done": sorted(plan.done),
        "totals": {name: asdict(getattr(plan, name)) for name in ("apart", "together", "left")},
    }
