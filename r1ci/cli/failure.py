"""Errors as people and programs see them: one message without a traceback, one exit code."""

from __future__ import annotations

import errno
import json
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.settings import Settings
from r1ci.errors import R1ciError, UsageError

if TYPE_CHECKING:
    from r1ci.spec.diagnostics import Diagnostic

SCHEMA_VERSION = 1
"""Version of every JSON document that the command line prints."""


def report_failure(error: Exception, settings: Settings) -> int:
    """Print an error where its reader looks for it and return the exit code."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.format_message(), err=True)
        return 2
    known = as_known(error)
    if settings.debug:
        traceback.print_exception(error, file=sys.stderr)
    if settings.json:
        click.echo(json.dumps(failure_document(known), ensure_ascii=False))
    else:
        print_error(known, settings)
    return known.exit_code


def as_known(error: Exception) -> R1ciError:
    """Any exception as one of ours: click's, the operating system's, and bugs."""
    if isinstance(error, R1ciError):
        return error
    if isinstance(error, click.ClickException):
        return _from_click(error)
    if isinstance(error, OSError):
        return _from_system(error)
    message = f"unexpected {type(error).__name__}: {error}"
    return R1ciError(message, "this is a bug in r1ci: run again with --debug and report the traceback")


def failure_document(error: R1ciError) -> dict[str, Any]:
    """An error as JSON, with the exit code that goes with it."""
    fields: dict[str, Any] = {"kind": type(error).__name__, "code": error.exit_code}
    diagnostics = _diagnostics(error)
    if diagnostics is None:
        fields |= {"message": error.message, "help": error.help}
    else:
        from r1ci.spec.diagnostics import to_json

        fields |= {"message": f"{len(diagnostics)} error(s) in the spec", "help": ""}
        fields["diagnostics"] = to_json(diagnostics)["diagnostics"]
    return {"schema_version": SCHEMA_VERSION, "ok": False, "error": fields}


def print_diagnostics(diagnostics: Sequence[Diagnostic], settings: Settings) -> None:
    """What is wrong or doubtful in a spec, on stderr."""
    if diagnostics:
        from r1ci.spec.diagnostics import render

        text = render(diagnostics)
        _say(painted(text) if settings.colored(sys.stderr) else text, settings)


def painted(text: str) -> str:
    """A rendered error with its labels and carets coloured."""
    colors = {"error": "red", "warning": "yellow", "help": "cyan"}
    lines = []
    for line in text.splitlines():
        label, colon, rest = line.partition(": ")
        if colon and label in colors:
            line = click.style(f"{label}:", fg=colors[label], bold=True) + f" {rest}"
        elif line.rstrip("^") != line:
            bare = line.rstrip("^")
            line = bare + click.style("^" * (len(line) - len(bare)), fg="red", bold=True)
        lines.append(line)
    return "\n".join(lines)


def _diagnostics(error: R1ciError) -> Sequence[Diagnostic] | None:
    """What a SpecError holds; None for every other error. Asks without importing the language."""
    return getattr(error, "diagnostics", None)


def print_error(error: R1ciError, settings: Settings) -> None:
    """An error for people, on stderr."""
    text = error.message if _diagnostics(error) is not None else f"error: {error}"
    _say(painted(text) if settings.colored(sys.stderr) else text, settings)


def _say(text: str, settings: Settings) -> None:
    click.echo(text, err=True, color=settings.colored(sys.stderr))


def _from_click(error: click.ClickException) -> R1ciError:
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    hint = "" if context is None else f"see {context.command_path} --help"
    if message[1:2].islower():
        message = message[0].lower() + message[1:]
    return UsageError(message, hint)


def _from_system(error: OSError) -> R1ciError:
    where = f" ({error.filename})" if error.filename else ""
    message = f"{error.strerror or error}{where}"
    hints = {
        errno.ENOSPC: "free some space and run again: finished steps are kept",
        errno.EDQUOT: "free some space and run again: finished steps are kept",
        errno.EACCES: "check the owner and the permissions, or choose another store with --root",
        errno.EPERM: "check the owner and the permissions, or choose another store with --root",
        errno.EROFS: "the file system is read-only: choose another store with --root",
    }
    return R1ciError(message, hints.get(error.errno or 0, ""))
