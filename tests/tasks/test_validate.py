"""The self-test of a task."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from r1ci.errors import EnvironmentMissing, R1ciError
from r1ci.tasks import validate as validation
from r1ci.tasks.base import Question, Task, TaskInfo
from r1ci.tasks.reasoning_gym import library
from r1ci.tasks.registry import get_task, make_task, task_info
from r1ci.tasks.validate import run_trusted, validate

INFO = TaskInfo("test/faulty", "test", "train", "", "counting", True)


@dataclass(frozen=True)
class Faulty:
    """Ten questions; takes anything but its own answer; its program raises."""

    id: str = "test/faulty"

    def question(self, index: int, seed: int) -> Question:
        return Question(self.id, index, f"Say {index % 10}.", str(index % 10))

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text.strip() != question.answer and not answer_text.startswith("NameError")

    def program(self, question: Question) -> str | None:
        return "print(1)\nnonsense" if question.index == 1 else "nonsense" if question.index == 0 else None


def test_a_good_task_has_no_faults() -> None:
    report = validate(get_task("symbench/string_insertion"), task_info("symbench/string_insertion"), 10)
    assert report.ok
    assert (report.questions, report.distinct, report.programs) == (10, 10, 10)


def test_faults_name_the_question_and_what_is_wrong() -> None:
    task: Task = Faulty()
    report = validate(task, INFO, 2)
    assert not report.ok
    said = [(fault.question, fault.what) for fault in report.faults]
    assert ("test/faulty#0", "the reference answer is refused as '0'") in said
    assert ("test/faulty#0", "'' is accepted") in said
    assert any(question == "test/faulty#0" and "NameError" in what for question, what in said)


def test_trusted_programs_run_in_one_process_and_keep_their_output_apart() -> None:
    assert run_trusted(["print(1)", "raise SystemExit", "import sys\nprint(len(sys.argv))"])[0] == "1\n"
    assert run_trusted([]) == []


def test_a_program_that_ends_the_process_or_hangs_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(R1ciError, match="exit code 3"):
        run_trusted(["import os\nos._exit(3)"])
    monkeypatch.setattr(validation, "TIMEOUT_S", 0.2)
    with pytest.raises(R1ciError, match=r"longer than 0\.2 s"):
        run_trusted(["while True:\n    pass"])


@dataclass(frozen=True)
class Deserting(Faulty):
    def program(self, question: Question) -> str | None:
        return "import os\nos._exit(3)"


def test_a_task_whose_programs_end_the_process_is_reported() -> None:
    assert any("exit code 3" in fault.what for fault in validate(Deserting(), INFO, 2).faults)


def test_a_missing_package_is_named_with_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    library._package.cache_clear()
    library._dataset.cache_clear()
    try:
        with pytest.raises(EnvironmentMissing, match=r"pip install 'r1ci\[tasks\]'"):
            make_task("rg/gcd").question(0, 0)
    finally:
        library._package.cache_clear()
    assert get_task("rg/gcd", {"max_value": 10}).check(Question("rg/gcd", 0, "", "5"), "5")
