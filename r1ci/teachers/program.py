"""The program teacher: demonstrations around a task's reference program, really executed.

It stands in for the paper's teacher model where there is none: the text is from a template, the program is the
task's own, its output is what the executor returned. A demonstration is kept if the checker accepts its answer.
"""

from __future__ import annotations

import random

from r1ci.agents import prompts
from r1ci.executors.observe import observation
from r1ci.executors.protocol import Executor, Program, Status
from r1ci.spec.models import ExecutorLimits, ProgramTeacher, PromptFormat
from r1ci.tasks.base import Question, Task
from r1ci.teachers.demonstration import Demonstration, Segment

_OPENINGS: dict[PromptFormat, str] = {
    "free": "",
    "text_then_code": "The task asks for an exact result, so I compute it.\n",
    "code_then_text": "",
}
_CLOSINGS: dict[PromptFormat, str] = {
    "free": "",
    "text_then_code": "",
    "code_then_text": "The program printed the result. ",
}
_REPAIR = "The program failed. I correct it.\n"


async def demonstrate(
    question: Question,
    task: Task,
    teacher: ProgramTeacher,
    prompt_format: PromptFormat,
    executor: Executor,
    limits: ExecutorLimits,
    seed: int,
) -> Demonstration | None:
    """A demonstration of the question, or None where the task has no program or its output is not accepted."""
    code = task.program(question)
    if code is None:
        return None
    segments: list[Segment] = []
    opening = _OPENINGS[prompt_format]
    if random.Random(seed).random() < teacher.flawed:
        broken = code.replace("print(", "prnt(")
        failed = await executor.run(Program(broken))
        shown = prompts.results(observation(failed, limits))
        segments += [Segment(opening + fenced(broken), False), Segment(shown, False)]
        opening = _REPAIR
    execution = await executor.run(Program(code))
    answer = execution.stdout.strip()
    if execution.status is not Status.OK or not task.check(question, answer):
        return None
    segments += [
        Segment(opening + fenced(code), True),
        Segment(prompts.results(observation(execution, limits)), False),
        Segment(f"{_CLOSINGS[prompt_format]}<<<{answer}>>>", True),
    ]
    text = prompts.prompt("code_agent", question.text, prompts.FORMATS[prompt_format])
    return Demonstration(question.task, question.id, text, tuple(segments))


def fenced(code: str) -> str:
    """A program as the model writes it."""
    return f"```python\n{code}\n```\n"
