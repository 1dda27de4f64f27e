"""Tasks that draw from a small space, made to repeat themselves seldom."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import pytest

from r1ci.tasks.base import Question
from r1ci.tasks.fresh import BLOCK, Fresh
from r1ci.tasks.seeding import item_rng


@dataclass(frozen=True)
class Small:
    """So many different questions, drawn at random."""

    size: int
    id: str = "fake/small"

    def question(self, index: int, seed: int) -> Question:
        number = item_rng(self.id, seed, index).randrange(self.size)
        return Question(self.id, index, f"Say {number}.", str(number))

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer

    def program(self, question: Question) -> str | None:
        return f"print({question.answer})"


def test_no_two_of_a_thousand_are_alike_where_the_space_allows_it() -> None:
    inner = Small(3000)
    task = Fresh(inner)
    made = [task.question(index, 1) for index in range(BLOCK)]
    assert len({question.text for question in made}) == BLOCK
    assert [question.index for question in made] == list(range(BLOCK))
    changed = sum(question.text != inner.question(question.index, 1).text for question in made)
    assert 0 < changed < BLOCK / 2


def test_a_question_is_the_same_whatever_was_asked_before() -> None:
    task, again = Fresh(Small(2000)), pickle.loads(pickle.dumps(Fresh(Small(2000))))
    ahead = task.question(700, 5)
    assert [again.question(index, 5) for index in range(701)][-1] == ahead


def test_a_space_that_is_used_up_repeats_itself_instead_of_searching_for_ever() -> None:
    task = Fresh(Small(7))
    texts = [task.question(index, 0).text for index in range(30)]
    assert len(set(texts)) == 7
    assert len(set(texts[:5])) == 5


@pytest.mark.parametrize("index", [0, 3])
def test_checker_and_program_are_the_tasks(index: int) -> None:
    task = Fresh(Small(50))
    question = task.question(index, 2)
    assert task.check(question, question.answer)
    assert not task.check(question, "no")
    assert task.program(question) == f"print({question.answer})"
    assert task.config is None
