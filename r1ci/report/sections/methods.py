"""How the numbers were made: definitions of every measure, of the intervals, and what they do not cover."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.render import render
from r1ci.report.sections import alerts
from r1ci.report.selfcheck import PRECISION, RECALL
from r1ci.report.stats import DRAWS

_SOFTWARE = ("r1ci", "torch", "transformers", "vllm", "ray", "trl")


@dataclass(frozen=True)
class Limits:
    """When the alerts speak."""

    kl: float = alerts.KL
    clipped: float = alerts.CLIPPED
    mismatch: float = alerts.MISMATCH
    signal: float = alerts.SIGNAL
    timeouts: float = alerts.TIMEOUT_SHARE
    truncated: float = alerts.TRUNCATED_SHARE
    compute: float = alerts.COMPUTE
    fall: float = alerts.FALL


@dataclass(frozen=True)
class Methods:
    """What the text needs to know."""

    draws: int
    temperatures: tuple[float, ...]
    samples: tuple[int, ...]
    software: tuple[str, ...]
    """Name and versions of what computed the results, where steps recorded it."""
    precision: float
    """Of the detector of self-checking code, and its recall."""
    recall: float
    limits: Limits


def methods_data(comparison: Comparison) -> Methods:
    """Sampling choices as the evaluations recorded them."""
    inputs = [step.inputs for step in comparison.findings.steps.values() if step.kind == "evaluation"]
    return Methods(
        draws=DRAWS,
        temperatures=tuple(sorted({i["temperature"] for i in inputs if "temperature" in i})),
        samples=tuple(sorted({i["samples"] for i in inputs if "samples" in i})),
        software=tuple(_software(comparison)),
        precision=PRECISION,
        recall=RECALL,
        limits=Limits(),
    )


def _software(comparison: Comparison) -> Iterator[str]:
    records = [step.provenance.get("packages") or {} for step in comparison.findings.steps.values()]
    for name in _SOFTWARE:
        if versions := sorted({str(record[name]) for record in records if name in record}):
            yield f"{name} {' and '.join(versions)}"


def methods_html(data: Methods) -> Markup:
    """A definition list."""
    return render("methods.html", data=data)
