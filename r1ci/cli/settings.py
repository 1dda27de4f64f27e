"""The global flags: accepted before and after the verb, kept in one object that every verb receives."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click


@dataclass
class Settings:
    """What the global flags say. Filled in while the command line is parsed, then only read."""

    json: bool = False
    """Machine-readable results and errors on stdout."""
    verbosity: int = 0
    """-1 and below: no progress; 1 and above: more of it."""
    color: str = "auto"
    """auto, always or never; auto heeds NO_COLOR and whether the stream is a terminal."""
    store: str = "runs"
    """The store: a folder, or a URL that fsspec understands."""
    debug: bool = False
    """Show the traceback of an error."""

    @property
    def root(self) -> Path:
        """The store's folder; that of a URL is its working copy, made ready when it is first asked for."""
        if "://" in self.store:
            from r1ci.store.remote import working_copy

            self.store = str(working_copy(self.store, cache()))
        return Path(self.store)

    @root.setter
    def root(self, folder: Path) -> None:
        self.store = str(folder)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Settings before any flag: R1CI_ROOT and R1CI_DEBUG."""
        debug = environ.get("R1CI_DEBUG", "") not in ("", "0")
        return cls(store=environ.get("R1CI_ROOT") or "runs", debug=debug)

    def colored(self, stream: IO[Any]) -> bool:
        """Whether text on a stream may carry colour."""
        if self.color != "auto":
            return self.color == "always"
        return not os.environ.get("NO_COLOR") and stream.isatty()


def cache() -> Path:
    """Where working copies of stores behind URLs lie: R1CI_CACHE, or a folder of the user's cache."""
    return Path(os.environ.get("R1CI_CACHE") or Path.home() / ".cache" / "r1ci")


def _store(name: str) -> Any:
    def callback(context: click.Context, parameter: click.Parameter, value: Any) -> None:
        if value is not None and context.get_parameter_source(parameter.name or "") is not _DEFAULT:
            setattr(context.ensure_object(Settings), name, value)

    return callback


def _shift(sign: int) -> Any:
    def callback(context: click.Context, parameter: click.Parameter, value: int) -> None:
        context.ensure_object(Settings).verbosity += sign * value

    return callback


_DEFAULT = click.core.ParameterSource.DEFAULT


def global_options(*, hidden: bool) -> list[click.Parameter]:
    """The flags that every verb takes. Hidden in a verb's own help, where they would drown its options."""

    def option(*names: str, into: str = "", **attributes: Any) -> click.Option:
        callback = _store(into) if into else attributes.pop("callback")
        return click.Option(list(names), callback=callback, expose_value=False, hidden=hidden, **attributes)

    choices = click.Choice(["auto", "always", "never"])
    return [
        option("--json", into="json", is_flag=True, help="JSON on stdout; JSON lines for long commands."),
        option("-q", "--quiet", callback=_shift(-1), count=True, help="No progress on stderr."),
        option("-v", "--verbose", callback=_shift(1), count=True, help="More detail on stderr."),
        option("--color", into="color", type=choices, help="Colour; NO_COLOR is heeded too."),
        option("--root", into="store", metavar="DIR|URL", help="The store (default: runs, or R1CI_ROOT)."),
        option("--debug", into="debug", is_flag=True, help="Show tracebacks (also R1CI_DEBUG=1)."),
    ]


class Verb(click.Command):
    """A verb: a command that also takes the global flags."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Own parameters, then the global ones."""
        return [*self.params, *global_options(hidden=True), *filter(None, [self.get_help_option(ctx)])]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The verb's examples as they are, then where to read about the global flags."""
        formatter.write_paragraph()
        if self.epilog:
            formatter.write("Examples:\n" + "".join(f"  {line}\n" for line in self.epilog.splitlines()) + "\n")
        formatter.write("Global flags (--json, -q, -v, --color, --root, --debug): r1ci --help\n")


pass_settings = click.make_pass_decorator(Settings, ensure=True)


def is_terminal(stream: IO[Any] | None = None) -> bool:
    """Whether a stream (default: stdout) is a terminal."""
    return (stream or sys.stdout).isatty()
