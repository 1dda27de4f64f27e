"""One program in flight, as the supervisor sees it, and the execution it becomes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from r1ci.executors.capture import Capture
from r1ci.executors.limits import Limits, hard_output_bytes
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.sandbox.program import MEMORY_EXIT

if TYPE_CHECKING:
    from r1ci.executors.sandbox.probe import Isolation
    from r1ci.executors.sandbox.sessions import Session
    from r1ci.executors.sandbox.spawn import Zygote

_MEMORY_SIGNALS = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
_NEAR = 0.8
"""A fatal signal at more than this share of the memory limit is put down to memory."""
_CHUNK = 65_536


class Killed(Enum):
    """Why we ended a program."""

    TIMEOUT = auto()
    CPU = auto()
    MEMORY = auto()
    OUTPUT = auto()
    DISK = auto()
    CANCELLED = auto()


@dataclass
class Job:
    """A program to run and whom to tell."""

    program: Program
    limits: Limits
    tier: str
    tell: Callable[[Execution], None]
    internal: bool = False
    """Ours: not counted, not tried again."""
    submitted: float = field(default_factory=time.monotonic)
    attempts: int = 0
    cancelled: bool = False


@dataclass(eq=False)
class Run:
    """A job on its way through a process."""

    job: Job
    number: int
    place: int
    zygote: Zygote
    session: Session | None = None
    """The session it belongs to."""
    forked: bool = False
    """Whether its process is a zygote's own child; else it is a cell, forked by its session."""
    refused: str = ""
    """Why its process could not be set up."""
    out: int = -1
    err: int = -1
    folder: str = ""
    begun: float = field(default_factory=time.monotonic)
    started: float = 0.0
    """When the program's first line could run; 0 before."""
    ended: float = 0.0
    pidfd: int = -1
    pid: int = 0
    """Process number as this process sees it; 0 until it was looked up."""
    killed: Killed | None = None
    killed_at: float = 0.0
    base_bytes: int = 0
    """Resident memory before its first line."""
    peak_bytes: int = 0
    """Resident memory on top of that."""
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        self.captures = [Capture(name, self.job.limits.max_output_bytes) for name in ("stdout", "stderr")]

    @property
    def holds_session(self) -> bool:
        """Whether it is the first process of a session, which runs no program itself and has no end of its own."""
        return self.forked and self.session is not None

    @property
    def deadline(self) -> float:
        """When it is to be killed; 0 for never or not yet known."""
        return (
            0.0 if self.holds_session or not self.started or self.killed else self.started + self.job.limits.timeout_s
        )

    def begin(self, pidfd: int, base_bytes: int) -> None:
        """The program's first line can run from now on."""
        self.pidfd, self.base_bytes, self.started = pidfd, base_bytes, time.monotonic()
        if self.job.cancelled:
            self.kill(Killed.CANCELLED)

    @property
    def written(self) -> int:
        """Bytes the program wrote so far."""
        return self.captures[0].total + self.captures[1].total

    def read(self, fd: int) -> bool:
        """Take what a pipe has; False at its end."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return True
        self.captures[fd == self.err].add(data)
        return bool(data)

    def drain(self) -> None:
        """Take what is left after the end, never waiting: a process elsewhere may hold a pipe for ever."""
        most = self.written + hard_output_bytes(self.job.limits.max_output_bytes)
        for fd in (self.out, self.err):
            before = -1
            while before < self.written < most:
                before = self.written
                self.read(fd)

    def kill(self, why: Killed) -> None:
        """End the process, once."""
        if self.killed is None and self.pidfd >= 0:
            self.killed, self.killed_at = why, time.monotonic()
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def close(self) -> None:
        """Let go of every descriptor."""
        for fd in (self.out, self.err, self.pidfd):
            if fd >= 0:
                os.close(fd)
        self.out = self.err = self.pidfd = -1

    def execution(self, exit_code: int | None, *, session_lost: bool = False) -> Execution:
        """What happened, once it has ended. ``exit_code`` as subprocess has it; None for a cell that crashed."""
        status, reason = self._status(exit_code)
        out, err = self.captures
        return Execution(
            status=status,
            stdout=out.text(),
            stderr=err.text(),
            exit_code=1 if exit_code == MEMORY_EXIT else None if self.killed else exit_code,
            stdout_bytes=out.total,
            stderr_bytes=err.total,
            stdout_truncated=out.truncated,
            stderr_truncated=err.truncated,
            wall_s=self.ended - self.started if self.started else 0.0,
            cpu_s=self.cpu_s,
            queue_s=self.begun - self.job.submitted,
            setup_s=self.started - self.begun if self.started else 0.0,
            peak_memory_mb=self.peak_bytes / 2**20,
            tier=self.zygote.tier,
            isolation=self.zygote.isolation.level,
            missing=self.zygote.isolation.missing,
            attempts=self.job.attempts,
            session_lost=session_lost,
            reason=reason,
        )

    def _status(self, exit_code: int | None) -> tuple[Status, str]:
        limits = self.job.limits
        if self.killed is not None:
            return _stopped(self.killed, limits)
        if exit_code is None:
            return Status.ERROR, "it ended the process that it shares with its session"
        if exit_code == MEMORY_EXIT:
            return _stopped(Killed.MEMORY, limits)
        if exit_code >= 0:
            return (Status.ERROR if exit_code else Status.OK), ""
        number = -exit_code
        if number == signal.SIGXCPU or (number == signal.SIGKILL and self.cpu_s >= 0.95 * limits.cpu_s):
            return _stopped(Killed.CPU, limits)
        if number in _MEMORY_SIGNALS and self.peak_bytes > _NEAR * limits.memory_mb * 2**20:
            return _stopped(Killed.MEMORY, limits)
        return Status.SIGNAL, f"killed by {_signal_name(number)}"


def _stopped(why: Killed, limits: Limits) -> tuple[Status, str]:
    """What it means that we ended a program."""
    match why:
        case Killed.TIMEOUT:
            return Status.TIMEOUT, f"ran longer than {limits.timeout_s:g} s"
        case Killed.CPU:
            return Status.CPU, f"used more than {limits.cpu_s:g} s of CPU time"
        case Killed.MEMORY:
            return Status.MEMORY, f"needed more than {limits.memory_mb} MB of memory"
        case Killed.OUTPUT:
            return Status.OUTPUT, f"wrote more than {hard_output_bytes(limits.max_output_bytes)} bytes"
        case Killed.DISK:
            return Status.OUTPUT, f"wrote more than {limits.disk_mb} MB of files, or too many of them"
        case Killed.CANCELLED:
            return Status.INFRASTRUCTURE, "cancelled"


def failure(job: Job, reason: str, isolation: Isolation, *, session_lost: bool = False) -> Execution:
    """The execution of a job that could not be run."""
    return Execution(
        Status.INFRASTRUCTURE,
        tier=job.tier,
        isolation=isolation.level,
        missing=isolation.missing,
        attempts=max(1, job.attempts),
        session_lost=session_lost,
        reason=reason,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
