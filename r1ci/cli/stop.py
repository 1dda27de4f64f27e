"""r1ci stop: interrupt a job."""

from __future__ import annotations

import click

from r1ci.cli.jobs import address_option, connect
from r1ci.cli.output import note, print_json
from r1ci.cli.settings import Settings, Verb, pass_settings


@click.command(cls=Verb, epilog="r1ci stop laptop-1f0c9a2e")
@click.argument("job")
@address_option
@pass_settings
def command(settings: Settings, job: str, address: str | None) -> None:
    """Interrupt JOB as Ctrl-C would; submitting the same again resumes it."""
    jobs = connect(address)
    found = jobs.get(job)
    if found.ended:
        note(f"{job} has ended already: {found.state}", settings)
    else:
        jobs.stop(job)
    if settings.json:
        print_json({"job": job, "was": found.state})
