"""r1ci tasks validate: prove of every task that its checker is right, as the test suite does."""

from __future__ import annotations

import asyncio
import fnmatch
import multiprocessing
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.output import note, print_json, print_table
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.tasks.validate import Validation

EXAMPLES = """\
r1ci tasks validate
r1ci tasks validate --task 'bbh/*' --task rg/gcd -n 50
r1ci tasks validate --task symbench/game24 --seed 7 --json"""
_SHOWN = 3
"""Faults of a task that are shown."""


@click.command("validate", cls=Verb, epilog=EXAMPLES)
@click.option("--task", "globs", metavar="GLOB", multiple=True, help="Tasks by id or pattern; default: all.")
@click.option("-n", "count", type=click.IntRange(2), default=20, show_default=True, help="Questions of each task.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the questions.")
@click.option("--plugin", "plugins", metavar="MODULE", multiple=True, help="Import a module that registers tasks.")
@pass_settings
def command(settings: Settings, globs: tuple[str, ...], count: int, seed: int, plugins: tuple[str, ...]) -> int:
    """Prove that the checkers are right.

    Reference answers and programs pass, whatever a person would accept around them; perturbed, empty, hostile and other
    questions' answers do not. Programs run in the local executor. Exit code 1 if a task has a fault.
    """
    from r1ci.tasks.registry import catalog, load_plugins

    load_plugins(plugins)
    ids = [info.id for info in catalog() if any(fnmatch.fnmatchcase(info.id, glob) for glob in globs or ("*",))]
    if not ids:
        raise UsageError(f"no task is called {' or '.join(globs)}", "r1ci ls tasks lists them")
    found = _validate(ids, count, seed, plugins, settings)
    faulty = [validation for validation in found if not validation.ok]
    if settings.json:
        print_json({"schema_version": SCHEMA_VERSION, "ok": not faulty, "tasks": [asdict(one) for one in found]})
        return 1 if faulty else 0
    rows = [
        (one.task, str(one.questions), str(one.distinct), str(one.programs), str(len(one.faults)) if one.faults else "")
        for one in found
    ]
    print_table(("task", "questions", "different", "programs", "faults"), rows, settings)
    for one in faulty:
        for fault in one.faults[:_SHOWN]:
            click.echo(f"{fault.question}: {fault.what}")
    programs = sum(one.programs > 0 for one in found)
    click.echo(f"{len(found)} tasks, {programs} with programs, {len(faulty)} with faults")
    return 1 if faulty else 0


def _validate(
    ids: Sequence[str], count: int, seed: int, plugins: Sequence[str], settings: Settings
) -> list[Validation]:
    """The proofs of all tasks, in their order, in as many processes as there are cores."""
    workers = min(len(os.sched_getaffinity(0)), len(ids))
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        futures = {pool.submit(_prove, id, count, seed, tuple(plugins)): id for id in ids}
        found: dict[str, Validation] = {}
        visible = not settings.json and settings.verbosity >= 0 and sys.stderr.isatty()
        with click.progressbar(length=len(ids), label="tasks", file=sys.stderr, hidden=not visible) as bar:
            for future in as_completed(futures):
                found[futures[future]] = future.result()
                bar.update(1)
                if found[futures[future]].faults and not visible:
                    note(f"faults: {futures[future]}", settings)
    return [found[id] for id in ids]


def _prove(id: str, count: int, seed: int, plugins: Sequence[str]) -> Validation:
    from r1ci.tasks.registry import get_task, load_plugins, task_info
    from r1ci.tasks.validate import Fault, Validation, validate

    load_plugins(plugins)
    try:
        return validate(get_task(id), task_info(id), count, seed, run=_run)
    except Exception as error:
        return Validation(id, count, 0, 0, (Fault(id, f"raised {type(error).__name__}: {error}"),))


def _run(programs: Sequence[str]) -> list[str]:
    """What programs print in the local executor; what went wrong counts as output."""
    from r1ci.executors.local import LocalExecutor
    from r1ci.executors.observe import observation
    from r1ci.executors.protocol import Program
    from r1ci.spec.models import LocalExecutor as LocalSpec

    async def run() -> list[str]:
        spec = LocalSpec(isolation="rlimits")
        executor = LocalExecutor(spec)
        try:
            executions = await asyncio.gather(*[executor.run(Program(program)) for program in programs])
        finally:
            await executor.close()
        return [observation(execution, spec) for execution in executions]

    return asyncio.run(run())
