"""r1ci tasks: what can be done with the tasks as a whole."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "audit": "Hold official data against r1ci's own checkers.",
}


class Verbs(click.Group):
    """The sub-verbs, each imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a sub-verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"r1ci.cli.tasks_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sub-verbs with one line each, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


command = Verbs(name="tasks", help="Official data of the tasks.")
