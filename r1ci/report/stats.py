"""Intervals for accuracies and for differences of accuracies: a bootstrap over seeds and over tasks.

Scores form a table of seeds x tasks (each cell the mean over a task's questions). Seeds and tasks are both samples of
what might have been drawn, so both are resampled, independently of each other: the pigeonhole bootstrap of
Owen (2007), "The pigeonhole bootstrap", Annals of Applied Statistics 1(2). Deviations are scaled by sqrt(n / (n-1))
per axis, so that the bootstrap variance of few seeds or tasks is not too small, and the interval is
value +- t(df) x bootstrap standard error, df by Satterthwaite from the seed and task parts. In simulations with 3 seeds
and 4 to 37 tasks this covers the truth in 92 to 98 of 100 cases, where plain percentiles cover it in 73 to 92.

Differences are taken per question first, on the questions, tasks and seeds that both sides share, and resampled as one
table: paired wherever pairing is possible.

What is not covered: with one seed nothing is known about the variance between seeds, and the interval speaks of other
tasks only; with one task the units are its questions and the interval speaks of that task only. No correction is made
for looking at several comparisons.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Scores = Mapping[int, Mapping[str, Mapping[str, float]]]
"""Mean score in [0, 1] by seed, task and question."""

DRAWS = 4000
_T975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
_Z975 = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95% interval; no interval where nothing can be resampled."""

    value: float
    low: float | None
    high: float | None
    seeds: int
    tasks: int
    questions: int
    unit: str
    """What was resampled: "seeds and tasks", "tasks", "seeds and questions", "questions" or "nothing"."""
    per_seed: Mapping[int, float]

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def accuracy(scores: Scores) -> Estimate | None:
    """Mean over seeds and tasks with its interval, kept inside [0, 1]. None without scores.

    Where every question was failed, or every one solved, nothing varies and nothing can be resampled: the interval is
    then the exact binomial one over the questions (for 0 of n it ends at 1 - 0.025^(1/n)).
    """
    estimate = _estimate(scores)
    if estimate is None or estimate.low is None or estimate.high is None:
        return estimate
    if estimate.low == estimate.high and estimate.value in (0.0, 1.0):
        width = 1 - 0.025 ** (1 / estimate.questions)
        low, high = (0.0, width) if estimate.value == 0.0 else (1 - width, 1.0)
        return replace(estimate, low=low, high=high)
    return replace(estimate, low=max(0.0, estimate.low), high=min(1.0, estimate.high))


def difference(left: Scores, right: Scores) -> Estimate | None:
    """left minus right, paired on shared seeds and questions. None where they share none."""
    shared: dict[int, dict[str, dict[str, float]]] = {}
    for seed in sorted(left.keys() & right.keys()):
        tasks: dict[str, dict[str, float]] = {}
        for task in sorted(left[seed].keys() & right[seed].keys()):
            a, b = left[seed][task], right[seed][task]
            if both := sorted(a.keys() & b.keys()):
                tasks[task] = {question: a[question] - b[question] for question in both}
        if tasks:
            shared[seed] = tasks
    return _estimate(shared)


def _estimate(scores: Scores) -> Estimate | None:
    seeds = sorted(seed for seed, tasks in scores.items() if tasks)
    if not seeds:
        return None
    tasks = sorted(set.intersection(*(set(scores[seed]) for seed in seeds)))
    if not tasks:
        return None
    table, units = _table(scores, seeds, tasks)
    low, high = _interval(table)
    resampled = [name for name, n in (("seeds", table.shape[0]), (units, table.shape[1])) if n > 1]
    return Estimate(
        value=float(table.mean()),
        low=low,
        high=high,
        seeds=len(seeds),
        tasks=len(tasks),
        questions=len({(task, question) for seed in seeds for task in tasks for question in scores[seed][task]}),
        unit=" and ".join(resampled) or "nothing",
        per_seed={seed: float(row.mean()) for seed, row in zip(seeds, table, strict=True)},
    )


def _table(scores: Scores, seeds: list[int], tasks: list[str]) -> tuple[NDArray[np.float64], str]:
    """Seeds x tasks; seeds x questions where there is one task whose questions all seeds share."""
    if len(tasks) == 1:
        questions = sorted(set.intersection(*(set(scores[seed][tasks[0]]) for seed in seeds)))
        if questions:
            return np.array([[scores[s][tasks[0]][q] for q in questions] for s in seeds], dtype=np.float64), "questions"
    cells = [[math.fsum(scores[s][t].values()) / len(scores[s][t]) for t in tasks] for s in seeds]
    return np.array(cells, dtype=np.float64), "tasks"


def _interval(table_SU: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """95% interval of the mean of a table of seeds (S) x units (U)."""
    S, U = table_SU.shape
    if S * U == 1:
        return None, None
    mean = table_SU.mean()
    row_S = table_SU.mean(axis=1) - mean
    column_U = table_SU.mean(axis=0) - mean
    rest_SU = table_SU - mean - row_S[:, None] - column_U[None, :]
    a = math.sqrt(S / (S - 1)) if S > 1 else 1.0
    b = math.sqrt(U / (U - 1)) if U > 1 else 1.0
    scaled_SU = a * row_S[:, None] + b * column_U[None, :] + a * b * rest_SU
    rng = np.random.default_rng(0)
    weights_DS = rng.multinomial(S, np.full(S, 1 / S), DRAWS) / S
    weights_DU = rng.multinomial(U, np.full(U, 1 / U), DRAWS) / U
    error = float(((weights_DS @ scaled_SU) * weights_DU).sum(axis=1).std())
    half = _t975(_degrees(row_S, column_U)) * error
    return float(mean) - half, float(mean) + half


def _degrees(row_S: NDArray[np.float64], column_U: NDArray[np.float64]) -> float:
    """Satterthwaite's degrees of freedom of the sum of the two variances of the mean."""
    parts = [(float((x**2).sum()) / (len(x) - 1) / len(x), len(x) - 1) for x in (row_S, column_U) if len(x) > 1]
    total = sum(variance for variance, _ in parts)
    below = sum(variance**2 / n for variance, n in parts)
    return total**2 / below if below > 0 else float(min(n for _, n in parts))


def _t975(degrees: float) -> float:
    """97.5% quantile of Student's t: a table up to 10 degrees, Cornish-Fisher above (error below 0.001)."""
    if degrees >= 10:
        z = _Z975
        return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
    return float(np.interp(max(degrees, 1.0), np.arange(1, 11), _T975))
