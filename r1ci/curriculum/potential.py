"""How much a question is expected to teach: the improvement potential of its measured accuracy.

bernoulli  4 p (1 - p): the variance of a right-or-wrong outcome scaled to a maximum of 1 at p = 1/2. A policy-gradient
           step moves nothing where all attempts agree, and its expected square is bounded by p (1 - p).
beta       p^a (1 - p)^b / its maximum, which lies at p = a / (a + b): the same shape leaning towards easier (a > b) or
           harder (a < b) questions. a = b = 1 is bernoulli.

p is an estimate from a few attempts: with n of them its error exceeds e with probability at most 2 exp(-2 n e^2)
(Hoeffding), so potentials measured on 20 attempts take few values and tie often.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from r1ci.spec.models import BernoulliScore, BetaScore, ScoreSpec


@dataclass(frozen=True)
class QuestionPotential:
    """What the attempts at one question said about it."""

    question_id: str
    attempts: int
    correct: int
    p: float
    """Share of the attempts that were correct."""
    potential: float
    """4p(1-p): 0 (all attempts agree) to 1. A partition may score the same ``p`` in another way."""


def score(p: float, spec: ScoreSpec) -> float:
    """Potential of a question answered correctly with probability ``p``. Raises ValueError outside [0, 1]."""
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"p must be a probability, found {p}")
    if isinstance(spec, BetaScore):
        peak = spec.a / (spec.a + spec.b)
        # As a ratio per factor, so that large exponents do not underflow on both sides of the division.
        return float((p / peak) ** spec.a * ((1 - p) / (1 - peak)) ** spec.b)
    return 4 * p * (1 - p)


def measure(correct: Mapping[str, Sequence[bool]]) -> tuple[QuestionPotential, ...]:
    """Potential of every question from the verdicts on its attempts, in the order given.

    Raises ValueError for a question without an attempt: nothing is known of it.
    """
    return tuple(_measured(question_id, verdicts) for question_id, verdicts in correct.items())


def _measured(question_id: str, verdicts: Sequence[bool]) -> QuestionPotential:
    if not verdicts:
        raise ValueError(f"{question_id}: no scored attempt, so its potential is unknown")
    right = sum(map(bool, verdicts))
    p = right / len(verdicts)
    return QuestionPotential(question_id, len(verdicts), right, p, score(p, BernoulliScore()))


def mixed_chance(p: float, group_size: int) -> float:
    """Probability that a group of episodes has both right and wrong ones, and so an advantage that is not 0."""
    return 1.0 - p**group_size - (1.0 - p) ** group_size
