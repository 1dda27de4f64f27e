"""What the suite lays out around an executor, so that an attack would succeed, and what it finds left afterwards.

A word of this run marks everything: a secret file, two sockets, an environment variable, and whatever the snippets
leave behind. Only what is on this machine can be seen; of a server elsewhere, the canaries tell the rest.
Does not see: processes hidden from this user, files outside ``FOLDERS`` and this process's temporary folder.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/usr", "/etc", "/dev")
"""Where files with the run's word are looked for."""
VARIABLE = "R1CI_CONFORMANCE"
"""An environment variable of this process that programs must not see."""
GRACE_S = 3.0
"""How long what a program left may take to go away."""


@dataclass(frozen=True)
class Counts:
    """What can leak, counted at one moment."""

    processes: int
    """Descendants of this process."""
    files: int
    """Entries of this process's temporary folder."""
    descriptors: int
    """Of this process."""

    def above(self, other: Counts) -> list[str]:
        """What there is more of than in other counts."""
        names = ("processes", "files", "descriptors")
        more = {name: getattr(self, name) - getattr(other, name) for name in names}
        return [f"{count} {name} more than before" for name, count in more.items() if count > 0]


class Ground:
    """The secret, the listeners and the marks of one run; ``close`` takes them all away."""

    def __init__(self) -> None:
        self.token = f"rc{secrets.token_hex(5)}"
        self._temporary = tempfile.tempdir
        self.folder = Path(tempfile.mkdtemp(prefix="r1ci-suite-"))
        self.folder.chmod(0o755)
        tempfile.tempdir = str(self.folder)
        self._secret = Path(f"/tmp/r1ci-{self.token}-secret")
        self._secret.write_text(f"secret {self.token}\n")
        self._secret.chmod(0o644)
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._tcp.getsockname()[1]
        self._unix = [_listening(f"\0r1ci-{self.token}"), _listening(f"/tmp/r1ci-{self.token}-socket")]
        os.chmod(f"/tmp/r1ci-{self.token}-socket", 0o777)
        os.environ[VARIABLE] = self.token
        self._own = {self._secret, Path(f"/tmp/r1ci-{self.token}-socket")}

    def counts(self) -> Counts:
        """What there is now."""
        files = sum(1 for _ in self.folder.iterdir())
        return Counts(len(_descendants(os.getpid())), files, len(os.listdir("/proc/self/fd")))

    def leftovers(self, before: Counts | None, grace_s: float = GRACE_S) -> list[str]:
        """What the last program left, after some grace; ``before`` is None where only marks can be told apart.

        Takes away what carries this run's word.
        """
        found = _settled(lambda: self._found(before), grace_s)
        for pid in self._marked_processes():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        for path in self._marked_files():
            with suppress(OSError):
                path.unlink()
        return found

    def close(self) -> None:
        """Take everything away that was laid out."""
        for server in (self._tcp, *self._unix):
            server.close()
        for path in self._own:
            path.unlink(missing_ok=True)
        os.environ.pop(VARIABLE, None)
        tempfile.tempdir = self._temporary
        shutil.rmtree(self.folder, ignore_errors=True)

    def _found(self, before: Counts | None) -> list[str]:
        found = [f"process {pid} still runs" for pid in self._marked_processes()]
        found += [f"{path} was left" for path in self._marked_files()]
        return found + (self.counts().above(before) if before is not None else [])

    def _marked_processes(self) -> list[int]:
        marked = []
        for folder in Path("/proc").iterdir():
            with suppress(OSError):
                mine = folder.name.isdecimal() and (folder / "comm").read_text().strip() == self.token
                if mine and (folder / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    marked.append(int(folder.name))
        return marked

    def _marked_files(self) -> list[Path]:
        found: list[Path] = []
        for folder in FOLDERS:
            with suppress(OSError):
                found += [Path(folder, name) for name in os.listdir(folder) if self.token in name]
        return [path for path in found if path not in self._own]


def _listening(address: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(address)
    server.listen()
    return server


def _settled(found: Callable[[], list[str]], grace_s: float) -> list[str]:
    """What is still found when the grace is over."""
    deadline = time.monotonic() + grace_s
    while (left := found()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _descendants(root: int) -> set[int]:
    """Numbers of the processes below one, as far as this user sees them."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    below: set[int] = set()
    front = [root]
    while front:
        front = [child for parent in front for child in children.get(parent, [])]
        below |= set(front)
    return below
