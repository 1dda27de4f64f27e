"""Large tables of the store, brought down to what a report needs of them: visits of questions, and splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

TRAINED, HELD_OUT = ("sft", "rl"), ("new", "test")
_EPISODE = ("step", "stage", "round", "question_id", "task")


@dataclass(frozen=True, slots=True)
class Visit:
    """The group of episodes at one question in one training step."""

    step: int
    stage: int
    task: str
    question_id: str
    scored: int
    """Episodes that say something of the model."""
    correct: int
    calls: int
    """Programs that the scored episodes ran."""
    signal: bool
    """Whether the rewards of the scored episodes differ."""

    @property
    def p(self) -> float:
        """Share of the scored episodes that were correct."""
        return self.correct / self.scored


@dataclass(frozen=True)
class Split:
    """The question sets of a questions step."""

    sizes: Mapping[str, int]
    """Questions by set."""
    shared: Mapping[str, int]
    """Questions of a held-out set whose text also stands in a set that is trained on."""


def read_visits(path: Path, unscored: tuple[str, ...]) -> tuple[Visit, ...]:
    """Visits in the order of training; one whose episodes were all lost is left out.

    Raises polars' errors for a file or a column that cannot be read.
    """
    import polars as pl

    scored = pl.scan_parquet(path).filter(~pl.col("stop_reason").is_in(list(unscored)))
    visits = scored.group_by(_EPISODE, maintain_order=True).agg(
        pl.len().alias("scored"), pl.col("correct").sum(), pl.col("calls").sum(), pl.col("reward").n_unique() > 1
    )
    columns = [field.name for field in fields(Visit)[:-1]]
    ordered = visits.sort("step", maintain_order=True).select(*columns, signal="reward")
    return tuple(Visit(*row) for row in ordered.collect().rows())


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
