"""The ledger: for every step of RL, all that its loss was computed from, token by token.

One Parquet file per step, ``ledger/step-0000000.parquet``, a row per episode; facts of the whole step are in the file's
key-value metadata. ``r1ci audit`` proves from it, offline, what was trained on (r1ci.train.proofs). A file appears by
rename, so one that is there is whole. About 16 bytes a token before compression: ``compute.ledger_every`` thins it out.

Log-probabilities of the trainer are there for the episodes that it ran through the model; an episode of zero advantage
need not have been (r1ci.train.update).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from r1ci.agents.trajectory import StopReason, Trajectory, Turn
from r1ci.errors import StoreError

if TYPE_CHECKING:
    import polars as pl
    from torch import Tensor

FOLDER = "ledger"
VERSION = 1
TRAINER = ("logps", "old_logps", "ref_logps", "entropies", "advantages")
"""Columns with a value per token that the trainer made; null for an episode that has none."""
_FACTS = "r1ci"

Row = dict[str, Any]


@dataclass
class Recorder:
    """Fills while a step is trained: what the losses were computed from, by episode of this worker."""

    tokens: dict[int, dict[str, list[float]]] = field(default_factory=dict)
    """Per episode, columns with a value per token: ``old_logps`` (policy before the step), ``logps`` (policy at the
    episode's update, where that is not the same), ``ref_logps``, ``entropies``, ``advantages`` (where the tokens of an
    episode have advantages of their own)."""
    update: dict[int, int] = field(default_factory=dict)
    """Which of the step's updates an episode was part of."""
    updates: list[Row] = field(default_factory=list)
    """Per update over all workers: ``loss``, and what it is divided by: ``tokens``, ``sequences``, ``prompts``."""

    def keep(self, episodes: Sequence[int], lengths: Sequence[int], **columns: Tensor | None) -> None:
        """Keep a micro-batch's rows, each (B, T) and right-padded; columns that are None are left out."""
        update = len(self.updates)
        for row, (episode, length) in enumerate(zip(episodes, lengths, strict=True)):
            self.update[episode] = update
            for name, values_BT in columns.items():
                if values_BT is not None:
                    self.note(name, {episode: values_BT[row, :length]})

    def note(self, name: str, values: Mapping[int, Tensor]) -> None:
        """Keep a column of some episodes, (T,) each."""
        for episode, values_T in values.items():
            self.tokens.setdefault(episode, {})[name] = values_T.detach().float().cpu().tolist()


class Ledger(NamedTuple):
    """One step as it was written."""

    facts: Mapping[str, Any]
    """``step``, ``stage``, ``objective``, ``critic``, ``max_tokens``, ``loss`` (as logged), ``updates``,
    ``group_size``, ``temperature``, ``top_p``."""
    rows: Sequence[Row]
    """Per episode, in the order of the step: groups stand together."""


def due(step: int, compute: Mapping[str, Any]) -> bool:
    """Whether a step is written down."""
    every = int(compute["ledger_every"])
    return every > 0 and step % every == 0


def rows(trajectories: Sequence[Trajectory], advantages_E: Sequence[float], recorder: Recorder) -> list[Row]:
    """This worker's rows, in the order of its episodes."""
    return [
        _row(item, advantage, recorder.update.get(index), recorder.tokens.get(index, {}))
        for index, (item, advantage) in enumerate(zip(trajectories, advantages_E, strict=True))
    ]


def _row(item: Trajectory, advantage: float, update: int | None, tokens: Mapping[str, list[float]]) -> Row:
    return {
        "question_id": item.question_id,
        "task": item.task,
        "agent": item.agent,
        "sample": item.sample,
        "policy_version": item.policy_version,
        "stop_reason": item.stop_reason.value,
        "answer": item.answer,
        "correct": item.correct,
        "scored": item.scored,
        "rewards": [{"term": term, "value": value} for term, value in item.rewards.items()],
        "reward": item.reward,
        "advantage": advantage,
        "update": update,
        "prompt_tokens": item.prompt_tokens,
        "turns": [_turn(turn) for turn in item.turns],
        "ids": list(item.ids),
        "mask": list(item.mask),
        "engine_logps": list(item.logprobs),
        **{name: tokens.get(name) for name in TRAINER},
    }


