"""When a running trial is stopped: pure functions of the curves of all trials, so a resumed sweep judges as before.

The resource and the value of a curve's points are whatever the sweep's scheduler counts (steps or tokens) and its
metric says. Nothing is stopped before its grace period is over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, median

from r1ci.spec.sweep.models import AnyScheduler, AshaScheduler, MedianScheduler, Metric

Curve = Sequence[tuple[float, float]]
"""Points of a trial, by growing resource: resource, value."""


def reason_to_stop(scheduler: AnyScheduler, metric: Metric, curve: Curve, others: Sequence[Curve]) -> str:
    """Why the trial with this curve is to stop at its last point, as a sentence; empty where it goes on.

    ``others`` are the curves of all other trials as far as they have come, ended ones included.
    """
    if isinstance(scheduler, AshaScheduler):
        return _asha(scheduler, metric, curve, others)
    if isinstance(scheduler, MedianScheduler):
        return _median(scheduler, metric, curve, others)
    return ""


def _asha(scheduler: AshaScheduler, metric: Metric, curve: Curve, others: Sequence[Curve]) -> str:
    """Asynchronous successive halving (arXiv 1810.05934, the stopping variant, as Ray Tune has it).

    A rung is passed by the first point at or behind it. Only the highest rung that the last point passes counts. The
    trial stops if its value there is worse than the share ``1/reduction`` of the best of those that passed it before.
    """
    resource, value = curve[-1]
    if resource < scheduler.grace:
        return ""
    rung = float(scheduler.grace)
    while rung * scheduler.reduction <= resource:
        rung *= scheduler.reduction
    if any(before >= rung for before, _ in curve[:-1]):
        return ""
    passed = [found for other in others if (found := _first_beyond(other, rung)) is not None]
    if not passed:
        return ""
    sign = 1.0 if metric.mode == "max" else -1.0
    cut = sign * percentile([sign * one for one in passed], 1 - 1 / scheduler.reduction)
    if sign * value >= sign * cut:
        return ""
    return (
        f"{metric.curve} {value:.4g} at {resource:g} {scheduler.resource} is worse than {cut:.4g}, which the best "
        f"1/{scheduler.reduction:g} of {len(passed)} trials have at {rung:g}"
    )


def _median(scheduler: MedianScheduler, metric: Metric, curve: Curve, others: Sequence[Curve]) -> str:
    """The median stopping rule (Golovin et al. 2017, Google Vizier): the best so far against the running means."""
    resource, _ = curve[-1]
    if resource < scheduler.grace:
        return ""
    means = [
        fmean(values)
        for other in others
        if other and other[-1][0] >= resource
        if (values := [value for at, value in other if scheduler.grace <= at <= resource])
    ]
    if len(means) < scheduler.min_trials:
        return ""
    middle = median(means)
    best = max(value for _, value in curve) if metric.mode == "max" else min(value for _, value in curve)
    if best >= middle if metric.mode == "max" else best <= middle:
        return ""
    return (
        f"its best {metric.curve} {best:.4g} up to {resource:g} {scheduler.resource} is worse than {middle:.4g}, "
        f"the median of the running means of {len(means)} trials"
    )


def _first_beyond(curve: Curve, rung: float) -> float | None:
    return next((value for resource, value in curve if resource >= rung), None)


def percentile(values: Sequence[float], share: float) -> float:
    """Linear interpolation between the closest ranks, as numpy's default."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
