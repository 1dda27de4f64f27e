"""The self-test of a task: it accepts its own reference answers and programs, and refuses what is no answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from r1ci.errors import R1ciError
from r1ci.tasks.base import Question, Task

NO_ANSWERS = ("", " ", "None", "I do not know.", "[[]", "\x00", "not a number", "1/0", "<<<>>>")
"""Texts that answer no question of any shipped task."""
TIMEOUT_S = 60.0
"""For all programs of one validation together."""

_RUNNER = """\
import contextlib, io, json, sys, traceback
outputs = []
for program in json.load(sys.stdin):
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            exec(compile(program, "program", "exec"), {"__name__": "__main__"})
    except BaseException as error:
        output.write("".join(traceback.format_exception_only(error)))
    outputs.append(output.getvalue())
json.dump(outputs, sys.stdout)
"""


@dataclass(frozen=True)
class Fault:
    """Something a task got wrong."""

    question: str
    """Id of the question."""
    what: str
    """One sentence."""


@dataclass(frozen=True)
class Validation:
    """What a task's self-test found."""

    task: str
    questions: int
    distinct: int
    """Different texts among them."""
    programs: int
    """Questions with a reference program."""
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.faults


def validate(task: Task, n: int = 20, seed: int = 0) -> Validation:
    """Make n questions, check their reference answers and programs, and see that no-answers are refused."""
    questions = [task.question(index, seed) for index in range(n)]
    again = [task.question(index, seed) for index in range(n)]
    with_programs = [(question, program) for question in questions if (program := task.program(question)) is not None]
    faults = [
        *(Fault(a.id, "asked twice, it is not the same") for a, b in zip(questions, again, strict=True) if a != b),
        *(fault for question in questions for fault in _answer_faults(task, question)),
        *_program_faults(task, with_programs),
    ]
    texts = {question.text for question in questions}
    return Validation(task.id, n, len(texts), len(with_programs), tuple(faults))


def _answer_faults(task: Task, question: Question) -> list[Fault]:
    faults = []
    if not task.check(question, question.answer):
        faults.append(Fault(question.id, f"the reference answer {question.answer[:80]!r} is refused"))
    faults += [Fault(question.id, f"{text!r} is accepted") for text in NO_ANSWERS if task.check(question, text)]
    return faults


def _program_faults(task: Task, with_programs: Sequence[tuple[Question, str]]) -> list[Fault]:
    try:
        outputs = run_trusted([program for _, program in with_programs])
    except R1ciError as error:
        return [Fault(with_programs[0][0].task, error.message)]
    return [
        Fault(question.id, f"its program prints {output[:80]!r}, which is refused")
        for (question, _), output in zip(with_programs, outputs, strict=True)
        if not task.check(question, output)
    ]


def run_trusted(programs: Sequence[str]) -> list[str]:
    """What reference programs print, run one after the other in one Python process.

    For programs that a task wrote, which are as trusted as the task; a model's go to an executor. An exception's last
    line counts as output. Raises R1ciError if the process does not last or takes longer than TIMEOUT_S.
    """
    if not programs:
        return []
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-c", _RUNNER],
            input=json.dumps(list(programs)),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise R1ciError(f"{len(programs)} reference programs take longer than {TIMEOUT_S:g} s together") from error
    try:
        outputs: list[str] = json.loads(done.stdout)
    except ValueError as error:
        raise R1ciError(f"a reference program ended its process with exit code {done.returncode}") from error
    return outputs
