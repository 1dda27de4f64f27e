"""r1ci report: compare runs in one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from r1ci.cli.complete import complete_report
from r1ci.cli.execute import PAGE, REPORTS
from r1ci.cli.output import print_json
from r1ci.cli.runs import find_run, run_names
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import find_report
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.spec.report import Layout

_EXAMPLES = "r1ci report quickstart --open\nr1ci report small large --baseline small\nr1ci report reports/paper.yaml"


@dataclass(frozen=True)
class Asked:
    """What a report is to be made of."""

    root: Path
    runs: tuple[str, ...]
    name: str
    """Of its folder."""
    layout: Layout


@click.command(cls=Verb, epilog=_EXAMPLES)
@click.argument("names", metavar="RUN... | FILE", nargs=-1, required=True, shell_complete=complete_report)
@click.option("--baseline", help="Variant that the others are compared with (default: the file's, then the spec's).")
@click.option("--paper", is_flag=True, help="Show the figures that the paper published, in a table of their own.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder or .html file (default: reports/out/NAME).")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@pass_settings
def command(
    settings: Settings, names: tuple[str, ...], baseline: str | None, paper: bool, out: Path | None, show: bool
) -> None:
    """Write one HTML page that compares runs, and its JSON twin; print the page's path."""
    from r1ci.report.build import build

    asked = _declared(names, settings) or _runs(names, settings)
    layout = asked.layout.model_copy(update={"paper": True}) if paper else asked.layout
    folder = out or REPORTS / asked.name
    page = folder if folder.suffix == ".html" else folder / PAGE
    now = datetime.now(UTC)
    files = build(asked.root, asked.runs, page, baseline=baseline, layout=layout, now=now)
    if settings.json:
        print_json({"html": str(files.html), "json": str(files.json)})
    else:
        click.echo(files.html)
    if show:
        click.launch(str(files.html))


def _declared(names: tuple[str, ...], settings: Settings) -> Asked | None:
    """What a report file asks for; None where the names are those of runs."""
    files = {name: path for name in names if (path := find_report(name)) and name not in run_names(settings.root)}
    if not files:
        return None
    if len(names) > 1:
        raise UsageError("a report file stands alone", f"name the runs inside it: {next(iter(files))}")
    from r1ci.spec.report import load_report

    path = files[names[0]]
    report = load_report(path)
    return Asked(settings.root, tuple(report.runs), path.stem, report)


def _runs(names: tuple[str, ...], settings: Settings) -> Asked:
    from r1ci.spec.report import Layout

    runs = [find_run(name, settings.root) for name in names]
    if len({run.root.resolve() for run in runs}) > 1:
        raise UsageError("the runs lie in different stores", "a report compares the runs of one store")
    found = tuple(run.name for run in runs)
    return Asked(runs[0].root, found, "+".join(found), Layout())
