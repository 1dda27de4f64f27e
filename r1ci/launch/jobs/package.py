"""The working tree as a folder to send: what git tracks, and what is new and not ignored.

Where there is no git, everything but hidden and cached files. Ray caches a package by the hash of its content on every
node, so an unchanged tree is sent once. What git knows of the tree (commit, diff) goes along as a file, since the copy
has no ``.git``; ``r1ci.store.provenance`` reads it there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from r1ci.errors import UsageError

LIMIT_MB = 200
"""Largest tree that is sent; Ray itself refuses 512."""
NAMED = 5
"""How many of the largest files an error names."""


@dataclass(frozen=True)
class Tree:
    """A working tree: its root, and the files that belong to it, relative to the root and sorted."""

    root: Path
    files: tuple[Path, ...]

    def inside(self, path: Path) -> Path:
        """A path relative to the root. Raises UsageError where the tree does not hold that file."""
        absolute = path.resolve()
        found = absolute.relative_to(self.root) if absolute.is_relative_to(self.root) else None
        if found is None or found not in self.files:
            raise UsageError(
                f"{path} would not reach the cluster: the working tree {self.root} does not hold it",
                "move it into the tree, and see that git does not ignore it",
            )
        return found


def working_tree(folder: Path, leave_out: Sequence[Path] = ()) -> Tree:
    """The tree that a folder belongs to, without the folders to leave out (the store, reports)."""
    top = _git(folder, "rev-parse", "--show-toplevel")
    root = Path(top.strip()).resolve() if top else folder.resolve()
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard") if top else None
    names = _walk(root) if listed is None else map(Path, filter(None, listed.split("\0")))
    unwanted = [path.resolve() for path in leave_out]
    return Tree(
        root,
        tuple(
            sorted(
                name
                for name in set(names)
                if (root / name).is_file() and not any((root / name).is_relative_to(path) for path in unwanted)
            )
        ),
    )


def pack(tree: Tree, to: Path) -> str:
    """Copy a tree's files into an empty folder; returns a hash of their names and content.

    Raises:
        UsageError: the tree is larger than LIMIT_MB.
    """
    _refuse_large(tree)
    digest = hashlib.sha256()
    for name in tree.files:
        source, target = tree.root / name, to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        shutil.copymode(source, target)
        digest.update(f"{name.as_posix()}\0{source.stat().st_size}\0".encode() + source.read_bytes())
    return digest.hexdigest()


def _refuse_large(tree: Tree) -> None:
    sizes = sorted(((tree.root / name).stat().st_size, name.as_posix()) for name in tree.files)
    size_mb = sum(size for size, _ in sizes) / 1e6
    if size_mb > LIMIT_MB:
        largest = ", ".join(f"{name} ({size / 1e6:.1f} MB)" for size, name in reversed(sizes[-NAMED:]))
        raise UsageError(
            f"the working tree {tree.root} has {size_mb:.0f} MB, at most {LIMIT_MB} MB are sent to a cluster",
            f"let git ignore what the job does not need, or put data where the cluster sees it; largest: {largest}",
        )


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        run = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, errors="replace")
    except OSError:
        return None
    return run.stdout if run.returncode == 0 else None


def _walk(root: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".") and name != "__pycache__"]
        yield from ((Path(folder) / name).relative_to(root) for name in names if not name.startswith("."))
