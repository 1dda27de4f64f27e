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


def checked(result: int, call: str) -> int:
    """The result of a call, or OSError with its errno."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def syscall(number: int, call: str, *arguments: object) -> int:
    """A system call by number; integers are passed as longs."""
    plain = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return checked(libc.syscall(ctypes.c_long(number), *plain), call)


def unshare(flags: int) -> None:
    """Leave the namespaces of these kinds for new ones."""
    checked(libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    """Enter a namespace."""
    checked(libc.setns(fd, kind), "setns")


def mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    encoded = [value.encode() if value is not None else None for value in (source, target, kind, options)]
    checked(libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]), f"mount {target}")


def detach(target: str) -> None:
    """Unmount lazily."""
    checked(libc.umount2(target.encode(), MNT_DETACH), f"umount {target}")


def restrict_mount(target: str, attributes: int, *, recursive: bool) -> None:
    """Add restrictions (ATTR_*) to a mount, or to everything mounted at and below it. Linux 5.12."""
    attr = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    syscall(_MOUNT_SETATTR, f"mount_setattr {target}", _AT_FDCWD, ctypes.c_char_p(target.encode()), flags, attr, 32)


def pivot_root() -> None:
    """Make the working directory the root; the old root is stacked on top of it."""
    if machine not in _PIVOT_ROOT:
        raise OSError(38, f"pivot_root: number unknown on {machine}")
    here = ctypes.c_char_p(b".")
    syscall(_PIVOT_ROOT[machine], "pivot_root", here, here)


def prctl(option: int, value: int = 0, pointer: object = 0) -> int:
    """prctl(2)."""
    third = ctypes.c_ulong(pointer) if isinstance(pointer, int) else pointer
    zero = ctypes.c_ulong(0)
    return checked(libc.prctl(option, ctypes.c_ulong(value), third, zero, zero), f"prctl {option}")


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    checked(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")


def capabilities() -> int:
    """The effective and permitted sets, or-ed."""
    header, sets = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    checked(libc.capget(header, sets), "capget")
    return int(sets[0] | sets[1]) | int(sets[3] | sets[4]) << 32


def close_from(first: int) -> None:
    """Close every descriptor from ``first`` on. Linux 5.9."""
    syscall(_CLOSE_RANGE, "close_range", first, 0xFFFF_FFFF, 0)
