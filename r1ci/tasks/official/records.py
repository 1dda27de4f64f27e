"""Rows of training sets: demonstrations for SFT and questions with a reward for RL. No other fields are needed.

SFT, a JSON list or JSON lines, as LLaMA-Factory reads them; one of three shapes a row:

    {"instruction": str, "input": str, "output": str, "system": str, "history": [[str, str], ...]}     (alpaca)
    {"conversations": [{"from": "human" | "gpt" | "system" | ..., "value": str}, ...], "system": str}  (sharegpt)
    {"messages": [{"role": "user" | "assistant" | ..., "content": str}, ...]}                          (openai)

``input``, ``system`` and ``history`` may be missing or empty.

RL, a parquet file (or JSON) as verl and Search-R1 write them:

    data_source: str
    prompt: str | [{"role": str, "content": str}, ...]
    ability: str
    reward_model: {"style": str, "ground_truth": str | number | list | {"target": str | list}}
    extra_info: {...}

``prompt`` and ``reward_model.ground_truth`` must be there. In both, more fields are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]

ROLES = {
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "model": "assistant",
    "system": "system", "observation": "tool", "tool": "tool", "function_call": "assistant",
}  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """One message."""

    role: str
    """user, assistant, system or tool."""
    text: str


@dataclass(frozen=True)
class Conversation:
    """One demonstration."""

    turns: tuple[Turn, ...]

    @property
    def question(self) -> str:
        """What the user asked first."""
        return next((turn.text for turn in self.turns if turn.role == "user"), "")

    @property
    def answer(self) -> str | None:
        """What the last marked answer of the assistant says: ``<<<answer>>>``; None if there is none."""
        said = [turn.text for turn in self.turns if turn.role == "assistant"]
        return marked_answer(said[-1]) if said else None


@dataclass(frozen=True)
class Reward:
    """One question with what its reward compares with."""

    source: str
    question: str
    """The last message of the user."""
    ground_truth: str
    style: str
    extra: Row


def read_sft(path: Path) -> Iterator[Conversation]:
    """The demonstrations of a JSON file or of JSON lines. Raises ValueError for a file or row of another shape."""
    for row in json_rows(path):
        yield conversation(row)


def read_rl(path: Path) -> Iterator[Reward]:
    """The questions of a parquet or JSON file. Raises ValueError for a file or row of another shape."""
    for row in parquet_rows(path) if path.suffix == ".parquet" else json_rows(path):
        yield reward(row)


def json_rows(path: Path) -> list[Any]:
    """The rows of a JSON list, of a list in a JSON object, or of JSON lines. Raises ValueError for anything else."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if isinstance(value, Mapping):
        value = next((rows for rows in value.values() if isinstance(rows, list)), None)
    if not isinstance(value, list):
        raise ValueError("it holds no list of rows")
    return value


def parquet_rows(path: Path) -> list[Row]:
    """The rows of a parquet file. Raises ValueError if it is none."""
    import polars as pl

    try:
        return list(pl.read_parquet(path).to_dicts())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(f"it is no parquet file: {error}") from error


def is_conversation(row: Any) -> bool:
    """Whether a row has one of the SFT shapes."""
    return isinstance(row, Mapping) and (
        {"instruction", "output"} <= row.keys() or "conversations" in row or "messages" in row
    )


def is_reward(row: Any) -> bool:
    """Whether a row has the RL shape."""
    return isinstance(row, Mapping) and {"prompt", "reward_model"} <= row.keys()


def conversation(row: Any) -> Conversation:
    """A demonstration from a row. Raises ValueError for another shape."""
    if not is_conversation(row):
        raise ValueError("it is neither alpaca, sharegpt nor a list of messages")
    messages = row.get("conversations", row.get("messages"))
    turns = [Turn("system", str(row["system"]))] if row.get("system") else []
    turns += _alpaca(row) if messages is None else _messages(messages)
    if not any(turn.role == "user" and turn.text.strip() for turn in turns):
        raise ValueError("nothing is asked in it")
    return Conversation(tuple(turns))


def reward(row: Any) -> Reward:
    """A question from a row. Raises ValueError for another shape."""
    if not is_reward(row):
        raise ValueError("it lacks prompt or reward_model")
    prompt, model = row["prompt"], row["reward_model"]
    turns = [Turn("user", prompt)] if isinstance(prompt, str) else _messages(prompt)
    asked = [turn.text for turn in turns if turn.role == "user" and turn.text.strip()]
    truth = truth_text(model.get("ground_truth") if isinstance(model, Mapping) else None)
    if not asked or truth is None:
        raise ValueError("its prompt or its ground_truth is empty")
    extra = row.get("extra_info")
    style = str(model.get("style") or "")
    return Reward(
        str(row.get("data_source") or ""), asked[-1], truth, style, extra if isinstance(extra, Mapping) else {}
    )


def truth_text(value: Any) -> str | None:
    """A ground truth as text: of ``{"target": ...}`` the target, of a list of one text that text; None of nothing."""
    if isinstance(value, Mapping):
        value = value.get("target")
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if value is None or value in ("", []):
        return None
    return field_text(value)


def field_text(value: Any) -> str:
    """A field as text: as it is, or as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def marked_answer(text: str) -> str | None:
    """What stands between the last ``<<<`` and the ``>>>`` after it."""
    _, found, rest = text.rpartition("<<<")
    answer, closed, more = rest.partition(">>>")
    if not found or not closed:
        return None
    extra = len(more) - len(more.lstrip(">"))
    return (answer + ">" * extra).strip()


def _alpaca(row: Row) -> list[Turn]:
    turns: list[Turn] = []
    for pair in row.get("history") or ():
        if isinstance(pair, list | tuple) and len(pair) == 2:
            turns += [Turn("user", str(pair[0])), Turn("assistant", str(pair[1]))]
    asked = "\n".join(str(part) for part in (row["instruction"], row.get("input")) if part)
    return [*turns, Turn("user", asked), Turn("assistant", str(row["output"]))]


def _messages(messages: Any) -> list[Turn]:
    if not isinstance(messages, list):
        raise ValueError("its messages are no list")
    turns = []
    for message in messages:
        if not isinstance(message, Mapping):
            raise ValueError("one of its messages is no object")
        role = str(message.get("role", message.get("from", ""))).lower()
        content = message.get("content", message.get("value"))
        if role not in ROLES:
            raise ValueError(f"one of its messages is from {role[:40]!r}")
        turns.append(Turn(ROLES[role], field_text(content)))
    return turns
