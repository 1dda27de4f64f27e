"""Results on stdout: JSON documents and tables that stay whole when they are piped."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from r1ci.cli.settings import Settings, is_terminal


def print_json(value: Any) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], settings: Settings) -> None:
    """Aligned columns on a terminal, tab-separated values elsewhere; never cut."""
    if is_terminal():
        color = settings.colored(sys.stdout)
        click.echo(aligned(header, rows, color=color), color=color)
    else:
        click.echo("\n".join("\t".join(row) for row in (header, *rows)))


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], *, color: bool = False) -> str:
    """Columns padded to their widest cell, the last one ragged."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [_line(header, widths), *(_line(row, widths) for row in rows)]
    if color:
        lines[0] = click.style(lines[0], bold=True)
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def note(text: str, settings: Settings) -> None:
    """A remark on stderr, unless --quiet."""
    if settings.verbosity >= 0:
        click.echo(text, err=True)
