"""Which tasks there are: r1ci's own table, installed packages' entry points, and the plugins a spec names.

A package adds tasks by an entry point in the group ``r1ci.tasks`` that names a module, or a spec by
``plugins: [module]``. Importing that module calls ``register`` for each of its tasks.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import importlib.metadata
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from r1ci.errors import UsageError
from r1ci.spec.vocabulary import Vocabulary
from r1ci.tasks.base import Task, TaskInfo
from r1ci.tasks.fresh import Fresh
from r1ci.tasks.table import TABLE

GROUP = "r1ci.tasks"
Factory = Callable[[str, Mapping[str, Any]], Task]
"""Makes the task of an id with a spec's parameters; raises UsageError for wrong ones (``r1ci.tasks.params``)."""

_registered: dict[str, tuple[TaskInfo, Factory]] = {}


def register(info: TaskInfo, factory: Factory) -> None:
    """Add a task; called by plugins when they are imported. Raises UsageError for a bad or taken id or split."""
    if not re.fullmatch(r"[a-z0-9_]+/[a-zA-Z0-9_.-]+", info.id):
        raise UsageError(f"task id {info.id!r} is not namespaced", "write it as source/name, for example mine/parity")
    if info.split not in ("train", "test"):
        raise UsageError(f"task {info.id}: split must be train or test, found {info.split!r}")
    taken = any(known.id == info.id for known in TABLE) or _registered.get(info.id, (info, factory)) != (info, factory)
    if taken:
        raise UsageError(f"task {info.id} is already registered", "give it a namespace of its own")
    _registered[info.id] = (info, factory)


def load_plugins(modules: Sequence[str]) -> None:
    """Import the modules that a spec names. Raises UsageError naming the one that cannot be imported."""
    for module in modules:
        try:
            importlib.import_module(module)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(
                f"plugins: cannot import {module}: {type(error).__name__}: {error}",
                "name a module that Python finds, for example by running in its folder with PYTHONPATH=.",
            ) from error


@functools.cache
def _load_entry_points() -> None:
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:
            warnings.warn(
                f"tasks of entry point {point.name} ({point.value}) are left out: {type(error).__name__}: {error}",
                RuntimeWarning,
                stacklevel=2,
            )


def catalog() -> tuple[TaskInfo, ...]:
    """What is known of every task, r1ci's own first; imports none of them."""
    _load_entry_points()
    return TABLE + tuple(info for info, _ in _registered.values())


def vocabulary() -> Vocabulary:
    """The task ids that a spec may use."""
    infos = catalog()
    return Vocabulary(
        tasks={info.id: info.split for info in infos},
        with_program=frozenset(info.id for info in infos if info.has_program),
    )


def task_info(id: str) -> TaskInfo:
    """The catalogue's line of a task. Raises UsageError with the closest ids for an unknown one."""
    infos = {info.id: info for info in catalog()}
    if id in infos:
        return infos[id]
    close = difflib.get_close_matches(id, infos, n=3) or [name for name in infos if name.endswith(f"/{id}")]
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UsageError(f"unknown task {id!r}", f"{hint}r1ci ls tasks lists all of them")


def get_task(id: str, params: Mapping[str, Any] = {}) -> Task:
    """The task of an id, with its generator's parameters. Raises UsageError for an unknown id or parameter."""
    task = make_task(id, params)
    return Fresh(task) if task_info(id).repeats else task


def make_task(id: str, params: Mapping[str, Any] = {}) -> Task:
    """The task as its module makes it: some draw the same question twice. Raises UsageError as ``get_task`` does."""
    info = task_info(id)
    if id in _registered:
        return _registered[id][1](id, params)
    factory: Factory = importlib.import_module(info.module).make
    return factory(id, params)
