"""r1ci report: compare runs in one page."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from r1ci.cli.complete import complete_report
from r1ci.cli.execute import PAGE, REPORTS
from r1ci.cli.output import print_json
from r1ci.cli.runs import bring_here, find_run, run_names, sweep_of
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import find_report
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.report.build import ReportFiles
    from r1ci.report.gate import Gate
    from r1ci.spec.report import Layout

WATCH_S = 10
"""Seconds between two pages of a run that goes on."""
_EXAMPLES = (
    "r1ci report quickstart --open\nr1ci report small large --baseline small --fail-on-regression test=1\n"
    "r1ci report reports/paper.yaml --export paper/"
)


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
@click.option("--export", type=click.Path(path_type=Path), help="Folder for tables, metrics, trajectories and figures.")
@click.option(
    "--fail-on-regression",
    "gates",
    multiple=True,
    metavar="METRIC=POINTS",
    help="Exit code 1 where a variant is surely worse than the baseline by more: new=2, test=0.",
)
@click.option("--watch", is_flag=True, help="Write the page anew while a run goes on; end with it.")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@pass_settings
def command(
    settings: Settings,
    names: tuple[str, ...],
    baseline: str | None,
    paper: bool,
    out: Path | None,
    export: Path | None,
    gates: tuple[str, ...],
    watch: bool,
    show: bool,
) -> None:
    """Write one HTML page that compares runs or shows a sweep, and its JSON twin; print the page's path."""
    asked = _declared(names, settings) or _runs(names, settings)
    layout = asked.layout.model_copy(update={"paper": True}) if paper else asked.layout
    folder = out or REPORTS / asked.name
    page = folder if folder.suffix == ".html" else folder / PAGE
    build = _builder(replace(asked, layout=layout), page, baseline)
    allowed = _gates(gates)
    if show and watch:
        build(WATCH_S)
        click.launch(str(page))
    files = _watched(asked, build) if watch else build(None)
    if show and not watch:
        click.launch(str(files.html))
    exported, worse = _exported(files, export), _worse(files, allowed)
    if settings.json:
        found = {"exported": exported} if export else {}
        found |= {"regressions": worse} if gates else {}
        print_json({"html": str(files.html), "json": str(files.json), **found})
    else:
        click.echo(files.html)
    for sentence in worse:
        click.echo(f"regression: {sentence}", err=True)
    if worse:
        raise click.exceptions.Exit(1)


def _builder(asked: Asked, page: Path, baseline: str | None) -> Callable[[int | None], ReportFiles]:
    """Writes the page as the store is now; one that reads itself again where seconds are given."""
    from r1ci.report.build import build

    def make(reload_s: int | None) -> ReportFiles:
        bring_here(asked.root, asked.runs)
        live = {} if reload_s is None else {"reload_s": reload_s}
        now = datetime.now(UTC)
        return build(asked.root, asked.runs, page, baseline=baseline, layout=asked.layout, now=now, **live)

    return make


def _watched(asked: Asked, build: Callable[[int | None], ReportFiles]) -> ReportFiles:
    """Build while a run goes on. Asked before each build, so that the last one sees how everything ended."""
    from r1ci.report.sweeps import goes_on

    while goes_on(asked.root, asked.runs):
        files = build(WATCH_S)
        click.echo(f"{files.html}: written, the run goes on", err=True)
        time.sleep(WATCH_S)
    return build(None)


def _exported(files: ReportFiles, folder: Path | None) -> list[str]:
    if folder is None:
        return []
    from r1ci.report.export import export

    made = export(files.report, folder)
    if made.left_out:
        click.echo(made.left_out, err=True)
    return [str(path) for path in made.paths]


def _gates(texts: tuple[str, ...]) -> list[Gate]:
    if not texts:
        return []
    from r1ci.report.gate import parse

    return [parse(text) for text in texts]


def _worse(files: ReportFiles, gates: list[Gate]) -> list[str]:
    if not gates:
        return []
    from r1ci.report.gate import regressions

    return regressions(files.report.comparison, gates)


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

    runs = [sweep_of(name, settings.root) or find_run(name, settings.root) for name in names]
    if len({run.root.resolve() for run in runs}) > 1:
        raise UsageError("the runs lie in different stores", "a report compares the runs of one store")
    found = tuple(run.name for run in runs)
    return Asked(runs[0].root, found, "+".join(found), Layout())
