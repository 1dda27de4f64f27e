"""From a fork of the zygote to a process that may run untrusted code: every layer, in order, or not at all.

Order: session, private tmpfs (or folder), descriptors, the program's files, user, limits, capabilities, no_new_privs,
Landlock, seccomp, a check that each of them holds, the word "started", and only then the program. A layer that fails
makes the child say "refused" and exit: the program does not run.
Protects as its layers do (namespaces: root.py; files: landlock.py; calls: seccomp.py). Does not protect against kernel
bugs, side channels, or a program that exhausts what its limits allow.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # without signal's enums, which touch memory of the zygote
import gc
import os
import random
import resource
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from r1ci.executors.sandbox import kernel, program, session, wire
from r1ci.executors.sandbox.landlock import Ruleset
from r1ci.executors.sandbox.seccomp import Filter

_INODES = 4096


@dataclass(frozen=True)
class Layers:
    """What the zygote prepared for its children."""

    namespaces: bool
    private: str
    """Where a program's own file system is mounted, if it has a mount namespace."""
    inner_id: int | None
    """User of programs in a user namespace; None as root, where each place has a user of its own."""
    ruleset: Ruleset | None
    filters: dict[bool, Filter] | None
    """Seccomp filter by whether processes may be started."""
    packages: list[str]


def become(request: dict[str, Any], fds: list[int], layers: Layers, control: socket.socket) -> Callable[[], NoReturn]:
    """Set this fork up as the request says; what to call to run the program. Does not return if a layer fails."""
    number = request["run"]
    try:
        folder, pidfd, source = _prepare(request, fds, layers)
        _confine(request, layers, folder)
        resident_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wire.send(control, {"started": number, "resident_kb": resident_kb}, [pidfd])
    except BaseException as error:
        wire.send(control, {"refused": number, "reason": f"{type(error).__name__}: {error}"})
        os._exit(1)
    if request["session"]:
        os.dup2(fds[4], 3)
        kernel.close_from(4)
        return lambda: session.hold(layers.packages)
    kernel.close_from(3)
    main = program.fresh_main()
    return lambda: program.finish(program.execute(source, main, layers.packages))


def _prepare(request: dict[str, Any], fds: list[int], layers: Layers) -> tuple[str, int, bytes]:
    """Private folder, descriptors, user and the program's files: what needs privileges."""
    os.setsid()
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    pidfd = os.pidfd_open(os.getpid())
    user, folder = request["user"], request["folder"] or layers.private
    if layers.namespaces:
        owner = layers.inner_id if layers.inner_id is not None else user
        kernel.unshare(kernel.CLONE_NEWNS | (0 if layers.filters else kernel.CLONE_NEWIPC))
        options = f"size={request['disk_mb']}m,nr_inodes={_INODES},mode=700,uid={owner},gid={owner}"
        kernel.mount("tmpfs", layers.private, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    else:
        os.environ.update(HOME=folder, TMPDIR=folder)
    os.chdir(folder)
    for target, fd in enumerate(fds[1:4]):
        os.dup2(fd, target)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    return folder, pidfd, program.lay_out(fds[0])


def _confine(request: dict[str, Any], layers: Layers, folder: str) -> None:
    """Everything that takes rights away, and the check that they are gone."""
    if layers.inner_id is not None and (request["subprocesses"] or request["session"]):
        kernel.unshare(kernel.CLONE_NEWUSER)  # in which the kernel counts this program's processes alone
    for which, value in request["rlimits"]:
        _, held = resource.getrlimit(which)
        top = value if held == resource.RLIM_INFINITY else min(value, held)
        resource.setrlimit(which, (top, top))
    if not layers.namespaces:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, _signal.SIGKILL)  # with namespaces, the zygote's takes all
    _reseed()
    gc.enable()
    kernel.drop_capabilities()
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if layers.ruleset is not None:
        layers.ruleset.restrict(folder)
    if layers.filters is not None:
        layers.filters[request["subprocesses"] or request["session"]].install()
        if kernel.prctl(kernel.PR_GET_SECCOMP) != 2:
            raise OSError("the seccomp filter does not hold")
    if kernel.capabilities() or not kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS):
        raise OSError("capabilities are left")


def _reseed() -> None:
    """Other random numbers in every fork: random does it by itself, numpy's global generator does not."""
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(random.getrandbits(32))
