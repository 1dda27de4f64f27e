"""r1ci solve: a trained model answers a question."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from r1ci.cli.complete import complete_run
from r1ci.cli.execute import silence_libraries
from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.runs import Run, find_run
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import R1ciError, UsageError

if TYPE_CHECKING:
    from r1ci.agents.trajectory import Trajectory
    from r1ci.plan.steps import Cell
    from r1ci.spec.models import Experiment

ROLES = {"rl": "rl", "sft": "sft", "base": "model"}
"""Steps that leave a model, by the checkpoint's name, the most trained first."""


@click.command(cls=Verb, epilog='r1ci solve quickstart "What is the greatest common divisor of 84 and 126?"')
@click.argument("name", metavar="RUN", shell_complete=complete_run)
@click.argument("question")
@click.option("--cell", help="variant/model/seed (default: the run's first cell).")
@click.option("--ckpt", "checkpoint", type=click.Choice(list(ROLES)), help="Which model (default: the most trained).")
@click.option("--temperature", type=click.FloatRange(min=0.0), default=0.0, help="Of sampling (default: 0, greedy).")
@pass_settings
def command(
    settings: Settings, name: str, question: str, cell: str | None, checkpoint: str | None, temperature: float
) -> int:
    """Let a trained model answer QUESTION, its programs and their output shown as they happen."""
    chosen = choose(find_run(name, settings.root).fetched(), cell, checkpoint)
    silence_libraries()
    from r1ci.steps.solve import solve

    trajectory = solve(chosen.folder, question, chosen.experiment, narrator(settings), temperature=temperature)
    return _finish(trajectory, settings)


@dataclass(frozen=True)
class Chosen:
    """A trained model and the spec it was trained by."""

    folder: Path
    experiment: Experiment


def choose(run: Run, cell: str | None, checkpoint: str | None) -> Chosen:
    """The model asked for.

    Raises:
        UsageError: the run has no such cell, or no such finished model.
    """
    from r1ci.plan.compile import plan_from_json
    from r1ci.spec.load import load_resolved
    from r1ci.store.store import Store

    store = Store(run.root)
    found = _cell(plan_from_json(run.read_json("plan.json")).cells, cell)
    experiment = load_resolved(run.folder / "resolved.json").cases[found.variant].experiment
    for role in ROLES.values() if checkpoint is None else (ROLES[checkpoint],):
        step = found.steps.get(role)
        if step is not None and store.is_done(step):
            return Chosen(store.step_folder(step), experiment)
    hint = f"r1ci show {run.folder} shows what is done; r1ci resume {run.folder} continues"
    raise UsageError(f"{found.name} has no finished {checkpoint or 'model'}", hint)


def _cell(cells: tuple[Cell, ...], name: str | None) -> Cell:
    for cell in cells:
        if name in (None, cell.name):
            return cell
    raise UsageError(f"no cell '{name}'", f"cells: {', '.join(cell.name for cell in cells)}")


def narrator(settings: Settings) -> Callable[[str, str], None]:
    """Where the model's turns and the output of its programs go: JSON lines, or text on stderr."""

    def tell(speaker: str, text: str) -> None:
        if settings.json:
            click.echo(json.dumps({"event": speaker, "text": text}, ensure_ascii=False))
        elif settings.verbosity >= 0:
            color = settings.colored(sys.stderr)
            label = click.style(speaker, fg="cyan" if speaker == "model" else "green", bold=True)
            click.echo(f"{label}\n{text.rstrip()}\n", err=True, color=color)

    return tell


def _finish(trajectory: Trajectory, settings: Settings) -> int:
    answer, reason = trajectory.answer, str(trajectory.stop_reason)
    if settings.json:
        ended = {"answer": answer, "stop_reason": reason, "calls": trajectory.calls}
        done = {"event": "done", "schema_version": SCHEMA_VERSION, "ok": answer is not None, **ended}
        click.echo(json.dumps(done, ensure_ascii=False))
        return 0 if answer is not None else 1
    if answer is None:
        raise R1ciError(f"the model gave no answer: {reason}", "ask for another attempt with --temperature 0.6")
    click.echo(answer)
    return 0
