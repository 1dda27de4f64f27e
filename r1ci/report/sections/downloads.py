"""The page's own data as files, made by its script from what the page holds; and the command for all of it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.render import render
from r1ci.report.sweeps import names_of


@dataclass(frozen=True)
class Downloads:
    """What the page cannot make itself is written by a command."""

    command: str


def downloads_data(comparison: Comparison) -> Downloads:
    """The command that exports everything."""
    return Downloads(f"r1ci report {shlex.join(names_of(comparison.findings))} --export FOLDER")


def downloads_html(data: Downloads) -> Markup:
    """Buttons that the script shows where the page has their data."""
    return render("downloads.html", data=data)
