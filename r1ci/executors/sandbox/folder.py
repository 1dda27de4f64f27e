"""A program's private folder where no mount namespace gives it one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress


def make(user: int | None) -> str:
    """A new folder that only ``user`` (None: the caller) can enter. Raises OSError."""
    path = tempfile.mkdtemp(prefix="r1ci-")
    if user is not None:
        os.chown(path, user, user)
    return path


def remove(path: str) -> None:
    """Remove a folder whatever a program made of it: unreadable, or deeper than Python recurses."""
    with suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, path], check=False, capture_output=True)
