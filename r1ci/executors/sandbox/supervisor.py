"""The supervisor: one thread that gives programs to zygotes, watches them run, and says what happened.

Everything it waits for is a descriptor: submitted programs, zygotes' messages, programs' output, sessions. Limits are
counted from the program's first line and kept from outside: a program is killed by its pidfd, and its PID namespace
takes every process below it. What a program cannot be blamed for is tried again, up to ``ATTEMPTS`` times.
Does not protect: wall-clock limits on a machine so busy that this thread does not get to run.
"""

from __future__ import annotations

import functools
import os
import random
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Any

from r1ci.executors import limits
from r1ci.executors.metrics import Metrics, Snapshot
from r1ci.executors.protocol import Execution
from r1ci.executors.sandbox import folder, probe, spawn, watch, wire
from r1ci.executors.sandbox.nursery import START_S, Nursery
from r1ci.executors.sandbox.reactor import Reactor
from r1ci.executors.sandbox.run import Job, Killed, Run, failure
from r1ci.executors.sandbox.sessions import MOST, Session, Sessions
from r1ci.executors.sandbox.spawn import Zygote
from r1ci.executors.sandbox.tiers import LIGHTEST, TIERS
from r1ci.spec.models import LocalExecutor as LocalSpec

ATTEMPTS = 3
"""How often a program is tried that did not get to run through no fault of its own."""
TICK_S = 0.05
"""How often running programs are looked at."""
BEGIN_S = 10.0
"""A program that has not begun after this long is stuck, and so is its zygote."""
KILL_S = 2.0
"""A killed program that is not gone after this long is stuck."""
_FIRST_USER, _USERS = 61_184, 4_336
"""Users that programs run as, as root: a range that no account has (systemd's dynamic users)."""


