"""Talking to a job server: logs that come in pieces and again, addresses where nobody answers, unshared stores."""

import socket
from pathlib import Path

import pytest

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.launch.apart import within
from r1ci.launch.jobs.client import Jobs, _Lines
from r1ci.launch.sweep.demand import Bundle
from r1ci.train import shared
from r1ci.train.shared import require_shared, unseen


def test_lines_are_told_once_each_however_the_log_is_cut_and_begun_again() -> None:
    told: list[str] = []
    lines = _Lines(told.append)
    lines.again()
    for piece in ("on", "e\ntwo\nth", "ree"):
        lines.take(piece)
    assert told == ["one", "two"]
    lines.again()
    assert not lines.moved()
    for piece in ("one\ntwo\n", "three\nfo"):
        lines.take(piece)
    assert lines.moved()
    lines.end("one\ntwo\nthree\nfour")
    assert told == ["one", "two", "three", "four"]


def test_an_address_where_nobody_listens_is_an_error_with_a_way_out() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(EnvironmentMissing, match=f"no Ray job server answers at http://127.0.0.1:{port}") as caught:
        Jobs(f"127.0.0.1:{port}")
    assert "ray start --head" in caught.value.help


@pytest.mark.parametrize("address", ["ray://head:10001", "http://", "ftp://head"])
def test_an_address_of_another_kind_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="not the address of a cluster's job server"):
        Jobs(address)


def test_nodes_that_do_not_see_the_store_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(path: Path, text: str) -> dict[str, bool]:
        return {"here": path.read_text() == text, "there": False}

    assert unseen(tmp_path, ask) == ["there"]
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(shared, "ask_nodes", ask)
    with pytest.raises(EnvironmentMissing, match="is not shared: there does not see"):
        require_shared(tmp_path)


@pytest.mark.parametrize(
    ("needed", "asked"),
    [
        (Bundle(8, 0), Bundle(4, 0)),
        (Bundle(3, 0), Bundle(3, 0)),
        (Bundle(8, 1), Bundle(2, 1)),
        (Bundle(1, 9), Bundle(1, 9)),
    ],
)
def test_a_process_waits_for_no_more_cpus_than_a_node_has(needed: Bundle, asked: Bundle) -> None:
    assert within(needed, [Bundle(4, 0), Bundle(2, 2)]) == asked
