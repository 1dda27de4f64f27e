"""r1ci report: compare runs in one page."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from r1ci.cli.complete import complete_run
from r1ci.cli.execute import PAGE, REPORTS
from r1ci.cli.output import print_json
from r1ci.cli.runs import find_run
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.errors import UsageError


@click.command(cls=Verb, epilog="r1ci report quickstart --open\nr1ci report small large --baseline small")
@click.argument("names", metavar="RUN...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--baseline", help="Variant that the others are compared with (default: the spec's).")
@click.option("--out", type=click.Path(path_type=Path), help="Folder or .html file (default: reports/out/RUN).")
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
@pass_settings
def command(settings: Settings, names: tuple[str, ...], baseline: str | None, out: Path | None, show: bool) -> None:
    """Write one HTML page that compares runs, and its JSON twin; print the page's path."""
    from r1ci.report.build import build

    runs = [find_run(name, settings.root) for name in names]
    roots = {run.root.resolve() for run in runs}
    if len(roots) > 1:
        raise UsageError("the runs lie in different stores", "a report compares the runs of one store")
    folder = out or REPORTS / "+".join(run.name for run in runs)
    page = folder if folder.suffix == ".html" else folder / PAGE
    files = build(runs[0].root, [run.name for run in runs], page, baseline=baseline, now=datetime.now(UTC))
    if settings.json:
        print_json({"html": str(files.html), "json": str(files.json)})
    else:
        click.echo(files.html)
    if show:
        click.launch(str(files.html))
