"""The sample of trajectories that an evaluation keeps."""

from collections import Counter
from typing import Any

import pytest

from r1ci.steps.evaluation import sample_rows


@pytest.fixture
def scored(episode: Any) -> tuple[list[str], list[Any]]:
    """40 right and 4 wrong episodes of one task, 6 of another, in two sets."""
    sets = ["new"] * 44 + ["test"] * 6
    episodes = [episode(f"fake/digits#{n}", correct=n < 40) for n in range(44)]
    return sets, episodes + [episode(f"fake/other#{n}", task="fake/other") for n in range(6)]


def strata(sets: list[str], episodes: list[Any], rows: list[int]) -> Counter[Any]:
    return Counter((sets[row], episodes[row].task, episodes[row].correct) for row in rows)


def test_every_stratum_has_its_turn(scored: Any) -> None:
    rows = sample_rows(*scored, 9, seed=0)
    assert strata(*scored, rows) == {
        ("new", "fake/digits", True): 3,
        ("new", "fake/digits", False): 3,
        ("test", "fake/other", False): 3,
    }


def test_what_small_strata_leave_goes_to_the_large(scored: Any) -> None:
    assert strata(*scored, sample_rows(*scored, 30, seed=0)) == {
        ("new", "fake/digits", True): 20,
        ("new", "fake/digits", False): 4,
        ("test", "fake/other", False): 6,
    }


@pytest.mark.parametrize("size", [0, 1, 50, 1000])
def test_the_sample_is_in_order_and_never_larger_than_there_is(scored: Any, size: int) -> None:
    rows = sample_rows(*scored, size, seed=0)
    assert len(rows) == min(size, 50)
    assert rows == sorted(set(rows))


def test_the_sample_hangs_on_the_seed_alone(scored: Any) -> None:
    assert sample_rows(*scored, 9, seed=0) == sample_rows(*scored, 9, seed=0)
    assert sample_rows(*scored, 9, seed=0) != sample_rows(*scored, 9, seed=1)


def test_nothing_to_sample_is_an_empty_sample() -> None:
    assert sample_rows([], [], 5, seed=0) == []
