"""Fakes shared by the tests of this room."""

from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Program, Status


class FakeExecutor:
    """Answers every program from a table; unknown ones print their own source."""

    def __init__(self, table: dict[str, Execution] | None = None) -> None:
        self.table = table or {}
        self.ran: list[str] = []
        self.sessions: list[str] = []
        self.ended: list[str] = []

    async def run(self, program: Program) -> Execution:
        self.ran.append(program.code)
        self.sessions.append(program.session)
        return self.table.get(program.code, Execution(Status.OK, stdout=f"{program.code}\n"))

    async def end(self, session: str) -> None:
        self.ended.append(session)

    def metrics(self) -> Snapshot:
        return Snapshot()

    async def close(self) -> None:
        return None
