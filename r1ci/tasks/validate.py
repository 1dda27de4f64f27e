"""The proof that a task and its checker are right, claim by claim; the tests and ``r1ci tasks validate`` run the same.

A claim looks at questions of a task and says what is wrong with them, at most once per question.
"""

from __future__ import annotations

import itertools
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from r1ci.errors import R1ciError
from r1ci.tasks.base import Question, Task, TaskInfo
from r1ci.tasks.perturb import perturbed

WRAPPINGS = ("\n {} \t\n", "`{}`", "```\n{}\n```", "```text\n{}\n```", "$ {} $", "**{}**", "<<<{}>>>")
"""What a person would accept around a right answer."""
NO_ANSWERS = ("", "   ", "None", "I do not know.", "[[", "[[]", "\x00", "<<<>>>", "```\n```")
"""Texts that answer no question of any shipped task."""
HOSTILE = {
    "code": "__import__('os').system('touch /tmp/r1ci_was_here')",
    "power tower": "9**9**9**9",
    "ten megabytes of digits": "9" * 10_000_000,
    "ten megabytes of words": "no idea, " * 1_100_000,
    "many digits": "9" * 5000,
    "deep parentheses": "(" * 5000 + "1" + ")" * 5000,
    "deep brackets": "[" * 9000 + "]" * 9000,
    "deep objects": '{"a":' * 9000 + "1" + "}" * 9000,
    "minuses": "-" * 19_000 + "1",
    "NUL": "1\x002",
    "Arabic digits": "\u0661\u0662",
    "superscript": "\u00b2",
    "surrogate": "\ud800",
    "huge exponent": "1e999999999",
    "huge ratio": "1/" + "9" * 3999,
    "fences": "```" * 3000,
    "quotes": "'" * 19_999,
    "commas": "," * 19_999,
    "thousands": "1" + ",111" * 4000,
    "repeats": "a" * 19_000 + "!",
    "lines": "\n" * 19_999,
}
"""Texts that must be refused at once."""
HOSTILE_S = 0.1
"""Longest time to refuse one of them."""
TIMEOUT_S = 60.0
"""For all programs of one validation together."""

Runner = Callable[[Sequence[str]], list[str]]
"""Runs programs and says what each printed."""

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
    """What the proof of a task came to."""

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


def validate(task: Task, info: TaskInfo, n: int = 20, seed: int = 0, run: Runner | None = None) -> Validation:
    """Hold n questions of a task to every claim; ``run`` runs its programs, by default as ``run_trusted`` does."""
    questions = [task.question(index, seed) for index in range(n)]
    again = [task.question(index, seed) for index in range(n)]
    faults = [Fault(a.id, "asked for twice, it differs") for a, b in zip(questions, again, strict=True) if a != b]
    faults += [fault for claim in CLAIMS.values() for fault in claim(task, info, questions)]
    faults += program_faults(task, info, questions, run or run_trusted)
    programs = sum(task.program(question) is not None for question in questions)
    return Validation(task.id, n, len({question.text for question in questions}), programs, tuple(faults))


Claim = Callable[[Task, TaskInfo, Sequence[Question]], Iterator[Fault]]


def accepts_reference(task: Task, info: TaskInfo, questions: Sequence[Question]) -> Iterator[Fault]:
    """The reference answer is right, whatever a person would accept around it."""
    for question in questions:
        for form in ("{}", *WRAPPINGS):
            marks = form.replace("{}", " ").split()
            if any(mark in question.answer for mark in marks):
                continue  # nobody could tell where the answer ends
            if not task.check(question, form.format(question.answer)):
                yield Fault(question.id, f"the reference answer is refused as {form.format(question.answer)[:80]!r}")
                break


def refuses_no_answers(task: Task, info: TaskInfo, questions: Sequence[Question]) -> Iterator[Fault]:
    """What says nothing is wrong."""
    for question in questions:
        for text in NO_ANSWERS:
            if task.check(question, text):
                yield Fault(question.id, f"{text!r} is accepted")


def refuses_perturbed(task: Task, info: TaskInfo, questions: Sequence[Question]) -> Iterator[Fault]:
    """What looks like the reference answer and is not is wrong."""
    for question in questions:
        for text in perturbed(question):
            if task.check(question, text):
                yield Fault(question.id, f"the wrong answer {text[:80]!r} is accepted")


def refuses_others(task: Task, info: TaskInfo, questions: Sequence[Question]) -> Iterator[Fault]:
    """The answer of another question is wrong, but for tasks where it may be right."""
    if info.shared:
        return
    for question, other in itertools.pairwise(questions):
        if question.answer != other.answer and task.check(question, other.answer):
            yield Fault(question.id, f"the answer of question {other.index}, {other.answer[:80]!r}, is accepted")


def refuses_hostile(task: Task, info: TaskInfo, questions: Sequence[Question]) -> Iterator[Fault]:
    """Hostile text is refused at once, and nothing of it runs."""
    for question in questions[:3]:
        for name, text in HOSTILE.items():
            if _quickest_s(task, question, text) > HOSTILE_S:
                yield Fault(question.id, f"refusing {name} takes longer than {HOSTILE_S:g} s of CPU time")
            if task.check(question, text):
                yield Fault(question.id, f"hostile text ({name}) is accepted")


def _quickest_s(task: Task, question: Question, text: str) -> float:
    """CPU time of a check: the least of a few, since a busy machine slows one down but not all."""
    least = math.inf
    for _ in range(5):
        begin = time.process_time()
        task.check(question, text)
        least = min(least, time.process_time() - begin)
        if least <= HOSTILE_S:
            break
    return least


def hides_answer(task: Task, info: TaskInfo, questions: Sequence[Question]) -> Iterator[Fault]:
    """The question does not show its answer, but for tasks where the answer is one of the things shown."""
    if info.shown:
        return
    telling = [question for question in questions if len(question.answer) > 3 and question.answer in question.text]
    if len(telling) > len(questions) // 10:
        yield Fault(telling[0].id, f"the question holds its answer {telling[0].answer[:80]!r}")


CLAIMS: dict[str, Claim] = {
    claim.__name__: claim
    for claim in (
        accepts_reference, refuses_no_answers, refuses_perturbed, refuses_others, refuses_hostile, hides_answer,
    )
}  # fmt: skip
"""Every claim but that of the programs, by name."""


def program_faults(task: Task, info: TaskInfo, questions: Sequence[Question], run: Runner) -> list[Fault]:
    """Reference programs print an accepted answer, and there are some where the catalogue says so."""
    found = [(question, program) for question in questions if (program := task.program(question)) is not None]
    if len(found) != (len(questions) if info.has_program else 0):
        return [Fault(questions[0].id, f"{len(found)} of {len(questions)} questions have a program")]
    try:
        outputs = run([program for _, program in found])
    except R1ciError as error:
        return [Fault(questions[0].id, error.message)]
    return [
        Fault(question.id, f"its program prints {output[:80]!r}, which is refused")
        for (question, _), output in zip(found, outputs, strict=True)
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
