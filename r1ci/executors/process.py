"""One program in one process: start it, feed and drain it, end it with its whole group. Blocking; runs in a thread."""

from __future__ import annotations

import functools
import math
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from threading import Event

from r1ci.executors import limits as process_limits
from r1ci.executors.capture import Capture
from r1ci.executors.protocol import Program
from r1ci.spec.models import ExecutorLimits

MEMORY_EXIT = 86
"""Exit code by which child.py says that a MemoryError was not caught. A program that exits with it on purpose is taken
for one that ran out of memory, which wins it nothing."""
ORPHAN_GRACE_S = 5
"""How long after its deadline a program ends by its own alarm if its parent was killed and could not end it."""
_START_S = 30.0
"""Longest wait for the interpreter to come up."""
_TICK_S = 0.1
"""How often a silent program is looked at: memory, cancellation."""
_FLAGS = ("-P", "-s", "-S", "-B", "-X", "utf8")
"""No user site, no site module, no bytecode written, nothing on the path but the standard library. The environment is
ours altogether, so python may read it: that is how the hash seed is fixed."""
_CHILD = Path(__file__).with_name("child.py")


class Killed(Enum):
    """Why we ended a program."""

    TIMEOUT = auto()
    OUTPUT = auto()
    CANCELLED = auto()


class StartError(OSError):
    """The interpreter did not come up; nothing of the program ran."""


@dataclass(frozen=True)
class Ending:
    """The facts about a process that ended."""

    exit_code: int
    """As subprocess has it: negative is a signal."""
    killed: Killed | None
    stdout: Capture
    stderr: Capture
    wall_s: float
    cpu_s: float
    peak_memory_mb: float


class _Run:
    """A process while it runs: its pipes, what came out of them, what is still to go in."""

    def __init__(self, process: subprocess.Popen[bytes], pidfd: int, limits: ExecutorLimits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.process, self.pid, self.pidfd = process, process.pid, pidfd
        self.stdin, self.out, self.err = process.stdin, process.stdout, process.stderr
        self.stdout = Capture("stdout", limits.max_output_bytes)
        self.stderr = Capture("stderr", limits.max_output_bytes)
        self.captures = {self.out.fileno(): self.stdout, self.err.fileno(): self.stderr}
        self.unsent = b""
        self.peak_kb = 0

    @property
    def written(self) -> int:
        """Bytes the process wrote so far."""
        return self.stdout.total + self.stderr.total


def run_process(program: Program, limits: ExecutorLimits, tasks: int, cancel: Event) -> Ending:
    """Run a program to its end or to a limit, and leave nothing of its group and directory behind.

    ``tasks`` as in ``limits.rlimits``. Raises OSError for what is no fault of the program.
    """
    hard_output = process_limits.hard_output_bytes(limits)
    with _private_directory() as folder:
        (folder / "main.py").write_bytes(program.code.encode("utf-8", "surrogatepass"))
        with _started(folder, limits) as run:
            process_limits.apply(run.pid, process_limits.rlimits(limits, tasks))
            begin = time.monotonic()
            stdin = b"g" + program.stdin.encode("utf-8", "surrogatepass")
            killed = _attend(run, stdin, begin + limits.timeout_s, hard_output, cancel)
            wall_s = time.monotonic() - begin
            exit_code, usage = _finish(run, hard_output)
            return Ending(
                exit_code=exit_code,
                killed=killed,
                stdout=run.stdout,
                stderr=run.stderr,
                wall_s=wall_s,
                cpu_s=usage.ru_utime + usage.ru_stime,
                peak_memory_mb=run.peak_kb / 1024,
            )


@contextmanager
def _private_directory() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="r1ci-"))
    try:
        yield folder
    finally:
        with suppress(RecursionError):
            shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():  # unreadable or very deep on purpose
            for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
                subprocess.run([*command, str(folder)], check=False, capture_output=True)


@functools.cache
def _site_packages() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    found = [paths["purelib"], paths["platlib"], *sys.path]
    return tuple(p for p in dict.fromkeys(found) if p.rstrip("/").endswith(("site-packages", "dist-packages")))


