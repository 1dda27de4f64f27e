"""r1ci logs: what a job has done so far."""

from __future__ import annotations

import click

from r1ci.cli.jobs import address_option, connect, ended, follow, sweep_of
from r1ci.cli.replay import Replay
from r1ci.cli.settings import Settings, Verb, pass_settings


@click.command(cls=Verb, epilog="r1ci logs laptop-1f0c9a2e --follow")
@click.argument("job")
@address_option
@click.option("--follow", "following", is_flag=True, help="Go on until the job ends.")
@click.option("--raw", is_flag=True, help="The lines as the job printed them.")
@pass_settings
def command(settings: Settings, job: str, address: str | None, following: bool, raw: bool) -> int:
    """Show how JOB went, and how it goes with --follow. The exit code is that of the run, once it has ended."""
    jobs = connect(address)
    if raw:
        click.echo(jobs.log(job), nl=False)
        return 0
    if following:
        return follow(jobs, job, settings)
    found = jobs.get(job)
    with Replay(settings, sweep_of(found)) as replay:
        for line in jobs.log(job).splitlines():
            replay(line)
    return ended(found, replay, settings)