def trajectory(row: Row) -> Trajectory:
    """A row's episode, without what its turns did."""
    return Trajectory(
        **{
            name: row[name] for name in ("task", "question_id", "agent", "sample", "prompt_tokens", "answer", "correct")
        },
        temperature=math.nan,
        ids=tuple(row["ids"]),
        mask=tuple(row["mask"]),
        logprobs=tuple(row["engine_logps"]),
        turns=(),
        stop_reason=StopReason(row["stop_reason"]),
        rewards={part["term"]: part["value"] for part in row["rewards"]},
    )


def _turn(turn: Turn) -> Row:
    return {
        "start": turn.start,
        "end": turn.end,
        "digest": turn.digest,
        "text": turn.text,
        "code": turn.code,
        "status": None if turn.execution is None else turn.execution.status.value,
        "observation": turn.observation,
        "violations": [violation.value for violation in turn.violations],
    }


def _schema() -> dict[str, Any]:
    import polars as pl

    turn = {
        "start": pl.Int32(),
        "end": pl.Int32(),
        **dict.fromkeys(("digest", "text", "code", "status", "observation"), pl.String()),
        "violations": pl.List(pl.String()),
    }
    return {
        **dict.fromkeys(("question_id", "task", "agent"), pl.String()),
        **dict.fromkeys(("sample", "policy_version"), pl.Int64()),
        **dict.fromkeys(("stop_reason", "answer"), pl.String()),
        **dict.fromkeys(("correct", "scored"), pl.Boolean()),
        "rewards": pl.List(pl.Struct({"term": pl.String(), "value": pl.Float64()})),
        "reward": pl.Float64(),
        "advantage": pl.Float32(),
        **dict.fromkeys(("update", "prompt_tokens"), pl.Int32()),
        "turns": pl.List(pl.Struct(turn)),
        "ids": pl.List(pl.Int32()),
        "mask": pl.List(pl.UInt8()),
        **dict.fromkeys(("engine_logps", *TRAINER), pl.List(pl.Float32())),
    }


def path(folder: Path, step: int) -> Path:
    """The file of a step in an RL step's folder."""
    return folder / FOLDER / f"step-{step:07d}.parquet"


def write(folder: Path, step: int, made: Sequence[Row], facts: Mapping[str, Any]) -> None:
    """Write a step down, of all workers, in place of what was there for it."""
    import polars as pl

    target = path(folder, step)
    target.parent.mkdir(exist_ok=True)
    part = target.with_suffix(".part")
    table = pl.DataFrame(made, schema=_schema())
    table.write_parquet(part, metadata={_FACTS: json.dumps({"version": VERSION, "step": step, **facts})})
    part.replace(target)


def steps(folder: Path) -> list[int]:
    """The steps that are written down in an RL step's folder, in order."""
    return sorted(int(file.stem.removeprefix("step-")) for file in (folder / FOLDER).glob("step-*.parquet"))


def rewind(folder: Path, step: int) -> None:
    """Forget this step and later ones, which a resumed run is about to make again."""
    for later in steps(folder):
        if later >= step:
            path(folder, later).unlink()


def read(file: Path) -> Ledger:
    """Read a step.

    Raises:
        StoreError: the file is damaged, or of another version.
    """
    import polars as pl

    try:
        facts = json.loads(pl.read_parquet_metadata(file)[_FACTS])
        table: pl.DataFrame = pl.read_parquet(file)
    except (OSError, KeyError, ValueError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{file} is not a ledger that can be read: {error}", "audit another step") from None
    if facts.get("version") != VERSION:
        raise StoreError(f"{file} has version {facts.get('version')}, this r1ci reads {VERSION}", "use its r1ci")
    return Ledger(facts, table.to_dicts())