class Supervisor:
    """Runs jobs, each in a sandbox of its own. submit, cancel, end, snapshot and close may be called from any thread.

    Raises RuntimeError with the reason if no sandbox can be started, or none as strict as the spec wants.
    """

    def __init__(self, spec: LocalSpec, ceiling: str) -> None:
        self.workers = spec.workers or 2 * len(os.sched_getaffinity(0))
        self._places = list(range(self.workers))
        self._first_user = _FIRST_USER + random.randrange(_USERS - self.workers - MOST - 1)
        self._root = os.geteuid() == 0
        self._tasks = 0 if self._root else limits.user_tasks()
        self._unreadable = (
            ""
            if spawn.others_can_read()
            else "other users cannot read this Python or enter the folder for temporary files"
        )
        self._waiting: dict[str, deque[Job]] = {tier: deque() for tier in TIERS}
        self._runs: dict[int, Run] = {}
        self._numbers = 0
        self._looked = 0.0
        self._closed = ""
        self._found: Future[probe.Isolation] = Future()
        self.metrics = Metrics()
        self.reactor = Reactor()
        self._sessions = Sessions(self)
        self._bait = probe.Bait()
        self._nursery = Nursery(
            spawn.ways(ceiling),
            spec.isolation,
            self.metrics,
            listen=lambda zygote: self.reactor.listen(zygote.control.fileno(), functools.partial(self._hear, zygote)),
            forget=lambda zygote: self.reactor.ignore(zygote.control.fileno()),
            give_up=self._give_up,
            keep_caches=spec.warm_caches,
        )
        self.reactor.post(lambda: self._nursery.start(LIGHTEST))
        self._thread = threading.Thread(target=self._main, name="r1ci-supervisor", daemon=True)
        self._thread.start()
        try:
            self.isolation = self._found.result()
        except BaseException:
            self.close()
            raise

    def submit(self, job: Job) -> None:
        """Run a job when there is a place; ``job.tell`` is called from the supervisor's thread."""
        self.reactor.post(lambda: self._take(job))

    def cancel(self, job: Job) -> None:
        """Kill a job's program, or do not start it."""
        job.cancelled = True
        self.reactor.post(self._cancel)

    def end(self, session: str) -> None:
        """End a session."""
        self.reactor.post(lambda: self._sessions.end(session))

    def snapshot(self) -> Snapshot:
        """The counts so far, and what runs and waits now."""
        waiting = sum(map(len, self._waiting.values())) + len(self._sessions.queue)
        running = self.workers - len(self._places)
        gauges = {"in_flight": running, "queued": waiting, "sessions": len(self._sessions.live)}
        return self.metrics.snapshot({name: float(value) for name, value in gauges.items()})

    def close(self) -> None:
        """End every program and zygote, and the thread."""
        self.reactor.post(self.reactor.stop)
        self._thread.join()

    # ------------------------------------------------------------ the thread

    def _main(self) -> None:
        reason = "the executor is closed"
        try:
            self.reactor.run(self._patience, self._go_on)
        except BaseException as error:
            reason = f"the supervisor failed: {type(error).__name__}: {error}"
            raise
        finally:
            self._shut_down(reason)

    def _go_on(self) -> None:
        self._check()
        self._dispatch()

    def _patience(self) -> float:
        """Seconds to the next thing to do that no descriptor announces."""
        if not (self._runs or self._sessions.queue or any(self._waiting.values()) or self._nursery.starting()):
            return -1
        due = [self._looked + TICK_S, *(run.deadline for run in self._runs.values() if run.deadline)]
        return max(0.0, min(due) - time.monotonic())

    def _shut_down(self, reason: str) -> None:
        if not self._found.done():
            self._found.set_exception(RuntimeError(reason))
        self._closed = reason
        jobs = [run.job for run in self._runs.values() if not run.job.internal] + self._sessions.close()
        for run in list(self._runs.values()):
            self.release(run)
        for zygote in self._nursery.all():
            self._nursery.close(zygote)
        for queue in self._waiting.values():
            jobs += queue
            queue.clear()
        for job in jobs:
            self.tell(job, failure(job, reason, self._level()))
        self._bait.close()
        self.reactor.close()

    def _level(self) -> probe.Isolation:
        if self._found.done() and self._found.exception() is None:
            return self._found.result()
        return probe.Isolation("rlimits")

    def tell(self, job: Job, execution: Execution) -> None:
        """Hand a job its execution, and count it."""
        if not job.internal:
            self.metrics.record(execution)
        job.tell(execution)

    # ------------------------------------------------------------ programs in

    def _take(self, job: Job) -> None:
        if self._closed:
            self.tell(job, failure(job, self._closed, self._level()))
        else:
            self.queue(job).append(job)

    def queue(self, job: Job) -> deque[Job]:
        """Where a job waits."""
        return self._sessions.queue if job.program.session else self._waiting[job.tier]

    def _cancel(self) -> None:
        for queue in (*self._waiting.values(), self._sessions.queue):
            for job in [job for job in queue if job.cancelled]:
                queue.remove(job)
                self.tell(job, failure(job, "cancelled", self._level()))
        for run in self._runs.values():
            if run.job.cancelled:
                run.kill(Killed.CANCELLED)

    def _dispatch(self) -> None:
        """Give places to the programs that waited longest."""
        while self._places and (job := self._next()):
            self.queue(job).remove(job)
            place = self._places.pop()
            zygote = self._nursery.serving(job.tier)
            if job.program.session:
                self._sessions.start(job, place, zygote)
            elif zygote is not None:
                self.launch(job, zygote, place, place)

    def _next(self) -> Job | None:
        heads = [queue[0] for tier, queue in self._waiting.items() if queue and self._nursery.serving(tier)]
        heads += self._sessions.next(self._nursery.serving)
        return min(heads, key=lambda job: job.submitted, default=None)

    def launch(
        self, job: Job, zygote: Zygote, place: int, slot: int, session: Session | None = None, channel: int = -1
    ) -> None:
        """Ask a zygote for a process that runs a job, or for the first one of a session.

        ``slot`` is which of our users it gets. If the zygote cannot be asked, the job is tried again or told.
        """
        run = self.enter(job, zygote, place, session)
        run.forked = True
        if session is not None:
            session.first = run
        job.attempts += 1
        self._nursery.served(zygote)
        try:
            user = self._first_user + slot if self._gives_users(zygote) else None
            if zygote.mode == "none":
                run.folder = folder.make(user)
            forks = job.limits.subprocesses or session is not None
            request = {
                "run": run.number,
                "user": user,
                "folder": run.folder,
                "disk_mb": job.limits.disk_mb,
                "rlimits": limits.rlimits(job.limits, zygote.sizes, self._processes(zygote, forks=forks)),
                "subprocesses": job.limits.subprocesses,
                "session": session is not None,
            }
            self.send(zygote.control, request, run, () if session is None else (channel,))
        except OSError as error:
            self.again(run, f"{type(error).__name__}: {error}")

    def enter(self, job: Job, zygote: Zygote, place: int, session: Session | None) -> Run:
        """A run for a job, numbered and kept until it is released."""
        self._numbers += 1
        run = self._runs[self._numbers] = Run(job, self._numbers, place, zygote, session)
        return run

    def _gives_users(self, zygote: Zygote) -> bool:
        return self._root and (zygote.mode == "root" or not self._unreadable)

    def _processes(self, zygote: Zygote, *, forks: bool) -> int:
        """What RLIMIT_NPROC has to be: the kernel counts over all processes of a user, or of a user namespace."""
        alone = self._gives_users(zygote) or (zygote.mode == "user" and forks)
        return limits.PROCESSES if alone else limits.PROCESSES * (self.workers + MOST) + self._tasks

    def send(self, channel: Any, message: dict[str, Any], run: Run, more: tuple[int, ...] = ()) -> None:
        """Send a message with a program's source, stdin and pipes; from here on its output is read. Raises OSError."""
        program = run.job.program
        source = program.code.encode("utf-8", "surrogatepass")
        theirs: list[int] = []
        try:
            theirs.append(wire.sealed(wire.pack(source, program.files)))
            stdin = program.stdin.encode("utf-8", "surrogatepass")
            theirs.append(wire.sealed(stdin) if stdin else os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
            run.out, writing = wire.pipe()
            theirs.append(writing)
            run.err, writing = wire.pipe()
            theirs.append(writing)
            for fd in (run.out, run.err):
                self.reactor.listen(fd, functools.partial(self._output, run, fd))
            wire.send(channel, message, (*theirs, *more))
        finally:
            for fd in theirs:
                os.close(fd)

    # ------------------------------------------------------------ what zygotes say

    def _hear(self, zygote: Zygote) -> None:
        try:
            message, fds = wire.receive(zygote.control)
        except BlockingIOError:
            return
        except OSError:
            message, fds = None, []
        if message is None:
            self._died(zygote, f"the zygote died: {zygote.last_words()}", "died")
        elif "ready" in message:
            self._nursery.ready(zygote, message["ready"], self._reasons(zygote))
            job = self._bait.job(zygote.tier, functools.partial(self._proved, zygote))
            self.launch(job, zygote, -1, self.workers + MOST)
        elif "failed" in message:
            self._nursery.failed(zygote, message["failed"])
        else:
            self._hear_of(message, fds, zygote)

    def _hear_of(self, message: dict[str, Any], fds: list[int], zygote: Zygote) -> None:
        """A message about one run."""
        kind = next(word for word in ("started", "refused", "unforked", "exited", "alive") if word in message)
        run = self._runs.get(message[kind])
        if run is None:
            for fd in fds:
                os.close(fd)
        elif kind == "started":
            run.begin(fds[0], message["resident_kb"] * 1024)
        elif kind == "refused":
            run.refused = message["reason"]
        elif kind == "alive":
            self._sessions.crashed(run)
        elif kind == "unforked":
            self._nursery.replace(zygote, "fork_failed")
            self.again(run, f"the zygote could not fork: {message['reason']}")
        else:
            run.cpu_s = message["cpu_s"]
            run.peak_bytes = max(run.peak_bytes, message["peak_kb"] * 1024 - run.base_bytes)
            self._exited(run, os.waitstatus_to_exitcode(message["status"]))

    def _reasons(self, zygote: Zygote) -> dict[str, str]:
        """Why programs do not run as users of their own, where no namespace keeps them apart."""
        if zygote.mode != "none" or self._gives_users(zygote):
            return {}
        return {"user": f"programs run as the caller: {self._unreadable or 'only root may change it'}"}

    def _proved(self, zygote: Zygote, execution: Execution) -> None:
        if zygote not in self._nursery.starting():
            return
        try:
            isolation = probe.isolation(execution.stdout, zygote.reasons)
        except ValueError:
            said = execution.reason or execution.stderr.strip()[-200:]
            self._nursery.failed(zygote, f"the probe ended with {execution.status}: {said}")
            return
        if self._nursery.proved(zygote, isolation) and not self._found.done():
            self._found.set_result(isolation)

    def _give_up(self, reason: str) -> None:
        """No zygote comes up."""
        if not self._found.done():
            self._found.set_exception(RuntimeError(reason))
        for queue in (*self._waiting.values(), self._sessions.queue):
            while queue:
                job = queue.popleft()
                self.tell(job, failure(job, reason, self._level()))

    def _died(self, zygote: Zygote, reason: str, cause: str) -> None:
        """A zygote is gone or has to go, and everything below it."""
        self._nursery.died(zygote, reason, cause)
        for run in [run for run in self._runs.values() if run.zygote is zygote]:
            self.again(run, reason)

    # ------------------------------------------------------------ programs out

    def _output(self, run: Run, fd: int) -> None:
        if not run.read(fd):
            self.reactor.ignore(fd)
        if run.written > limits.hard_output_bytes(run.job.limits.max_output_bytes):
            run.kill(Killed.OUTPUT)

    def _exited(self, run: Run, exit_code: int) -> None:
        """A process that a zygote forked is gone."""
        if run.session is not None:
            self.release(run)
            self._sessions.gone(run.session, "the session's first process died", ours=not run.started)
        elif not run.started:
            self.again(run, run.refused or "its process died while it was being set up")
        else:
            self.finish(run, exit_code)

    def finish(self, run: Run, exit_code: int | None, *, session_lost: bool = False) -> None:
        """A program has ended: tell of it."""
        run.ended = time.monotonic()
        run.drain()
        execution = run.execution(exit_code, session_lost=session_lost)
        self.release(run)
        self.tell(run.job, execution)

    def again(self, run: Run, reason: str) -> None:
        """Our fault: try a job once more, or say why not."""
        if run.number not in self._runs:
            return
        self.release(run)
        if run.forked and run.session is not None:
            self._sessions.gone(run.session, reason, ours=True)
        elif run.session is not None:
            self.tell(run.job, failure(run.job, reason, run.zygote.isolation, session_lost=True))
        else:
            self.retry(run.job, reason, run.zygote.isolation)

    def retry(self, job: Job, reason: str, isolation: probe.Isolation) -> None:
        """Queue a job that did not get to run once more, unless it was tried often enough."""
        if job.cancelled or job.internal or job.attempts >= ATTEMPTS:
            self.tell(job, failure(job, "cancelled" if job.cancelled else reason, isolation))
        else:
            self.metrics.event("retry/infrastructure")
            self.queue(job).appendleft(job)

    def free(self, place: int) -> None:
        """Another program may have this place."""
        if place >= 0:
            self._places.append(place)

    def release(self, run: Run) -> None:
        """Free all that a run holds."""
        if self._runs.pop(run.number, None) is None:
            return
        for fd in (run.out, run.err):
            self.reactor.ignore(fd)
        run.close()
        self.free(run.place)
        if run.forked:
            run.zygote.in_flight -= 1
            self._nursery.left(run.zygote)
        if run.folder:
            folder.remove(run.folder)

    # ------------------------------------------------------------ limits

    def _check(self) -> None:
        """Hold everything that runs to its times; look at memory, CPU time and disk now and then."""
        now = time.monotonic()
        look = now >= self._looked + TICK_S
        for run in list(self._runs.values()):
            self._check_run(run, now, look=look)
        if look:
            self._looked = now
            self._sessions.expire(now)
            for zygote in self._nursery.starting():
                if now > zygote.started + START_S:
                    self._died(zygote, f"no zygote came up within {START_S:g} s", "slow")

    def _check_run(self, run: Run, now: float, *, look: bool) -> None:
        if not run.started:
            if now > run.begun + BEGIN_S:
                self._stuck(run, "its process was not set up in time")
        elif run.killed is not None:
            if now > run.killed_at + KILL_S:
                self._stuck(run, "its process could not be killed")
        elif run.deadline and now >= run.deadline:
            run.kill(Killed.TIMEOUT)
        elif look and not run.holds_session:
            watch.hold(run)

    def _stuck(self, run: Run, reason: str) -> None:
        """Nothing but the end of its zygote, or of its session, gets rid of a process."""
        if run.forked:
            self._died(run.zygote, reason, "stuck")
        elif run.session is not None:
            self._sessions.gone(run.session, reason, ours=False)
