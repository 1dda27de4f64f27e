"""What is said of a sweep's keys, on trials whose truth is known."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from r1ci.report.importance import (
    MIN_TRIALS,
    Importance,
    correlation,
    correlation_interval,
    eta_squared,
    importances,
    permutation_p,
    ranks,
)


def of(values: list[Any], metric: list[float], *, maximise: bool = True) -> Importance:
    return importances([{"key": value} for value in values], metric, keys=["key"], maximise=maximise)[0]


def test_equal_values_share_the_mean_of_their_ranks() -> None:
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [3.5, 1.0, 3.5, 2.0]


def test_a_key_that_decides_takes_all_and_has_a_sign() -> None:
    found = of([1, 2, 3, 4, 5, 6, 7, 8], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    assert found.rho == pytest.approx(1.0)
    assert found.low is not None
    assert found.low > 0.9
    assert found.share is not None
    assert found.share > 0.9
    assert found.p is not None
    assert found.p < 0.05


def test_the_sign_says_which_way_is_better_not_which_way_is_more() -> None:
    rising = [float(n) for n in range(8)]
    assert of(list(range(8)), rising, maximise=False).rho == pytest.approx(-1.0)
    assert of([str(n % 2) for n in range(8)], rising).rho is None


def test_a_best_value_in_the_middle_is_found_though_it_has_no_direction() -> None:
    found = of(list(range(12)), [1, 3, 5, 7, 9, 11, 12, 10, 8, 6, 4, 2])
    assert found.rho == pytest.approx(0.0, abs=0.2)
    assert found.share is not None
    assert found.chance == pytest.approx(3 / 11)
    assert found.share > 0.7


def test_share_is_the_h_of_kruskal_and_wallis_over_n_minus_one() -> None:
    good, codes = np.arange(1.0, 10.0), np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    h = 12 / (9 * 10) * (6**2 + 15**2 + 24**2) / 3 - 3 * 10
    assert eta_squared(good, codes) == pytest.approx(h / 8)


def test_chance_is_what_shuffled_trials_have_on_average_and_p_is_uniform_then() -> None:
    rng = random.Random(0)
    codes = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    shares, below = [], 0
    for _ in range(200):
        good = ranks(np.array([rng.random() for _ in codes]))
        shares.append(eta_squared(good, codes))
        below += permutation_p(good, codes) < 0.1
    assert np.mean(shares) == pytest.approx(2 / 9, abs=0.04)
    assert 0.04 < below / 200 < 0.17


def test_the_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    for true, trials in ((0.0, 8), (0.6, 12), (0.8, 20)):
        spearman = 6 / math.pi * math.asin(true / 2)
        covered = 0
        for _ in range(400):
            x = rng.normal(size=trials)
            y = true * x + math.sqrt(1 - true**2) * rng.normal(size=trials)
            low, high = correlation_interval(correlation(ranks(x), ranks(y)), trials)
            covered += low <= spearman <= high
        assert 0.92 < covered / 400 < 0.99, (true, trials)


def test_too_few_trials_are_said_nothing_of() -> None:
    few = of(list(range(MIN_TRIALS - 1)), [float(n) for n in range(MIN_TRIALS - 1)])
    assert (few.share, few.p, few.rho, few.low) == (None, None, None, None)
    assert sum(group.trials for group in few.groups) == MIN_TRIALS - 1


def test_trials_that_are_all_the_same_say_nothing() -> None:
    assert of(list(range(10)), [0.5] * 10).share is None


def test_only_trials_that_have_a_key_count_and_one_value_is_no_key() -> None:
    values: list[dict[str, Any]] = [{"a": n, "fixed": 1} | ({"b": n % 2} if n < 5 else {}) for n in range(10)]
    found = importances(values, [float(n) for n in range(10)], keys=["b", "a", "fixed"], maximise=True)
    assert [each.key for each in found] == ["a", "b"], "the most telling first, those with too few last"
    assert found[1].trials == 5


def test_p_values_are_corrected_for_the_number_of_keys() -> None:
    metric = [float(n) for n in range(12)]
    values = [{"a": n // 6, **{f"noise{k}": (n * (k + 3)) % 7 for k in range(4)}} for n in range(12)]
    alone = importances(values, metric, keys=["a"], maximise=True)[0].p
    among = next(each for each in importances(values, metric, keys=list(values[0]), maximise=True) if each.key == "a").p
    assert alone is not None
    assert among == pytest.approx(5 * alone)


def test_groups_have_their_mean_and_best_in_the_order_of_the_values() -> None:
    found = of([0.5, 0.1, 0.5, 0.1, 0.1, 0.5, 0.1, 0.5], [1, 2, 3, 4, 5, 6, 7, 8], maximise=False)
    assert [(g.label, g.trials, g.mean, g.best) for g in found.groups] == [("0.1", 4, 4.5, 2.0), ("0.5", 4, 4.5, 1.0)]
    assert [g.label for g in of([True, False] * 4, [float(n) for n in range(8)]).groups] == ["true", "false"]
