"""What runs on one node of a Ray cluster: an actor around a LocalExecutor, and nothing of its own.

The actor adds no isolation and takes none away. Every life of an actor has a name (``incarnation``): after a restart
the state of its sessions is gone, so programs that were meant for an earlier life are not run.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from r1ci.errors import R1ciError
from r1ci.executors.local import LocalExecutor
from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.spec.models import LocalExecutor as LocalSpec

LARGEST_BATCH = 64
"""Programs in one call."""


@dataclass(frozen=True)
class Health:
    """What a probe found."""

    incarnation: str
    """Name of this life of the actor."""
    refused: str = ""
    """Why the node cannot run programs at all: it lacks what the spec asks for."""
    failed: str = ""
    """Why a trivial program could not be run; it may work later."""


@dataclass(frozen=True)
class Piece:
    """Programs of a batch that have ended, by their place in it."""

    results: tuple[tuple[int, Execution], ...]
    snapshot: Snapshot


class Node:
    """The actor's class; wrapped by ``ray.remote`` where it is started."""

    def __init__(self, spec: LocalSpec) -> None:
        self._spec = spec
        self._incarnation = uuid.uuid4().hex
        self._executor: LocalExecutor | None = None

    async def probe(self) -> Health:
        """Start the executor if it does not run yet, and run a trivial program."""
        try:
            self._executor = self._executor or LocalExecutor(self._spec)
        except R1ciError as error:
            return Health(self._incarnation, refused=str(error))
        execution = await self._executor.run(Program("print(1)"))
        if execution.status is Status.INFRASTRUCTURE:
            return Health(self._incarnation, failed=execution.reason)
        return Health(self._incarnation)

    async def run_many(self, incarnation: str, programs: Sequence[Program]) -> AsyncIterator[Piece]:
        """Run programs at once and hand out what has ended as it ends; nothing if this is another life."""
        if self._executor is None or incarnation != self._incarnation:
            return
        runs = {asyncio.ensure_future(self._executor.run(program)): n for n, program in enumerate(programs)}
        while runs:
            ended, _ = await asyncio.wait(runs, return_when=asyncio.FIRST_COMPLETED)
            yield Piece(tuple((runs.pop(run), run.result()) for run in ended), self._executor.metrics())

    async def end(self, session: str) -> None:
        """Forget a session."""
        if self._executor is not None:
            await self._executor.end(session)

    async def metrics(self) -> Snapshot:
        """What this life of the actor has run."""
        return self._executor.metrics() if self._executor is not None else Snapshot()

    async def close(self) -> None:
        """Stop what runs and free everything; the actor is killed after it."""
        if self._executor is not None:
            await self._executor.close()
