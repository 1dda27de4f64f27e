from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1ci.report.stats import Scores, accuracy, difference


def scores(table: list[list[list[float]]]) -> Scores:
    """Seeds x tasks x questions."""
    return {
        seed: {f"task{t}": {f"q{q}": value for q, value in enumerate(row)} for t, row in enumerate(tasks)}
        for seed, tasks in enumerate(table)
    }


def test_no_scores_give_no_estimate() -> None:
    assert accuracy({}) is None
    assert difference({0: {"a": {"q": 1.0}}}, {1: {"a": {"q": 1.0}}}) is None


def test_the_value_is_the_mean_over_tasks_then_seeds_not_over_questions() -> None:
    estimate = accuracy({0: {"a": {"q": 1.0}, "b": {"q": 0.0, "r": 0.0, "s": 0.0}}})
    assert estimate is not None
    assert estimate.value == 0.5
    assert (estimate.seeds, estimate.tasks, estimate.questions) == (1, 2, 4)


@pytest.mark.parametrize(
    ("table", "unit"),
    [
        ([[[1, 0], [1, 1]], [[0, 0], [1, 0]]], "seeds and tasks"),
        ([[[1, 0], [1, 1]]], "tasks"),
        ([[[1, 0, 1]], [[0, 0, 1]]], "seeds and questions"),
        ([[[1, 0, 1]]], "questions"),
        ([[[1]]], "nothing"),
    ],
)
def test_it_says_what_was_resampled(table: list[list[list[float]]], unit: str) -> None:
    estimate = accuracy(scores(table))
    assert estimate is not None
    assert estimate.unit == unit
    assert (estimate.low is None) == (unit == "nothing")
    assert not estimate.excludes_zero or unit != "nothing"


def test_nothing_solved_is_not_taken_for_certainty() -> None:
    none, all_of_them = (accuracy(scores([[[value] * 5] * 4] * 3)) for value in (0.0, 1.0))
    assert none is not None
    assert all_of_them is not None
    assert (none.low, none.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert (all_of_them.low, all_of_them.high) == (pytest.approx(0.025 ** (1 / 20)), 1.0)


def test_seeds_that_lack_a_task_do_not_shift_the_mean() -> None:
    estimate = accuracy({0: {"a": {"q": 1.0}, "b": {"q": 0.0}}, 1: {"a": {"q": 1.0}}})
    assert estimate is not None
    assert estimate.value == 1.0
    assert estimate.tasks == 1


def test_differences_pair_the_questions_that_both_sides_share() -> None:
    left = {0: {"a": {"q1": 1.0, "q2": 1.0}, "b": {"q1": 1.0}}}
    right = {0: {"a": {"q1": 0.0, "q3": 1.0}}, 5: {"a": {"q1": 1.0}}}
    estimate = difference(left, right)
    assert estimate is not None
    assert (estimate.value, estimate.seeds, estimate.tasks, estimate.questions) == (1.0, 1, 1, 1)


def test_pairing_makes_the_interval_of_a_constant_gain_a_point() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(0, 0.8, (3, 6, 5))
    left, right = scores((base + 0.125).tolist()), scores(base.tolist())
    estimate = difference(left, right)
    unpaired = accuracy(left)
    assert estimate is not None
    assert unpaired is not None
    assert estimate.low == pytest.approx(0.125)
    assert estimate.high == pytest.approx(0.125)
    assert unpaired.low is not None
    assert unpaired.low < unpaired.value - 0.02


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.booleans(), min_size=2, max_size=2), min_size=2, max_size=2), min_size=1, max_size=3)
)
def test_intervals_hold_the_value_and_stay_in_range(table: list[list[list[bool]]]) -> None:
    estimate = accuracy(scores([[[float(x) for x in q] for q in tasks] for tasks in table]))
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    assert -1e-12 <= estimate.low <= estimate.value + 1e-12
    assert estimate.value - 1e-12 <= estimate.high <= 1.0


def test_same_scores_same_interval() -> None:
    table = scores(np.random.default_rng(3).uniform(0, 1, (3, 8, 4)).tolist())
    assert accuracy(table) == accuracy(table)


@pytest.mark.parametrize(("seeds", "tasks"), [(3, 4), (3, 8), (5, 12)])
def test_intervals_cover_the_truth_about_as_often_as_they_say(seeds: int, tasks: int) -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(100):
        table = rng.normal(0, 0.05, (seeds, 1)) + rng.normal(0, 0.1, (1, tasks)) + rng.normal(0, 0.05, (seeds, tasks))
        estimate = difference(scores([[[v] for v in row] for row in table.tolist()]), scores([[[0.0]] * tasks] * seeds))
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= 0 <= estimate.high
    assert covered >= 87, "an honest interval stays below this in one of a thousand such tests"
