"""r1ci check: every error of every spec, sweep and report file, and what the linter says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.complete import complete_checked
from r1ci.cli.failure import SCHEMA_VERSION, print_diagnostics
from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings
from r1ci.cli.specs import (
    find_spec,
    is_report,
    is_sweep,
    known_names,
    load_spec,
    load_sweep_file,
    overlay_option,
    split,
)
from r1ci.errors import UsageError

if TYPE_CHECKING:
    from r1ci.spec.diagnostics import Diagnostic

    Findings = Mapping[str, Sequence[Diagnostic]]


@click.command(cls=Verb, epilog="r1ci check specs/*.yaml\nr1ci check quickstart rl.group_size=8")
@click.argument("words", metavar="FILE... [a.b=c ...]", nargs=-1, required=True, shell_complete=complete_checked)
@overlay_option
@click.option("--format", "shape", type=click.Choice(["text", "github", "json"]), default="text", help="Of the errors.")
@pass_settings
def command(settings: Settings, words: tuple[str, ...], overlays: tuple[Path, ...], shape: str) -> int:
    """Validate specs, sweeps and report files, and lint them. Exit code 2 if any has an error."""
    names, overrides = split(words)
    if not names:
        raise UsageError("FILE is missing", "it comes first, overrides after it")
    found = {name: diagnose(name, overrides, overlays) for name in names}
    failed = any(each.severity == "error" for diagnostics in found.values() for each in diagnostics)
    if settings.json or shape == "json":
        print_json({"schema_version": SCHEMA_VERSION, "ok": not failed, "specs": _documents(found)})
    elif shape == "github":
        _print_annotations(found)
    else:
        _print_text(found, settings)
    return 2 if failed else 0


def diagnose(name: str, overrides: Sequence[str], overlays: Sequence[Path]) -> Sequence[Diagnostic]:
    """All errors of a spec, sweep or report file, or the linter's findings where it has none."""
    from r1ci.spec.diagnostics import SpecError
    from r1ci.spec.lint import lint
    from r1ci.spec.report import load_report
    from r1ci.spec.sweep.check import lint_sweep

    try:
        if is_report(name):
            load_report(Path(name))
            return ()
        if is_sweep(name):
            return lint_sweep(load_sweep_file(name, overrides), known_names())
        return lint(load_spec(name, overrides, overlays), known_names())
    except SpecError as error:
        return error.diagnostics


def _documents(found: Findings) -> list[dict[str, Any]]:
    from r1ci.spec.diagnostics import to_json

    return [
        {"spec": str(find_spec(name)), "diagnostics": to_json(diagnostics)["diagnostics"]}
        for name, diagnostics in found.items()
    ]


def _print_annotations(found: Findings) -> None:
    from r1ci.spec.diagnostics import render

    for diagnostics in filter(None, found.values()):
        click.echo(render(diagnostics, "github"))


def _print_text(found: Findings, settings: Settings) -> None:
    for name, diagnostics in found.items():
        print_diagnostics(diagnostics, settings)
        if not any(each.severity == "error" for each in diagnostics):
            click.echo(f"{find_spec(name)}: ok")
