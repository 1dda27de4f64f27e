"""The reward by terms."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import polars as pl
import pytest

from r1ci.report.contenders import compare
from r1ci.report.data import Findings
from r1ci.report.sections.reward import Reward, reward_data, reward_html


def of(findings: Findings, rows: tuple[Mapping[str, float], ...]) -> Reward:
    """The section if every run had logged these rows."""
    return reward_data(
        compare(dataclasses.replace(findings, metrics=dict.fromkeys(findings.metrics, pl.DataFrame(rows))), None)
    )


def test_terms_are_means_over_steps_and_seeds_largest_first(findings: Findings) -> None:
    data = reward_data(compare(findings, None))
    assert [run.label for run in data.runs] == ["curriculum", "plain"]
    run = data.runs[0]
    assert [term.name for term in run.terms] == ["correctness", "format", "turn_limit"]
    steps = [step for id, step in findings.steps.items() if id in findings.visits]
    logged = [findings.metrics[step.id].to_dicts() for step in steps if step.inputs["stages"] == "cumulative"]
    first = [row["reward/correctness"] for rows in logged for row in rows if row["step"] < 2]
    assert run.terms[0].values[0] == pytest.approx(sum(first) / len(first))
    assert run.steps[0] == 0.5


def test_a_term_that_is_missing_from_the_sum_shows_as_a_residual(findings: Findings) -> None:
    rows = ({"step": 0, "reward": 1.0, "reward/a": 0.75}, {"step": 1, "reward": 0.5, "reward/a": 0.5})
    assert of(findings, rows).runs[0].residual == 0.25


def test_negative_terms_are_drawn_below_zero(findings: Findings) -> None:
    rows = tuple({"step": s, "reward": 0.5, "reward/a": 1.0, "reward/b": -0.5} for s in range(4))
    html = reward_html(of(findings, rows))
    assert "\u22120.5</text>" in html
    assert 'aria-label="Reward of curriculum by term. a: 1 to 1; b: -0.5 to -0.5."' in html


def test_diverged_steps_are_left_out(findings: Findings) -> None:
    rows = ({"step": 0, "reward": 1.0, "reward/a": 1.0}, {"step": 1, "reward": float("nan"), "reward/a": 1.0})
    assert of(findings, rows).runs[0].terms[0].values == (1.0,)


def test_no_terms_is_said(findings: Findings) -> None:
    assert "No training run has logged a reward" in reward_html(of(findings, ({"step": 0, "loss": 1.0},)))
