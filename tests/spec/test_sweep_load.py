"""Sweeps with their specs: which variant runs, what is laid over it, and how a sweep is read back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from r1ci.spec.sweep.check import last_checkpoint
from r1ci.spec.sweep.load import load_resolved_sweep, load_sweep
from r1ci.spec.sweep.resolved import ResolvedSweep, resolve
from r1ci.spec.sweep.trials import proposals

BASE = """spec_version: 1
name: base
description: The base.
models: [tiny]
seeds: [3, 4]
rl: {group_size: 5, learning_rate: 1e-4}
variants:
  curriculum: {rl.group_size: 6}
  plain: {curriculum.stages: single}
report: {baseline: plain}
"""
SWEEP = """sweep_version: 1
name: sizes
spec: base.yaml
space: {rl.group_size: {kind: grid, values: [4, 8]}}
metric: {name: accuracy/new_questions, mode: max}
search: {kind: grid}
"""


def read(
    folder: Path,
    sweep: str = SWEEP,
    base: str = BASE,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
) -> ResolvedSweep:
    (folder / "base.yaml").write_text(base, encoding="utf-8")
    (folder / "sweep.yaml").write_text(sweep, encoding="utf-8")
    return load_sweep(Path("sweep.yaml"), environ=environ, overrides=overrides)


def specs(resolved: ResolvedSweep) -> list[dict[str, Any]]:
    return [resolve(resolved, trial).data for trial in proposals(resolved.sweep)]


def test_a_trial_is_the_spec_with_its_values_and_a_name(folder: Path) -> None:
    first, second = specs(read(folder))
    assert [first["name"], second["name"]] == ["sizes-0000", "sizes-0001"]
    assert [first["rl"]["group_size"], second["rl"]["group_size"]] == [4, 8]
    assert first["rl"]["learning_rate"] == 1e-4


def test_the_values_win_over_the_variant(folder: Path) -> None:
    resolved = read(folder)
    (case,) = resolve(resolved, next(proposals(resolved.sweep))).cases.values()
    assert case.experiment.rl.group_size == 4


@pytest.mark.parametrize(
    ("base", "line", "expected"),
    [
        (BASE, "", "curriculum"),
        (BASE.replace("baseline: plain", "baseline: curriculum"), "", "plain"),
        (BASE.replace("report: {baseline: plain}\n", ""), "", "curriculum"),
        (BASE, "variant: plain\n", "plain"),
        (BASE[: BASE.index("variants:")], "", "default"),
    ],
    ids=["not the baseline", "another baseline", "the baseline is the last", "named", "there is one"],
)
def test_a_trial_runs_one_variant(folder: Path, base: str, line: str, expected: str) -> None:
    resolved = read(folder, SWEEP + line, base)
    spec = resolve(resolved, next(proposals(resolved.sweep)))
    assert list(spec.cases) == [expected] == [resolved.bases["base.yaml"].variant]
    stages = spec.cases[expected].experiment.curriculum.stages
    assert stages == ("single" if expected == "plain" else "cumulative")


def test_a_sweep_with_seeds_has_its_own_and_else_the_specs(folder: Path) -> None:
    assert specs(read(folder))[0]["seeds"] == [3, 4]
    assert specs(read(folder, SWEEP + "seeds: [0]\n"))[0]["seeds"] == [0]


def test_set_is_laid_over_the_spec_and_its_variant(folder: Path) -> None:
    sweep = SWEEP + "set: {curriculum: {stages: separate}, rl.top_p: 0.5}\nvariant: plain\n"
    spec = specs(read(folder, sweep))[0]
    assert spec["curriculum"]["stages"] == "separate"
    assert spec["rl"]["top_p"] == 0.5


def test_a_swept_preset_brings_its_own_choices(folder: Path) -> None:
    sweep = SWEEP.replace(
        "rl.group_size: {kind: grid, values: [4, 8]}", "rl.preset: {kind: grid, values: [dapo, dr_grpo]}"
    )
    dapo, dr_grpo = specs(read(folder, sweep))
    assert dapo["rl"]["objective"]["aggregate"] == "token_mean"
    assert dr_grpo["rl"]["objective"]["aggregate"] == "constant"


def test_a_swept_kind_drops_the_keys_of_the_other(folder: Path) -> None:
    sweep = SWEEP.replace(
        "{rl.group_size: {kind: grid, values: [4, 8]}}",
        "\n  partition.score: {kind: grid, values: [{kind: bernoulli}, {kind: beta, a: 2.0, b: 1.0}]}",
    )
    base = BASE + "partition: {score: {kind: beta, a: 1.0, b: 3.0}}\n"
    bernoulli, beta = (each["partition"]["score"] for each in specs(read(folder, sweep, base)))
    assert bernoulli == {"kind": "bernoulli"}
    assert beta == {"kind": "beta", "a": 2.0, "b": 1.0}


def test_an_item_of_a_default_list_can_be_swept(folder: Path) -> None:
    sweep = SWEEP.replace(
        "rl.group_size: {kind: grid, values: [4, 8]}", "rewards.1.weight: {kind: grid, values: [0.5]}"
    )
    rewards = specs(read(folder, sweep))[0]["rewards"]
    assert [(each["kind"], each["weight"]) for each in rewards] == [
        ("correctness", 1.0),
        ("format", 0.5),
        ("turn_limit", 0.1),
    ]


def test_an_interpolation_of_the_spec_follows_the_swept_key(folder: Path) -> None:
    base = BASE + "potential: {temperatures: [0.5]}\nevaluation: {samples: '${rl.group_size}'}\n"
    assert [each["evaluation"]["samples"] for each in specs(read(folder, base=base))] == [4, 8]


def test_a_conditional_key_is_only_set_where_it_applies(folder: Path) -> None:
    sweep = SWEEP.replace(
        "{rl.group_size: {kind: grid, values: [4, 8]}}",
        "\n  rl.optimizer: {kind: grid, values: [adamw, muon]}"
        "\n  rl.learning_rate: {kind: grid, values: [1e-3], when: {rl.optimizer: muon}}",
    )
    assert [each["rl"]["learning_rate"] for each in specs(read(folder, sweep))] == [1e-4, 1e-3]


def test_values_know_their_place_in_the_sweep(folder: Path) -> None:
    resolved = read(folder)
    spec = resolve(resolved, list(proposals(resolved.sweep))[1])
    where = spec.origins["rl.group_size"]
    assert (where.source, where.line, where.text[where.column - 1]) == ("sweep.yaml", 4, "8")


def test_a_sweep_finds_its_spec_beside_it_or_among_the_shipped_ones(folder: Path) -> None:
    for place in ("specs", "here"):
        (folder / place).mkdir()
    (folder / "specs" / "base.yaml").write_text(BASE, encoding="utf-8")
    (folder / "here" / "sweep.yaml").write_text(SWEEP.replace("spec: base.yaml", "spec: base"), encoding="utf-8")
    assert load_sweep(Path("here/sweep.yaml")).bases["base"].path == Path("specs/base.yaml")
    (folder / "here" / "sweep.yaml").write_text(SWEEP.replace("spec: base.yaml", "spec: ../specs/base.yaml"))
    assert load_sweep(Path("here/sweep.yaml")).bases["../specs/base.yaml"].path == Path("specs/base.yaml")


def test_several_specs_are_swept_side_by_side(folder: Path) -> None:
    (folder / "other.yaml").write_text(BASE.replace("learning_rate: 1e-4", "learning_rate: 2e-4"), encoding="utf-8")
    resolved = read(folder, SWEEP.replace("spec: base.yaml", "specs: [base.yaml, other.yaml]"))
    found = [(each["name"], each["rl"]["group_size"], each["rl"]["learning_rate"]) for each in specs(resolved)]
    assert found == [
        ("sizes-0000", 4, 1e-4),
        ("sizes-0001", 8, 1e-4),
        ("sizes-0002", 4, 2e-4),
        ("sizes-0003", 8, 2e-4),
    ]


def test_r1ci_set_changes_the_specs(folder: Path) -> None:
    assert specs(read(folder, environ={"R1CI_SET": "rl.learning_rate=0.5"}))[0]["rl"]["learning_rate"] == 0.5


def test_overrides_change_the_sweep(folder: Path) -> None:
    sweep = SWEEP.replace("grid", "choice", 1).replace("kind: grid", "kind: random") + "trials: 2\n"
    overrides = ["space.rl.group_size.values.1=16", "name=other", "search.seed=3", "set.rl.top_p=0.5", "~seeds"]
    resolved = read(folder, sweep, overrides=overrides)
    assert resolved.sweep.name == "other"
    assert resolved.sweep.search.seed == 3  # type: ignore[union-attr]
    assert {each["rl"]["group_size"] for each in specs(resolved)} == {4, 16}
    assert {each["rl"]["top_p"] for each in specs(resolved)} == {0.5}


def test_an_override_brings_a_new_key_into_the_space(folder: Path) -> None:
    resolved = read(folder, overrides=["space.rl.top_p={kind: grid, values: [0.5, 0.6]}"])
    assert [dict(trial.values) for trial in proposals(resolved.sweep)][:2] == [
        {"rl.group_size": 4, "rl.top_p": 0.5},
        {"rl.group_size": 4, "rl.top_p": 0.6},
    ]


def test_an_override_takes_a_section_away(folder: Path) -> None:
    sweep = SWEEP + "set: {rl.evaluate_every: 5}\nscheduler: {kind: asha, grace: 5}\n"
    assert read(folder, sweep, overrides=["~scheduler"]).sweep.scheduler.kind == "none"


def test_a_sweep_extends_another(folder: Path) -> None:
    (folder / "parent.yaml").write_text(SWEEP, encoding="utf-8")
    resolved = read(folder, "extends: parent.yaml\nname: small\nset: {rl.top_p: 0.5}\n")
    assert [each["name"] for each in specs(resolved)] == ["small-0000", "small-0001"]


def test_a_resolved_sweep_is_read_back_without_its_files(folder: Path) -> None:
    base = BASE + "evaluation: {samples: '${rl.group_size}'}\nexecutor: {timeout_s: '${oc.decode:${oc.env:LIMIT}}'}\n"
    environ = {"LIMIT": "7"}
    resolved = read(folder, SWEEP + "set: {rl.top_p: 0.5}\nseeds: [9]\n", base, environ=environ)
    (folder / "resolved.json").write_text(json.dumps(resolved.data), encoding="utf-8")
    (folder / "base.yaml").unlink()
    again = load_resolved_sweep(Path("resolved.json"), environ=environ)
    assert again.sweep == resolved.sweep
    assert again.data == resolved.data
    assert specs(again) == specs(resolved)
    assert [base.variant for base in again.bases.values()] == ["curriculum"]


def test_the_environment_is_no_part_of_what_is_kept(folder: Path) -> None:
    resolved = read(folder, environ={"SECRET": "hunter2"})
    assert "hunter2" not in json.dumps(resolved.data) + repr(resolved)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("", "rl"),
        ("until: sft\n", "sft"),
        ("until: partition\n", "sft"),
        ("until: potential\nsft: null\n", "base"),
        ("until: demonstrations\n", None),
    ],
)
def test_the_last_checkpoint_is_the_most_trained_model(folder: Path, changes: str, expected: str | None) -> None:
    sweep = SWEEP.replace("accuracy/new_questions", "rl/reward")
    base = BASE[: BASE.index("variants:")]
    if changes:
        (folder / "spec.yaml").write_text(base + changes, encoding="utf-8")
        from r1ci.spec.load import load

        assert last_checkpoint(load(Path("spec.yaml")).experiment) == expected
    else:
        assert last_checkpoint(read(folder, sweep, base).bases["base.yaml"].experiment) == expected
