"""The store: one folder per step id, published atomically, and one per experiment.

A step's folder is trusted only with ``done.json``, which is written last, by rename, and lists every output with its
size. What is not there yet is an attempt: resumed where it has checkpoints, else started again. A folder that was
published and no longer holds what it published is damaged: that is an error, never silently computed again, because
only its owner knows whether the missing files can be put back. Nothing here protects against someone who edits a
large output without changing its size.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from r1ci.errors import StoreError
from r1ci.plan.steps import Step
from r1ci.store.files import StoreUnwritable, read_json, sync, write_json, write_text, writing
from r1ci.store.provenance import gpus, now, provenance
from r1ci.store.remote import mirror_of

DONE, STEP, PROVENANCE, ERROR, CHECKPOINTS = "done.json", "step.json", "provenance.json", "error.txt", "checkpoints"
STOP = "stop"
"""A file in an attempt's folder that asks whoever computes there to stop at the next good moment."""
CHECKSUM_BYTES = 1_000_000
"""Outputs smaller than this are published with their SHA-256."""


class Condition(StrEnum):
    """What a step's folder is."""

    ABSENT = "absent"
    ATTEMPT = "attempt"
    """Begun and not finished."""
    DONE = "done"
    DAMAGED = "damaged"
    """Finished once, and changed since."""


class AlreadyDone(StoreError):
    """Another process finished the step while this one waited for its lock."""


