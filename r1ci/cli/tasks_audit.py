"""r1ci tasks audit: which items of official data are sound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.output import note, print_json, print_table
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import R1ciError

if TYPE_CHECKING:
    from r1ci.tasks.official import Audit, Item, TaskAudit

EXAMPLES = """\
r1ci tasks audit ~/data/SymBench
r1ci tasks audit BIG-Bench-Hard/bbh/word_sorting.json
r1ci tasks audit yongchao98/R1-Code-Interpreter-Data --only 'symbench/*'
r1ci tasks audit data --json > audit.json"""
HEADER = ("task", "accepted", "repaired", "rejected", "why")


@click.command("audit", cls=Verb, epilog=EXAMPLES)
@click.argument("path", metavar="PATH")
@click.option("--only", metavar="GLOB", default="*", help="Tasks by id.")
@click.option("--list", "listed", is_flag=True, help="Name every item that is repaired or rejected.")
@pass_settings
def command(settings: Settings, path: str, only: str, listed: bool) -> int:
    """Read official items and count the accepted, repaired and rejected ones.

    PATH is a folder or file in the authors' layout, or the id of a data set on the hub. Accepted: the official answer
    passes r1ci's checker. Repaired: it does not, but the answer that r1ci computes does. Rejected: neither, or the item
    cannot be read. Exit code 1 only if PATH cannot be read or holds no items.
    """
    from r1ci.tasks.official import audit, fetch, items

    found = audit(_chosen(items(fetch(path)), only))
    if not found.verdicts:
        raise R1ciError(f"{path}: no official items in it", "see docs/official-data.md for the layouts that are read")
    if settings.json:
        print_json(_document(found))
        return 0
    print_table(HEADER, [_row(task) for task in found.tasks], settings)
    for verdict in found.verdicts if listed else ():
        if verdict.verdict != "accepted":
            click.echo(f"{verdict.verdict}: {verdict.name}: {verdict.why}")
    note(_total(found), settings)
    return 0


def _chosen(found: Iterator[Item], only: str) -> Iterator[Item]:
    return (item for item in found if fnmatchcase(item.task or "", only))


def _row(task: TaskAudit) -> tuple[str, ...]:
    why = [*_counted(task.why), *(f"note: {text}" for text in _counted(task.notes))]
    return task.task, str(task.accepted), str(task.repaired), str(task.rejected), "; ".join(why)


def _counted(why: Mapping[str, int]) -> list[str]:
    return [f"{count} x {text}" for text, count in why.items()]


def _total(found: Audit) -> str:
    accepted, repaired, rejected = (
        sum(getattr(task, kind) for task in found.tasks) for kind in ("accepted", "repaired", "rejected")
    )
    return f"{len(found.verdicts)} items: {accepted} accepted, {repaired} repaired, {rejected} rejected"


def _document(found: Audit) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "tasks": [
            {
                "task": task.task,
                "accepted": task.accepted,
                "repaired": task.repaired,
                "rejected": task.rejected,
                "why": dict(task.why),
                "notes": dict(task.notes),
            }
            for task in found.tasks
        ],
        "items": [
            {"task": verdict.task, "name": verdict.name, "verdict": verdict.verdict, "why": verdict.why}
            for verdict in found.verdicts
        ],
    }
