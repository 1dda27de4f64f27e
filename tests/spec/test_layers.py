"""Defaults, parents, the spec, overlays, R1CI_SET and the command line, lowest first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError
from r1ci.spec.load import Resolved, load
from r1ci.spec.tree import from_plain, merge

HEAD = "spec_version: 1\nname: test\nmodels: [tiny]\n"
Load = Callable[..., Resolved]
Refuse = Callable[..., tuple[Diagnostic, ...]]
OVERLAY = "rl: {group_size: 4}\nseeds: [4]\n"


def test_each_layer_covers_those_below(load_text: Load) -> None:
    files = {
        "grandparent.yaml": "rl: {group_size: 2, batch_questions: 2, temperature: 0.2}\nsft: {epochs: 2}\n",
        "parent.yaml": "extends: grandparent.yaml\nrl: {group_size: 3, batch_questions: 3}\n",
        "overlay.yaml": "rl: {batch_questions: 5}\n",
    }
    text = "extends: parent.yaml\nrl: {batch_questions: 4, warmup: 0.4}\n"
    spec = load_text(
        text,
        ["rl.top_p=0.7"],
        files=files,
        overlays=[Path("overlay.yaml")],
        environ={"R1CI_SET": "rl.warmup=0.6 rl.top_p=0.6"},
    ).experiment
    assert (spec.rl.group_size, spec.rl.batch_questions, spec.rl.temperature) == (3, 5, 0.2)
    assert (spec.rl.warmup, spec.rl.top_p) == (0.6, 0.7)
    assert spec.sft is not None
    assert spec.sft.epochs == 2


def test_lists_replace_and_null_replaces(load_text: Load) -> None:
    files = {"parent.yaml": "seeds: [1, 2, 3]\nsft: {epochs: 2}\n"}
    spec = load_text("extends: parent.yaml\nseeds: [9]\nsft: null\n", files=files).experiment
    assert spec.seeds == [9]
    assert spec.sft is None


def test_later_parents_lie_over_earlier_ones(load_text: Load) -> None:
    files = {"a.yaml": "seeds: [1]\ndescription: a\n", "b.yaml": "seeds: [2]\n"}
    spec = load_text("extends: [a.yaml, b.yaml]\n", files=files).experiment
    assert (spec.seeds, spec.description) == ([2], "a")


def test_parents_are_relative_to_the_file_that_names_them(folder: Path) -> None:
    (folder / "paper").mkdir()
    (folder / "paper/base.yaml").write_text(f"extends: ../common.yaml\n{HEAD}")
    (folder / "common.yaml").write_text("seeds: [7]\n")
    (folder / "child.yaml").write_text("extends: paper/base.yaml\n")
    assert load(Path("child.yaml")).experiment.seeds == [7]


def test_a_diamond_of_parents_is_no_circle(load_text: Load) -> None:
    files = {"a.yaml": "extends: c.yaml\n", "b.yaml": "extends: c.yaml\n", "c.yaml": "seeds: [3]\n"}
    assert load_text("extends: [a.yaml, b.yaml]\n", files=files).experiment.seeds == [3]


@pytest.mark.parametrize(
    ("chain", "circle"),
    [
        ({"spec.yaml": "spec.yaml"}, "spec.yaml -> spec.yaml"),
        ({"spec.yaml": "a.yaml", "a.yaml": "b.yaml", "b.yaml": "a.yaml"}, "a.yaml -> b.yaml -> a.yaml"),
    ],
)
def test_a_circle_of_parents_is_shown(folder: Path, chain: dict[str, str], circle: str) -> None:
    for name, parent in chain.items():
        (folder / name).write_text(f"extends: {parent}\n{HEAD}")
    with pytest.raises(SpecError) as caught:
        load(Path("spec.yaml"))
    (problem,) = caught.value.diagnostics
    assert problem.message == f"the parents form a circle: {circle}"
    assert problem.where.text == f"extends: {list(chain.values())[-1]}"


@pytest.mark.parametrize("value", ["5", "[]x", "{a: b}", "[a.yaml, 5]", "''", "null"])
def test_extends_takes_paths_only(refuse: Refuse, value: str) -> None:
    assert {each.rule for each in refuse(f"extends: {value}\n", files={"a.yaml": ""})} <= {
        "wrong-type",
        "yaml-syntax",
    }


def test_every_missing_parent_is_reported(refuse: Refuse) -> None:
    problems = refuse("extends: [bas.yaml, other.yaml]\n", files={"base.yaml": ""})
    assert [each.message for each in problems] == ["no such file: bas.yaml", "no such file: other.yaml"]
    assert problems[0].help == "did you mean 'base.yaml'?"
    assert [each.where.column for each in problems] == [11, 21]


@pytest.mark.parametrize("name", ["nothing.yaml", "no/folder/x.yaml", ".", "a\0b"])
def test_a_spec_that_cannot_be_read_is_one_clear_error(folder: Path, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(Path(name))
    (problem,) = caught.value.diagnostics
    assert problem.rule in ("not-found", "unreadable")
    assert problem.where.source == name


def test_a_spec_without_rights_to_read_is_one_clear_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(SpecError, match=r"cannot read spec\.yaml: Permission denied"):
        load(Path("spec.yaml"))


def test_errors_of_all_files_come_together(refuse: Refuse) -> None:
    files = {"parent.yaml": "seeds: [x]\n", "overlay.yaml": "rl: {group_size: 0}\n"}
    problems = refuse(
        "extends: parent.yaml\nfoo: 1\n",
        ["rl.top_p=2"],
        files=files,
        overlays=[Path("overlay.yaml")],
        environ={"R1CI_SET": "sft.epochs=many"},
    )
    assert [each.where.source for each in problems] == [
        "overlay.yaml",
        "parent.yaml",
        "spec.yaml",
        "R1CI_SET",
        "command line",
    ]


def test_a_changed_kind_keeps_what_the_new_kind_knows(load_text: Load) -> None:
    files = {"overlay.yaml": "executor: {kind: http, url: http://x}\n"}
    spec = load_text(
        "executor: {kind: local, timeout_s: 2, workers: 3}\ndemonstrations: {teacher: {kind: openai, model: m}}\n",
        ["demonstrations.teacher.kind=program"],
        files=files,
        overlays=[Path("overlay.yaml")],
    ).experiment
    assert spec.executor.model_dump(include={"kind", "timeout_s", "workers", "url"}) == {
        "kind": "http",
        "timeout_s": 2.0,
        "workers": 3,
        "url": "http://x",
    }
    assert spec.demonstrations.teacher.kind == "program"


def test_free_mappings_may_have_a_key_named_kind(load_text: Load) -> None:
    files = {"overlay.yaml": "tasks: {params: {rg/gcd: {kind: b}}}\n"}
    spec = load_text("tasks: {params: {rg/gcd: {kind: a, n: 3}}}\n", files=files, overlays=[Path("overlay.yaml")])
    assert spec.experiment.tasks.params == {"rg/gcd": {"kind": "b", "n": 3}}


def test_every_value_says_where_it_comes_from(load_text: Load) -> None:
    files = {"parent.yaml": "rl:\n  group_size: 3\n", "overlay.yaml": OVERLAY}
    resolved = load_text(
        "extends: parent.yaml\nrl: {preset: dapo, objective: {clip_low: 0.1}}\n",
        ["models.0.width=96", "sft.epochs=2"],
        files=files,
        overlays=[Path("overlay.yaml")],
        environ={"R1CI_SET": "rl.warmup=0.5"},
    )
    expected = {
        "name": "spec.yaml:2:7",
        "rl.group_size": "overlay.yaml:1:18",
        "rl.warmup": "R1CI_SET: rl.warmup=0.5",
        "rl.preset": "spec.yaml:5:14",
        "rl.objective.clip_low": "spec.yaml:5:42",
        "rl.objective.clip_high": "preset dapo",
        "sft.epochs": "command line: sft.epochs=2",
        "sft.batch_size": "default",
        "models.0.width": "command line: models.0.width=96",
        "models.0.name": "preset tiny",
        "seeds": "overlay.yaml:2:1",
    }
    assert {key: str(resolved.origins[key]) for key in expected} == expected


_TREES = st.recursive(
    st.integers(0, 9) | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


def _deep(under: Any, over: Any) -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: _deep(under[key], value) if key in under else value for key, value in over.items()}}
    return over


@given(st.lists(_TREES, min_size=1, max_size=4))
def test_merging_is_deep_and_in_order(values: list[Any]) -> None:
    merged, expected = from_plain(values[0], Origin("0")), values[0]
    for index, value in enumerate(values[1:], 1):
        merged, expected = merge(merged, from_plain(value, Origin(str(index)))), _deep(expected, value)
    assert merged.plain() == expected


@given(_TREES, _TREES, _TREES)
def test_merging_is_associative_where_mappings_meet_mappings(a: Any, b: Any, c: Any) -> None:
    x, y, z = (from_plain({"root": each} if not isinstance(each, dict) else each, Origin("x")) for each in (a, b, c))
    if _meets_only_mappings(x.plain(), y.plain(), z.plain()):
        assert merge(merge(x, y), z).plain() == merge(x, merge(y, z)).plain()


def _meets_only_mappings(*values: Any) -> bool:
    if not all(isinstance(value, dict) for value in values):
        return not any(isinstance(value, dict) for value in values)
    keys = {key for value in values for key in value}
    return all(_meets_only_mappings(*[value[key] for value in values if key in value]) for key in keys)
