"""The Linux calls that Python 3.11 does not offer, through the C library; nothing to compile.

Every function raises OSError with the call's name when the kernel refuses.
"""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
CLONE_NEWCGROUP = 0x0200_0000
CLONE_NEWTIME = 0x0000_0080
CLONE_THREAD = 0x0001_0000
NAMESPACES = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
NAMESPACES |= CLONE_NEWCGROUP | CLONE_NEWTIME
"""Every flag of clone that makes a namespace."""

MS_BIND, MS_REC, MS_SLAVE, MS_PRIVATE = 0x1000, 0x4000, 0x8_0000, 0x4_0000
MS_NOSUID, MS_NODEV, MS_NOEXEC = 0x2, 0x4, 0x8
MNT_DETACH = 2
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 0x1, 0x2, 0x4, 0x8
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 21, 38, 39, 36

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR, _CLOSE_RANGE = 442, 436
_CAPABILITY_VERSION_3 = 0x2008_0522

machine = os.uname().machine
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.syscall.argtypes = [ctypes.c_long] * 7
libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]
libc.capset.argtypes = libc.capget.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]

_header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
_none, _sets = (ctypes.c_uint32 * 6)(), (ctypes.c_uint32 * 6)()


def checked(result: int, call: str) -> int:
    """The result of a call, or OSError with its errno."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def syscall(number: int, call: str, *arguments: int) -> int:
    """A system call by number; pointers are given as addresses."""
    return checked(libc.syscall(number, *arguments, *(0,) * (6 - len(arguments))), call)


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones."""
    checked(libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter a namespace."""
    checked(libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    encoded = [value.encode() if value is not None else None for value in (source, target, kind, options)]
    checked(libc.mount(encoded[0], encoded[1], encoded[2], flags, encoded[3]), f"mount {target}")


def detach(target: str) -> None:
    """Unmount lazily."""
    checked(libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def restrict_mount(target: str, attributes: int, *, recursive: bool) -> None:
    """Add restrictions (ATTR_*) to a mount, or to everything mounted at and below it. Linux 5.12."""
    attr = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    path = ctypes.create_string_buffer(target.encode())
    pointers = ctypes.addressof(path), ctypes.addressof(attr)
    syscall(_MOUNT_SETATTR, f"mount_setattr {target}", _AT_FDCWD, pointers[0], flags, pointers[1], 32)


def pivot_root() -> None:
    """Make the working directory the root; the old root is stacked on top of it."""
    if machine not in _PIVOT_ROOT:
        raise OSError(38, f"pivot_root: number unknown on {machine}")
    here = ctypes.create_string_buffer(b".")
    syscall(_PIVOT_ROOT[machine], "pivot_root", ctypes.addressof(here), ctypes.addressof(here))


def prctl(option: int, value: int = 0, pointer: int = 0) -> int:
    """prctl(2)."""
    return checked(libc.prctl(option, value, pointer, 0, 0), "prctl")


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    checked(libc.capset(ctypes.addressof(_header), ctypes.addressof(_none)), "capset")


def capabilities() -> int:
    """The effective and permitted sets, or-ed."""
    checked(libc.capget(ctypes.addressof(_header), ctypes.addressof(_sets)), "capget")
    return int(_sets[0] | _sets[1] | _sets[3] | _sets[4])


def close_from(first: int) -> None:
    """Close every descriptor from ``first`` on. Linux 5.9."""
    syscall(_CLOSE_RANGE, "close_range", first, 0xFFFF_FFFF, 0)
