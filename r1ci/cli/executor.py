"""r1ci executor: serve programs over HTTP, or hold an executor to the conformance suite."""

from __future__ import annotations

import importlib

import click

VERBS = {
    "serve": "Run programs for others over HTTP.",
    "test": "Run the conformance suite against an executor.",
}


class Verbs(click.Group):
    """The sub-verbs, each imported only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Both, in the order people meet them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a sub-verb's module and return its command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"r1ci.cli.executor_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sub-verbs with one line each, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


command = Verbs(name="executor", help="Serve the executor, or hold one to the conformance suite.")
