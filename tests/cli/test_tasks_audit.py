"""tasks audit: official data on disk, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ROWS = [
    {"input": "not ( True ) and ( True ) is", "target": "False"},
    {"input": "not ( True ) and ( True ) is", "target": "True"},
    {"input": "not blue is", "target": "False"},
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "bbh"
    folder.mkdir()
    (folder / "boolean_expressions.json").write_text(json.dumps({"canary": "", "examples": ROWS}))
    return folder


def test_items_are_counted_by_task_with_the_reasons(cli: Any, data: Path) -> None:
    result = cli("tasks", "audit", str(data))
    assert result.code == 0
    header, row = (line.split("\t") for line in result.out.splitlines())
    assert header == ["task", "accepted", "repaired", "rejected", "why"]
    assert row[:4] == ["bbh/boolean_expressions", "1", "1", "1"]
    assert "1 x its answer is wrong" in row[4]
    assert result.err.strip() == "3 items: 1 accepted, 1 repaired, 1 rejected"


def test_the_list_names_what_is_not_accepted(cli: Any, data: Path) -> None:
    lines = cli("tasks", "audit", "--list", str(data)).out.splitlines()[2:]
    assert lines[0] == "repaired: bbh/boolean_expressions.json#2: its answer 'True' is wrong; right is 'False'"
    assert lines[1].startswith("rejected: bbh/boolean_expressions.json#3: ")


def test_the_document_holds_every_item(cli: Any, data: Path) -> None:
    document = cli("tasks", "audit", str(data), "--json").json
    (task,) = document["tasks"]
    assert (task["task"], task["accepted"], task["repaired"], task["rejected"]) == ("bbh/boolean_expressions", 1, 1, 1)
    assert [item["verdict"] for item in document["items"]] == ["accepted", "repaired", "rejected"]


@pytest.mark.parametrize("arguments", [("nothing",), ("{data}", "--only", "symbench/*"), ("{empty}",)])
def test_what_holds_no_items_is_the_only_failure(
    cli: Any, data: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "empty").mkdir()
    given = [argument.format(data=data, empty=tmp_path / "empty") for argument in arguments]
    result = cli("tasks", "audit", *given)
    assert result.code == 1
    assert result.err.startswith("error: ")
    assert result.out == ""


def test_both_levels_explain_themselves(cli: Any) -> None:
    assert "audit" in cli("tasks", "-h").out
    assert "Exit code 1 only if PATH" in cli("tasks", "audit", "-h").out
