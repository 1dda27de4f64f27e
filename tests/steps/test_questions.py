"""Drawing the questions of every set."""

import json
from pathlib import Path
from typing import Any

import pytest

from r1ci.errors import UsageError
from r1ci.plan.context import Progress
from r1ci.steps import questions
from r1ci.tasks.generate import Made, Order, generate
from r1ci.tasks.storage import read_questions

SIZES = {
    "questions_per_task": 5,
    "sft_questions_per_task": 4,
    "new_questions_per_task": 3,
    "test_questions_per_task": 6,
}
PLUGINS = ["counting_tasks"]


def make(*tasks: str, need: int = 12, size: int = 1000, **options: Any) -> dict[str, Made]:
    orders = [Order(f"fake/{task}", {"size": size}, 11, need) for task in tasks]
    return generate(orders, plugins=PLUGINS, **options)


def draw(context: Any, told: list[Progress] | None = None, **changed: Any) -> Path:
    inputs = {**SIZES, "params": {}, "seed": 11, "train": ["fake/digits"], "test": ["fake/other"], **changed}
    given = context("questions", inputs, told=told, runtime={"plugins": PLUGINS})
    questions.run(given)
    folder: Path = given.folder
    return folder


def test_sets_have_their_sizes_and_share_no_text(context: Any) -> None:
    folder = draw(context)
    assert [len(read_questions(folder, name)) for name in ("sft", "rl", "new", "test")] == [4, 5, 3, 6]
    assert len({question.text for question in read_questions(folder, "sft", "rl", "new")}) == 12
    assert {question.task for question in read_questions(folder, "test")} == {"fake/other"}
    assert not (folder / questions.LOST).exists()


@pytest.mark.parametrize(("train", "test", "need"), [(["fake/digits"], [], 12), ([], ["fake/digits"], 6)])
def test_a_task_with_too_few_questions_is_an_error(context: Any, train: list[str], test: list[str], need: int) -> None:
    with pytest.raises(UsageError) as refused:
        draw(context, train=train, test=test, params={"fake/digits": {"size": need - 1}})
    assert refused.value.message == (
        f"fake/digits has only {need - 1} different questions with these parameters; the spec asks for {need}"
    )
    assert "leave out fake/digits" in refused.value.help


def test_every_task_is_told_of(context: Any) -> None:
    told: list[Progress] = []
    draw(context, told)
    assert [(progress.done, progress.total) for progress in told] == [(0, 2), (1, 2), (2, 2)]
    assert {progress.text for progress in told[1:]} == {"fake/digits", "fake/other"}


def test_the_questions_do_not_depend_on_the_number_of_processes() -> None:
    tasks = ("digits", "other", "raises", "chatty")
    assert make(*tasks, workers=1) == make(*tasks, workers=3)


@pytest.mark.parametrize(
    ("task", "why"),
    [
        ("raises", "RuntimeError: no idea"),
        ("unsure", "its checker refuses its answer '32'"),
        ("hangs", "took longer than 1 s, or ended its process"),
        ("exits", "took longer than 1 s, or ended its process"),
    ],
)
def test_a_question_that_cannot_be_made_is_lost_and_the_rest_is_not(task: str, why: str) -> None:
    made = make(task, need=5, deadline_s=1)[f"fake/{task}"]
    assert [question.index for question in made.questions] == [0, 1, 2, 4, 5]
    assert [(lost.seed, lost.index, lost.why) for lost in made.lost] == [(11, 3, why)]


def test_lost_questions_are_written_down(context: Any) -> None:
    told: list[Progress] = []
    folder = draw(context, told, train=["fake/raises"])
    rows = json.loads((folder / questions.LOST).read_text())
    assert rows[0] == {"task": "fake/raises", "seed": 11, "index": 3, "why": "RuntimeError: no idea"}
    assert "questions lost of fake/raises" in told[-1].text


def bbh_file(folder: Path, rows: int) -> Path:
    """Official rows of a task, one of them with a wrong answer that ours repairs and one that cannot be read."""
    examples = [
        {"input": f"not ( True ) and ( {n} True ) is".replace(str(n), "not " * n), "target": "False"}
        for n in range(rows)
    ]
    examples += [{"input": "True and True is", "target": "False"}, {"input": "gibberish", "target": "maybe"}]
    path = folder / "bbh" / "boolean_expressions.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"canary": "", "examples": examples}))
    return path


def test_official_questions_are_drawn_where_there_are_some(context: Any, tmp_path: Path) -> None:
    path = bbh_file(tmp_path, 12)
    folder = draw(context, train=["bbh/boolean_expressions"], official=str(path.parent))
    drawn = read_questions(folder, "sft", "rl", "new")
    assert len({question.text for question in drawn}) == 12
    assert any("not ( True ) and" in question.text for question in drawn)
    assert json.loads((folder / questions.OFFICIAL).read_text()) == {"bbh/boolean_expressions": 13}
    assert {question.task for question in read_questions(folder, "test")} == {"fake/other"}


def test_too_few_sound_official_questions_are_an_error(context: Any, tmp_path: Path) -> None:
    path = bbh_file(tmp_path, 3)
    with pytest.raises(UsageError, match="has only 4 sound official questions"):
        draw(context, train=["bbh/boolean_expressions"], official=str(path.parent))


def test_what_the_spec_got_wrong_stops_the_step() -> None:
    with pytest.raises(UsageError, match="size is too small"):
        make("digits", "strict")


def test_what_a_task_prints_disturbs_nobody() -> None:
    assert len(make("chatty")["fake/chatty"].questions) == 12


def test_data_comes_back_as_json_has_it() -> None:
    assert make("digits", need=1)["fake/digits"].questions[0].data == {"pair": [11, 11]}
