"""The local executor: every program in a sandbox of its own on this machine; the asyncio face of the supervisor.

Protects as the level in every result says: sandbox/child.py has the order of the layers, sandbox/probe.py how the level
is found. Does not protect against kernel bugs, side channels and, below "namespaces", a program that looks at other
processes of the machine. Needs Linux 5.12 for namespaces (mount_setattr), 5.9 for anything (pidfd, close_range).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from r1ci.errors import EnvironmentMissing
from r1ci.executors.limits import limits_of, objection
from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.sandbox.probe import LEVELS, Isolation
from r1ci.executors.sandbox.run import Job
from r1ci.executors.sandbox.supervisor import Supervisor
from r1ci.executors.sandbox.tiers import tier_of
from r1ci.spec.models import LocalExecutor as LocalExecutorSpec

_log = logging.getLogger(__name__)


class LocalExecutor:
    """Runs programs in sandboxes; any number of concurrent calls, from any event loop.

    ``ceiling`` forbids layers above a level even where the machine has them, to try what happens without.
    Raises EnvironmentMissing if the machine cannot give the isolation that the spec asks for.
    """

    def __init__(self, spec: LocalExecutorSpec, *, ceiling: str = LEVELS[-1]) -> None:
        self._spec = spec
        try:
            self._supervisor = Supervisor(spec, ceiling)
        except (RuntimeError, OSError) as error:
            raise EnvironmentMissing(
                f"executor.kind local cannot run programs here: {error}",
                "set executor.isolation to a weaker level if you trust the programs, or see docs/executors.md",
            ) from error
        if self.isolation.level == LEVELS[0]:
            _log.warning("programs run with isolation 'rlimits': they can read your files and use the network")

    @property
    def isolation(self) -> Isolation:
        """The level that holds, and the layers that are missing."""
        return self._supervisor.isolation

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program or the machine did; a cancelled call kills its program."""
        reason = objection(program)
        if program.session and not self._spec.sessions:
            reason = "a program of a session, but executor.sessions is false"
        if reason is not None:
            isolation = self.isolation
            return Execution(Status.REJECTED, isolation=isolation.level, missing=isolation.missing, reason=reason)
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Execution] = loop.create_future()

        def settle(execution: Execution) -> None:
            if not ended.done():
                ended.set_result(execution)

        def tell(execution: Execution) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, execution)

        job = Job(program, limits_of(program, self._spec), tier_of(program.code), tell)
        self._supervisor.submit(job)
        try:
            return await ended
        except asyncio.CancelledError:
            self._supervisor.cancel(job)
            raise

    async def end(self, session: str) -> None:
        """Forget a session; one that does not exist is no error."""
        self._supervisor.end(session)

    def metrics(self) -> Snapshot:
        """What has been run so far."""
        return self._supervisor.snapshot()

    async def close(self) -> None:
        """Kill what still runs and free everything. Later calls of ``run`` report infrastructure."""
        await asyncio.to_thread(self._supervisor.close)
