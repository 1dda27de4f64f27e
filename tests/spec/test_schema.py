"""The JSON Schema and the reference page: current, and true to the language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from r1ci.spec.reference import (
    REFERENCE,
    SCHEMA,
    SWEEP_REFERENCE,
    SWEEP_SCHEMA,
    main,
    reference_text,
    schema_text,
    sweep_reference_text,
    sweep_schema_text,
)
from r1ci.spec.schema import json_schema, sweep_schema
from r1ci.spec.shape import dotted_keys
from r1ci.spec.yaml12 import parse_document

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("**/*.yaml"))
REQUIRED = {"spec_version": 1, "name": "x", "models": ["tiny"]}


def errors(document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(json_schema()).iter_errors(document)]


def test_the_committed_files_are_current() -> None:
    assert (ROOT / SCHEMA).read_text(encoding="utf-8") == schema_text(), "run python -m r1ci.spec.reference"
    assert (ROOT / REFERENCE).read_text(encoding="utf-8") == reference_text(), "run python -m r1ci.spec.reference"
    assert (ROOT / SWEEP_SCHEMA).read_text(encoding="utf-8") == sweep_schema_text(), "run python -m r1ci.spec.reference"
    assert (ROOT / SWEEP_REFERENCE).read_text(encoding="utf-8") == sweep_reference_text(), (
        "python -m r1ci.spec.reference"
    )


def test_the_files_are_written_from_the_repository_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main()
    assert json.loads(SCHEMA.read_text()) == json_schema()
    assert REFERENCE.read_text() == reference_text()
    assert json.loads(SWEEP_SCHEMA.read_text()) == sweep_schema()
    assert SWEEP_REFERENCE.read_text() == sweep_reference_text()


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_shipped_specs_are_accepted(path: Path) -> None:
    assert errors(parse_document(path.read_text(encoding="utf-8"), path.name).plain()) == []


@pytest.mark.parametrize(
    "section",
    [
        {},
        {"executor": {"timeout_s": 2}},
        {"executor": {"kind": "ray"}},
        {"rl": {"preset": "dapo", "objective": {"clip_high": 0.3}}},
        {"rl": {"group_size": "${seeds.0}"}},
        {"sft": None},
        {"models": ["tiny", {"kind": "hub", "name": "x", "path": "a/b"}]},
        {"variants": {"plain": {"curriculum.stages": "single", "sft": {"epochs": 1}}}},
        {"extends": ["a.yaml", "b.yaml"]},
    ],
    ids=str,
)
def test_what_the_language_takes_is_accepted(section: dict[str, Any]) -> None:
    assert errors({**REQUIRED, **section}) == []


@pytest.mark.parametrize(
    "document",
    [
        {},
        {**REQUIRED, "foo": 1},
        {**REQUIRED, "rl": {"group_sise": 1}},
        {**REQUIRED, "rl": {"group_size": "many"}},
        {**REQUIRED, "executor": {"kind": "locale"}},
        {**REQUIRED, "rewards": [{"weight": 1}]},
        {**REQUIRED, "models": []},
        {"spec_version": 1, "name": "x"},
    ],
    ids=str,
)
def test_what_the_language_refuses_is_refused(document: dict[str, Any]) -> None:
    assert errors(document)


def test_a_file_with_parents_may_leave_the_rest_to_them() -> None:
    assert errors({"extends": "base.yaml"}) == []


def test_every_key_is_documented() -> None:
    sections = {"tasks", "train", "test", "executor", "agent", "engine", "demonstrations", "teacher", "sft"}
    sections |= {"potential", "score", "partition", "curriculum", "rl", "evaluation", "compute", "report", "kind"}
    silent = {key.path for key in dotted_keys() if not key.field.description}
    assert {path.rsplit(".", 1)[-1] for path in silent} <= sections
    page = reference_text()
    assert all(f"| `{key.path.rsplit('.', 1)[-1]}` |" in page for key in dotted_keys())
