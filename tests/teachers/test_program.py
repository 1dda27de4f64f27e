"""The program teacher: only what was really run and accepted is shown, and failing programs are never imitated."""

import asyncio
from typing import Any

import pytest

from r1ci.agents.parser import parse
from r1ci.executors.protocol import Execution, Status
from r1ci.spec.models import ExecutorLimits, ProgramTeacher, PromptFormat
from r1ci.teachers.demonstration import Demonstration
from r1ci.teachers.program import demonstrate

CODE = "print(6 * 7)"


def made(task: Any, executor: Any, form: PromptFormat = "free", flawed: float = 0.0, seed: int = 0) -> Any:
    teacher = ProgramTeacher(flawed=flawed)
    return asyncio.run(demonstrate(task.question(3, 0), task, teacher, form, executor, ExecutorLimits(), seed))


def text(demonstration: Demonstration) -> str:
    return "".join(segment.text for segment in demonstration.segments)


def test_a_demonstration_is_program_output_and_answer(task: Any, executor: Any) -> None:
    demonstration = made(task, executor)
    assert (demonstration.task, demonstration.question_id) == ("fake/product", "fake/product#3")
    assert demonstration.prompt.endswith("What is 6 x 7?")
    assert [(segment.text, segment.imitate) for segment in demonstration.segments] == [
        (f"```python\n{CODE}\n```\n", True),
        ("Code Execution Results:\n42\n", False),
        ("<<<42>>>", True),
    ]
    assert executor.ran == [CODE]


@pytest.mark.parametrize("form", ["free", "text_then_code", "code_then_text"])
def test_every_format_reads_as_an_episode_of_the_code_agent(task: Any, executor: Any, form: PromptFormat) -> None:
    demonstration = made(task, executor, form, flawed=1.0)
    broken, _, repaired, _, answer = (segment.text for segment in demonstration.segments)
    assert parse(broken).code == "prnt(6 * 7)"
    assert parse(repaired).code == CODE
    assert parse(answer).answer == "42"


def test_formats_differ_in_their_prompt_and_their_text(task: Any, executor: Any) -> None:
    forms: list[PromptFormat] = ["free", "text_then_code", "code_then_text"]
    shown = [made(task, executor, form) for form in forms]
    assert len({item.prompt for item in shown}) == 3
    assert len({text(item) for item in shown}) == 3


def test_the_first_program_of_a_flawed_demonstration_is_run_but_not_imitated(task: Any, executor: Any) -> None:
    demonstration = made(task, executor, flawed=1.0)
    assert executor.ran == ["prnt(6 * 7)", CODE]
    assert [segment.imitate for segment in demonstration.segments] == [False, False, True, False, True]
    assert "NameError: name 'prnt' is not defined" in demonstration.segments[1].text
    learned = "".join(segment.text for segment in demonstration.segments if segment.imitate)
    assert "prnt" not in learned


def test_which_demonstrations_are_flawed_hangs_on_the_seed(task: Any, executor: Any) -> None:
    flawed = [len(made(task, executor, flawed=0.5, seed=seed).segments) == 5 for seed in range(60)]
    again = [len(made(task, executor, flawed=0.5, seed=seed).segments) == 5 for seed in range(60)]
    assert flawed == again
    assert 15 < sum(flawed) < 45


@pytest.mark.parametrize(
    "execution",
    [
        Execution(Status.OK, stdout="43\n"),
        Execution(Status.OK, stdout=""),
        Execution(Status.ERROR, stdout="42\n", exit_code=1),
        Execution(Status.TIMEOUT, stdout="42\n"),
        Execution(Status.INFRASTRUCTURE),
    ],
    ids=["wrong", "empty", "error", "timeout", "infrastructure"],
)
def test_a_program_that_is_not_accepted_is_dropped(task: Any, executor: Any, execution: Execution) -> None:
    executor.table[CODE] = execution
    assert made(task, executor) is None


def test_a_task_without_a_program_has_no_demonstration(task: Any, executor: Any) -> None:
    task.code = None
    assert made(task, executor) is None
    assert executor.ran == []
