"""The verdict: what the numbers allow to say, in sentences, and never more than their intervals support."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import SET_TITLES, Comparison
from r1ci.report.contrasts import Contrast, contrasts
from r1ci.report.render import render
from r1ci.report.text import bounds, p_value, plural, points, sample_sizes


@dataclass(frozen=True)
class Statement:
    """One comparison in words."""

    contrast: Contrast
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """The headline is the most telling comparison there is, on every set of questions; the others follow."""

    headline: tuple[str, ...]
    claim: str
    """Of the headline: better or worse only where its sets do not contradict each other."""
    caveats: tuple[str, ...]
    statements: tuple[Statement, ...]


def verdict_data(comparison: Comparison) -> Verdict:
    """Every comparison of the report in words, those that cannot be made last."""
    found = contrasts(comparison)
    if not found:
        return Verdict((_no_comparison(comparison),), "unknown", (), ())
    size = len(comparison.sets())
    pairs = [found[start : start + size] for start in range(0, len(found), size)]
    pairs.sort(key=lambda pair: all(contrast.claim == "unknown" for contrast in pair))
    family = sum(contrast.holm is not None for contrast in found)
    statements = tuple(_statement(contrast, family) for pair in pairs for contrast in pair)
    return Verdict(
        headline=tuple(statement.sentence for statement in statements[:size]),
        claim=_joint([statement.contrast.claim for statement in statements[:size]]),
        caveats=tuple(dict.fromkeys(caveat for pair in pairs for contrast in pair for caveat in _caveats(contrast))),
        statements=statements,
    )


def verdict_html(data: Verdict) -> Markup:
    """Headline, caveats, and the list of all statements."""
    return render("verdict.html", data=data)


def _joint(claims: list[str]) -> str:
    """The claim that all sets share, or that some make and none denies."""
    made = set(claims) - {"undecided", "unknown"}
    return made.pop() if len(made) == 1 else "undecided"


def _statement(contrast: Contrast, family: int) -> Statement:
    return Statement(contrast, sentence(contrast, family))


def sentence(contrast: Contrast, family: int) -> str:
    """What may be said of a comparison that is one of ``family``."""
    left, right, estimate, where = contrast.left, contrast.right, contrast.estimate, f"on {SET_TITLES[contrast.set]}"
    if estimate is None:
        return f"{left} and {right} cannot be compared {where}: they share no finished seed and question."
    sizes = sample_sizes(estimate)
    corrected = f"{p_value(contrast.holm)} (Holm, {plural(family, 'comparison')})"
    shown = f"95% interval {bounds(estimate, signed=True)}, {corrected}; {sizes}"
    if contrast.claim == "undecided":
        least = estimate.detectable
        power = "" if not least else f"; {points(least).lstrip('+')} points or more would be found in 80 of 100 cases"
        return f"{left} and {right} cannot be told apart {where} ({points(estimate.value)} points, {shown}{power})."
    by = points(abs(estimate.value)).lstrip("+")
    if estimate.seeds == 1:
        return f"In this one run, {left} scored {by} points {contrast.claim} {right} {where} ({shown})."
    verb = "beats" if contrast.claim == "better" else "is worse than"
    return f"{left} {verb} {right} by {by} points {where} ({shown})."


def _caveats(contrast: Contrast) -> list[str]:
    estimate = contrast.estimate
    if estimate is None:
        return []
    found = []
    if estimate.seeds == 1:
        found.append("One seed: nothing can be said about the variance between seeds; intervals cover tasks only.")
    elif estimate.seeds < 3:
        found.append("Two seeds tell little about the variance between seeds; three or more are advised.")
    if estimate.tasks == 1:
        found.append("One task: its questions were resampled, and the interval speaks of that task only.")
    return found


def _no_comparison(comparison: Comparison) -> str:
    scored = [c for c in comparison.contenders if comparison.attempts(c)]
    if not scored:
        return "Nothing has been evaluated yet, so there is no verdict."
    return f"Only {scored[0].label} has been evaluated, so there is nothing to compare."
