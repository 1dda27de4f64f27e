"""Start zygotes: the command, the clean environment, and the ways to try, the strictest first."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r1ci.executors.limits import Sizes
from r1ci.executors.sandbox import landlock, seccomp
from r1ci.executors.sandbox.probe import Isolation

_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[2]); from r1ci.executors.sandbox.zygote import main; program = main(); "
    "del main; program()"
)
_FLAGS = ("-P", "-s", "-S", "-B", "-X", "utf8")
"""No user site, no site module, no bytecode written, nothing on the path but the standard library. The environment is
ours altogether, so python may read it: that is how the hash seed is fixed."""
_HOME = str(Path(__file__).resolve().parents[3])


@dataclass(frozen=True)
class Ways:
    """The layers to try for, and why one is not tried."""

    modes: tuple[str, ...]
    """Kinds of namespaces in the order to try: root, user, none."""
    seccomp: str = ""
    """Empty: filter system calls. Else why not."""
    landlock: str = ""


def ways(ceiling: str) -> Ways:
    """What this machine may offer up to the level ``ceiling``."""
    modes: tuple[str, ...] = ("root", "user", "none") if os.geteuid() == 0 else ("user", "none")
    no_landlock = ""
    try:
        landlock.abi()
    except OSError as error:
        no_landlock = str(error)
    no_seccomp = "" if seccomp.supported() else "no table of system calls for this architecture"
    if ceiling == "namespaces":
        no_seccomp = "not asked for"
    if ceiling in ("landlock", "rlimits"):
        modes = ("none",)
    if ceiling == "rlimits":
        no_seccomp = no_landlock = "not asked for"
    return Ways(modes, no_seccomp, no_landlock)


@dataclass(eq=False)
class Zygote:
    """A zygote process and what is known of it."""

    tier: str
    process: subprocess.Popen[bytes]
    control: socket.socket
    mode: str
    said: int
    """Descriptor of memory that holds what it wrote to stderr: nothing, unless it died of an exception."""
    started: float
    sizes: Sizes = field(default_factory=lambda: Sizes(0, 0, 0))
    reasons: dict[str, str] = field(default_factory=dict)
    """Why layers are missing, by layer."""
    isolation: Isolation = field(default_factory=lambda: Isolation("rlimits"))
    """What the probe found."""
    served: int = 0
    in_flight: int = 0
    worn: bool = False
    """Whether it is to go when its successor serves."""

    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        lines = os.pread(self.said, 65_536, 0).decode("utf-8", "replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")

    def close(self) -> None:
        """End it and everything below it."""
        self.control.close()
        os.close(self.said)
        self.process.kill()
        self.process.wait()


def spawn(tier: str, mode: str, found: Ways, *, keep_caches: bool) -> Zygote:
    """Start a zygote; its first message tells whether it came up. Raises OSError if no process can be started."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    config: dict[str, Any] = {
        "tier": tier,
        "mode": mode,
        "seccomp": not found.seccomp,
        "landlock": found.landlock,
        "home": _HOME,
        "paths": site_packages(),
        "visible": visible(),
        "private": private(),
        "keep_caches": keep_caches,
        "control": theirs.fileno(),
    }
    said = os.memfd_create("r1ci", os.MFD_CLOEXEC)
    try:
        process = subprocess.Popen(
            [sys.executable, *_FLAGS, "-c", _BOOT, json.dumps(config), _HOME],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            pass_fds=(theirs.fileno(),),
            env=environment(private()),
            cwd="/",
            start_new_session=True,
        )
    except OSError:
        ours.close()
        os.close(said)
        raise
    finally:
        theirs.close()
    ours.setblocking(False)
    return Zygote(tier, process, ours, mode, said, time.monotonic())


def site_packages() -> list[str]:
    """Where this environment's packages lie."""
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})


def visible() -> list[str]:
    """Folders that programs read: the interpreter and its packages."""
    return [sys.base_prefix, sys.prefix, sys.base_exec_prefix, *site_packages()]


def private() -> str:
    """Where a program's own file system is mounted: /tmp, unless what programs read lies there."""
    return "/box" if any(Path("/tmp") in Path(path).resolve().parents for path in visible()) else "/tmp"


def others_can_read() -> bool:
    """Whether a user of its own could import from this environment, and enter its folder, without namespaces."""
    folders = [Path(path).resolve() for path in (*visible(), tempfile.gettempdir())]
    for folder in {part for path in folders for part in (path, *path.parents)}:
        with suppress(OSError):
            if not folder.stat().st_mode & 0o001:
                return False
    return True


def environment(home: str) -> dict[str, str]:
    """What programs find in os.environ; nothing is inherited."""
    threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": home,
        "TMPDIR": home,
        "USER": "program",
        "LOGNAME": "program",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "MALLOC_ARENA_MAX": "2",
        "MPLBACKEND": "Agg",
        **{f"{name}_NUM_THREADS": "1" for name in threads},
    }
