"""The comparisons that a report makes: one family, whose p-values are corrected together."""

from __future__ import annotations

from dataclasses import dataclass, replace

from r1ci.report.contenders import Comparison, Contender
from r1ci.report.stats import LEVEL, Estimate, difference, holm, probability_of_improvement


@dataclass(frozen=True)
class Contrast:
    """One contender against another on one set of questions."""

    left: str
    right: str
    against: str
    """What the other is: baseline, start (what RL started from) or base (what SFT started from)."""
    set: str
    estimate: Estimate | None
    """Paired difference, left minus right; None where they share no finished seed and question."""
    holm: float | None
    """The p-value corrected for all comparisons of the report."""
    improvement: float | None
    """Probability of improvement: that a run of left does better on a task than a run of right."""

    claim: str
    """What may be said: better, worse, above or below (of one seed: this run only), undecided, or unknown."""

    @property
    def sure(self) -> bool:
        """Whether interval and corrected p-value both say that there is a difference."""
        return self.claim not in ("undecided", "unknown")


def contrasts(comparison: Comparison) -> tuple[Contrast, ...]:
    """Every variant against the baseline, RL against what it started from, SFT against the base model, on each set."""
    return comparison.once(contrasts, lambda: _contrasts(comparison))


def _contrasts(comparison: Comparison) -> tuple[Contrast, ...]:
    peers = (
        ("baseline", comparison.baseline_of),
        ("start", comparison.before_rl),
        ("base", comparison.before_sft),
    )
    found = [
        _contrast(comparison, left, right, against, set)
        for against, peer in peers
        for left in comparison.contenders
        if (right := peer(left)) is not None
        for set in comparison.sets()
    ]
    corrected = holm([None if contrast.estimate is None else contrast.estimate.p for contrast in found])
    return tuple(
        replace(contrast, holm=p, claim=claim(contrast.estimate, p))
        for contrast, p in zip(found, corrected, strict=True)
    )


def claim(estimate: Estimate | None, holm: float | None) -> str:
    """The most that an estimate and its corrected p-value allow to say."""
    if estimate is None:
        return "unknown"
    if not estimate.excludes_zero or holm is None or holm >= LEVEL:
        return "undecided"
    words = ("above", "below") if estimate.seeds == 1 else ("better", "worse")
    return words[estimate.value < 0]


def _contrast(comparison: Comparison, left: Contender, right: Contender, against: str, set: str) -> Contrast:
    ours, theirs = comparison.scores(left, set), comparison.scores(right, set)
    improvement = probability_of_improvement(ours, theirs)
    return Contrast(left.label, right.label, against, set, difference(ours, theirs), None, improvement, "unknown")
