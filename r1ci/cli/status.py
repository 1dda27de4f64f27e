"""r1ci status: the jobs of a cluster, or one of them."""

from __future__ import annotations

import click

from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.jobs import address_option, connect, row
from r1ci.cli.output import print_json, print_table
from r1ci.cli.settings import Settings, Verb, pass_settings


@click.command(cls=Verb, epilog="r1ci status --address http://head:8265\nr1ci status laptop-1f0c9a2e")
@click.argument("job", required=False)
@address_option
@pass_settings
def command(settings: Settings, job: str | None, address: str | None) -> None:
    """Say how the jobs of a cluster are, or one JOB."""
    from datetime import UTC, datetime

    jobs = connect(address)
    found = jobs.all() if job is None else [jobs.get(job)]
    if settings.json:
        rows = [row(each) for each in found]
        print_json({"schema_version": SCHEMA_VERSION, **({"jobs": rows} if job is None else rows[0])})
    elif job is None:
        started = [
            "-" if each.started_s is None else f"{datetime.fromtimestamp(each.started_s, UTC):%Y-%m-%d %H:%M:%S}"
            for each in found
        ]
        cells = [(each.id, each.state, when, each.facts["command"]) for each, when in zip(found, started, strict=True)]
        print_table(("job", "state", "started", "command"), cells, settings)
    else:
        for key, value in row(found[0]).items():
            click.echo(f"{key:10} {'-' if value is None else value}")
