"""The executor contract: who runs untrusted programs, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from r1ci.executors.metrics import Snapshot

MAX_CODE_BYTES = 2**20
"""Longest program that is run; a longer one is rejected."""


class Status(StrEnum):
    """How a program ended."""

    OK = "ok"
    ERROR = "error"
    """It exited with another code than 0; an uncaught exception, most often."""
    TIMEOUT = "timeout"
    """The wall-clock limit."""
    CPU = "cpu"
    """The CPU-time limit."""
    MEMORY = "memory"
    """The memory limit."""
    OUTPUT = "output"
    """It wrote more than any program may."""
    SIGNAL = "signal"
    """It died by a signal that was not ours."""
    REJECTED = "rejected"
    """It was not started because of what was asked for: too long, a limit of zero, an unknown language."""
    INFRASTRUCTURE = "infrastructure"
    """Our fault, never the program's: retried, and never turned into a reward."""


@dataclass(frozen=True)
class Program:
    """Python source to run as __main__."""

    code: str
    stdin: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Files laid into the working directory first, by their relative names."""
    session: str = ""
    """Programs of one session share state like cells of a notebook; empty: the program starts from nothing."""
    timeout_s: float | None = None
    """Wall-clock limit of this program alone; default: the executor's."""
    memory_mb: int | None = None
    """Memory limit of this program alone; default: the executor's."""


@dataclass(frozen=True)
class Execution:
    """What happened to a program. Partial output is kept whatever the status."""

    status: Status
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    """As subprocess has it: negative is a signal. None if it was killed by us or never ran."""
    stdout_bytes: int = 0
    """Bytes written, those that were dropped included."""
    stderr_bytes: int = 0
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    wall_s: float = 0.0
    """From the program's first line to its end."""
    cpu_s: float = 0.0
    queue_s: float = 0.0
    """Waiting for a free place."""
    setup_s: float = 0.0
    """From the free place to the program's first line."""
    peak_memory_mb: float = 0.0
    tier: str = ""
    """Which set of modules was already imported when it started."""
    isolation: str = ""
    """The isolation level that held: strict, namespaces, landlock or rlimits."""
    missing: tuple[str, ...] = ()
    """Layers of isolation that did not hold, each with its reason."""
    node: str = ""
    """The machine that ran it, where there are several."""
    attempts: int = 1
    """Times it was tried; more than one after infrastructure errors only."""
    session_lost: bool = False
    """The state of its session is gone: what earlier programs defined does not exist any more."""
    reason: str = ""
    """For people, when the status alone does not say it: the limit that was hit, the infrastructure error."""

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Execution:
        """Read what ``dataclasses.asdict`` made, also after a way through JSON."""
        return Execution(**{**data, "status": Status(data["status"]), "missing": tuple(data["missing"])})


class Executor(Protocol):
    """Runs programs. Safe for many concurrent calls on one event loop."""

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program or the machine did."""
        ...

    async def end(self, session: str) -> None:
        """Forget a session; one that does not exist is no error."""
        ...

    def metrics(self) -> Snapshot:
        """What has been run so far."""
        ...

    async def close(self) -> None:
        """Stop whatever still runs and free everything."""
        ...
