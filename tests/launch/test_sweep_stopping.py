"""When trials are stopped; successive halving against Ray Tune's, on the same curves."""

from __future__ import annotations

import random
from types import SimpleNamespace

import pytest

from r1ci.launch.sweep.stopping import percentile, reason_to_stop
from r1ci.spec.sweep.models import AshaScheduler, MedianScheduler, Metric, NoScheduler

UP, DOWN = Metric(name="accuracy/new_questions", mode="max"), Metric(name="rl/loss", mode="min")
Curve = list[tuple[float, float]]


def line(*values: float) -> Curve:
    return [(float(index), value) for index, value in enumerate(values, start=1)]


def test_without_a_scheduler_nothing_is_stopped() -> None:
    assert reason_to_stop(NoScheduler(), UP, line(0.0), [line(1.0)] * 9) == ""


def test_halving_stops_what_is_not_among_the_best_at_a_rung_and_says_why() -> None:
    scheduler = AshaScheduler(grace=2, reduction=2)
    others = [line(0.1, 0.5), line(0.9, 0.6), line(0.9)]
    assert reason_to_stop(scheduler, UP, line(0.0), others) == ""  # grace
    assert reason_to_stop(scheduler, UP, line(0.0, 0.56), others) == ""
    reason = reason_to_stop(scheduler, UP, line(0.9, 0.54), others)
    assert "new_accuracy 0.54 at 2 steps is worse than 0.55" in reason
    assert "2 trials" in reason


def test_a_rung_is_judged_once() -> None:
    scheduler = AshaScheduler(grace=2, reduction=2)
    others = [line(0.9, 0.9, 0.9)]
    assert reason_to_stop(scheduler, UP, line(0.9, 0.95, 0.0), others) == ""


@pytest.mark.parametrize("metric", [UP, DOWN])
@pytest.mark.parametrize("reduction", [2.0, 3.0, 4.0])
def test_halving_decides_as_ray_does(metric: Metric, reduction: float) -> None:
    from ray.tune.schedulers import AsyncHyperBandScheduler

    draws = random.Random(f"{metric.mode} {reduction}")
    theirs = AsyncHyperBandScheduler("resource", "value", metric.mode, 10_000, 3, reduction, stop_last_trials=False)
    ours = AshaScheduler(grace=3, reduction=reduction)
    trials = [SimpleNamespace(trial_id=str(number)) for number in range(30)]
    curves: list[Curve] = [[] for _ in trials]
    live = list(range(len(trials)))
    for trial in trials:
        theirs.on_trial_add(None, trial)
    stops = 0
    for _ in range(600):
        number = draws.choice(live)
        at = (curves[number][-1][0] if curves[number] else 0.0) + draws.randint(1, 5)
        curves[number].append((at, draws.choice([0.1, 0.2, 0.3, draws.random()])))
        others = [curve for other, curve in enumerate(curves) if other != number]
        stop = bool(reason_to_stop(ours, metric, curves[number], others))
        result = {"resource": at, "value": curves[number][-1][1]}
        assert stop == (theirs.on_trial_result(None, trials[number], result) == "STOP")
        if stop:
            stops += 1
            live.remove(number)
        if not live:
            break
    assert stops > 3


def test_the_median_rule_compares_the_best_so_far_with_the_running_means_of_the_others() -> None:
    scheduler = MedianScheduler(grace=1, min_trials=3)
    others = [line(0.2, 0.4), line(0.4, 0.6), line(0.6, 0.8), line(0.0)]  # means 0.3, 0.5, 0.7; the last is not as far
    assert reason_to_stop(scheduler, UP, line(0.5, 0.1), others) == ""
    reason = reason_to_stop(scheduler, UP, line(0.45, 0.1), others)
    assert "0.45 up to 2 steps is worse than 0.5, the median of the running means of 3 trials" in reason
    assert reason_to_stop(scheduler, UP, line(0.45, 0.1), others[1:]) == ""  # too few
    assert reason_to_stop(MedianScheduler(grace=3), UP, line(0.0, 0.0), others) == ""


def test_lower_can_be_better() -> None:
    others = [line(3.0), line(4.0), line(5.0)]
    assert reason_to_stop(MedianScheduler(grace=1), DOWN, line(3.5), others) == ""
    assert reason_to_stop(MedianScheduler(grace=1), DOWN, line(4.5), others)


def test_percentiles_are_numpys() -> None:
    import numpy as np

    draws = random.Random(1)
    for size in (1, 2, 3, 7, 20):
        values = [draws.random() for _ in range(size)]
        for share in (0.0, 0.3, 0.5, 2 / 3, 1.0):
            assert percentile(values, share) == pytest.approx(float(np.percentile(values, share * 100)), abs=1e-15)
