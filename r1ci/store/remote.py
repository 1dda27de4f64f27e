"""A store behind a URL that fsspec understands (s3, gs, memory, file): a folder here that is kept the same as it.

Object stores have neither locks nor renames, so a run works on a local folder, the working copy. Finished steps are
uploaded, ``done.json`` last, and downloaded before anyone would compute them again; they count only when sizes and
checksums agree. Experiments' and sweeps' small files follow as they change. Locks hold within one working copy only:
two runs against one URL from two machines may compute the same step twice. Both results have the same id and either is
valid; the first uploaded is kept. Checkpoints are not uploaded: an attempt is resumed where its working copy is.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from r1ci.errors import EnvironmentMissing, StoreError
from r1ci.store.files import StoreUnwritable, read_json, write_json

REMOTE = "remote.json"
"""The file that makes a folder the working copy of a URL."""
DONE = "done.json"
INDEX = ("experiments", "sweeps")
STATUS_EVERY_S = 10.0
"""Shortest time between two uploads of a running experiment's status."""
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""What fsspec needs for a protocol."""


def is_url(where: str) -> bool:
    """Whether a store is named by a URL rather than a folder."""
    return "://" in where


def working_copy(url: str, cache: Path) -> Path:
    """The folder that stands for a URL; its experiments and sweeps are as the URL has them now.

    Raises:
        EnvironmentMissing: a package for the protocol is missing.
        StoreError: it cannot be reached.
    """
    url = url.rstrip("/")
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", url)[-60:].strip("-")
    root = cache / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    mirror = Mirror(root, url)
    if not (root / REMOTE).exists():
        root.mkdir(parents=True, exist_ok=True)
        write_json(root / REMOTE, {"url": url})
    mirror.fetch_index()
    return root


def mirror_of(root: Path) -> Mirror | None:
    """The remote side of a store's folder; None where it is an ordinary folder."""
    path = root / REMOTE
    return _mirror(root.absolute(), read_json(path)["url"]) if path.exists() else None


@functools.cache
def _mirror(root: Path, url: str) -> Mirror:
    return Mirror(root, url)


class Mirror:
    """Moves steps and small files between a working copy and its URL."""

    def __init__(self, root: Path, url: str) -> None:
        self._root, self._url = root, url
        self._pushed: dict[Path, float] = {}
        self._files, self._base = _open(url)

    def fetch_index(self) -> None:
        """Bring what describes experiments and sweeps here, as it is there now."""
        for room in INDEX:
            with self._moving(f"the {room}"):
                self._files.invalidate_cache()
                for found in self._find(room):
                    _replace_by(self._root / found, lambda part, found=found: self._get(found, part))

    def has_step(self, step_id: str) -> bool:
        """Whether a finished step is there."""
        with self._moving(step_id):
            self._files.invalidate_cache()
            return bool(self._files.exists(self._there(f"steps/{step_id}/{DONE}")))

    def fetch_step(self, step_id: str) -> bool:
        """Bring a finished step here, in place of an attempt at it. False where there is none.

        Raises StoreError where its files are not those that it lists.
        """
        with self._moving(step_id):
            if not self.has_step(step_id):
                return False
            part = self._root / "steps" / f".{step_id}.{os.getpid()}.part"
            try:
                self._download(step_id, part)
                folder = self._root / "steps" / step_id
                shutil.rmtree(folder, ignore_errors=True)
                part.replace(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return True

    def push_step(self, step_id: str) -> None:
        """Upload a finished step, unless it is there: ``done.json`` last.

        Raises StoreUnwritable where that fails; the step stays finished here.
        """
        with self._moving(step_id, upload=True):
            if self.has_step(step_id):
                return
            listed = read_json(self._root / "steps" / step_id / DONE)["outputs"]
            for name in (*(output["path"] for output in listed), DONE):
                self._put(f"steps/{step_id}/{name}")

    def push(self, *paths: Path) -> None:
        """Upload small files of the working copy. Raises StoreUnwritable where that fails."""
        for path in paths:
            name = path.absolute().relative_to(self._root.absolute()).as_posix()
            with self._moving(name, upload=True):
                self._put(name)

    def remove(self, folder: Path) -> None:
        """Delete a folder of the working copy there, too."""
        name = folder.absolute().relative_to(self._root.absolute()).as_posix()
        with self._moving(name, upload=True):
            if self._files.exists(self._there(name)):
                self._files.rm(self._there(name), recursive=True)

    def push_status(self, path: Path, state: str) -> None:
        """Upload a status: at once where the run has ended, now and then while it is running."""
        if state == "running" and time.monotonic() - self._pushed.get(path, float("-inf")) < STATUS_EVERY_S:
            return
        self._pushed[path] = time.monotonic()
        self.push(path)

    def _download(self, step_id: str, part: Path) -> None:
        part.mkdir(parents=True)
        self._get(f"steps/{step_id}/{DONE}", part / DONE)
        for output in read_json(part / DONE)["outputs"]:
            path = part / output["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._get(f"steps/{step_id}/{output['path']}", path)
            content = hashlib.sha256(path.read_bytes()).hexdigest() if "sha256" in output else None
            if path.stat().st_size != output["bytes"] or content != output.get("sha256"):
                raise StoreError(
                    f"{self._url}/steps/{step_id}/{output['path']} is not what was published",
                    f"delete {self._url}/steps/{step_id} to compute the step again",
                )

    def _find(self, room: str) -> list[str]:
        there = self._there(room)
        if not self._files.exists(there):
            return []
        prefix = self._base.strip("/") + "/"
        names = (name.strip("/").removeprefix(prefix) for name in self._files.find(there))
        return [name for name in names if name.endswith((".json", ".yaml"))]

    def _there(self, name: str) -> str:
        return f"{self._base.rstrip('/')}/{name}"

    def _get(self, name: str, to: Path) -> None:
        self._files.get_file(self._there(name), str(to))

    def _put(self, name: str) -> None:
        there = self._there(name)
        if self._url.partition("://")[0] not in PACKAGES:  # they have no folders, and would make a misspelled bucket
            self._files.makedirs(there.rpartition("/")[0], exist_ok=True)
        self._files.put_file(str(self._root / name), there)

    @contextmanager
    def _moving(self, what: str, *, upload: bool = False) -> Iterator[None]:
        """Turn what a file system raises, each in its own way, into one error of the store."""
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            help = "check the URL, the network and the credentials"
            if upload:
                raise StoreUnwritable(
                    f"{what} could not be copied to {self._url}: {text}",
                    f"{help}, then resume: what is finished is kept in {self._root} and copied first",
                ) from error
            raise StoreError(f"{what} could not be read from {self._url}: {text}", help) from error


def _replace_by(path: Path, download: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        download(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _open(url: str) -> tuple[Any, str]:
    import fsspec

    protocol = url.partition("://")[0]
    try:
        return fsspec.core.url_to_fs(url)  # type: ignore[no-any-return]
    except ImportError:
        package = PACKAGES.get(protocol, f"fsspec's package for {protocol}")
        raise EnvironmentMissing(f"a store at {url} needs {package}", f"pip install {package}") from None
    except ValueError as error:
        raise EnvironmentMissing(
            f"no store can be at {url}: {error}", f"protocols: file, memory, {', '.join(PACKAGES)}"
        ) from None
