"""What the paper published, for reference: nothing of it was measured here, and none of it enters a comparison."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.render import render


@dataclass(frozen=True)
class Figure:
    """One published number."""

    system: str
    measure: str
    value: float
    unit: str
    where: str
    """Table or figure of the paper."""


@dataclass(frozen=True)
class Paper:
    """The figures of paper.json: only those in the abstract, the reviews or several independent notes."""

    source: str
    figures: tuple[Figure, ...]


def paper_data(comparison: Comparison) -> Paper:
    """The same for every comparison."""
    text = resources.files("r1ci.report").joinpath("paper.json").read_text(encoding="utf-8")
    content = json.loads(text)
    return Paper(content["source"], tuple(Figure(**figure) for figure in content["figures"]))


def paper_html(data: Paper) -> Markup:
    """A table that says whose figures they are."""
    return render("paper.html", data=data)
