"""The namespaces of a zygote and the file system that its programs see.

A program sees /usr and the Python installation, read-only; four devices; a few generated files in /etc; and its own
tmpfs, usually on /tmp. There is no /proc, no /sys, no network interface, and no process but its own.
Does not protect against: reading what lies under /usr and the Python prefixes; kernel bugs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from r1ci.executors.sandbox import kernel

INNER_ID = 1000
"""User and group of programs in a user namespace; outside it is the caller's."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_STAGE = "/sys"
"""Where the new root is put together: a folder that every system has and no program needs."""
_LINKED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_COPIED = ("/etc/ld.so.cache", "/etc/localtime")
_PASSWD = "root:x:0:0::/:/bin/false\nprogram:x:{id}:{id}::{home}:/bin/false\n"
_READ_ONLY = kernel.ATTR_RDONLY | kernel.ATTR_NOSUID


def leave_host(*, user_namespace: bool) -> None:
    """New user (if asked for), mount, network, IPC, UTS and, for the next child, PID namespaces."""
    uid, gid = os.geteuid(), os.getegid()
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS | kernel.CLONE_NEWPID
    kernel.unshare(flags | (kernel.CLONE_NEWUSER if user_namespace else 0))
    if user_namespace:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{INNER_ID} {uid} 1")
        _write("/proc/self/gid_map", f"{INNER_ID} {gid} 1")


def build(visible: Sequence[str], private: str) -> None:
    """Replace the root by one with ``visible`` folders, read-only, and an empty one to mount a program's own on.

    Call in the new namespaces. Raises OSError.
    """
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", _STAGE, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=16m")
    for path in _outermost(["/usr", *visible]):
        os.makedirs(_STAGE + path, exist_ok=True)
        kernel.mount(path, _STAGE + path, None, kernel.MS_BIND | kernel.MS_REC)
        kernel.restrict_mount(_STAGE + path, _READ_ONLY | kernel.ATTR_NODEV, recursive=True)
    for path in _LINKED:
        if os.path.islink(path):
            os.symlink(os.readlink(path), _STAGE + path)
        elif os.path.isdir(path):
            os.makedirs(_STAGE + path, exist_ok=True)
            kernel.mount(path, _STAGE + path, None, kernel.MS_BIND | kernel.MS_REC)
            kernel.restrict_mount(_STAGE + path, _READ_ONLY | kernel.ATTR_NODEV, recursive=True)
    _make_devices()
    _make_etc(private)
    for path in dict.fromkeys((private, "/tmp")):
        os.makedirs(_STAGE + path, exist_ok=True)
    os.symlink(private, _STAGE + "/dev/shm")
    _enter()


def _make_devices() -> None:
    os.mkdir(_STAGE + "/dev")
    for path in DEVICES:
        _write(_STAGE + path, "")
        kernel.mount(path, _STAGE + path, None, kernel.MS_BIND)
        kernel.restrict_mount(_STAGE + path, _READ_ONLY | kernel.ATTR_NOEXEC, recursive=False)


def _make_etc(private: str) -> None:
    os.mkdir(_STAGE + "/etc")
    _write(_STAGE + "/etc/passwd", _PASSWD.format(id=INNER_ID, home=private))
    _write(_STAGE + "/etc/group", f"root:x:0:\nprogram:x:{INNER_ID}:\n")
    for path in _COPIED:
        if os.path.exists(path):
            with open(path, "rb") as source, open(_STAGE + path, "wb") as target:
                target.write(source.read())


def _enter() -> None:
    """Swap the roots and let go of the old one."""
    old = os.open("/", os.O_DIRECTORY | os.O_RDONLY)
    os.chdir(_STAGE)
    kernel.pivot_root()
    os.fchdir(old)
    kernel.mount("none", ".", None, kernel.MS_SLAVE | kernel.MS_REC)
    kernel.detach(".")
    os.close(old)
    os.chdir("/")
    kernel.restrict_mount("/", _READ_ONLY | kernel.ATTR_NODEV, recursive=False)


def _outermost(paths: Sequence[str]) -> list[str]:
    """The folders that exist and do not lie in another one of the list."""
    real = sorted({os.path.abspath(path) for path in paths if os.path.isdir(path)}, key=len)
    kept: list[str] = []
    for path in real:
        if not any(path == other or path.startswith(f"{other}/") for other in kept):
            kept.append(path)
    return kept


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
