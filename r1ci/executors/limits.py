"""The resource limits of one program, set on its process from outside with prlimit(2)."""

from __future__ import annotations

import math
import os
import resource
from collections.abc import Mapping
from pathlib import Path

from r1ci.spec.models import ExecutorLimits

FILE_BYTES = 64 * 2**20
"""Largest file a program may write."""
OPEN_FILES = 256
"""File descriptors a program may hold."""
PROCESSES = 512
"""Processes and threads that all programs of this user may add to those it has already."""
_ADDRESS_SLACK = 256 * 2**20
"""Address space on top of the memory limit: shared libraries and reserved but untouched ranges count as address
space, never as data."""


def cpu_limit_s(limits: ExecutorLimits) -> float:
    """CPU seconds a program may use; default: the wall-clock limit plus one second."""
    return limits.cpu_s if limits.cpu_s is not None else limits.timeout_s + 1.0


def hard_output_bytes(limits: ExecutorLimits) -> int:
    """Bytes on stdout and stderr together after which a program is stopped."""
    return max(8 * 2**20, 4 * limits.max_output_bytes)


def rlimits(limits: ExecutorLimits, tasks: int) -> dict[int, tuple[int, int]]:
    """Soft and hard value of each limit. ``tasks`` is the number of threads the user runs already: the kernel counts
    RLIMIT_NPROC over all of the user's processes (and does not hold root to it at all)."""
    memory = limits.memory_mb * 2**20
    cpu = max(1, math.ceil(cpu_limit_s(limits)))
    equal = {
        resource.RLIMIT_AS: memory + _ADDRESS_SLACK,
        resource.RLIMIT_DATA: memory,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: tasks + PROCESSES,
        resource.RLIMIT_CORE: 0,
    }
    # SIGXCPU at the soft limit can be ignored; the kernel's SIGKILL one second later cannot.
    return {**{which: (value, value) for which, value in equal.items()}, resource.RLIMIT_CPU: (cpu, cpu + 1)}


def apply(pid: int, values: Mapping[int, tuple[int, int]]) -> None:
    """Set the limits of a process of ours. Never raises a limit above the hard one that already holds.

    Raises OSError if the kernel refuses.
    """
    for which, (soft, hard) in values.items():
        _, held = resource.prlimit(pid, which)
        top = hard if held == resource.RLIM_INFINITY else min(hard, held)
        resource.prlimit(pid, which, (min(soft, top), top))


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
