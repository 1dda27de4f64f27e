"""Files of the store: written whole or not at all, read with one clear error, on a full disk too."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from r1ci.errors import StoreError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = ("[Errno 28]", "os error 28")
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


class StoreUnwritable(StoreError):
    """Nothing can be written to the store any more: its disk is full, or its folder may not be written."""


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turn what a full or forbidden disk raises inside the block, in whatever library, into StoreUnwritable."""
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        unwritable = _unwritable(error, root)
        if unwritable is None:
            raise
        raise unwritable from error


def _unwritable(error: Exception, root: Path) -> StoreUnwritable | None:
    number = error.errno if isinstance(error, OSError) else None
    # Libraries written in Rust, and Ray for what its workers raise, report the disk's error as text.
    if number in _FULL or any(text in str(error) for text in _FULL_TEXTS):
        return StoreUnwritable(
            f"the disk of the store {root} is full",
            "free some space (old steps under steps/ may be deleted) and resume; finished steps are kept",
        )
    named = [Path(os.fsdecode(name)) for name in _names(error)]
    if (number in _FORBIDDEN and any(_concerns(path, root) for path in named)) or (
        number == errno.EEXIST and any(_is_frame(path, root) for path in named)
    ):
        return StoreUnwritable(
            f"the store {root} cannot be written: {os.strerror(number or 0)} ({named[0]})",
            "give write access to it, or choose another folder with --root DIR",
        )
    return None


def _names(error: Exception) -> list[str]:
    return [name for name in (getattr(error, "filename", None), getattr(error, "filename2", None)) if name]


def _concerns(path: Path, root: Path) -> bool:
    """Whether a path lies in the store, or is one of the folders above it."""
    path, root = path.absolute(), root.absolute()
    return path.is_relative_to(root) or root.is_relative_to(path)


def _is_frame(path: Path, root: Path) -> bool:
    """Whether a path is one of the folders that every store has, or one above: a file in its place is in the way."""
    path, root = path.absolute(), root.absolute()
    return path.parent == root or root.is_relative_to(path)


def write_text(path: Path, text: str, *, lasting: bool = True) -> None:
    """Write a file by a temporary file and a rename: readers see the old text or the new, also after a power cut.

    Which of the two a power cut leaves is open where ``lasting`` is false, until the folder is synced.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if lasting:
        sync(path.parent)


def write_json(path: Path, data: Any, *, lasting: bool = True) -> None:
    """Write JSON for people and machines: indented, keys in their order; ``write_text`` says what ``lasting`` is."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n", lasting=lasting)


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises StoreError for what is not one; FileNotFoundError where there is no file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StoreError(f"{path} is damaged: {error}", "restore it, or delete its folder to make it again") from None
    if not isinstance(data, dict):
        raise StoreError(f"{path} is damaged: it holds no JSON object", "restore it, or delete its folder")
    return data


def sync(path: Path) -> None:
    """Ask the disk to keep a file or a folder's entries now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
