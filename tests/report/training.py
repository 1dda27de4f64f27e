"""A ledger and a tokenizer, as a training run leaves them, for the fake store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

WORDS = ("a", "<user>", "What", "?", "print", "(", "12", ")", "out")


def write_ledger(root: Path, steps: tuple[int, ...] = (0,)) -> None:
    """Give every rl step of a store a ledger, and every model it starts from a tokenizer."""
    for run in sorted((root / "steps").glob("rl-*")):
        (run / "ledger").mkdir(exist_ok=True)
        for step in steps:
            rows = [_row("rg/gcd#1", sample, float(sample % 2)) for sample in range(4)]
            flat = [_row("rg/lcm#1", sample, 1.0) for sample in range(4)]
            pl.DataFrame(flat + rows, infer_schema_length=None).write_parquet(
                run / "ledger" / f"step-{step:07d}.parquet"
            )
    coder = Tokenizer(models.WordLevel({word: id for id, word in enumerate(WORDS)}, unk_token="a"))
    coder.pre_tokenizer = pre_tokenizers.Whitespace()
    coder.decoder = decoders.Fuse()
    for start in sorted((root / "steps").glob("sft-*")):
        (start / "model").mkdir(exist_ok=True)
        coder.save(str(start / "model" / "tokenizer.json"))


def _row(question: str, sample: int, reward: float) -> dict[str, Any]:
    turn = {"start": 3, "end": 6, "digest": "", "text": "print(12)", "code": "print(12)", "status": "ok",
            "observation": "out", "violations": []}  # fmt: skip
    return {
        "question_id": question, "task": question.partition("#")[0], "agent": "code_agent", "sample": sample,
        "policy_version": 0, "stop_reason": "answer", "answer": "12", "correct": reward > 0,
        "rewards": [{"term": "correctness", "value": reward}], "reward": reward, "advantage": 0.5 - reward,
        "advantages": None, "prompt_tokens": 3, "turns": [turn], "ids": [1, 2, 3, 4, 5, 6, 8],
        "mask": [0, 0, 0, 1, 1, 1, 0],
    }  # fmt: skip
