"""Drawing the questions of every set."""

from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import UsageError
from r1ci.steps import questions
from r1ci.tasks.storage import read_questions

SIZES = {
    "questions_per_task": 5,
    "sft_questions_per_task": 4,
    "new_questions_per_task": 3,
    "test_questions_per_task": 6,
}
INPUTS: dict[str, Any] = {**SIZES, "params": {}, "seed": 11, "train": ["fake/digits"], "test": ["fake/other"]}


def ask(monkeypatch: pytest.MonkeyPatch, task: Any) -> None:
    monkeypatch.setattr(questions, "get_task", lambda task_id, params: task)


def test_sets_have_their_sizes_and_share_no_text(monkeypatch: pytest.MonkeyPatch, digits: Any) -> None:
    task = digits(12)
    ask(monkeypatch, task)
    sets = questions.draw("fake/digits", True, INPUTS)
    assert {name: len(drawn) for name, drawn in sets.items()} == {"sft": 4, "rl": 5, "new": 3}
    assert len({question.text for drawn in sets.values() for question in drawn}) == 12
    assert set(task.seen) == {11}


def test_test_tasks_have_test_questions_only(monkeypatch: pytest.MonkeyPatch, digits: Any) -> None:
    ask(monkeypatch, digits(20))
    sets = questions.draw("fake/digits", False, INPUTS)
    assert {name: len(drawn) for name, drawn in sets.items()} == {"test": 6}


@pytest.mark.parametrize(("trained", "need"), [(True, 12), (False, 6)])
def test_a_task_with_too_few_questions_is_an_error(
    monkeypatch: pytest.MonkeyPatch, digits: Any, trained: bool, need: int
) -> None:
    ask(monkeypatch, digits(need - 1))
    with pytest.raises(UsageError) as refused:
        questions.draw("fake/digits", trained, INPUTS)
    assert refused.value.message == (
        f"fake/digits has only {need - 1} different questions with these parameters; the spec asks for {need}"
    )
    assert "tasks.params for fake/digits" in refused.value.help


def test_parameters_of_a_task_reach_it(monkeypatch: pytest.MonkeyPatch, digits: Any) -> None:
    asked = {}

    def get(task_id: str, params: Any) -> Any:
        asked[task_id] = params
        return digits(20)

    monkeypatch.setattr(questions, "get_task", get)
    questions.draw("fake/digits", True, {**INPUTS, "params": {"fake/digits": {"size": 3}}})
    assert asked == {"fake/digits": {"size": 3}}


def test_the_step_writes_all_sets_in_order(monkeypatch: pytest.MonkeyPatch, digits: Any, context: Any) -> None:
    tasks = {"fake/digits": digits(20), "fake/other": digits(30, "fake/other")}
    monkeypatch.setattr(questions, "get_task", lambda task_id, params: tasks[task_id])
    told: list[Any] = []
    given = context("questions", INPUTS, told=told)
    questions.run(given)
    folder: Path = given.folder
    drawn = questions.draw("fake/digits", True, INPUTS)
    assert [len(read_questions(folder, name)) for name in ("sft", "rl", "new", "test")] == [4, 5, 3, 6]
    assert read_questions(folder, "rl") == drawn["rl"]
    assert {question.task for question in read_questions(folder, "test")} == {"fake/other"}
    assert [(progress.done, progress.total) for progress in told] == [(0, 2), (1, 2)]
