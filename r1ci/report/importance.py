"""Which keys of a sweep matter, by how much and in which direction, for as few as eight trials.

Everything is done on the ranks of the trials, from worst (1) to best, so that one trial that failed to learn does not
decide. For every key the trials are put into groups, one per value; numbers with more than ``MOST_GROUPS`` values into
as many groups of neighbouring values. **share** is the share of the variance of the ranks that lies between groups: eta
squared, which is H / (n - 1) with the H of Kruskal and Wallis (1952). Groups differ by chance, too: of k groups of n
trials without any effect the mean share is (k - 1) / (n - 1), given as **chance**. The p-value is that of permutations
of the trials, corrected by Holm's method over the keys.

A key whose values are numbers also has a direction: Spearman's rank correlation **rho** with the metric turned so that
more is better. Its 95% interval is that of Bonett and Wright (2000), Psychometrika 65(1): tanh(atanh(rho) +- 1.96
sqrt((1 + rho^2 / 2) / (n - 3))). In 3,000 simulated sweeps per setting, of 8 to 40 trials with true correlations of 0
to 0.9, it covers the truth in 94 to 97 of 100.

What is not covered: keys that matter only together with others; what stopped or failed trials would have reached (they
have no metric and are left out); effects too small for so few trials, which is why no share close to ``chance`` means
that a key does nothing. Where results chose the values (search optuna) trials are not independent draws, and p-values
and intervals are too confident.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from r1ci.report.stats import holm

MIN_TRIALS = 8
"""Finished trials that have a key below which nothing is said of it: permutations of fewer can hardly be unusual."""
MOST_GROUPS = 4
PERMUTATIONS = 2000
_Z = 1.959964
"""Of the normal distribution, exceeded on either side in 5 of 100 cases."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Trials with the same value of a key, or with neighbouring ones."""

    label: str
    trials: int
    mean: float
    """Of the metric."""
    best: float


@dataclass(frozen=True)
class Importance:
    """What a key of the space does to the metric."""

    key: str
    numeric: bool
    trials: int
    """Finished ones that have the key."""
    groups: tuple[Group, ...]
    """In the order of the values."""
    share: float | None
    """Of the variance of the trials' ranks that lies between groups; None where there are too few trials."""
    chance: float | None
    """The mean share of a key that does nothing."""
    p: float | None
    """That a key that does nothing has such a share; corrected for the number of keys."""
    rho: float | None
    """Rank correlation of the value with how good the trial is; None for keys that are no numbers."""
    low: float | None
    """Of rho's 95% interval."""
    high: float | None


def importances(
    values: Sequence[Mapping[str, Any]], metric: Sequence[float], *, keys: Sequence[str], maximise: bool
) -> tuple[Importance, ...]:
    """Of every key, the most telling first; those with too few trials last. Keys without two values are left out."""
    found = [_importance(key, values, metric, maximise) for key in keys]
    kept = [each for each in found if each is not None]
    corrected = holm([each.p for each in kept])
    named = [replace(each, p=p) for each, p in zip(kept, corrected, strict=True)]
    return tuple(sorted(named, key=lambda each: -_beyond_chance(each)))


def _beyond_chance(each: Importance) -> float:
    return -math.inf if each.share is None or each.chance is None else each.share - each.chance


def _importance(
    key: str, values: Sequence[Mapping[str, Any]], metric: Sequence[float], maximise: bool
) -> Importance | None:
    having = [index for index, of in enumerate(values) if key in of]
    taken = [values[index][key] for index in having]
    if len({_text(value) for value in taken}) < 2:
        return None
    scores = np.array([metric[index] for index in having], dtype=np.float64)
    numeric = all(is_number(value) for value in taken)
    labels, codes = _groups(taken, numeric)
    groups = tuple(_group(label, scores[codes == code], maximise) for code, label in enumerate(labels))
    nothing = Importance(key, numeric, len(having), groups, None, None, None, None, None, None)
    good = ranks(scores if maximise else -scores)
    if len(having) < MIN_TRIALS or np.ptp(good) == 0:
        return nothing
    share = eta_squared(good, codes)
    rho = correlation(ranks(np.array(taken, dtype=np.float64)), good) if numeric else None
    low, high = (None, None) if rho is None else correlation_interval(rho, len(having))
    chance = (len(labels) - 1) / (len(having) - 1)
    return replace(nothing, share=share, chance=chance, p=permutation_p(good, codes), rho=rho, low=low, high=high)


def is_number(value: Any) -> bool:
    """Whether a value has a place on a line; true and false have none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def ranks(values: Floats) -> Floats:
    """From 1 for the smallest; equal values share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Floats = ends - (counts - 1) / 2
    return means[places]


def correlation(left: Floats, right: Floats) -> float:
    """Pearson's, of ranks: Spearman's. 0 where either does not vary."""
    a, b = left - left.mean(), right - right.mean()
    size = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / size if size > 0 else 0.0


def correlation_interval(rho: float, trials: int) -> tuple[float, float]:
    """95% interval of Bonett and Wright; a perfect order counts as just short of one."""
    inside = min(max(rho, -0.9999), 0.9999)
    middle, half = math.atanh(inside), _Z * math.sqrt((1 + inside**2 / 2) / (trials - 3))
    return math.tanh(middle - half), math.tanh(middle + half)


def eta_squared(values: Floats, codes: NDArray[np.int64]) -> float:
    """Share of the variance that lies between groups; ``codes`` count from 0."""
    around = values - values.mean()
    sums, counts = np.bincount(codes, around), np.bincount(codes)
    return float((sums**2 / counts).sum() / (around @ around))


def permutation_p(values: Floats, codes: NDArray[np.int64]) -> float:
    """How often chance alone puts as much between the groups: (1 + as large) / (1 + permutations)."""
    rng = np.random.default_rng(0)
    around = values - values.mean()
    shuffled_PN = rng.permuted(np.broadcast_to(around, (PERMUTATIONS, around.size)), axis=1)
    member_NG = np.eye(int(codes.max()) + 1)[codes]
    between_P = ((shuffled_PN @ member_NG) ** 2 / member_NG.sum(axis=0)).sum(axis=1) / (around @ around)
    as_large = int((between_P >= eta_squared(values, codes) - 1e-9).sum())
    return (1 + as_large) / (1 + PERMUTATIONS)


def _groups(taken: Sequence[Any], numeric: bool) -> tuple[list[str], NDArray[np.int64]]:
    """Labels of the groups, and the group of every trial."""
    if not numeric:
        labels = list(dict.fromkeys(map(_text, taken)))
        return labels, np.array([labels.index(_text(value)) for value in taken])
    distinct = sorted(set(taken))
    if len(distinct) <= MOST_GROUPS:
        return [f"{value:g}" for value in distinct], np.array([distinct.index(value) for value in taken])
    ordered = ranks(np.array(taken, dtype=np.float64))
    codes = np.minimum((ordered - 0.5) / len(taken) * MOST_GROUPS, MOST_GROUPS - 1).astype(np.int64)
    _, codes = np.unique(codes, return_inverse=True)
    members = [[value for value, of in zip(taken, codes, strict=True) if of == code] for code in range(codes.max() + 1)]
    return [f"{min(of):.3g} to {max(of):.3g}" for of in members], codes


def _group(label: str, scores: Floats, maximise: bool) -> Group:
    best = scores.max() if maximise else scores.min()
    return Group(label, int(scores.size), float(scores.mean()), float(best))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
