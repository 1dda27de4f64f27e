"""What holds for every task in the catalogue."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import pickle
import random
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

from r1ci import tasks
from r1ci.tasks.base import Question, Task
from r1ci.tasks.registry import catalog, get_task
from r1ci.tasks.table import TABLE
from r1ci.tasks.validate import CLAIMS, program_faults, run_trusted

INFOS = {info.id: info for info in TABLE}
IDS = list(INFOS)
PROGRAMS_RUN = 6
SLOW, QUICK = 8, 40
"""Questions made of a task, by how long one takes."""


@pytest.fixture(scope="module", params=IDS)
def task(request: pytest.FixtureRequest) -> Task:
    return get_task(request.param)


@pytest.fixture(scope="module")
def questions(task: Task) -> list[Question]:
    return [task.question(index, 7) for index in range(SLOW if INFOS[task.id].slow else QUICK)]


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_claim_holds(task: Task, questions: list[Question], claim: str) -> None:
    assert list(CLAIMS[claim](task, INFOS[task.id], questions)) == []


def test_the_program_prints_an_accepted_answer(task: Task, questions: list[Question]) -> None:
    assert program_faults(task, INFOS[task.id], questions[:PROGRAMS_RUN], run_trusted) == []


def test_programs_are_short_and_plain(task: Task, questions: list[Question]) -> None:
    for question in questions:
        program = task.program(question)
        if program is None:
            continue
        comments = [t for t in tokenize.generate_tokens(io.StringIO(program).readline) if t.type == tokenize.COMMENT]
        assert not comments
        assert len(program.splitlines()) <= 60
        compile(program, task.id, "exec")


def test_a_question_is_complete_and_without_the_agents_marks(task: Task, questions: list[Question]) -> None:
    for question in questions:
        assert question.task == task.id
        assert question.text == question.text.strip()
        assert question.answer
        assert "<<<" not in question.text
        question.text.encode()


def test_questions_are_random_access(task: Task, questions: list[Question]) -> None:
    chosen = (7, 3, 5) if len(questions) == SLOW else (31, 3, 17)
    assert [get_task(task.id).question(index, 7) for index in chosen] == [questions[i] for i in chosen]


def test_seeds_do_not_overlap(task: Task) -> None:
    count = 5 if INFOS[task.id].slow else 30
    first = [task.question(index, 0).text for index in range(1, count)]
    second = [task.question(index, 1).text for index in range(count - 1)]
    assert first != second
    if INFOS[task.id].space is None:
        assert len(set(first) & set(second)) <= 2


def test_leaves_the_global_random_state_alone(task: Task) -> None:
    import numpy

    before, numbers_before = random.getstate(), numpy.random.get_state()[1].tolist()
    question = task.question(5, 0)
    task.check(question, "1")
    task.program(question)
    assert random.getstate() == before
    assert numpy.random.get_state()[1].tolist() == numbers_before


def test_does_not_depend_on_the_global_random_state(task: Task) -> None:
    state = random.getstate()
    try:
        random.seed(1)
        first = task.question(5, 3)
        random.seed(2)
        assert task.question(5, 3) == first
    finally:
        random.setstate(state)


def test_pickles(task: Task, questions: list[Question]) -> None:
    copy = pickle.loads(pickle.dumps(task))
    assert copy.question(0, 7) == questions[0]
    assert pickle.loads(pickle.dumps(questions[0])) == questions[0]


def test_no_two_questions_are_alike_unless_the_catalogue_says_so(task: Task) -> None:
    info = INFOS[task.id]
    wanted = SLOW if info.slow else 300
    made = {task.question(index, 0).text for index in range(wanted)}
    assert len(made) >= min(wanted, 0.9 * (info.space or wanted))


def test_answers_vary(questions: list[Question]) -> None:
    answers = [question.answer for question in questions]
    assert max(answers.count(answer) for answer in answers) < 0.8 * len(answers)


def test_the_catalogue_tells_the_truth_about_programs_and_splits() -> None:
    infos = catalog()
    assert len({info.id for info in infos}) == len(infos)
    for info in TABLE:
        assert info.summary
        assert info.answer
        assert info.check
        made = get_task(info.id)
        assert made.id == info.id
        assert (made.program(made.question(0, 0)) is not None) == info.has_program


DIGEST = """
import hashlib, json, sys
from r1ci.tasks.registry import get_task
digests = {}
for id in sys.argv[1:]:
    task = get_task(id)
    made = [task.question(index, 3) for index in range(3)]
    digests[id] = hashlib.sha256(repr([(q, task.program(q)) for q in made]).encode()).hexdigest()
json.dump(digests, sys.__stdout__)
"""


@pytest.mark.parametrize("hash_seed", ["1", "4242"])
def test_same_bytes_in_another_process(hash_seed: str) -> None:
    digests = {}
    for id in IDS:
        task = get_task(id)
        made = [task.question(index, 3) for index in range(3)]
        digests[id] = hashlib.sha256(repr([(q, task.program(q)) for q in made]).encode()).hexdigest()
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, *IDS],
        env={"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    there = json.loads(done.stdout[done.stdout.index("{") :])
    assert [id for id in IDS if there[id] != digests[id]] == []


def test_no_task_evaluates_text() -> None:
    """The one exec is in the self-test's runner, as text, for programs that a task wrote."""
    forbidden = {"eval", "exec", "compile", "literal_eval", "sympify", "parse_expr", "score_answer", "__import__"}
    for file in Path(tasks.__file__).parent.rglob("*.py"):
        names = {
            node.attr if isinstance(node, ast.Attribute) else node.id
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Attribute | ast.Name) and not ast.unparse(node).startswith("re.")
        }
        assert not names & forbidden, file


def test_nothing_heavy_is_imported_for_the_catalogue() -> None:
    code = (
        "import sys; from r1ci.tasks.registry import catalog, get_task, vocabulary; vocabulary(); catalog();"
        "get_task('rg/gcd', {'max_value': 50});"
        "print(sorted({'reasoning_gym', 'numpy', 'sympy', 'torch', 'ray', 'pydantic', 'polars'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
