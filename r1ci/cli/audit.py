"""r1ci audit: proofs of what a run was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.complete import complete_run
from r1ci.cli.execute import silence_libraries
from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.output import note, print_json, print_table
from r1ci.cli.runs import Run, find_run
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.train.audit import Audited, Subject
    from r1ci.train.proofs import Bounds, Verdict

EXAMPLES = """\
r1ci audit quickstart
r1ci audit quickstart --step 0 --step 7
r1ci audit quickstart --cell curriculum/tiny/0 --json > audit.json"""
HEADER = ("cell", "step", "claim", "outcome", "checked", "detail")
SHOWN = 20
"""Faults of one claim that are printed; --json has all."""


@click.command(cls=Verb, epilog=EXAMPLES)
@click.argument("name", metavar="RUN", shell_complete=complete_run)
@click.option(
    "--step", "steps", type=click.IntRange(min=0), multiple=True, help="RL steps (default: all written down)."
)
@click.option("--cell", help="variant/model/seed (default: all cells).")
@click.option("--weights/--no-weights", default=True, help="Run the model again where its weights are there.")
@click.option("--mean-bound", type=click.FloatRange(min=1.0), help="Alarm above this mean of exp|engine - trainer|.")
@click.option("--token-bound", type=click.FloatRange(min=0.0), help="Alarm where one token differs by more nats.")
@pass_settings
def command(
    settings: Settings,
    name: str,
    steps: tuple[int, ...],
    cell: str | None,
    weights: bool,
    mean_bound: float | None,
    token_bound: float | None,
) -> int:
    """Replay RL steps from their ledgers and show, claim by claim, that what was trained on is what was sampled.

    Works offline, on finished runs and on unfinished ones. Exit code 1: a claim does not hold.
    """
    silence_libraries()
    from r1ci.train.audit import audit

    found: list[tuple[str, Audited]] = []
    for label, subject in subjects(find_run(name, settings.root).fetched(), cell):
        allowed = _bounds(subject, mean_bound, token_bound)
        chosen = _chosen(subject, steps, label)
        found += [(label, audited) for audited in audit(subject, chosen, weights=weights, allowed=allowed)]
    ok = all(audited.holds for _, audited in found)
    if settings.json:
        print_json({"schema_version": SCHEMA_VERSION, "ok": ok, "steps": [_document(*one) for one in found]})
    else:
        _print(found, settings)
    return 0 if ok else 1


def subjects(run: Run, cell: str | None) -> Iterator[tuple[str, Subject]]:
    """The RL steps of a run, each once, with the name of the first cell that has it.

    Raises:
        UsageError: there is no such cell, or none of them has begun RL.
    """
    from r1ci.plan.compile import plan_from_json
    from r1ci.store.store import Store
    from r1ci.train.audit import subject

    store, cells = Store(run.root), plan_from_json(run.read_json("plan.json")).cells
    if cell is not None and cell not in (known := [item.name for item in cells]):
        raise UsageError(f"no cell '{cell}'", f"cells: {', '.join(known)}")
    named = {
        item.steps["rl"]: item.name for item in reversed(cells) if "rl" in item.steps and cell in (None, item.name)
    }
    begun = {step: label for step, label in named.items() if (store.step_folder(step) / "step.json").is_file()}
    if not begun:
        raise UsageError(f"{run.name} has no RL step that has begun", f"r1ci show {run.name} shows what is done")
    for step, label in reversed(begun.items()):
        yield label, subject(store.step_folder(step))


def _chosen(subject: Subject, wanted: Sequence[int], label: str) -> Sequence[int]:
    from r1ci.train import ledger

    there = ledger.steps(subject.folder)
    missing = sorted(set(wanted) - set(there))
    if missing or not there:
        what = f"no ledger of step {', '.join(map(str, missing))}" if missing else "no ledger"
        listed = f"written down are: {', '.join(map(str, there))}; " if there else ""
        raise UsageError(f"{label}: {what}", f"{listed}compute.ledger_every says which steps of a run are")
    return wanted or there


def _bounds(subject: Subject, mean: float | None, token: float | None) -> Bounds:
    from r1ci.train.proofs import Bounds

    usual = subject.bounds
    return Bounds(usual.mean if mean is None else mean, usual.most if token is None else token)


def _print(found: Sequence[tuple[str, Audited]], settings: Settings) -> None:
    rows = [
        (label, str(audited.step), verdict.claim, verdict.outcome, str(verdict.checked), verdict.detail)
        for label, audited in found
        for verdict in audited.verdicts
    ]
    print_table(HEADER, rows, settings)
    for label, audited in found:
        for verdict in audited.verdicts:
            for fault in verdict.faults[:SHOWN]:
                place = "" if fault.episode is None else f"episode {fault.episode}, "
                text = f"{label} step {audited.step}, {place}{fault.where}: {fault.message}"
                click.echo(f"{verdict.claim} FAILS: {text}")
            if len(verdict.faults) > SHOWN:
                click.echo(f"{verdict.claim} FAILS: {len(verdict.faults) - SHOWN} more; --json lists all")
    note(_histogram([verdict for _, audited in found for verdict in audited.verdicts]), settings)


def _histogram(verdicts: Sequence[Verdict]) -> str:
    """The differences of all steps between engine and trainer."""
    from r1ci.train.proofs import EDGES

    counts = [verdict.histogram for verdict in verdicts if verdict.claim == "engine" and verdict.histogram]
    if not counts:
        return "engine and trainer: nothing to compare"
    labels = [*(f"<= {edge:g}" for edge in EDGES), f"> {EDGES[-1]:g}"]
    sums = [sum(column) for column in zip(*counts, strict=True)]
    bins = ", ".join(f"{label}: {count}" for label, count in zip(labels, sums, strict=True) if count)
    return f"tokens by |engine - trainer| in nats: {bins}"


def _document(label: str, audited: Audited) -> dict[str, Any]:
    from r1ci.train.proofs import EDGES

    return {
        "cell": label,
        "step": audited.step,
        "ok": audited.holds,
        "claims": [
            {
                "claim": verdict.claim,
                "outcome": verdict.outcome.lower(),
                "checked": verdict.checked,
                "detail": verdict.detail,
                "faults": [vars(fault) for fault in verdict.faults],
                **({"histogram": _bins(EDGES, verdict.histogram)} if verdict.histogram else {}),
            }
            for verdict in audited.verdicts
        ],
    }


def _bins(edges: Sequence[float], counts: Sequence[int]) -> list[dict[str, float | None]]:
    """Bins by their upper edge; null has none."""
    return [{"up_to": edge, "tokens": count} for edge, count in zip((*edges, None), counts, strict=True)]
