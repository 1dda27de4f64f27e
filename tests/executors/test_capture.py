import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.executors.capture import Capture


@given(chunks=st.lists(st.binary(max_size=40)), limit=st.integers(1, 100), stream=st.sampled_from(["stdout", "stderr"]))
def test_short_streams_are_kept_whole_and_long_ones_are_bounded(chunks: list[bytes], limit: int, stream: str) -> None:
    capture = Capture(stream, limit)
    for chunk in chunks:
        capture.add(chunk)
    data = b"".join(chunks)
    assert capture.total == len(data)
    assert capture.truncated == (len(data) > limit)
    if not capture.truncated:
        assert capture.text() == data.decode("utf-8", "replace")
    else:
        assert len(capture.text()) <= limit + 50


@given(limit=st.integers(8, 64), text=st.text(min_size=100, max_size=300))
def test_a_cut_never_splits_a_character(limit: int, text: str) -> None:
    data = text.encode("utf-8", "ignore")
    capture = Capture("stdout", limit)
    capture.add(data)
    head, cut, tail = capture.text().partition("\n... ")
    if cut and "\ufffd" not in text:
        assert "\ufffd" not in head + tail
    assert data.decode().startswith(head) or not cut


@pytest.mark.parametrize("size", [1, 7, 65_536, 1_000_000])
def test_head_and_tail_do_not_depend_on_the_size_of_the_reads(size: int) -> None:
    data = bytes(range(97, 123)) * 40_000
    capture = Capture("stderr", 100)
    for start in range(0, min(len(data), size * 500), size):
        capture.add(data[start : min(start + size, size * 500)])
    seen = data[: size * 500]
    if len(seen) > 100:
        assert capture.text().startswith(seen[:25].decode())
        assert capture.text().endswith(seen[-75:].decode())
