"""What one program may use, as numbers for the kernel and for the supervisor that watches it."""

from __future__ import annotations

import math
import os
import resource
from dataclasses import dataclass
from pathlib import Path

from r1ci.executors.protocol import MAX_CODE_BYTES, Program
from r1ci.spec.models import ExecutorLimits

OPEN_FILES = 64
"""File descriptors a program may hold."""
PROCESSES = 64
"""Threads and processes a program may have."""
_ADDRESS_SLACK = 256 * 2**20
"""Address space on top of the memory limit: thread stacks and reserved but untouched ranges count as address space.
What is really used is watched."""


@dataclass(frozen=True)
class Limits:
    """The limits of one program, the executor's and its own put together."""

    timeout_s: float
    cpu_s: float
    memory_mb: int
    disk_mb: int
    max_output_bytes: int
    subprocesses: bool = False


@dataclass(frozen=True)
class Sizes:
    """Bytes that a program has before its first line: what its zygote had."""

    virtual: int
    resident: int
    data: int


def limits_of(program: Program, executor: ExecutorLimits) -> Limits:
    """The limits that hold for a program."""
    timeout_s = executor.timeout_s if program.timeout_s is None else program.timeout_s
    cpu_s = timeout_s + 1.0 if program.timeout_s is not None else cpu_limit_s(executor)
    memory_mb = executor.memory_mb if program.memory_mb is None else program.memory_mb
    cpu_s = min(cpu_s, executor.cpu_s or cpu_s)
    return Limits(timeout_s, cpu_s, memory_mb, executor.disk_mb, executor.max_output_bytes, executor.subprocesses)


def objection(program: Program) -> str | None:
    """Why a program is rejected without being started; None if it is not."""
    size = len(program.code) if program.code.isascii() else len(program.code.encode("utf-8", "surrogatepass"))
    if size > MAX_CODE_BYTES:
        return f"the program is {size} bytes long; at most {MAX_CODE_BYTES} are run"
    if program.timeout_s is not None and not 0 < program.timeout_s < math.inf:
        return f"a time limit of {program.timeout_s:g} s: it must be more than 0 and finite"
    if program.memory_mb is not None and program.memory_mb <= 0:
        return f"a memory limit of {program.memory_mb} MB: it must be more than 0"
    for name in program.files:
        path = Path(name)
        if path.is_absolute() or ".." in path.parts or name in ("", ".", "main.py") or "\0" in name:
            return f"a file named {name!r}: it must be a relative path inside the working directory, and not main.py"
    return None


def cpu_limit_s(limits: ExecutorLimits) -> float:
    """CPU seconds a program may use; default: the wall-clock limit plus one second."""
    return limits.cpu_s if limits.cpu_s is not None else limits.timeout_s + 1.0


def hard_output_bytes(max_output_bytes: int) -> int:
    """Bytes on stdout and stderr together after which a program is stopped."""
    return max(8 * 2**20, 4 * max_output_bytes)


def rlimits(limits: Limits, sizes: Sizes, processes: int) -> list[tuple[int, int]]:
    """Each resource limit and its value, soft and hard. ``processes`` bounds what the program's user may run, which the
    kernel counts over the whole user (and to which it does not hold root)."""
    memory = limits.memory_mb * 2**20
    return [
        (resource.RLIMIT_AS, sizes.virtual + memory + _ADDRESS_SLACK),
        (resource.RLIMIT_DATA, sizes.data + memory),
        (resource.RLIMIT_CPU, max(1, math.ceil(limits.cpu_s))),
        (resource.RLIMIT_FSIZE, limits.disk_mb * 2**20),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ]


def user_tasks() -> int:
    """Processes and threads of this user, which RLIMIT_NPROC counts."""
    uid, total = os.getuid(), 0
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                if folder.stat().st_uid == uid:
                    total += len(os.listdir(folder / "task"))
            except OSError:
                continue  # it ended while we counted
    return total
