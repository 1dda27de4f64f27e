"""A group of verbs of which each is imported only when it is used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """Verbs with one line each; the command of VERB is ``command`` in the module ``r1ci.cli.GROUP_VERB``."""

    def __init__(self, name: str, verbs: Mapping[str, str], help: str) -> None:
        super().__init__(name=name, help=help)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order people meet them."""
        return list(self._verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb's module and return its command."""
        if cmd_name not in self._verbs:
            return None
        command: click.Command = importlib.import_module(f"r1ci.cli.{self.name}_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verbs with one line each, importing none of them."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(self._verbs.items()))
