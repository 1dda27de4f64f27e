"""The edge to the reasoning-gym package: imported on the first question (1.5 s), and leaving no trace."""

from __future__ import annotations

import decimal
import functools
import importlib.util
import random
import threading
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from r1ci.errors import EnvironmentMissing

_lock = threading.RLock()


Config = tuple[tuple[str, Any], ...]
Prepare = Callable[[Any], None] | None


def item(dataset: str, config: Config, seed: int, prepare: Prepare = None) -> Mapping[str, Any]:
    """One item (question, answer, metadata) of a dataset, made from a seed; ``prepare`` mends the dataset object first.

    A dataset draws item i from ``Random(seed + i)``, so item number ``seed`` of the dataset with seed 0 is the one
    wanted: one dataset object serves every seed. Some keep in the object what they draw, so items are made one at a
    time; some set the precision of decimals, so they get a context of their own.
    """
    with _lock, decimal.localcontext(decimal.Context()):
        entry: Mapping[str, Any] = _dataset(dataset, config, prepare)[seed]
    return entry


@functools.lru_cache(maxsize=256)
def _dataset(name: str, config: Config, prepare: Prepare) -> Any:
    made = _package().create_dataset(name, seed=0, size=1, **dict(config))
    if prepare is not None:
        prepare(made)
    return made


def data_file(name: str) -> Path:
    """A data file of the package, found without importing it."""
    spec = importlib.util.find_spec("reasoning_gym")
    if spec is None or not spec.submodule_search_locations:
        raise _missing("is not installed")
    return Path(spec.submodule_search_locations[0]) / "data" / name


def _missing(why: str) -> EnvironmentMissing:
    return EnvironmentMissing(
        f"the rg/ tasks need the package reasoning-gym, which {why}",
        "pip install 'r1ci[tasks]' (it builds one dependency from C source, so a C compiler must be there), "
        "or leave them out with tasks.train.exclude and tasks.test.exclude: ['rg/*']",
    )


@functools.cache
def _package() -> ModuleType:
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = random.getstate()
        try:
            import reasoning_gym
        except ImportError as error:
            raise _missing(f"cannot be imported: {error}") from error
        finally:
            random.setstate(before)
    module: ModuleType = reasoning_gym
    return module
