"""Demonstrations on disk and as token ids."""

import gzip
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from r1ci.models.chat import decode, encode, prompt_ids
from r1ci.teachers.demonstration import Demonstration, Segment, read, tokenise, write

SHOWN = Demonstration(
    "fake/product",
    "fake/product#3",
    "What is 6 x 7?",
    (Segment("```python\nprint(6 * 7)\n```\n", True), Segment("Results:\n42\n", False), Segment("<<<42>>>", True)),
)


def test_only_segments_to_imitate_and_the_end_of_turn_are_learned(tokenizer: Any) -> None:
    tokens = tokenise(SHOWN, tokenizer)
    learned = [token for token, bit in zip(tokens.ids, tokens.mask, strict=True) if bit]
    assert decode(tokenizer, learned) == "```python\nprint(6 * 7)\n```\n<<<42>>><|im_end|>"
    read_only = [token for token, bit in zip(tokens.ids, tokens.mask, strict=True) if not bit]
    assert decode(tokenizer, read_only).endswith("What is 6 x 7?<|im_end|>\n<|im_start|>assistant\nResults:\n42\n")


def test_ids_are_those_an_episode_would_have(tokenizer: Any) -> None:
    """Prompt and segments tokenised on their own: never across a border, which an episode has no chance to do."""
    parts = [encode(tokenizer, segment.text) for segment in SHOWN.segments]
    expected = (*prompt_ids(tokenizer, SHOWN.prompt), *(token for part in parts for token in part))
    assert tokenise(SHOWN, tokenizer).ids == (*expected, tokenizer.eos_token_id)


texts = st.text(max_size=20)
demonstrations = st.builds(
    Demonstration, texts, texts, texts, st.lists(st.builds(Segment, texts, st.booleans()), max_size=4).map(tuple)
)


@given(shown=st.lists(demonstrations, max_size=5))
def test_what_is_written_reads_back(tmp_path_factory: Any, shown: list[Demonstration]) -> None:
    path = tmp_path_factory.mktemp("shown") / "demonstrations.jsonl.gz"
    write(shown, path)
    assert list(read(path)) == shown


def test_equal_demonstrations_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    paths = [tmp_path / "a.jsonl.gz", tmp_path / "sub" / "b.jsonl.gz"]
    for path in paths:
        write([SHOWN, SHOWN], path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert len(gzip.decompress(paths[0].read_bytes()).splitlines()) == 2


def test_plain_json_lines_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(asdict(SHOWN)) + "\n")
    assert list(read(path)) == [SHOWN]
