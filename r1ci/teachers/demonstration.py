"""One trajectory to imitate, as text: token ids depend on the model it is shown to."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from r1ci.models.chat import encode, prompt_ids


@dataclass(frozen=True)
class Segment:
    """A stretch of the assistant's turn."""

    text: str
    imitate: bool
    """Whether the model learns to write it; execution results and programs that fail are only read."""


@dataclass(frozen=True)
class Demonstration:
    """A correct trajectory of the code agent."""

    task: str
    question_id: str
    prompt: str
    """The user turn."""
    segments: tuple[Segment, ...]
    """The assistant's turn in order; the end-of-turn token follows and is learned."""


class Tokens(NamedTuple):
    """Token ids with a mask of equal length: 1 on what is learned."""

    ids: tuple[int, ...]
    mask: tuple[int, ...]
    prompt_tokens: int = 0


def tokenise(demonstration: Demonstration, tokenizer: Any) -> Tokens:
    """The demonstration as an episode would have it: prompt and every segment tokenised on its own."""
    prompt = prompt_ids(tokenizer, demonstration.prompt)
    ids, mask = list(prompt), [0] * len(prompt)
    for segment in demonstration.segments:
        piece = encode(tokenizer, segment.text)
        ids += piece
        mask += [int(segment.imitate)] * len(piece)
    return Tokens((*ids, tokenizer.eos_token_id), (*mask, 1), len(prompt))


def write(demonstrations: Iterable[Demonstration], path: Path) -> None:
    """Write demonstrations as gzipped JSON lines; equal demonstrations give equal bytes."""
    with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as stream:
        for demonstration in demonstrations:
            stream.write(json.dumps(asdict(demonstration), ensure_ascii=False).encode() + b"\n")


def read(path: Path) -> Iterator[Demonstration]:
    """Read what ``write`` wrote, gzipped or plain."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            data = json.loads(line)
            segments = tuple(Segment(**segment) for segment in data.pop("segments"))
            yield Demonstration(**data, segments=segments)
