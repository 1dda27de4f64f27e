"""Landlock: the files a program may reach, whatever the mount table says.

Protects against: reading and writing outside the listed folders; TCP (ABI 4); signals and abstract sockets to processes
outside (ABI 6). Holds without any privilege and without namespaces.
Does not protect against: stat and path look-ups of hidden files, UDP, files whose descriptors are already open.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

from r1ci.executors.sandbox import kernel

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_READ_ONE = _EXECUTE | _READ_FILE
_READ = _READ_ONE | _READ_DIR
_DEVICE = _WRITE_FILE | _READ_FILE
_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("fd", ctypes.c_int32))


def abi() -> int:
    """Version of Landlock in this kernel. Raises OSError where there is none."""
    return kernel.syscall(_CREATE, "landlock", 0, 0, _VERSION)


class Ruleset:
    """What every program may reach; each child adds its own folder and restricts itself."""

    def __init__(self, read: Sequence[str], devices: Sequence[str]) -> None:
        """``read``: files and folders to read and run; ``devices``: files, or folders of files, to read and write."""
        version = abi()
        self._handled = _ALL_BY_ABI.get(version, (1 << 16) - 1)
        self._size = 8 if version < 4 else 16 if version < 6 else 24
        self._attributes = (ctypes.c_uint64 * 3)(self._handled, 3, 3)
        rights = [(path, _READ if os.path.isdir(path) else _READ_ONE) for path in read]
        rights += [(path, _DEVICE) for path in devices]
        self._rules = [
            (os.open(path, os.O_PATH | os.O_CLOEXEC), right) for path, right in rights if os.path.exists(path)
        ]

    def restrict(self, private: str) -> None:
        """Hold the calling thread and its descendants to the rules and to all of ``private``, for good."""
        attributes = ctypes.addressof(self._attributes)
        ruleset = kernel.syscall(_CREATE, "landlock_create_ruleset", attributes, self._size, 0)
        folder = os.open(private, os.O_PATH | os.O_CLOEXEC)
        rule = _PathBeneath()
        for rule.fd, allowed in (*self._rules, (folder, self._handled & ~_IOCTL_DEV)):
            rule.allowed = allowed & self._handled
            kernel.syscall(_ADD, "landlock_add_rule", ruleset, 1, ctypes.addressof(rule), 0)
        kernel.syscall(_RESTRICT, "landlock_restrict_self", ruleset, 0)
        os.close(folder)
        os.close(ruleset)
