from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from r1ci.report.stats import (
    Estimate,
    Scores,
    accuracy,
    difference,
    holm,
    probability_of_improvement,
    rank_probabilities,
    spread,
)


def scores(table: list[list[list[float]]]) -> Scores:
    """Seeds x tasks x questions."""
    return {
        seed: {f"task{t}": {f"q{q}": value for q, value in enumerate(row)} for t, row in enumerate(tasks)}
        for seed, tasks in enumerate(table)
    }


def estimate_of(cells: NDArray[np.float64]) -> Estimate:
    """Of a table of seeds x tasks."""
    estimate = difference(scores(cells[:, :, None].tolist()), scores(np.zeros((*cells.shape, 1)).tolist()))
    assert estimate is not None
    return estimate


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
    width = 1 - 0.025 ** (1 / 20)
    assert (none.low, none.high) == (0.0, width)
    assert (all_of_them.low, all_of_them.high) == (1 - width, 1.0)


def test_no_difference_on_few_questions_is_not_taken_for_certainty() -> None:
    same = scores([[[0.0] * 5] * 4] * 3)
    estimate = difference(same, same)
    assert estimate is not None
    assert (estimate.low, estimate.high) == (-(1 - 0.025 ** (1 / 20)), 1 - 0.025 ** (1 / 20))
    assert estimate.p == 1.0
    assert not estimate.excludes_zero


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


# ---------------------------------------------------------------- coverage


