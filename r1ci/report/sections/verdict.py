"""The verdict: what the numbers allow to say, in sentences, and never more than their intervals support."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import SET_TITLES, Comparison, Contender
from r1ci.report.render import render
from r1ci.report.stats import Estimate, difference
from r1ci.report.text import bounds, points, sample_sizes


@dataclass(frozen=True)
class Statement:
    """One comparison of two contenders on one set of questions."""

    left: str
    right: str
    set: str
    claim: str
    """better, worse, undecided, or unknown where they share no seed and question."""
    estimate: Estimate | None
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
    """Compare every variant with the baseline, RL with what it started from, and SFT with the base model."""
    sets = comparison.sets()
    pairs = [[_statement(comparison, *pair, name) for name in sets] for pair in _pairs(comparison)]
    pairs.sort(key=lambda of_pair: all(statement.claim == "unknown" for statement in of_pair))
    statements = tuple(statement for of_pair in pairs for statement in of_pair)
    if not statements:
        return Verdict((_no_comparison(comparison),), "unknown", (), ())
    first = statements[: len(sets)]
    caveats = dict.fromkeys(caveat for statement in statements for caveat in _caveats(statement))
    return Verdict(
        headline=tuple(statement.sentence for statement in first),
        claim=_joint([statement.claim for statement in first]),
        caveats=tuple(caveats),
        statements=statements,
    )


def verdict_html(data: Verdict) -> Markup:
    """Headline, caveats, and the list of all statements."""
    return render("verdict.html", data=data)


def _pairs(comparison: Comparison) -> list[tuple[Contender, Contender]]:
    """Against the baseline first: that is what an experiment is for."""
    peers = (comparison.baseline_of, comparison.before_rl, comparison.before_sft)
    return [(c, other) for peer in peers for c in comparison.contenders if (other := peer(c)) is not None]


def _joint(claims: list[str]) -> str:
    """The claim that all sets share, or that some make and none denies."""
    made = set(claims) & {"better", "worse"}
    return made.pop() if len(made) == 1 else "undecided"


def _statement(comparison: Comparison, left: Contender, right: Contender, set: str) -> Statement:
    estimate = difference(comparison.scores(left, set), comparison.scores(right, set))
    claim = _claim(estimate)
    return Statement(left.label, right.label, set, claim, estimate, _sentence(left, right, set, claim, estimate))


def _claim(estimate: Estimate | None) -> str:
    if estimate is None:
        return "unknown"
    if not estimate.excludes_zero:
        return "undecided"
    return "better" if estimate.value > 0 else "worse"


def _sentence(left: Contender, right: Contender, set: str, claim: str, estimate: Estimate | None) -> str:
    where = f"on {SET_TITLES[set]}"
    if estimate is None:
        return f"{left.label} and {right.label} cannot be compared {where}: they share no finished seed and question."
    sizes = sample_sizes(estimate)
    if estimate.value == estimate.low == estimate.high == 0:
        return f"{left.label} and {right.label} do not differ at all {where} ({sizes})."
    if claim == "undecided":
        shown = f"{points(estimate.value)} points, 95% interval {bounds(estimate, signed=True)}; {sizes}"
        return f"{left.label} and {right.label} cannot be told apart {where} ({shown})."
    by = points(abs(estimate.value)).lstrip("+")
    shown = f"95% interval {bounds(estimate, signed=True)}; {sizes}"
    if estimate.seeds == 1:
        side = "above" if claim == "better" else "below"
        return f"In this one run, {left.label} scored {by} points {side} {right.label} {where} ({shown})."
    verb = "beats" if claim == "better" else "is worse than"
    return f"{left.label} {verb} {right.label} by {by} points {where} ({shown})."


def _caveats(statement: Statement) -> list[str]:
    estimate = statement.estimate
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
