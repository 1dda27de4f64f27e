"""The protocol between supervisor, zygotes and children: one JSON datagram with descriptors per message.

To a zygote: ``{"run": id, ...}`` with the descriptors source, stdin, stdout, stderr.
From a child before any line of the program runs: ``{"started": id, "resident_kb"}`` with a descriptor of the process,
or ``{"refused": id, "reason"}``. From the zygote: ``{"ready": {...}}`` once, ``{"exited": id, "status", "cpu_s",
"peak_kb"}``, ``{"unforked": id, "reason"}``, ``{"alive": id}`` as the answer to the same, or ``{"failed": reason}``
when it cannot start. To a session: ``{"cell": id}`` with the four descriptors.
Nothing structured is ever read from a descriptor that a program holds, except one known byte per cell of a session,
which can only say how that cell ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST = 65_536
"""Bytes of a message at most."""
_MOST_FDS = 8
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def send(channel: socket.socket, message: Mapping[str, Any], fds: Sequence[int] = ()) -> None:
    """Send one message. Raises OSError when the other side is gone."""
    data = json.dumps(message).encode()
    if fds:
        socket.send_fds(channel, [data], list(fds))
    else:
        channel.send(data)


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its descriptors; None at the end. Raises BlockingIOError if there is none yet."""
    data, fds, _, _ = socket.recv_fds(channel, LONGEST, _MOST_FDS)
    return (json.loads(data) if data else None), fds


def pack(source: bytes, files: Mapping[str, bytes]) -> bytes:
    """A program as one byte string: a line of JSON with the names and sizes of its files, if any; they; its source."""
    index = json.dumps([[name, len(content)] for name, content in files.items()]) if files else ""
    return b"".join((index.encode(), b"\n", *files.values(), source))


def unpack(data: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Read what ``pack`` made: the source, and the files."""
    index, _, body = data.partition(b"\n")
    files: dict[str, bytes] = {}
    for name, size in json.loads(index) if index else ():
        files[name], body = body[:size], body[size:]
    return body, files


def sealed(data: bytes) -> int:
    """A descriptor, at its start, of memory that holds ``data`` and can be read only."""
    fd = os.memfd_create("r1ci", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.lseek(fd, 0, os.SEEK_SET)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    return fd


def pipe() -> tuple[int, int]:
    """A pipe whose reading end never blocks."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    return reading, writing
