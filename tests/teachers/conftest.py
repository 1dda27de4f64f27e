"""A task with a program, an executor that fakes its runs, and a tokenizer."""

from typing import Any

import pytest

from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.models.tokenizer import train_tokenizer
from r1ci.tasks.base import Question

CODE = "print(6 * 7)"


class FakeExecutor:
    """Answers every program from a table; unknown ones fail as a misspelt name does."""

    def __init__(self, table: dict[str, Execution]) -> None:
        self.table = table
        self.ran: list[str] = []

    async def run(self, program: Program) -> Execution:
        self.ran.append(program.code)
        error = Execution(Status.ERROR, stderr="NameError: name 'prnt' is not defined\n", exit_code=1)
        return self.table.get(program.code, error)

    async def end(self, session: str) -> None:
        return None

    def metrics(self) -> Snapshot:
        return Snapshot()

    async def close(self) -> None:
        return None


class Product:
    """Asks for 6 x 7."""

    id = "fake/product"
    code: str | None = CODE

    def question(self, index: int, seed: int) -> Question:
        return Question(self.id, index, "What is 6 x 7?", "42")

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer

    def program(self, question: Question) -> str | None:
        return self.code


@pytest.fixture
def task() -> Product:
    return Product()


@pytest.fixture
def executor() -> FakeExecutor:
    """Runs the task's program as it should run."""
    return FakeExecutor({CODE: Execution(Status.OK, stdout="42\n", exit_code=0)})


@pytest.fixture(scope="session")
def tokenizer() -> Any:
    return train_tokenizer(["Solve the task. ```python\nprint(1 + 2)\n```\nCode Execution Results:\n<<<3>>>"] * 3, 320)
