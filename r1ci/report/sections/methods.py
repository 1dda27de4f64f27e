"""How the numbers were made: definitions of every measure, of the intervals, and what they do not cover."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.render import render
from r1ci.report.stats import DRAWS


@dataclass(frozen=True)
class Methods:
    """What the text needs to know."""

    draws: int
    temperatures: tuple[float, ...]
    samples: tuple[int, ...]


def methods_data(comparison: Comparison) -> Methods:
    """Sampling choices as the evaluations recorded them."""
    inputs = [step.inputs for step in comparison.findings.steps.values() if step.kind == "evaluation"]
    return Methods(
        draws=DRAWS,
        temperatures=tuple(sorted({i["temperature"] for i in inputs if "temperature" in i})),
        samples=tuple(sorted({i["samples"] for i in inputs if "samples" in i})),
    )


def methods_html(data: Methods) -> Markup:
    """A definition list."""
    return render("methods.html", data=data)
