"""One self-contained HTML file: nothing is fetched, and no script runs but those named by hash in its policy."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from r1ci.report.render import render, source


@dataclass(frozen=True)
class Head:
    """What the top and the bottom of the page say."""

    title: str
    description: str
    facts: tuple[str, ...]
    version: str
    made: str


@dataclass(frozen=True)
class Part:
    """A drawn section."""

    id: str
    title: str
    body: Markup
    note: Markup
    """What the declared report says of it; may be empty."""


def page(head: Head, parts: Sequence[Part], *, note: Markup, charts: bool, reload_s: int | None = None) -> str:
    """The page. ``note`` stands before the first section.

    ``charts`` brings plotly along, which the page's script starts when the page is at rest. ``reload_s`` makes the
    page of a run that goes on: it reads itself from the disk again every so many seconds.
    """
    scripts = [source("report.js"), source("board.js"), source("viewer.js"), source("downloads.js")]
    plotly = _plotly() if charts else ""
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
        f"script-src {' '.join(_hash(script) for script in [*scripts, *([plotly] if charts else [])])}"
    )
    return render(
        "page.html",
        page=head,
        sections=parts,
        note=note,
        reload_s=reload_s,
        policy=Markup(policy),
        style=Markup(source("report.css")),
        scripts=[Markup(script) for script in scripts],
        plotly=Markup(plotly),
    )


def _plotly() -> str:
    """plotly.js as its Python package brings it, safe to stand inside a script element."""
    import plotly

    bundle = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    text = bundle.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
