"""Interpolation of other values and of the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from omegaconf import OmegaConf

from r1ci.spec.diagnostics import Diagnostic
from r1ci.spec.load import Resolved

Load = Callable[..., Resolved]
Refuse = Callable[..., tuple[Diagnostic, ...]]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${name}", "test"),
        ("run of ${name}", "run of test"),
        ("${rl.group_size}x", "5x"),
        ("${oc.env:HOST}", "here"),
        ("${oc.env:NOWHERE,there}", "there"),
        ("http://${oc.env:HOST}/v1", "http://here/v1"),
        (r"\${name}", "${name}"),
        ("$name {name}", "$name {name}"),
        ("${seeds}x", "[7]x"),
    ],
)
def test_text_is_filled_in(load_text: Load, written: str, value: str) -> None:
    spec = load_text(f"seeds: [7]\ndescription: '{written}'", environ={"HOST": "here"}).experiment
    assert spec.description == value


def test_values_keep_their_type(load_text: Load) -> None:
    text = "seeds: [3, 4]\nrl: {group_size: '${seeds.1}', batch_questions: '${oc.decode:${oc.env:N}}'}\n"
    spec = load_text(text + "evaluation: {agents: '${potential.agents}'}", environ={"N": "16"}).experiment
    assert (spec.rl.group_size, spec.rl.batch_questions) == (4, 16)
    assert spec.evaluation.agents == spec.potential.agents


def test_overrides_are_seen_and_interpolated(load_text: Load) -> None:
    spec = load_text("description: ${name}", ["name=other", "seeds=['${rl.group_size}']"]).experiment
    assert (spec.description, spec.seeds) == ("other", [5])


def test_an_unset_variable_leaves_null_where_null_is_allowed(load_text: Load) -> None:
    text = "demonstrations: {teacher: {kind: openai, model: m, base_url: '${oc.env:URL}/v1'}}"
    (case,) = load_text(text).cases.values()
    assert case.experiment.demonstrations.teacher.model_dump()["base_url"] is None
    assert case.unset == {"demonstrations.teacher.base_url": "URL"}


def test_an_unset_variable_is_an_error_where_null_is_not_allowed(refuse: Refuse) -> None:
    (problem,) = refuse("description: '${oc.env:WHAT}'")
    assert (problem.rule, problem.path) == ("unset-environment", "description")


def test_only_the_given_environment_is_read(load_text: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "process")
    assert load_text("description: '${oc.env:HOST}'", environ={"HOST": "given"}).experiment.description == "given"
    config = OmegaConf.create({"host": "${oc.env:HOST}"})
    assert config.host == os.environ["HOST"]


@pytest.mark.parametrize(
    "value", ["${", "${}", "${nope:1}", "${a.b.c}", "${description}", "${oc.env}", "${oc.decode:'['}"]
)
def test_what_cannot_be_interpolated_is_one_error_at_the_value(refuse: Refuse, value: Any) -> None:
    (problem,) = refuse(f'description: "{value}"')
    assert (problem.rule, problem.path, str(problem.where)) == ("interpolation", "description", "spec.yaml:4:14")
