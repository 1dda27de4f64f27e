"""The system-call filter of a program, as classic BPF built by hand.

Protects against: kernel interfaces that no computation needs (a large part of the kernel's attack surface), sockets of
every family (also vsock and netlink, which no network namespace holds), starting processes, memory outside the limits
(memfd, System V and POSIX shared memory), new namespaces, tracing.
Does not protect against: bugs in the calls it allows; what a program does through descriptors it was given.

It is a deny list: Python and numeric libraries use many calls, and a list of allowed ones would break with every
release of theirs. A foreign architecture's calls (32 bit, x32) end the program. Tables: x86_64, aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import struct

from r1ci.executors.sandbox import kernel

_EVERYWHERE = {
    "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447,
    "process_mrelease": 448, "set_mempolicy_home_node": 450,
}  # fmt: skip
"""Calls whose number is the same on every architecture."""

NUMBERS = {
    "x86_64": _EVERYWHERE | {
        "shmget": 29, "shmat": 30, "shmctl": 31, "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "semget": 64,
        "semop": 65, "semctl": 66, "shmdt": 67, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "ptrace": 101,
        "syslog": 103, "uselib": 134, "personality": 135, "vhangup": 153, "modify_ldt": 154, "pivot_root": 155,
        "adjtimex": 159, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167,
        "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
        "init_module": 175, "delete_module": 176, "quotactl": 179, "lookup_dcookie": 212, "semtimedop": 220,
        "clock_settime": 227, "mbind": 237, "set_mempolicy": 238, "get_mempolicy": 239, "mq_open": 240,
        "mq_unlink": 241, "mq_timedsend": 242, "mq_timedreceive": 243, "mq_notify": 244, "mq_getsetattr": 245,
        "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "migrate_pages": 256, "unshare": 272,
        "move_pages": 279, "perf_event_open": 298, "fanotify_init": 300, "fanotify_mark": 301,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "memfd_create": 319,
        "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323,
    },
    "aarch64": _EVERYWHERE | {
        "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "vhangup": 58, "quotactl": 60,
        "acct": 89, "personality": 92, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
        "clock_settime": 112, "syslog": 116, "ptrace": 117, "reboot": 142, "sethostname": 161, "setdomainname": 162,
        "settimeofday": 170, "adjtimex": 171, "mq_open": 180, "mq_unlink": 181, "mq_timedsend": 182,
        "mq_timedreceive": 183, "mq_notify": 184, "mq_getsetattr": 185, "msgget": 186, "msgctl": 187, "msgrcv": 188,
        "msgsnd": 189, "semget": 190, "semctl": 191, "semtimedop": 192, "semop": 193, "shmget": 194, "shmctl": 195,
        "shmat": 196, "shmdt": 197, "socket": 198, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220,
        "swapon": 224, "swapoff": 225, "mbind": 235, "get_mempolicy": 236, "set_mempolicy": 237, "migrate_pages": 238,
        "move_pages": 239, "perf_event_open": 241, "fanotify_init": 262, "fanotify_mark": 263,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "memfd_create": 279,
        "bpf": 280, "userfaultfd": 282, "kexec_file_load": 294,
    },
}  # fmt: skip
"""Denied calls by architecture. aarch64 has no fork, vfork, uselib, modify_ldt, iopl or ioperm."""
_AUDIT_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_X32_BIT = 0x4000_0000

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NR, _ARCH, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_SPECIAL = {"socket": errno.EAFNOSUPPORT, "clone3": errno.ENOSYS}
"""Errors that libraries understand: glibc falls back from clone3 to clone, whose flags can be looked at."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def instructions(machine: str, *, subprocesses: bool) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, operand). Raises KeyError for an unknown architecture."""
    numbers = dict(NUMBERS[machine])
    clone = numbers.pop("clone")
    if subprocesses:
        numbers.pop("fork", None)
        numbers.pop("vfork", None)
    code = [(_LOAD, 0, 0, _ARCH), (_JEQ, 1, 0, _AUDIT_ARCH[machine]), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, _NR)]
    if machine == "x86_64":
        code += [(_JGE, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL)]
    for name, number in sorted(numbers.items(), key=lambda item: item[1]):
        code += [(_JEQ, 0, 1, number), (_RETURN, 0, 0, _ERRNO | _SPECIAL.get(name, errno.EPERM))]
    code += [(_JEQ, 1, 0, clone), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    if subprocesses:
        code += [(_JSET, 1, 0, kernel.NAMESPACES), (_RETURN, 0, 0, _ALLOW)]
    else:
        code += [(_JSET, 0, 1, kernel.CLONE_THREAD), (_RETURN, 0, 0, _ALLOW)]
    return [*code, (_RETURN, 0, 0, _ERRNO | errno.EPERM)]


class Filter:
    """A filter laid out for the kernel once, installed by every child."""

    def __init__(self, *, subprocesses: bool) -> None:
        packed = [struct.pack("HBBI", *one) for one in instructions(kernel.machine, subprocesses=subprocesses)]
        self._code = ctypes.create_string_buffer(b"".join(packed))
        self._program = _Program(len(packed), ctypes.addressof(self._code))

    def install(self) -> None:
        """Hold the calling thread and its descendants to the filter, for good."""
        kernel.prctl(kernel.PR_SET_SECCOMP, 2, ctypes.addressof(self._program))


def supported() -> bool:
    """Whether there is a table for this architecture."""
    return kernel.machine in NUMBERS
