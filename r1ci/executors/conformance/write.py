"""Short ways to write cases down."""

from __future__ import annotations

import textwrap
from typing import Any

from r1ci.executors.conformance.case import CONFINED, EVERYWHERE, SKIP, Case, Want
from r1ci.executors.protocol import Status

REFUSED, DONE = "refused", "done"
"""What an attack prints."""
BAD_ENDS = (Status.ERROR, Status.MEMORY, Status.SIGNAL, Status.TIMEOUT, Status.CPU)
"""How a program that ruins itself may end."""
KILLED = (Want(status=(Status.TIMEOUT, Status.CPU)),)
"""Stopped at a limit of time."""
OUT_OF_MEMORY = (Want(status=(Status.MEMORY,)), Want(words=(REFUSED,)))
"""Stopped at the limit of memory, or told so and alive."""


def source(text: str) -> str:
    """A program as it is indented here, without that indentation."""
    return textwrap.dedent(text).lstrip("\n")


def odd(group: str, name: str, text: str, *wants: Want, **fields: Any) -> Case:
    """A program that is unusual but innocent: the same is wanted at every level unless ``fields`` say otherwise."""
    return Case(name, group, source(text), wants or (Want(),), **fields)


def attack(group: str, name: str, text: str, holds: frozenset[str] = CONFINED, **fields: Any) -> Case:
    """A body that attempts something forbidden. It prints "refused" if that raises what the system raises, else "done".

    Other exceptions are errors of the snippet and fail it, so that an attack that has a bug is not taken for a defence.
    """
    code = (
        "import ctypes, errno, os, signal, socket, sys, threading, time\n"
        "def attempt():\n"
        f"{textwrap.indent(source(text), '    ')}\n"
        "try:\n"
        "    result = attempt()\n"
        "except (OSError, MemoryError) as error:\n"
        "    print('refused')\n"
        "    print(type(error).__name__, error, file=sys.stderr)\n"
        "else:\n"
        "    print('done')\n"
        "    print(result, file=sys.stderr)\n"
    )
    wants = fields.pop("wants", (Want(words=(REFUSED,)),))
    otherwise = fields.pop("otherwise", (Want(words=(REFUSED, DONE)),))
    return Case(name, group, code, wants, holds, () if holds == EVERYWHERE else otherwise, **fields)


def call(group: str, name: str, numbers: tuple[int, int], arguments: str, holds: frozenset[str], note: str) -> Case:
    """A system call by its numbers on x86_64 and aarch64. Whatever the kernel says after it took the call counts as
    done; that it may not, or does not know it, as refused."""
    text = f"""
    number = dict(zip(("x86_64", "aarch64"), {numbers})).get(os.uname().machine)
    if number is None:
        print({SKIP!r})
        sys.exit()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if libc.syscall(ctypes.c_long(number), {arguments}) == -1:
        code = ctypes.get_errno()
        if code in (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EAFNOSUPPORT, errno.EOPNOTSUPP):
            raise OSError(code, os.strerror(code))
        return os.strerror(code)
    """
    return attack(group, name, text, holds, may_skip=True, note=note)
