"""A gate for automation: does any variant do worse than the baseline by more than is allowed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from r1ci.errors import UsageError
from r1ci.report.contenders import SET_TITLES, Comparison
from r1ci.report.contrasts import Contrast, contrasts
from r1ci.report.text import bounds, points


@dataclass(frozen=True)
class Gate:
    """What may be lost."""

    set: str
    """new or test: accuracy on that set of questions."""
    allowed: float
    """Most points of accuracy, as a share between 0 and 1."""


def parse(text: str) -> Gate:
    """``new=2``: two points of accuracy on new questions.

    Raises:
        UsageError: it is not of that form.
    """
    set, _, value = text.partition("=")
    form = f"write METRIC=POINTS, METRIC being one of {', '.join(SET_TITLES)}, as in new=2"
    if set not in SET_TITLES:
        raise UsageError(f"--fail-on-regression {text}: there is no metric {set!r}", form)
    try:
        allowed = float(value) / 100
    except ValueError:
        raise UsageError(f"--fail-on-regression {text}: {value!r} is no number of points", form) from None
    if not 0 <= allowed <= 1:
        raise UsageError(f"--fail-on-regression {text}: points are between 0 and 100", form)
    return Gate(set, allowed)


def regressions(comparison: Comparison, gates: Sequence[Gate]) -> list[str]:
    """A sentence for every variant that is worse by more than allowed, and for every one of which nothing is known.

    Worse means that the whole 95% interval of the report lies below what is allowed: a difference that may be chance
    passes. A variant without a difference, or without an interval, does not pass: nothing was measured.

    Raises:
        UsageError: there is no variant to compare with the baseline.
    """
    found = [contrast for contrast in contrasts(comparison) if contrast.against == "baseline"]
    judged = [(gate, contrast) for gate in gates for contrast in found if contrast.set == gate.set]
    for gate in gates:
        if all(of is not gate for of, _ in judged):
            help = "a report needs two variants that were evaluated on it; --baseline names the one to compare with"
            raise UsageError(f"no variant can be held against a baseline on {SET_TITLES[gate.set]}", help)
    return [sentence for gate, contrast in judged if (sentence := _sentence(gate, contrast))]


def _sentence(gate: Gate, contrast: Contrast) -> str:
    where = f"{contrast.left} against {contrast.right} on {SET_TITLES[gate.set]}"
    estimate = contrast.estimate
    if estimate is None or estimate.high is None:
        return f"{where}: there is no interval of their difference, so nothing is known"
    if estimate.high >= -gate.allowed:
        return ""
    interval = bounds(estimate, signed=True)
    return f"{where}: {points(estimate.value)} points (95% interval {interval}), {100 * gate.allowed:g} may be lost"