class Store:
    """Where steps and experiments are kept. Cheap to make; nothing is written before the first attempt.

    A folder that is the working copy of a URL (``r1ci.store.remote``) is kept the same as it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._mirror = mirror_of(root)

    # ------------------------------------------------------------ steps

    def step_folder(self, step_id: str) -> Path:
        """The folder of a step, whether or not it exists."""
        return self.root / "steps" / step_id

    def condition(self, step_id: str) -> Condition:
        """What the step's folder is, by the names and sizes of its files; never raises for damage.

        A step that only the store's URL has is done.
        """
        folder = self.step_folder(step_id)
        if self._mirror is not None and not (folder / DONE).exists() and self._mirror.has_step(step_id):
            return Condition.DONE
        if not folder.is_dir():
            return Condition.ABSENT
        if not (folder / DONE).exists():
            return Condition.ATTEMPT
        return Condition.DAMAGED if self._damage(step_id) else Condition.DONE

    def is_done(self, step_id: str) -> bool:
        """Whether the step is finished and all its outputs are there; fetched, where only the store's URL has them.

        Raises StoreError where it was finished and its folder no longer holds what it published.
        """
        folder = self.step_folder(step_id)
        if not (folder / DONE).exists() and not self._fetch(step_id):
            return False
        self._refuse_damage(step_id, self._damage(step_id))
        return True

    def verify(self, step_id: str) -> None:
        """Hold a finished step's small outputs against their checksums, too. Raises StoreError where they differ."""
        self._refuse_damage(step_id, self._damage(step_id, checksums=True))
        if self._mirror is not None:
            self._mirror.push_step(step_id)

    @property
    def has_url(self) -> bool:
        """Whether it is the working copy of a URL."""
        return self._mirror is not None

    def fetch(self, step_ids: Iterable[str]) -> None:
        """Bring finished steps here where only the store's URL has them, for whoever reads folders."""
        for step_id in step_ids:
            if not (self.step_folder(step_id) / DONE).exists():
                self._fetch(step_id)

    def _fetch(self, step_id: str) -> bool:
        """Bring a finished step here from the store's URL, unless a process here is computing it."""
        if self._mirror is None:
            return False
        lock = self._lock_file(step_id)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        try:
            return (self.step_folder(step_id) / DONE).exists() or self._mirror.fetch_step(step_id)
        finally:
            lock.release()

    @contextmanager
    def attempt(self, step: Step, on_wait: Callable[[], None] = lambda: None) -> Iterator[Path]:
        """Hold the step's lock and give the folder to compute it in; publish it when the block ends well.

        ``on_wait`` is called once if another process holds the lock; this one then waits for it. Where the block raises
        or the process dies, an attempt stays behind, with ``error.txt`` where there was time for it. Raises AlreadyDone
        if there is nothing left to do, StoreError if the folder is damaged, StoreUnwritable if it cannot be written.
        """
        folder = self.step_folder(step.id)
        with writing(self.root), self._lock(step.id, on_wait):
            if self.is_done(step.id):
                raise AlreadyDone(f"step {step.id} is done")
            number = _prepare(folder, step)
            record = provenance(step, number)
            write_json(folder / PROVENANCE, record, lasting=False)
            try:
                yield folder
                _publish(folder, record)
            except BaseException as error:
                _record_failure(folder, record, error)
                raise
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
            if self._mirror is not None:
                self._mirror.push_step(step.id)

    def ask_to_stop(self, step_id: str) -> None:
        """Ask whoever computes a step now to stop at the next good moment (``STOP``); a later attempt is not asked."""
        with contextlib.suppress(FileNotFoundError):
            (self.step_folder(step_id) / STOP).touch()

    @contextmanager
    def _lock(self, step_id: str, on_wait: Callable[[], None]) -> Iterator[None]:
        lock = self._lock_file(step_id)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            on_wait()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _lock_file(self, step_id: str) -> FileLock:
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{step_id}.lock")

    def _damage(self, step_id: str, *, checksums: bool = False) -> str:
        """What is wrong with a published folder, as a phrase; empty if nothing."""
        folder = self.step_folder(step_id)
        try:
            recorded = read_json(folder / STEP)
            outputs = read_json(folder / DONE)["outputs"]
            step = Step(recorded["kind"], recorded["inputs"], recorded["reads"])
            if step.id != step_id:
                return f"its {STEP} belongs to {step.id}"
            for output in outputs:
                problem = _output_damage(folder, output, checksums=checksums)
                if problem:
                    return problem
        except StoreError as error:
            return error.message
        except FileNotFoundError as error:
            return f"{Path(error.filename).name} is missing"
        except OSError as error:
            return f"{Path(error.filename).name} cannot be read: {error.strerror}"
        except (KeyError, TypeError, ValueError) as error:
            return f"{STEP} or {DONE} is not what the store wrote ({type(error).__name__}: {error})"
        return ""

    def _refuse_damage(self, step_id: str, problem: str) -> None:
        if problem:
            raise StoreError(
                f"step {step_id} was finished, but its folder {self.step_folder(step_id)} is damaged: {problem}",
                "put the file back, or delete the folder to compute the step again; other steps are not affected",
            )

    # ------------------------------------------------------------ experiments

    def experiment_folder(self, name: str) -> Path:
        """The folder of an experiment, whether or not it exists."""
        return self.root / "experiments" / name

    def experiments(self) -> tuple[str, ...]:
        """Names of the experiments there are, sorted."""
        folder = self.root / "experiments"
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()

    def write_experiment(self, name: str, *, text: str, resolved: Mapping[str, Any], plan: Mapping[str, Any]) -> Path:
        """Keep the spec as written, the resolved spec and the plan. Returns the experiment's folder."""
        folder = self.experiment_folder(name)
        with writing(self.root):
            folder.mkdir(parents=True, exist_ok=True)
            write_text(folder / "spec.yaml", text, lasting=False)
            write_json(folder / "resolved.json", resolved, lasting=False)
            write_json(folder / "plan.json", plan, lasting=False)
            sync(folder)
        if self._mirror is not None:
            self._mirror.push(*(folder / name for name in ("spec.yaml", "resolved.json", "plan.json")))
        return folder

    def write_status(self, name: str, status: Mapping[str, Any]) -> None:
        """Keep how far the experiment is; ``r1ci.launch.run`` says what is in it."""
        folder = self.experiment_folder(name)
        with writing(self.root):
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / "status.json", status, lasting=status.get("state") != "running")
        if self._mirror is not None:
            self._mirror.push_status(folder / "status.json", status["state"])

    def status(self, name: str) -> dict[str, Any]:
        """How far the experiment is: what was last written, ``{"state": "new"}`` if nothing was.

        A run of this machine whose process is gone without a word is given the state ``killed``.
        """
        try:
            return as_seen_now(read_json(self.experiment_folder(name) / "status.json"))
        except FileNotFoundError:
            return {"state": "new", "steps": {}}


