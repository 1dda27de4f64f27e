"""r1ci solve: a trained model answers a question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from r1ci.cli.complete import complete_run
from r1ci.cli.runs import Run, find_run
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import UsageError

BEST_FIRST = ("rl", "sft", "model")
"""Roles of the steps that leave a model."""


@click.command(cls=Verb, epilog='r1ci solve quickstart "What is the greatest common divisor of 84 and 126?"')
@click.argument("name", metavar="RUN", shell_complete=complete_run)
@click.argument("question")
@click.option("--cell", help="variant/model/seed (default: the run's first cell).")
@click.option(
    "--ckpt", "checkpoint", type=click.Choice(["base", "sft", "rl"]), help="Which of its models (default: the last)."
)
@pass_settings
def command(settings: Settings, name: str, question: str, cell: str | None, checkpoint: str | None) -> None:
    """Let a trained model answer QUESTION, its programs and their output shown as they happen."""
    from r1ci.steps.solve import solve

    run = find_run(name, settings.root)
    solve(policy_folder(run, cell, checkpoint), question, click.echo)


def policy_folder(run: Run, cell: str | None, checkpoint: str | None) -> Path:
    """The folder of the step that made the model asked for.

    Raises:
        UsageError: the run has no such cell, or no such finished model.
    """
    from r1ci.store.store import Store

    store, cells = Store(run.root), run.read_json("plan.json")["cells"]
    steps = _cell_steps(cells, cell)
    wanted = BEST_FIRST if checkpoint is None else ({"base": "model"}.get(checkpoint, checkpoint),)
    for role in wanted:
        if role in steps and store.is_done(steps[role]):
            return store.step_folder(steps[role])
    hint = f"r1ci show {run.folder} shows what is done; r1ci resume {run.folder} continues"
    raise UsageError(f"{run.name} has no finished {checkpoint or 'model'}", hint)


def _cell_steps(cells: list[dict[str, Any]], name: str | None) -> Mapping[str, str]:
    found: Mapping[str, Mapping[str, str]] = {cell["name"]: cell["steps"] for cell in cells}
    if name is None:
        return next(iter(found.values()))
    if name not in found:
        raise UsageError(f"no cell '{name}'", f"cells: {', '.join(found)}")
    return found[name]
