"""What the store keeps of a sweep: ``sweeps/<name>/`` with the sweep as written, its status and a file per trial.

    sweep.yaml       as written
    resolved.json    after overrides, with everything needed to continue it
    status.json      how far it is: state, when, who, counts
    trials/0000.json a TrialRecord, replaced at every change

One driver at a time writes a sweep's folder; a lock held by the operating system says which.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from r1ci.errors import StoreError, UsageError
from r1ci.store.files import read_json, write_json, write_text, writing
from r1ci.store.remote import mirror_of
from r1ci.store.store import as_seen_now

State = Literal["pending", "running", "done", "stopped", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("done", "stopped", "failed")
"""States that a resumed sweep leaves as they are."""


@dataclass(frozen=True)
class TrialError:
    """Why a trial failed."""

    type: str
    message: str
    help: str = ""


@dataclass(frozen=True)
class TrialRecord:
    """A trial: what was tried, how it went, what it is made of."""

    number: int
    spec: str
    """The spec that the values are laid over."""
    values: Mapping[str, Any]
    """By dotted key."""
    overrides: tuple[str, ...]
    """The same as ``a.b=c``, to run it again by hand."""
    state: State = "pending"
    attempt: int = 1
    """How often it was begun."""
    informed_by: tuple[int, ...] = ()
    """Numbers of the trials whose results its values were chosen by."""
    metric: float | None = None
    """Mean over seeds."""
    by_seed: Mapping[int, float] = field(default_factory=dict)
    curve: tuple[tuple[float, float], ...] = ()
    """Intermediate values of the first seed: resource, value."""
    stopped_at: float | None = None
    """Resource at which the scheduler stopped it."""
    reason: str = ""
    """Why it was stopped or interrupted."""
    error: TrialError | None = None
    cells: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    """Step ids by role, by seed."""
    computed: int = 0
    """Steps that this trial computed."""
    reused: int = 0
    """Steps that were in the store already."""
    saved_s: float = 0.0
    """Seconds that computing the reused steps took when they were computed."""
    seconds: float = 0.0
    """From start to end, over all attempts."""
    totals: Mapping[str, float] = field(default_factory=dict)
    """What its training used over all seeds: steps, tokens."""
    started: str | None = None
    ended: str | None = None

    @property
    def name(self) -> str:
        """The number as files have it."""
        return f"{self.number:04d}"


def to_json(record: TrialRecord) -> dict[str, Any]:
    """A record as plain JSON values; ``from_json`` reads it back to an equal record."""
    return dataclasses.asdict(record)


def from_json(data: Mapping[str, Any]) -> TrialRecord:
    """Read what ``to_json`` wrote. Raises StoreError for anything else."""
    try:
        seeds = {int(seed): value for seed, value in data["by_seed"].items()}
        return TrialRecord(
            **{
                **data,
                "overrides": tuple(data["overrides"]),
                "informed_by": tuple(data["informed_by"]),
                "by_seed": seeds,
                "curve": tuple((resource, value) for resource, value in data["curve"]),
                "error": None if data["error"] is None else TrialError(**data["error"]),
                "cells": {int(seed): roles for seed, roles in data["cells"].items()},
            }
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"this is not a trial: {type(error).__name__} {error}", "delete its file to run it again"
        ) from None


class SweepFolder:
    """One sweep in a store. Cheap to make; nothing is written before ``create``."""

    def __init__(self, root: Path, name: str) -> None:
        self.root, self.name = root, name
        self.folder = root / "sweeps" / name
        self._mirror = mirror_of(root)

    def create(self, *, text: str, resolved: Mapping[str, Any]) -> None:
        """Keep the sweep as written and resolved."""
        with writing(self.root):
            (self.folder / "trials").mkdir(parents=True, exist_ok=True)
            write_text(self.folder / "sweep.yaml", text)
            write_json(self.folder / "resolved.json", resolved)
        if self._mirror is not None:
            self._mirror.push(self.folder / "sweep.yaml", self.folder / "resolved.json")

    def clear(self) -> None:
        """Forget every trial of an earlier sweep of this name; the steps they computed stay in the store."""
        with writing(self.root):
            shutil.rmtree(self.folder / "trials", ignore_errors=True)
            (self.folder / "status.json").unlink(missing_ok=True)
        if self._mirror is not None:
            self._mirror.remove(self.folder)

    def resolved(self) -> dict[str, Any]:
        """What ``create`` was given. Raises StoreError where it is missing or damaged."""
        path = self.folder / "resolved.json"
        try:
            return read_json(path)
        except FileNotFoundError:
            raise StoreError(f"{path} is missing", "start the sweep again with --exists overwrite") from None

    def write(self, record: TrialRecord) -> None:
        """Keep a trial as it is now."""
        with writing(self.root):
            write_json(self.folder / "trials" / f"{record.name}.json", to_json(record), lasting=record.state in ENDED)
        if self._mirror is not None:
            self._mirror.push(self.folder / "trials" / f"{record.name}.json")

    def records(self) -> tuple[TrialRecord, ...]:
        """All trials, by number. Raises StoreError, with the file, where one is damaged."""
        return tuple(self._record(path) for path in sorted((self.folder / "trials").glob("[0-9]*.json")))

    def record(self, number: int) -> TrialRecord | None:
        """One trial; None where there is none. Raises StoreError where it is damaged."""
        path = self.folder / "trials" / f"{number:04d}.json"
        return self._record(path) if path.exists() else None

    def _record(self, path: Path) -> TrialRecord:
        try:
            return from_json(read_json(path))
        except StoreError as error:
            raise StoreError(f"{path}: {error.message}", error.help) from None

    def write_status(self, status: Mapping[str, Any]) -> None:
        """Keep how far the sweep is; ``r1ci.launch.sweep.desk`` says what is in it."""
        with writing(self.root):
            write_json(self.folder / "status.json", status, lasting=status.get("state") != "running")
        if self._mirror is not None:
            self._mirror.push_status(self.folder / "status.json", status["state"])

    def status(self) -> dict[str, Any]:
        """What was last written, ``{"state": "new"}`` if nothing was; killed where its process is gone."""
        try:
            return as_seen_now(read_json(self.folder / "status.json"))
        except FileNotFoundError:
            return {"state": "new"}

    def stop_request(self, number: int) -> Path:
        """The file that asks a running trial to stop, while it exists."""
        return self.folder / "stop" / f"{number:04d}"

    @contextmanager
    def drive(self) -> Iterator[None]:
        """Be the one who runs this sweep. Raises UsageError where somebody else is."""
        with writing(self.root):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "driver.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                who = self.status()
                raise UsageError(
                    f"sweep {self.name} is running already (process {who.get('pid')} on {who.get('host')})",
                    "wait for it, or give this one another name with --name",
                ) from None
        try:
            yield
        finally:
            lock.release()


def sweep_names(root: Path) -> tuple[str, ...]:
    """The sweeps of a store, sorted."""
    return tuple(sorted(path.name for path in (root / "sweeps").glob("*") if path.is_dir()))


def best(records: Sequence[TrialRecord], mode: Literal["max", "min"]) -> TrialRecord | None:
    """The finished trial with the best metric, the earliest of equals; None if none has one."""
    found = [record for record in records if record.state == "done" and record.metric is not None]
    sign = 1 if mode == "min" else -1
    return min(found, key=lambda record: (sign * (record.metric or 0.0), record.number), default=None)
