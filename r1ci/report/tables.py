"""Large tables of the store, brought down to what a report needs of them: visits of questions, and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

TRAINED, HELD_OUT = ("sft", "rl"), ("new", "test")
VISIT = ("step", "stage", "task", "question_id", "scored", "correct", "calls", "signal")
"""Columns of a table of visits."""
_EPISODE = ("step", "stage", "round", "question_id", "task")


@dataclass(frozen=True)
class Split:
    """The question sets of a questions step."""

    sizes: Mapping[str, int]
    """Questions by set."""
    shared: Mapping[str, int]
    """Questions of a held-out set whose text also stands in a set that is trained on."""


def read_visits(path: Path, unscored: tuple[str, ...]) -> pl.DataFrame:
    """Visits in the order of training: the groups of episodes at one question in one training step.

    Columns: step, stage, task, question_id, scored (episodes that say something of the model), correct, calls (programs
    that the scored episodes ran), signal (whether their rewards differ). A visit whose episodes were all lost is left
    out. Raises polars' errors for a file or a column that cannot be read.
    """
    import polars as pl

    scored = pl.scan_parquet(path).filter(~pl.col("stop_reason").is_in(list(unscored)))
    visits = scored.group_by(_EPISODE, maintain_order=True).agg(
        pl.len().alias("scored"), pl.col("correct").sum(), pl.col("calls").sum(), pl.col("reward").n_unique() > 1
    )
    names = pl.col("task", "question_id").cast(pl.Categorical)
    ordered = visits.sort("step", maintain_order=True).with_columns(names)
    return ordered.select(*VISIT[:-1], signal="reward").collect()


def read_split(path: Path) -> Split:
    """Sizes of the sets, and texts that stand on both sides.

    Raises polars' errors for a file or a column that cannot be read.
    """
    import polars as pl

    table = pl.read_parquet(path, columns=["set", "text"])
    trained = table.filter(pl.col("set").is_in(TRAINED)).select("text")
    held_out = table.filter(pl.col("set").is_in(HELD_OUT))
    sizes = dict(table.group_by("set").len().sort("set").iter_rows())
    shared = held_out.join(trained, on="text", how="semi").group_by("set").len().sort("set")
    return Split(sizes, dict(shared.iter_rows()))


def logged(log: pl.DataFrame, *names: str) -> tuple[NDArray[Any], ...]:
    """Columns of what training logged, at the steps that have all of them; empty where one was never logged."""
    if not set(names) <= set(log.columns):
        return tuple(np.empty(0) for _ in names)
    rows = log.select(names).drop_nulls()
    return tuple(rows[name].to_numpy() for name in names)


def filled(log: pl.DataFrame, name: str) -> NDArray[np.float64]:
    """A column with 0 at the steps that did not log it."""
    return log[name].fill_null(0).to_numpy().astype(np.float64) if name in log.columns else np.zeros(log.height)


def mean_by(keys: NDArray[Any], values: NDArray[Any]) -> tuple[list[float], list[float]]:
    """The distinct keys in order, and the mean of the values at each."""
    distinct, places = np.unique(keys, return_inverse=True)
    means = np.bincount(places, weights=values) / np.bincount(places)
    return distinct.tolist(), means.tolist()