@dataclass(frozen=True)
class World:
    """Experiments that might have been: what two variants solve, on the scale of log-odds."""

    seeds: int
    tasks: int
    seed_sd: float
    """Of each variant's own luck with a seed."""
    task_sd: float
    """Of what the change is worth on a task."""
    rest_sd: float = 0.2
    """Of luck with one task in one seed."""
    gain: float = 0.5
    questions: int = 20

    def draw(self, count: int, paired: bool) -> NDArray[np.float64]:
        """Scores (experiments x seeds x tasks) of the better variant, or its difference to the other."""
        rng = np.random.default_rng(11)
        S, T = self.seeds, self.tasks
        task, seed = rng.normal(0, 1, (count, 1, T)), rng.normal(0, self.seed_sd, (count, S, 1))
        own = [
            rng.normal(0, self.task_sd, (count, 1, T))
            + rng.normal(0, self.seed_sd, (count, S, 1))
            + rng.normal(0, self.rest_sd, (count, S, T))
            for _ in range(2)
        ]
        solved = [
            rng.binomial(self.questions, 1 / (1 + np.exp(-(gain + task + seed + change)))) / self.questions
            for gain, change in zip((self.gain, 0.0), own, strict=True)
        ]
        return np.asarray(solved[0] - solved[1] if paired else solved[0])

    def truth(self, paired: bool) -> float:
        """The mean over all seeds and tasks there could be, by quadrature."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(120)
        sd = math.sqrt(1 + 2 * self.seed_sd**2 + self.task_sd**2 + self.rest_sd**2)

        def solved(gain: float) -> float:
            return float((weights / weights.sum() / (1 + np.exp(-(gain + sd * nodes)))).sum())

        return solved(self.gain) - solved(0.0) if paired else solved(self.gain)


WORLDS = (
    World(seeds=3, tasks=10, seed_sd=0.2, task_sd=0.4),
    World(seeds=3, tasks=37, seed_sd=0.1, task_sd=0.3),
    World(seeds=5, tasks=12, seed_sd=0.3, task_sd=0.3),
    World(seeds=5, tasks=40, seed_sd=0.2, task_sd=0.4),
)


@pytest.mark.parametrize("paired", [True, False], ids=["difference", "accuracy"])
@pytest.mark.parametrize("world", WORLDS, ids=lambda w: f"{w.seeds} seeds {w.tasks} tasks")
def test_95_percent_intervals_cover_the_truth_in_93_to_97_percent_of_2000_experiments(
    world: World, paired: bool
) -> None:
    truth, covered = world.truth(paired), 0
    for cells in world.draw(2000, paired):
        around = spread(cells)
        assert around is not None
        covered += abs(cells.mean() - truth) <= around.margin
    assert 0.93 <= covered / 2000 <= 0.97, f"{covered / 20:.2f}%"


def test_the_standard_error_is_that_of_a_two_level_bootstrap_less_what_it_counts_twice() -> None:
    rng = np.random.default_rng(5)
    S, T = 4, 9
    cells = rng.normal(0, 0.1, (S, 1)) + rng.normal(0, 0.2, (1, T)) + rng.normal(0, 0.1, (S, T))
    row, column = cells.mean(axis=1) - cells.mean(), cells.mean(axis=0) - cells.mean()
    rest = cells - cells.mean() - row[:, None] - column[None, :]
    a, b = math.sqrt(S / (S - 1)), math.sqrt(T / (T - 1))
    scaled = a * row[:, None] + b * column[None, :] + a * b * rest
    weights_S, weights_T = (rng.multinomial(n, np.full(n, 1 / n), 200_000) / n for n in (S, T))
    drawn = np.einsum("ds,st,dt->d", weights_S, scaled, weights_T, optimize=True).var()
    counted_twice = 2 * (rest**2).sum() / ((S - 1) * (T - 1)) / (S * T)
    around = spread(cells)
    assert around is not None
    assert around.error**2 == pytest.approx(drawn - counted_twice, rel=0.01)
    assert S - 1 < around.degrees < S * T - 1
    estimate = estimate_of(cells)
    assert estimate.high == pytest.approx(estimate.value + around.margin)


# ---------------------------------------------------------------- tests and ranks


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(-5, 5), min_size=3, max_size=3), min_size=2, max_size=4))
def test_p_is_below_5_percent_exactly_where_the_interval_excludes_zero(table: list[list[int]]) -> None:
    estimate = estimate_of(np.array(table) / 5)
    assert estimate.p is not None
    assert estimate.low is not None
    assert estimate.high is not None
    if estimate.low < estimate.high and min(abs(estimate.low), abs(estimate.high)) > 1e-6:
        assert (estimate.p < 0.05) == estimate.excludes_zero


def test_p_and_interval_are_those_of_students_t_where_only_tasks_are_drawn() -> None:
    estimate = estimate_of(np.array([[0.1, 0.3, 0.2, 0.0]]))
    assert estimate.p == pytest.approx(0.102728, abs=1e-6)
    assert estimate.low == pytest.approx(0.15 - 3.182446 * math.sqrt(1 / 60 / 4), abs=1e-6)
    assert estimate.detectable == pytest.approx((3.182446 + 0.978472) * math.sqrt(1 / 60 / 4), abs=1e-6)


def test_equal_differences_everywhere_are_no_proof_where_there_are_few() -> None:
    assert estimate_of(np.full((2, 2), 0.25)).p == 0.5
    assert estimate_of(np.full((2, 20), 0.25)).p == 2.0**-19
    assert estimate_of(np.zeros((2, 20))).p == 1.0


def test_holm_multiplies_the_smallest_by_all_the_next_by_one_less_and_never_falls() -> None:
    assert holm([0.04, 0.01, None, 0.03]) == [0.06, 0.03, None, 0.06]
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_p_value_smaller_nor_changes_their_order(values: list[float]) -> None:
    corrected = [p for p in holm(values) if p is not None]
    assert all(raw <= p <= 1 for raw, p in zip(values, corrected, strict=True))
    by_raw = [p for _, p in sorted(zip(values, corrected, strict=True))]
    assert by_raw == sorted(by_raw)


def test_probability_of_improvement_counts_pairs_of_runs_and_half_of_ties() -> None:
    left, right = scores([[[0.5], [1.0]], [[0.7], [1.0]]]), scores([[[0.6], [1.0]]])
    assert probability_of_improvement(left, right) == (0.5 + 0.5) / 2
    assert probability_of_improvement(right, left) == (0.5 + 0.5) / 2
    assert probability_of_improvement(scores([[[1.0]]]), scores([[[0.0]]])) == 1.0
    assert probability_of_improvement(left, {}) is None


def test_ranks_are_certain_where_one_row_is_always_better_and_shared_where_rows_are_equal() -> None:
    low, high = scores([[[0.1], [0.2]]] * 2), scores([[[0.6], [0.9]]] * 2)
    assert rank_probabilities([low, high]) == [[0.0, 1.0], [1.0, 0.0]]
    assert rank_probabilities([low, low]) == [[0.5, 0.5], [0.5, 0.5]]
    assert rank_probabilities([low, {7: {"task0": {"q0": 1.0}}}]) == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=3, max_size=3), min_size=2, max_size=4))
def test_every_row_has_some_rank_and_every_rank_some_row(rows: list[list[float]]) -> None:
    chances = rank_probabilities([scores([[[value] for value in row]] * 2) for row in rows])
    for line in (*chances, *zip(*chances, strict=True)):
        assert sum(line) == pytest.approx(1)


def test_the_interquartile_mean_leaves_out_the_highest_and_lowest_quarter() -> None:
    assert estimate_of(np.array([[0.0, 0.2], [0.4, 1.0]])).interquartile == pytest.approx(0.3)
    assert estimate_of(np.array([[0.0, 0.2, 1.0]])).interquartile == pytest.approx(0.4)