def _environment(folder: Path) -> dict[str, str]:
    """All that a program finds in its environment; nothing is inherited."""
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB")}
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",  # sets print in the same order on every run
        "PYTHONDONTWRITEBYTECODE": "1",
        "MALLOC_ARENA_MAX": "2",
        **threads,
    }


@contextmanager
def _started(folder: Path, limits: ExecutorLimits) -> Iterator[_Run]:
    """An interpreter that waits for its limits; ended and reaped whatever happens. Raises StartError."""
    orphan_s = math.ceil(limits.timeout_s) + ORPHAN_GRACE_S
    process = subprocess.Popen(
        [sys.executable, *_FLAGS, str(_CHILD), str(orphan_s), str(MEMORY_EXIT), *_site_packages()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=folder,
        env=_environment(folder),
        start_new_session=True,
    )
    pidfd = -1
    try:
        pidfd = os.pidfd_open(process.pid)
        run = _Run(process, pidfd, limits)
        _wait_ready(run)
        yield run
    finally:
        if process.returncode is None:
            _finish_process(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if pidfd >= 0:
            os.close(pidfd)


def _wait_ready(run: _Run) -> None:
    """Wait for child.py's byte. It comes before any line of the program, so no program can forge it."""
    ready, _, _ = select.select([run.out], [], [], _START_S)
    if not ready:
        raise StartError(f"python did not start within {_START_S:g} s")
    if os.read(run.out.fileno(), 1) != b"r":
        said = os.read(run.err.fileno(), 4096).decode("utf-8", "replace").strip()
        raise StartError(f"python did not start: {said or 'it said nothing'}")
    run.peak_kb = _high_water_kb(run.pid)


def _attend(run: _Run, stdin: bytes, deadline: float, hard_output: int, cancel: Event) -> Killed | None:
    """Feed and drain the process until it exits or must be ended; says why it must."""
    poller = select.poll()
    poller.register(run.pidfd, select.POLLIN)
    for fd in run.captures:
        os.set_blocking(fd, False)
        poller.register(fd, select.POLLIN)
    os.set_blocking(run.stdin.fileno(), False)
    poller.register(run.stdin.fileno(), select.POLLOUT)
    run.unsent = stdin
    while True:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return Killed.TIMEOUT
        ready = [fd for fd, _ in poller.poll(min(remaining, _TICK_S) * 1000 + 1)]
        for fd in ready:
            if fd != run.pidfd and not _serve(run, fd):
                poller.unregister(fd)
                if fd not in run.captures:
                    run.stdin.close()
        if run.written > hard_output:
            return Killed.OUTPUT
        if run.pidfd in ready:
            return None
        if cancel.is_set():
            return Killed.CANCELLED
        run.peak_kb = max(run.peak_kb, _high_water_kb(run.pid))


def _serve(run: _Run, fd: int) -> bool:
    """Move what a pipe has or takes; False once it is done with."""
    with suppress(BlockingIOError):
        if fd in run.captures:
            data = os.read(fd, 65_536)
            run.captures[fd].add(data)
            return bool(data)
        try:
            run.unsent = run.unsent[os.write(fd, run.unsent) :]
        except BrokenPipeError:  # the program does not read its stdin, or is gone
            return False
    return fd in run.captures or bool(run.unsent)


def _finish(run: _Run, hard_output: int) -> tuple[int, resource.struct_rusage]:
    """End the group, take what is left in the pipes, reap. Never waits for end of file: a process that left the group
    may hold a pipe for ever."""
    floor_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    exit_code, usage = _finish_process(run.process)
    # Before its exec a child shares our memory, and the kernel counts that: only a higher figure is the program's.
    if usage.ru_maxrss > floor_kb:
        run.peak_kb = max(run.peak_kb, usage.ru_maxrss)
    for fd, capture in run.captures.items():
        limit, before = capture.total + hard_output, -1
        while before < capture.total < limit:
            before = capture.total
            _serve(run, fd)
    return exit_code, usage


def _finish_process(process: subprocess.Popen[bytes]) -> tuple[int, resource.struct_rusage]:
    """Kill the whole group, then reap its leader: while it is not reaped its number cannot be given to another."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def _high_water_kb(pid: int) -> int:
    """Highest resident memory so far, in kB; 0 once the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    _, found, rest = status.partition(b"VmHWM:")
    return int(rest.split(None, 1)[0]) if found else 0
