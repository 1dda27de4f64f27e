"""Where results come from, without saying whose machine it was."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from r1ci.report.contenders import compare
from r1ci.report.data import Findings
from r1ci.report.sections.provenance import DIFF_CHARACTERS, Provenance, provenance_data, provenance_html


@pytest.fixture(scope="module")
def data(findings: Findings) -> Provenance:
    return provenance_data(compare(findings, None))


def recorded(findings: Findings, record: Mapping[str, Any]) -> Provenance:
    """The section if every step had recorded this."""
    steps = {id: dataclasses.replace(step, provenance=record) for id, step in findings.steps.items()}
    return provenance_data(compare(dataclasses.replace(findings, steps=steps), None))


def test_command_seeds_model_and_period_are_named(data: Provenance) -> None:
    assert data.commands == {"r1ci run specs/quickstart.yaml": 32}
    assert data.seeds == (0, 1, 2)
    assert [(model.name, model.facts) for model in data.models] == [("tiny", {"kind": "tiny"})]
    assert (data.started, data.ended) == ("2026-01-02T03:01:00+00:00", "2026-01-02T03:33:30+00:00")


def test_hosts_are_told_apart_but_not_named(data: Provenance) -> None:
    assert data.hosts == {hashlib.sha256(b"laptop-of-ann").hexdigest()[:8]: 32}
    assert "laptop-of-ann" not in provenance_html(data)


def test_the_digest_is_of_the_requirements_that_can_be_copied(data: Provenance) -> None:
    environment = data.environments[0]
    assert environment.requirements == "r1ci==0.1.0\nray==2.60.0\ntorch==2.13.0\ntransformers==5.19.0\n"
    assert environment.digest == hashlib.sha256(environment.requirements.encode()).hexdigest()


def test_diffs_are_shown_as_text_and_cut_with_a_word(findings: Findings, data: Provenance) -> None:
    assert len(data.diffs) == 1
    html = provenance_html(data)
    assert "<img" not in html
    assert "onerror=&#34;window.hacked=1" in html
    long = recorded(findings, {"git": {"diff": "+" * 50_000, "dirty": True}}).diffs[0]
    assert (len(long.text), long.characters) == (DIFF_CHARACTERS, 50_000)


def test_data_files_have_their_checksums(findings: Findings, data: Provenance, full: Path) -> None:
    path = next(full.glob("steps/questions-*/questions.parquet"))
    assert [(file.step, file.path, file.bytes, file.sha256) for file in data.data] == [
        (path.parent.name, path.name, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    ]


def test_a_step_without_a_record_is_no_error(findings: Findings) -> None:
    empty = recorded(findings, {})
    assert (empty.steps_with_record, empty.started, empty.commands) == (0, "", {})
    assert "No step has recorded anything yet" in provenance_html(empty)


def test_everything_to_copy_has_a_button_that_names_it(data: Provenance) -> None:
    html = provenance_html(data)
    for id in ("command-1", "packages-1", "diff-1"):
        assert html.count(f'id="{id}"') == 1
        assert html.count(f'data-copies="{id}"') == 1
