"""The local executor: every program in a process of its own, limited, on this machine.

A program gets its own session and process group, a private directory (its cwd, HOME and TMPDIR, removed afterwards), an
environment that inherits nothing, limits on wall-clock time, CPU time, memory, file size, open files and processes, no
core dumps, and two pipes that are drained while it runs. It is killed as a group at the deadline and again, for what it
left behind, after a normal exit. Its status comes from wait(2) alone: nothing it prints is ever interpreted.

What this does NOT protect against; point it at models, not at attackers:

- the network is open;
- the program runs as the caller's user: it reads every file that user can read, writes where that user can write
  (``/tmp``, ``/dev/shm``), and can see, signal and trace the user's other processes, the caller among them;
- a process that makes a session of its own (setsid) leaves the group and survives it;
- memory and CPU time are limited per process, not over all processes of one program; file size is limited per file;
- the number of processes is counted over the whole user, and root is not held to it;
- a program's output may depend on addresses, time or the random generator (the hash seed is fixed);
- if the caller is killed, running programs end by an alarm five seconds after their deadline, which a program can undo;
- kernel bugs and side channels.

The isolation level recorded with every execution is therefore "rlimits". Needs Linux 5.3 (prlimit, pidfd).
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from r1ci.errors import EnvironmentMissing
from r1ci.executors.limits import cpu_limit_s, hard_output_bytes, user_tasks
from r1ci.executors.metrics import Metrics, Snapshot
from r1ci.executors.process import MEMORY_EXIT, Ending, Killed, run_process
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.spec.models import ExecutorLimits
from r1ci.spec.models import LocalExecutor as LocalExecutorSpec

ISOLATION = "rlimits"
ATTEMPTS = 3
"""How often a program is tried whose process could not be started."""
_MEMORY_SIGNALS = (signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS)
_NEAR = 0.8
"""A fatal signal at more than this share of the memory limit is put down to memory."""


class LocalExecutor:
    """Runs programs in limited processes; any number of concurrent calls, from any event loop.

    Raises EnvironmentMissing if the spec asks for more isolation than rlimits or the system lacks what this needs.
    """

    def __init__(self, spec: LocalExecutorSpec) -> None:
        _require_pidfd()
        self._limits: ExecutorLimits = spec
        self._tasks = user_tasks()
        self._running: set[Event] = set()
        self._metrics = Metrics()
        workers = spec.workers or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="r1ci-executor")

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program or the machine did; a cancelled call kills its program."""
        cancel = Event()
        self._running.add(cancel)
        submitted = time.monotonic()
        try:
            loop = asyncio.get_running_loop()
            execution = await loop.run_in_executor(self._pool, self._run, program, cancel, submitted)
            self._metrics.record(execution)
            return execution
        except RuntimeError as error:  # closed, or no thread could be started
            return Execution(Status.INFRASTRUCTURE, isolation=ISOLATION, reason=str(error))
        finally:
            cancel.set()
            self._running.discard(cancel)

    async def end(self, session: str) -> None:
        """Every program starts from nothing."""

    def metrics(self) -> Snapshot:
        """What has been run so far."""
        return self._metrics.snapshot()

    async def close(self) -> None:
        """Kill what still runs and free the threads. Later calls of ``run`` report infrastructure."""
        for cancel in list(self._running):
            cancel.set()
        await asyncio.to_thread(self._pool.shutdown)

    def _run(self, program: Program, cancel: Event, submitted: float) -> Execution:
        queue_s = time.monotonic() - submitted
        reason = ""
        for attempt in range(ATTEMPTS):
            if cancel.is_set():
                reason = "cancelled"
                break
            try:
                ending = run_process(program, self._limits, self._tasks, cancel)
            except OSError as error:
                reason = f"{type(error).__name__}: {error}"
                cancel.wait(0.05 * 2**attempt)
                continue
            return dataclasses.replace(judge(ending, self._limits), queue_s=queue_s)
        return Execution(Status.INFRASTRUCTURE, queue_s=queue_s, isolation=ISOLATION, reason=reason)


def _require_pidfd() -> None:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as error:
        raise EnvironmentMissing(
            f"executor.kind local needs Linux 5.3 or later (pidfd_open: {error})", "run on Linux, or in a container"
        ) from error


def judge(ending: Ending, limits: ExecutorLimits) -> Execution:
    """Turn the facts about a process into an execution. Pure."""
    status, reason = _status(ending, limits)
    return Execution(
        status=status,
        stdout=ending.stdout.text(),
        stderr=ending.stderr.text(),
        exit_code=1 if ending.exit_code == MEMORY_EXIT else ending.exit_code,
        stdout_truncated=ending.stdout.truncated,
        stderr_truncated=ending.stderr.truncated,
        wall_s=ending.wall_s,
        cpu_s=ending.cpu_s,
        peak_memory_mb=ending.peak_memory_mb,
        isolation=ISOLATION,
        reason=reason,
    )


def _status(ending: Ending, limits: ExecutorLimits) -> tuple[Status, str]:
    memory = f"needed more than {limits.memory_mb} MB of memory"
    if ending.killed is Killed.TIMEOUT:
        return Status.TIMEOUT, f"ran longer than {limits.timeout_s:g} s"
    if ending.killed is Killed.OUTPUT:
        return Status.OUTPUT, f"wrote more than {hard_output_bytes(limits)} bytes"
    if ending.killed is Killed.CANCELLED:
        return Status.INFRASTRUCTURE, "cancelled"
    if ending.exit_code >= 0:
        if ending.exit_code == MEMORY_EXIT:
            return Status.MEMORY, memory
        return (Status.ERROR if ending.exit_code else Status.OK), ""
    number = -ending.exit_code
    used_up = ending.cpu_s >= cpu_limit_s(limits)
    if number == signal.SIGXCPU or (number == signal.SIGKILL and used_up):
        return Status.CPU, f"used more than {cpu_limit_s(limits):g} s of CPU time"
    if number in _MEMORY_SIGNALS and ending.peak_memory_mb > _NEAR * limits.memory_mb:
        return Status.MEMORY, memory
    return Status.SIGNAL, f"killed by {_signal_name(number)}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
