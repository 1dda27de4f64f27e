"""What a running process uses, read from /proc while it runs.

Resource limits do not cover everything: shared anonymous memory counts as address space only, and each process of a
program has limits of its own. What is seen here is what is really resident.
Does not protect against: use between two looks; memory of a file system, which its own size bounds.
"""

from __future__ import annotations

import os
from pathlib import Path

from r1ci.executors.sandbox.run import Killed, Run

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENTRIES = 4096
"""Files and folders a program may make; a tmpfs of its own holds as many."""
_TICKS = os.sysconf("SC_CLK_TCK")


def hold(run: Run) -> None:
    """Look at a program and kill it if it uses more than it may."""
    measure(run)
    allowed = run.job.limits
    if run.peak_bytes > allowed.memory_mb * 2**20:
        run.kill(Killed.MEMORY)
    elif run.cpu_s > allowed.cpu_s:
        run.kill(Killed.CPU)
    elif run.folder:
        size, entries = folder_use(run.folder, _ENTRIES)
        if size > allowed.disk_mb * 2**20 or entries > _ENTRIES:
            run.kill(Killed.DISK)


def measure(run: Run) -> None:
    """Bring a run's memory and CPU time up to date, over all its processes."""
    run.pid = run.pid or process_number(run.pidfd)
    if not run.pid:
        return
    pids = family(run.pid) if run.job.limits.subprocesses or run.session is not None else [run.pid]
    resident = sum(max(0, resident_bytes(pid) - run.base_bytes) for pid in pids)
    run.peak_bytes = max(run.peak_bytes, resident)
    run.cpu_s = max(run.cpu_s, sum(map(cpu_seconds, pids)))


def process_number(pidfd: int) -> int:
    """The process behind a descriptor; 0 once it is gone."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        if line.startswith("Pid:"):
            return max(0, int(line.split()[1]))
    return 0


def resident_bytes(pid: int) -> int:
    """Resident memory; 0 for a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def cpu_seconds(pid: int) -> float:
    """CPU time so far, that of reaped children included; 0 for a process that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / _TICKS


def family(pid: int) -> list[int]:
    """A process and its living descendants."""
    found = [pid]
    for parent in found:
        for thread in _listed(f"/proc/{parent}/task"):
            try:
                found += map(int, Path(f"/proc/{parent}/task/{thread}/children").read_text().split())
            except OSError:
                continue
    return found


def folder_use(path: str, most: int) -> tuple[int, int]:
    """Bytes and entries below a folder; stops counting after ``most`` entries."""
    size, entries, folders = 0, 0, [path]
    while folders and entries <= most:
        try:
            with os.scandir(folders.pop()) as found:
                for entry in found:
                    entries += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue  # it went away, or its name is too long for us: the limit on single files holds
    return size, entries


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
