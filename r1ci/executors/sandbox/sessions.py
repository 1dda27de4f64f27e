"""Sessions as the supervisor keeps them: one process that holds the state, and one cell at a time in a fork of it.

See session.py for the side that runs the programs. A session that runs nothing for ``TTL_S`` ends, and so does the one
unused for longest when there are too many; the next program of such a session starts from nothing and is told.
Does not protect: a session from itself. What its programs do to its processes is their error, never ours.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from r1ci.executors.protocol import Program
from r1ci.executors.sandbox import session as words
from r1ci.executors.sandbox import watch, wire
from r1ci.executors.sandbox.program import MEMORY_EXIT
from r1ci.executors.sandbox.run import Job, Killed, Run

if TYPE_CHECKING:
    from r1ci.executors.sandbox.spawn import Zygote
    from r1ci.executors.sandbox.supervisor import Supervisor

MOST = 64
"""Sessions at once."""
TTL_S = 900.0
"""A session that runs nothing for this long ends."""
_REMEMBERED = 10_000
"""Names of ended sessions that are kept."""
_CREDENTIALS = struct.Struct("iII")
_EXITS = {words.DONE: 0, words.FAILED: 1, words.OUT_OF_MEMORY: MEMORY_EXIT}


@dataclass(eq=False)
class Session:
    """The processes of one session."""

    name: str
    slot: int
    channel: socket.socket
    waiting: tuple[Job, int] | None
    """The program that made the session necessary, and its place, until the holder is there."""
    first: Run | None = None
    """Its first process, which lives as long as the session."""
    holder: int = -1
    """Descriptor of the process that forks for the next cell."""
    cell: Run | None = None
    expires: float = 0.0

    @property
    def idle(self) -> bool:
        """Whether it can take a program."""
        return self.holder >= 0 and self.cell is None

    def hear(self) -> tuple[bytes, int]:
        """The next byte that a process of the session sent, and that process's number as the kernel knows it.

        An empty byte string is the end. Raises OSError.
        """
        data, ancillary, _, _ = self.channel.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size))
        numbers = [_CREDENTIALS.unpack(content)[0] for _, kind, content in ancillary if kind == socket.SCM_CREDENTIALS]
        return data, numbers[0] if numbers else 0

    def hold(self, pidfd: int) -> None:
        """Another process holds the state from now on; the one before is not needed any more."""
        if self.holder >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.holder, signal.SIGKILL)
            os.close(self.holder)
        self.holder, self.cell = pidfd, None
        self.expires = time.monotonic() + TTL_S


class Sessions:
    """Every session by name, and the programs that wait for one. Used by the supervisor's thread alone."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self.live: dict[str, Session] = {}
        self.queue: deque[Job] = deque()
        self._lost: dict[str, bool] = {}

    def next(self, serving: Callable[[str], Zygote | None]) -> list[Job]:
        """The first waiting program whose session can take it or can be started, if there is one."""
        busy = set()
        for job in self.queue:
            name = job.program.session
            session = self.live.get(name)
            if name in busy or (session is not None and not session.idle):
                busy.add(name)
            elif session is not None or ((len(self.live) < MOST or self._idlest()) and serving(job.tier)):
                return [job]
        return []

    def start(self, job: Job, place: int, zygote: Zygote | None) -> None:
        """Run a program in its session, which is started if need be."""
        session = self.live.get(job.program.session)
        if session is not None:
            self._run_cell(session, job, place)
            return
        assert zygote is not None
        if len(self.live) >= MOST and (idlest := self._idlest()):
            self._drop(idlest, lost=True)
        slot = min(set(range(MOST)) - {other.slot for other in self.live.values()})
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ours.setblocking(False)
        session = self.live[job.program.session] = Session(job.program.session, slot, ours, (job, place))
        holding = Job(Program(""), job.limits, job.tier, lambda execution: None, internal=True)
        with theirs:
            self._supervisor.launch(holding, zygote, -1, self._supervisor.workers + slot, session, theirs.fileno())
        if self.live.get(session.name) is session:
            self._supervisor.reactor.listen(ours.fileno(), functools.partial(self._hear, session))

    def end(self, name: str) -> None:
        """End a session and forget it."""
        self._lost.pop(name, None)
        if session := self.live.get(name):
            cell, session.cell = session.cell, None
            self._drop(session, lost=False)
            if cell is not None:
                self._supervisor.again(cell, "cancelled: its session was ended")

    def expire(self, now: float) -> None:
        """End what nobody used for too long."""
        for session in [session for session in self.live.values() if session.idle and session.expires <= now]:
            self._drop(session, lost=True)

    def gone(self, session: Session, reason: str, *, ours: bool) -> None:
        """A session cannot go on: its first process is gone or must go. ``ours``: no program of it is to blame."""
        if self.live.get(session.name) is not session:
            return
        if session.waiting is not None:
            job, place = session.waiting
            session.waiting = None
            self._drop(session, lost=False)
            self._supervisor.free(place)
            job.attempts += 1
            assert session.first is not None
            self._supervisor.retry(job, reason, session.first.zygote.isolation)
            return
        cell, session.cell = session.cell, None
        self._drop(session, lost=True)
        if cell is None:
            return
        if not cell.started:
            self._supervisor.release(cell)
            self._supervisor.retry(cell.job, reason, cell.zygote.isolation)
        elif ours:
            self._supervisor.again(cell, reason)
        else:
            self._supervisor.finish(cell, None, session_lost=True)

    def crashed(self, cell: Run) -> None:
        """A cell's process is gone, and its zygote is not: the state is the one before it."""
        if cell.session is not None and cell.session.cell is cell:
            self._finish(cell.session, None)

    def close(self) -> list[Job]:
        """End all; the programs that were waiting."""
        jobs = [*self.queue, *(session.waiting[0] for session in self.live.values() if session.waiting)]
        self.queue.clear()
        for session in list(self.live.values()):
            self._drop(session, lost=False)
        return jobs

    def _idlest(self) -> Session | None:
        return min((session for session in self.live.values() if session.idle), key=lambda s: s.expires, default=None)

    def _run_cell(self, session: Session, job: Job, place: int) -> None:
        assert session.first is not None
        cell = session.cell = self._supervisor.enter(job, session.first.zygote, place, session)
        job.attempts += 1
        try:
            self._supervisor.send(session.channel, {"cell": cell.number}, cell)
        except OSError as error:
            self.gone(session, f"the session does not answer: {error}", ours=False)

    def _hear(self, session: Session) -> None:
        """A byte from a process of the session."""
        try:
            said, pid = session.hear()
        except BlockingIOError:
            return
        except OSError:
            said, pid = b"", 0
        cell = session.cell
        if not said:
            self._supervisor.reactor.ignore(session.channel.fileno())  # its zygote says what became of it
        elif said == words.BEGUN:
            self._begun(session, _open(pid))
        elif said in _EXITS and cell is not None and cell.started and cell.killed is None:
            watch.measure(cell)
            pidfd, cell.pidfd = cell.pidfd, -1
            self._supervisor.reactor.ignore(pidfd)
            self._finish(session, _EXITS[said])
            if said == words.OUT_OF_MEMORY:
                os.close(pidfd)
            else:
                session.hold(pidfd)

    def _begun(self, session: Session, pidfd: int) -> None:
        cell = session.cell
        if pidfd < 0:
            return  # a process that is gone already; whoever waits for it will find out
        if session.waiting is not None:
            job, place = session.waiting
            session.waiting = None
            session.hold(pidfd)
            self._run_cell(session, job, place)
        elif cell is not None and not cell.started:
            self._supervisor.reactor.listen(pidfd, functools.partial(self._ended, cell))
            cell.begin(pidfd, cell.zygote.sizes.resident)
        else:
            os.close(pidfd)

    def _ended(self, cell: Run) -> None:
        """A cell's process is gone. Only its zygote can tell whether that is all that happened."""
        self._supervisor.reactor.ignore(cell.pidfd)
        with suppress(OSError):
            wire.send(cell.zygote.control, {"alive": cell.number})

    def _finish(self, session: Session, exit_code: int | None) -> None:
        cell, session.cell = session.cell, None
        session.expires = time.monotonic() + TTL_S
        if cell is not None:
            self._supervisor.finish(cell, exit_code, session_lost=self._lost.pop(session.name, False))

    def _drop(self, session: Session, *, lost: bool) -> None:
        """Forget a session and end its processes; ``lost``: its next program is told."""
        self.live.pop(session.name, None)
        if lost:
            self._lost[session.name] = True
            while len(self._lost) > _REMEMBERED:
                del self._lost[next(iter(self._lost))]
        self._supervisor.reactor.ignore(session.channel.fileno())
        session.channel.close()
        session.hold(-1)
        if session.first is not None:
            session.first.kill(Killed.CANCELLED)


def _open(pid: int) -> int:
    """A descriptor of a process; -1 if it is gone."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1
