"""What a sandbox really holds, found by trying: a program that attempts forbidden things, and the level that follows.

The program runs exactly as a model's would. It is ours, so what it prints may be believed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from r1ci.executors.limits import Limits
from r1ci.executors.protocol import Execution, Program
from r1ci.executors.sandbox.run import Job

LEVELS = ("rlimits", "landlock", "namespaces", "strict")
"""From the weakest to the strictest."""

PROGRAM = """
import ctypes, errno, json, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
secret, outside, pid, port = json.loads(sys.stdin.read())
held = {}

def refused(name, attempt):
    try:
        held[name] = bool(attempt())
    except OSError:
        held[name] = True

def denied(result):  # harmless calls: without a filter they fail in another way
    return result == -1 and ctypes.get_errno() == errno.EPERM

def connects():
    with socket.socket() as connection:
        connection.connect(("127.0.0.1", port))

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

held["process namespace"] = os.getpid() == 1
refused("reading outside", lambda: open(secret).close())
refused("writing outside", lambda: open(outside, "w").close())
refused("network", connects)
refused("signalling the supervisor", lambda: os.kill(pid, 0))
refused("tracing", lambda: denied(libc.ptrace(16, 0, 0, 0)))
refused("mounting", lambda: denied(libc.mount(b"none", b"/does/not/exist", b"tmpfs", 0, None)))
refused("new namespaces", lambda: denied(libc.unshare(1)))
refused("anonymous files", lambda: os.close(os.memfd_create("x")))
refused("starting processes", fork)
held["no new privileges"] = libc.prctl(39, 0, 0, 0, 0) == 1
held["system-call filter"] = libc.prctl(21, 0, 0, 0, 0) == 2
print(json.dumps(held))
"""

_FILES = ("reading outside", "writing outside", "network", "signalling the supervisor", "no new privileges")
_CALLS = ("system-call filter", "tracing", "mounting", "new namespaces", "anonymous files", "starting processes")
_NEEDS = {
    "strict": (*_FILES, *_CALLS, "process namespace"),
    "namespaces": (*_FILES, "process namespace"),
    "landlock": (*_FILES, *_CALLS),
    "rlimits": (),
}


class Bait:
    """What the probe is to be kept from: a file it could read, a folder it could write to, a port it could call."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="r1ci-probe-")
        os.chmod(self._folder, 0o777)
        self._secret = os.path.join(self._folder, "secret")
        with open(self._secret, "w") as file:
            file.write("a secret\n")
        self._listener = socket.create_server(("127.0.0.1", 0))

    def job(self, tier: str, tell: Callable[[Execution], None]) -> Job:
        """The probe as a job for a zygote of a tier."""
        outside = os.path.join(self._folder, "written")
        stdin = json.dumps([self._secret, outside, os.getpid(), self._listener.getsockname()[1]])
        limits = Limits(timeout_s=10.0, cpu_s=10.0, memory_mb=256, disk_mb=16, max_output_bytes=65_536)
        return Job(Program(PROGRAM, stdin=stdin), limits, tier, tell, internal=True)

    def close(self) -> None:
        """Take it away again."""
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class Isolation:
    """The level that holds, and why nothing stricter does."""

    level: str
    missing: tuple[str, ...] = ()

    def suffices(self, wanted: str) -> bool:
        """Whether the level is at least the wanted one."""
        return LEVELS.index(self.level) >= LEVELS.index(wanted)


def isolation(printed: str, reasons: Mapping[str, str]) -> Isolation:
    """The level that follows from what the probe printed; ``reasons`` name layers that could not be set up.

    Raises ValueError if the probe did not print its findings.
    """
    try:
        held = json.loads(printed)
    except ValueError:
        held = None
    if not isinstance(held, dict) or not set(_FILES + _CALLS + ("process namespace",)) <= set(held):
        raise ValueError("the probe did not print its findings")
    level = next(level for level in reversed(LEVELS) if all(held[name] for name in _NEEDS[level]))
    failed = [name for name, holds in held.items() if not holds]
    missing = [f"{layer}: {reason}" for layer, reason in reasons.items()]
    if failed and level != "strict":
        missing.append(f"not refused: {', '.join(failed)}")
    return Isolation(level, tuple(missing))