def as_seen_now(status: dict[str, Any]) -> dict[str, Any]:
    """A status with the state ``killed`` where it says running, here, and its process is gone."""
    if status.get("state") == "running" and status.get("host") == socket.gethostname() and not _alive(status):
        return {**status, "state": "killed"}
    return status


def _alive(status: Mapping[str, Any]) -> bool:
    try:
        os.kill(int(status["pid"]), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, KeyError, TypeError, ValueError):
        return False
    return True


# ---------------------------------------------------------------- one attempt


def _prepare(folder: Path, step: Step) -> int:
    """Make the folder ready and return the number of the attempt.

    An earlier attempt at the same step keeps its files if it has checkpoints; anything else is cleared away.
    """
    content = {"kind": step.kind, "inputs": step.inputs, "reads": step.reads}
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file where a step's folder should be", "move it away")
    earlier = _attempts(folder)
    if folder.exists() and not (_same(folder, content) and (folder / CHECKPOINTS).is_dir()):
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ERROR).unlink(missing_ok=True)
    (folder / STOP).unlink(missing_ok=True)
    write_json(folder / STEP, {"id": step.id, **content})
    return earlier + 1


def _same(folder: Path, content: Mapping[str, Any]) -> bool:
    try:
        recorded = read_json(folder / STEP)
    except (StoreError, OSError):
        return False
    return {key: recorded.get(key) for key in content} == content


def _attempts(folder: Path) -> int:
    """How many attempts were begun here, as far as the folder says."""
    try:
        return int(read_json(folder / PROVENANCE)["attempt"])
    except (StoreError, OSError, KeyError, TypeError, ValueError):
        return 0


def _publish(folder: Path, record: dict[str, Any]) -> None:
    """Write ``done.json``, after everything it lists is on the disk."""
    end = {"ended": now(), "outcome": "done", "machine": {**record["machine"], "gpus": gpus()}}
    write_json(folder / PROVENANCE, {**record, **end}, lasting=False)  # done.json syncs the folder
    (folder / STOP).unlink(missing_ok=True)
    outputs = [_describe(folder, path) for path in _outputs(folder)]
    write_json(folder / DONE, {"finished": end["ended"], "attempt": record["attempt"], "outputs": outputs})


def _outputs(folder: Path) -> Iterator[Path]:
    """Every file of the folder but checkpoints, in a fixed order."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.relative_to(folder).parts[0] != CHECKPOINTS:
            yield path


def _describe(folder: Path, path: Path) -> dict[str, Any]:
    sync(path)
    size = path.stat().st_size
    entry: dict[str, Any] = {"path": path.relative_to(folder).as_posix(), "bytes": size}
    if size < CHECKSUM_BYTES:
        entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return entry


def _output_damage(folder: Path, output: Mapping[str, Any], *, checksums: bool) -> str:
    path = folder / output["path"]
    size = path.stat().st_size if path.is_file() else None
    if size is None:
        return f"{output['path']} is missing"
    if size != output["bytes"]:
        return f"{output['path']} has {size:,} bytes, published were {output['bytes']:,}"
    if checksums and "sha256" in output and hashlib.sha256(path.read_bytes()).hexdigest() != output["sha256"]:
        return f"{output['path']} is not what was published (its checksum differs)"
    return ""


def _record_failure(folder: Path, record: dict[str, Any], error: BaseException) -> None:
    """Leave word of how an attempt ended. A disk that takes no more must not hide the error that ended it."""
    outcome = "failed" if isinstance(error, Exception) else "interrupted"
    with contextlib.suppress(OSError):
        write_json(folder / PROVENANCE, {**record, "ended": now(), "outcome": outcome})
        write_text(folder / ERROR, "".join(traceback.format_exception(error)))


__all__ = ["AlreadyDone", "Condition", "Store", "StoreUnwritable"]
