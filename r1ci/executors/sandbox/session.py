"""The process of a session: it holds the state that the programs so far have made, and forks for each next one.

The first process of the session's PID namespace only reaps. Below it the holder waits for a cell; each cell runs in a
fork of the holder. When the cell ends well, the fork is the new holder and the supervisor kills the old one; when it
crashes, runs out of memory or is killed, the holder is still there, in the state before the cell. The supervisor
learns the fork's process from the kernel (SCM_CREDENTIALS) when it says that it has begun, never from the fork's own
words, and one byte of a known set says how a cell ended: a tampered holder can only lie about its own cells.
Does not protect: one cell of a session from the ones before it. They share everything on purpose.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from r1ci.executors.sandbox import kernel, program, wire

CHANNEL = 3
BEGUN, DONE, FAILED, OUT_OF_MEMORY = b"b", b"0", b"1", b"m"


def hold(packages: Sequence[str]) -> NoReturn:
    """Fork the first holder and reap until killed."""
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)  # where it is not the first of a PID namespace
    if os.fork():
        os.close(CHANNEL)
        while True:
            try:
                os.wait()
            except ChildProcessError:
                os._exit(0)
    channel = socket.socket(fileno=CHANNEL)
    main = program.fresh_main()
    channel.send(BEGUN)
    crashed = 0
    while True:
        message, fds = wire.receive(channel)
        if crashed:
            os.waitpid(crashed, 0)
        if message is None:
            os._exit(0)
        crashed = os.fork()
        if crashed == 0:
            _cell(channel, fds, main, packages)
            continue
        for fd in fds:
            os.close(fd)
        # For ever if the cell becomes the holder: two that listen would take each other's messages. A crashed one stays
        # a zombie until the next message, so that its number is not given away before the supervisor has looked it up.
        os.waitid(os.P_PID, crashed, os.WEXITED | os.WNOWAIT)


def _cell(channel: socket.socket, fds: list[int], main: ModuleType, packages: Sequence[str]) -> None:
    """Run one cell and become the holder."""
    channel.send(BEGUN)
    for target, fd in enumerate(fds[1:4]):
        os.dup2(fd, target)
    source = program.lay_out(fds[0])
    for fd in fds:
        os.close(fd)
    code = program.flush(program.execute(source, main, packages))
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in range(3):
        os.dup2(nothing, target)
    os.close(nothing)
    if code == program.MEMORY_EXIT:
        channel.send(OUT_OF_MEMORY)
        os._exit(code)
    channel.send(FAILED if code else DONE)
