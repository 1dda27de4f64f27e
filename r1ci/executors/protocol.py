"""The executor contract: who runs untrusted programs, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
    INFRASTRUCTURE = "infrastructure"
    """Our fault, never the program's: retried, and never turned into a reward."""


@dataclass(frozen=True)
class Program:
    """Python source to run as __main__."""

    code: str
    stdin: str = ""


@dataclass(frozen=True)
class Execution:
    """What happened to a program. Partial output is kept whatever the status."""

    status: Status
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    wall_s: float = 0.0
    cpu_s: float = 0.0
    queue_s: float = 0.0
    peak_memory_mb: float = 0.0
    isolation: str = ""
    """The isolation level that held."""
    reason: str = ""
    """For people, when the status alone does not say it: the limit that was hit, the infrastructure error."""


class Executor(Protocol):
    """Runs programs. Safe for many concurrent calls on one event loop."""

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program did."""
        ...

    async def close(self) -> None:
        """Stop whatever still runs and free everything."""
        ...
