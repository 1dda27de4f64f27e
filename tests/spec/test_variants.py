"""Variants and cells, and reading a resolved spec back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1ci.spec.cells import cells
from r1ci.spec.diagnostics import SpecError
from r1ci.spec.load import Resolved, load, load_resolved

Load = Callable[..., Resolved]

SPEC = """
spec_version: 1
name: test
models: [tiny, qwen2.5-7b]
seeds: [0, 1, 2]
executor: {kind: local, timeout_s: 2}
rl: {group_size: 4, batch_questions: "${tasks.train.questions_per_task}"}
tasks: {train: {questions_per_task: 10}}
variants:
  curriculum: {}
  plain: {curriculum.stages: single, rl.preset: dapo}
  nested: {rl: {objective: {clip_low: 0.1}}, sft: null}
  remote: {executor: {kind: http, url: http://x}, engine.kind: vllm}
  more: {tasks.train.questions_per_task: 20, rewards.0.weight: 2}
"""


def test_cells_are_all_combinations(load_text: Load) -> None:
    found = cells(load_text(SPEC))
    assert len(found) == 5 * 2 * 3
    assert [(cell.variant, cell.model.name, cell.seed) for cell in found[:4]] == [
        ("curriculum", "tiny", 0),
        ("curriculum", "tiny", 1),
        ("curriculum", "tiny", 2),
        ("curriculum", "qwen2.5-7b", 0),
    ]


def test_a_spec_without_variants_is_one_default_variant(load_text: Load) -> None:
    (cell,) = cells(load_text())
    assert (cell.variant, cell.model.name, cell.seed) == ("default", "tiny", 0)


def test_variants_change_their_keys_and_nothing_else(load_text: Load) -> None:
    by_name = {name: case.experiment for name, case in load_text(SPEC).cases.items()}
    base, plain, nested = by_name["curriculum"], by_name["plain"], by_name["nested"]
    assert plain.curriculum.stages == "single"
    assert (plain.rl.objective.clip_high, plain.rl.group_size) == (0.28, 4)
    assert (nested.rl.objective.clip_low, nested.sft) == (0.1, None)
    assert by_name["remote"].executor.model_dump(include={"kind", "url", "timeout_s"}) == {
        "kind": "http",
        "url": "http://x",
        "timeout_s": 2.0,
    }
    assert by_name["remote"].engine.kind == "vllm"
    assert nested.model_copy(update={"sft": base.sft, "rl": base.rl}) == base


def test_interpolation_sees_what_the_variant_changed(load_text: Load) -> None:
    resolved = load_text(SPEC)
    assert resolved.cases["curriculum"].experiment.rl.batch_questions == 10
    assert resolved.cases["more"].experiment.rl.batch_questions == 20


def test_the_dump_spells_out_what_each_variant_comes_to(load_text: Load) -> None:
    variants = load_text(SPEC).data["variants"]
    assert variants["curriculum"] == {}
    assert variants["plain"] == {
        "curriculum.stages": "single",
        "rl.preset": "dapo",
        "rl.objective.clip_high": 0.28,
        "rl.objective.aggregate": "token_mean",
        "rl.objective.kl_coefficient": 0.0,
        "rl.objective.overlong": "penalise",
    }
    assert variants["more"]["rl.batch_questions"] == 20


def test_a_dump_is_read_back_with_the_same_cells(load_text: Load, folder: Path) -> None:
    resolved = load_text(SPEC)
    (folder / "resolved.json").write_text(json.dumps(resolved.data))
    again = load_resolved(Path("resolved.json"))
    assert again.data == resolved.data
    assert again.experiment == resolved.experiment
    assert [_dump(cell) for cell in cells(again)] == [_dump(cell) for cell in cells(resolved)]


def _dump(cell: Any) -> Any:
    return cell.variant, cell.model, cell.seed, cell.experiment.model_dump(exclude={"variants"})


def test_a_dump_may_hold_what_looks_like_an_interpolation(load_text: Load, folder: Path) -> None:
    resolved = load_text(r"description: \${name} costs")
    assert resolved.experiment.description == "${name} costs"
    (folder / "resolved.json").write_text(json.dumps(resolved.data))
    assert load_resolved(Path("resolved.json")).experiment.description == "${name} costs"


@pytest.mark.parametrize("text", [None, "", "{", "[]", "5", "{}", '{"spec_version": 1, "name": 5, "models": ["tiny"]}'])
def test_a_damaged_dump_is_one_clear_error(folder: Path, text: str | None) -> None:
    if text is not None:
        (folder / "resolved.json").write_text(text)
    with pytest.raises(SpecError) as caught:
        load_resolved(Path("resolved.json"))
    assert {each.where.source for each in caught.value.diagnostics} == {"resolved.json"}


def test_an_error_of_the_spec_is_not_repeated_for_each_variant(load_text: Load) -> None:
    with pytest.raises(SpecError) as caught:
        load_text(SPEC.replace("group_size: 4", "group_size: 0"))
    assert len(caught.value.diagnostics) == 1


_LINES = [line for line in SPEC.split("variants:")[0].splitlines() if line]


@given(st.permutations(_LINES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
def test_the_order_of_keys_does_not_matter(folder: Path, lines: list[str]) -> None:
    (folder / "a.yaml").write_text("\n".join(_LINES))
    (folder / "b.yaml").write_text("\n".join(lines))
    a, b = load(Path("a.yaml")), load(Path("b.yaml"))
    assert json.dumps(a.data) == json.dumps(b.data)
