import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.curriculum.potential import QuestionPotential, measure, mixed_chance, score
from r1ci.spec.models import BernoulliScore, BetaScore

probabilities = st.integers(0, 1000).map(lambda correct: correct / 1000)
"""Shares of attempts: 1 - p is exact enough to be held against p."""
exponents = st.floats(0.1, 20)
BERNOULLI = BernoulliScore()


@pytest.mark.parametrize(
    ("correct", "potential"),
    [
        (0, 0),
        (1, 0.19),
        (2, 0.36),
        (3, 0.51),
        (4, 0.64),
        (5, 0.75),
        (6, 0.84),
        (7, 0.91),
        (8, 0.96),
        (9, 0.99),
        (10, 1),
    ],
)
def test_the_values_that_twenty_attempts_can_give(correct: int, potential: float) -> None:
    for right in (correct, 20 - correct):
        assert score(right / 20, BERNOULLI) == pytest.approx(potential, abs=1e-9)


@given(probabilities)
def test_bernoulli_is_symmetric_with_its_maximum_at_one_half(p: float) -> None:
    assert score(p, BERNOULLI) == pytest.approx(score(1 - p, BERNOULLI))
    assert 0 <= score(p, BERNOULLI) <= score(0.5, BERNOULLI) == 1


@given(probabilities, exponents, exponents)
def test_beta_has_a_maximum_of_one_at_a_over_a_plus_b(p: float, a: float, b: float) -> None:
    spec = BetaScore(a=a, b=b)
    assert 0 <= score(p, spec) <= 1 + 1e-9
    assert score(a / (a + b), spec) == pytest.approx(1)
    assert score(p, spec) == pytest.approx(score(1 - p, BetaScore(a=b, b=a)), abs=1e-9)


@given(probabilities)
def test_beta_of_equal_ones_is_bernoulli(p: float) -> None:
    assert score(p, BetaScore(a=1, b=1)) == pytest.approx(score(p, BERNOULLI), abs=1e-12)


def test_beta_prefers_the_easier_or_the_harder_questions() -> None:
    assert score(0.9, BetaScore(a=3, b=1)) > score(0.1, BetaScore(a=3, b=1))
    assert score(0.9, BetaScore(a=1, b=3)) < score(0.1, BetaScore(a=1, b=3))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_what_is_no_probability_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        score(p, BERNOULLI)


def test_measuring_counts_the_attempts() -> None:
    assert measure({"a#1": [True, False, False, False], "a#2": [True]}) == (
        QuestionPotential("a#1", 4, 1, 0.25, 0.75),
        QuestionPotential("a#2", 1, 1, 1.0, 0.0),
    )


def test_a_question_without_an_attempt_is_named() -> None:
    with pytest.raises(ValueError, match="a#1: no scored attempt"):
        measure({"a#1": []})


@pytest.mark.parametrize(
    ("p", "chance"), [(0.5, 0.94), (0.4, 0.91), (0.3, 0.83), (0.2, 0.67), (0.15, 0.56), (0.1, 0.41), (0.05, 0.23)]
)
def test_chance_that_a_group_of_five_is_mixed(p: float, chance: float) -> None:
    assert mixed_chance(p, 5) == pytest.approx(chance, abs=0.005)
    assert mixed_chance(1 - p, 5) == pytest.approx(mixed_chance(p, 5))


def test_a_group_of_one_is_never_mixed() -> None:
    assert mixed_chance(0.5, 1) == 0
