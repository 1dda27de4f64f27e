"""From the attempts at one question to its score: pass@1, pass@k and maj@k."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from r1ci.report.data import Attempt

Measure = Callable[[Sequence[Attempt]], float | None]
"""The score of a question from its scored attempts; None leaves the question out."""


def mean_correct(attempts: Sequence[Attempt]) -> float:
    """pass@1: the share of attempts that are correct."""
    return sum(attempt.correct for attempt in attempts) / len(attempts)


def pass_at(k: int) -> Measure:
    """Chance that at least one of k attempts is correct: 1 - C(n-c, k) / C(n, k), c of n attempts being so.

    Unbiased for every n >= k (Chen et al. 2021, arXiv 2107.03374); questions with fewer attempts are left out.
    """

    def measure(attempts: Sequence[Attempt]) -> float | None:
        n, wrong = len(attempts), sum(not attempt.correct for attempt in attempts)
        return None if n < k else 1 - math.comb(wrong, k) / math.comb(n, k)

    return measure


def majority_of(k: int) -> Measure:
    """maj@k: whether the answer given most often by the first k attempts is correct.

    Answers are the same where their text is, but for spaces around it. Attempts without an answer do not vote; answers
    with equally many votes share the score; questions with fewer than k attempts are left out.
    """

    def measure(attempts: Sequence[Attempt]) -> float | None:
        if len(attempts) < k:
            return None
        first = sorted(attempts, key=lambda attempt: attempt.sample)[:k]
        votes = Counter(attempt.answer.strip() for attempt in first if attempt.answer is not None)
        right = {attempt.answer.strip() for attempt in first if attempt.answer is not None and attempt.correct}
        top = [answer for answer, count in votes.items() if count == max(votes.values())]
        return sum(answer in right for answer in top) / len(top) if top else 0.0

    return measure


def by_question(attempts: Iterable[Attempt], measure: Measure) -> dict[str, dict[str, float]]:
    """Scores by task and question; attempts lost to failures that are not the model's do not count."""
    found: dict[str, dict[str, list[Attempt]]] = {}
    for attempt in attempts:
        if attempt.scored:
            found.setdefault(attempt.task, {}).setdefault(attempt.question_id, []).append(attempt)
    scored = {
        task: {question: score for question, of in questions.items() if (score := measure(of)) is not None}
        for task, questions in found.items()
    }
    return {task: questions for task, questions in scored.items() if questions}
