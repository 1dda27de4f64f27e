"""From the words on the command line to runs in a store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from r1ci.errors import StoreError, UsageError

if TYPE_CHECKING:
    from r1ci.store.sweeps import SweepFolder


@dataclass(frozen=True)
class Run:
    """An experiment in a store."""

    root: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where the experiment's own files lie."""
        return self.root / "experiments" / self.name

    def fetched(self) -> Run:
        """The run with its finished steps here, where only the store's URL had them."""
        from r1ci.store.store import Store

        store = Store(self.root)
        if store.has_url:
            store.fetch(step["id"] for step in self.read_json("plan.json")["steps"])
        return self

    def read_json(self, file: str) -> Any:
        """One of the experiment's JSON files.

        Raises:
            StoreError: it is missing or damaged.
        """
        path = self.folder / file
        hint = "run the spec again with --exists overwrite: finished steps are reused"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StoreError(f"{path} is missing", hint) from error
        except ValueError as error:
            raise StoreError(f"{path} is damaged: {error}", hint) from error


def bring_here(root: Path, names: Sequence[str]) -> None:
    """What the names of a report stand for as the store's URL has it now, finished steps too; nothing for a folder."""
    from r1ci.store.remote import mirror_of

    mirror = mirror_of(root)
    if mirror is not None:
        from r1ci.report.sweeps import find_runs

        mirror.fetch_index()
        for name in find_runs(root, names).experiments:
            Run(root, name).fetched()


def run_names(root: Path) -> list[str]:
    """The experiments of a store that are no trials of a sweep."""
    trials = set(trial_names(root))
    names = (path.name for path in (root / "experiments").glob("*") if path.is_dir())
    return sorted(name for name in names if name not in trials)


def trial_names(root: Path) -> list[str]:
    """The experiments that are trials of the store's sweeps: ``<sweep>-<number>``."""
    return [f"{path.parts[-3]}-{path.stem}" for path in sorted((root / "sweeps").glob("*/trials/[0-9]*.json"))]


def sweep_of(argument: str, root: Path) -> SweepFolder | None:
    """The sweep of that folder, or of that name in the store where no run has it; None if there is none."""
    from r1ci.store.sweeps import SweepFolder, sweep_names

    path = Path(argument)
    if path.is_dir() and path.resolve().parent.name == "sweeps":
        return SweepFolder(path.resolve().parent.parent, path.resolve().name)
    if argument in sweep_names(root) and argument not in run_names(root):
        return SweepFolder(root, argument)
    return None


def find_run(argument: str, root: Path) -> Run:
    """A run by its folder, or by its name in the store.

    Raises:
        UsageError: there is no such run.
    """
    path = Path(argument)
    if path.is_dir() and path.resolve().parent.name == "experiments":
        return Run(path.resolve().parent.parent, path.resolve().name)
    names = [*run_names(root), *trial_names(root)]
    if argument in names:
        return Run(root, argument)
    near = get_close_matches(argument, names, n=1)
    if near:
        hint = f"did you mean '{near[0]}'?"
    elif names:
        hint = f"runs in {root}: {', '.join(names)}"
    else:
        hint = f"{root} holds no runs yet; --root DIR or R1CI_ROOT names another store"
    raise UsageError(f"no run '{argument}' in {root}", hint)
