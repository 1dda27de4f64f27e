"""A few groups of episodes from training, with the tokens that their losses were computed from, off the ledgers.

Which: training steps spread evenly from the first to the last that the ledger has, and in each one question, drawn with
a seed among those whose episodes were rewarded differently (among all where there is none). Always the whole group.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

GROUPS, GROUPS_PER_RUN = 48, 4
"""Most groups of a report, and of one run."""
MOST_TOKENS = 4096
"""Of an episode; those that follow are left out."""
_COLUMNS = (
    "question_id", "task", "agent", "sample", "policy_version", "stop_reason", "answer", "correct", "rewards", "reward",
    "advantage", "advantages", "prompt_tokens", "turns", "ids", "mask",
)  # fmt: skip


def shares(runs: Sequence[str]) -> dict[str, int]:
    """How many groups each run gives, by step id; a seeded sample of runs where there are more than groups."""
    kept = set(random.Random(0).sample(list(runs), min(len(runs), GROUPS)))
    return {run: min(GROUPS_PER_RUN, GROUPS // len(kept)) for run in runs if run in kept}


def read_groups(folder: Path, count: int, texts: Callable[[Sequence[int]], list[str]] | None) -> list[dict[str, Any]]:
    """Lines as those of trajectories.jsonl.gz, with ``step``, ``advantage`` and ``tokens`` besides.

    ``texts`` writes token ids as texts; without it there are no ``tokens``. Raises polars' errors and OSError.
    """
    files = sorted(folder.glob("step-*.parquet"))
    count = min(count, len(files))
    chosen = [files[index * (len(files) - 1) // max(1, count - 1)] for index in range(count)]
    return [_line(row, int(file.stem.removeprefix("step-")), texts) for file in chosen for row in _group(file)]


def read_asked(path: Path, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Text and reference answer of questions that were trained on, by id. Raises polars' errors and OSError."""
    import polars as pl

    asked = pl.scan_parquet(path).filter((pl.col("set") == "rl") & pl.col("question_id").is_in(list(ids)))
    return {id: (text, answer) for id, text, answer in asked.select("question_id", "text", "answer").collect().rows()}


def token_texts(tokenizer: Path) -> Callable[[Sequence[int]], list[str]]:
    """Writes ids one by one, as a model's tokenizer.json has them; half a character becomes a replacement mark.

    Every id is written behind another one, because some tokenizers drop the space at the start of a text.
    """
    from tokenizers import Tokenizer

    coder = Tokenizer.from_file(str(tokenizer))
    before = coder.encode("a", add_special_tokens=False).ids[-1:]
    skip = len(coder.decode(before, skip_special_tokens=False))
    known: dict[int, str] = {}

    def texts(ids: Sequence[int]) -> list[str]:
        for id in set(ids) - known.keys():
            known[id] = coder.decode([*before, id], skip_special_tokens=False)[skip:]
        return [known[id] for id in ids]

    return texts


def _group(file: Path) -> list[dict[str, Any]]:
    import polars as pl

    rewarded = pl.read_parquet(file, columns=["question_id", "reward"]).group_by("question_id").n_unique()
    differ = rewarded.filter(pl.col("reward") > 1)
    questions = sorted((rewarded if differ.is_empty() else differ)["question_id"])
    if not questions:
        return []
    drawn = random.Random(file.stem).choice(questions)
    return pl.scan_parquet(file).filter(pl.col("question_id") == drawn).select(_COLUMNS).collect().to_dicts()


def _line(row: Mapping[str, Any], step: int, texts: Callable[[Sequence[int]], list[str]] | None) -> dict[str, Any]:
    plain = ("task", "question_id", "agent", "sample", "policy_version", "stop_reason", "answer", "correct", "reward")
    trajectory = {
        **{name: row[name] for name in plain},
        "rewards": {part["term"]: part["value"] for part in row["rewards"]},
        "turns": [_turn(turn) for turn in row["turns"]],
    }
    tokens = None if texts is None else _tokens(row, texts)
    return {
        "set": "training", "step": step, "advantage": round(row["advantage"], 4), "tokens": tokens,
        "trajectory": trajectory,
    }  # fmt: skip


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """What a program did is known by its status and by what the model was shown."""
    ran = turn["status"] is not None
    execution = {"status": turn["status"], "stdout": turn["observation"]} if ran else None
    return {name: turn[name] for name in ("text", "code", "violations")} | {"execution": execution}


def _tokens(row: Mapping[str, Any], texts: Callable[[Sequence[int]], list[str]]) -> dict[str, Any]:
    """Texts; ``mask`` as lengths of runs, the first of tokens that were not sampled; advantages where they differ."""
    mask = row["mask"][:MOST_TOKENS]
    runs, last = [0], 0
    for value in mask:
        if value != last:
            runs.append(0)
            last = value
        runs[-1] += 1
    own = row["advantages"] and [round(value, 4) for value in row["advantages"][:MOST_TOKENS]]
    return {"texts": texts(row["ids"][:MOST_TOKENS]), "mask": runs, "advantages": own, "of": len(row["ids"])}
