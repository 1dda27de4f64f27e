"""What a report claims, and how attempts become scores."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1ci.report.contenders import compare
from r1ci.report.contrasts import Contrast, claim, contrasts
from r1ci.report.data import Attempt, read_findings
from r1ci.report.effort import effort, reach
from r1ci.report.scores import by_question, majority_of, mean_correct, pass_at
from r1ci.report.sections.board import board
from r1ci.report.sections.leaderboard import leaderboard_data, leaderboard_html
from r1ci.report.sections.verdict import sentence, verdict_data
from r1ci.report.stats import Estimate

MakeStore = Callable[..., Path]


def attempt(correct: bool, answer: str | None = "1", sample: int = 0, stop_reason: str = "answer") -> Attempt:
    return Attempt(
        set="new", task="t", question_id="q", sample=sample, correct=correct, calls=0, code_errors=0, statuses=(),
        turns=1, generated_tokens=1, stop_reason=stop_reason, answer=answer,
    )  # fmt: skip


# ---------------------------------------------------------------- claims


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    value = draw(st.floats(-1, 1))
    half = draw(st.none() | st.floats(0, 1))
    return Estimate(
        value=value, low=None if half is None else value - half, high=None if half is None else value + half,
        seeds=draw(st.integers(1, 5)), tasks=draw(st.integers(1, 9)), questions=9, unit="tasks", per_seed={},
        p=None if half is None else draw(st.floats(0, 1)), detectable=None, interquartile=value,
    )  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(estimates(), st.none() | st.floats(0, 0.2))
def test_beats_takes_two_seeds_an_interval_without_zero_and_a_corrected_p_below_5_percent(
    estimate: Estimate, holm: float | None
) -> None:
    contrast = Contrast("A", "B", "baseline", "new", estimate, holm, 0.5, claim(estimate, holm))
    said = sentence(contrast, 6)
    low, high = estimate.low, estimate.high
    apart = low is not None and high is not None and (low > 0 or high < 0)
    supported = apart and holm is not None and holm < 0.05
    assert ("beats" in said) == (supported and estimate.seeds > 1 and estimate.value > 0)
    assert ("is worse than" in said) == (supported and estimate.seeds > 1 and estimate.value < 0)
    assert said.startswith("In this one run") == (supported and estimate.seeds == 1)
    assert contrast.sure == supported


def test_all_comparisons_shown_are_one_family(full: Path) -> None:
    comparison = compare(read_findings(full, ["quickstart"]), None)
    made = contrasts(comparison)
    assert [(c.left, c.right) for c in made[::2]] == [
        ("curriculum", "plain"), ("curriculum", "SFT"), ("plain", "SFT"), ("SFT", "base"),
    ]  # fmt: skip
    assert [statement.contrast for statement in verdict_data(comparison).statements] == list(made)
    smallest = min(c.estimate.p for c in made if c.estimate is not None and c.estimate.p is not None)
    assert min(c.holm for c in made if c.holm is not None) == pytest.approx(8 * smallest)
    for contrast in made:
        assert contrast.estimate is not None
        assert contrast.estimate.p is not None
        assert contrast.holm is not None
        assert contrast.holm >= contrast.estimate.p


# ---------------------------------------------------------------- scores


@given(st.integers(1, 7), st.integers(0, 7), st.integers(1, 7))
def test_pass_at_k_is_the_share_of_all_choices_of_k_attempts_with_a_correct_one(n: int, right: int, k: int) -> None:
    attempts = [attempt(index < right, sample=index) for index in range(n)]
    score = pass_at(k)(attempts)
    if n < k:
        assert score is None
        return
    choices = list(itertools.combinations(attempts, k))
    assert score == pytest.approx(sum(any(a.correct for a in chosen) for chosen in choices) / len(choices))
    if k == 1:
        assert score == pytest.approx(mean_correct(attempts))


@pytest.mark.parametrize(
    ("given_", "score"),
    [
        ([("7", True), ("7 ", True), ("8", False)], 1.0),
        ([("8", False), ("7", True), ("8", False)], 0.0),
        ([("8", False), ("7", True), (None, False)], 0.5),
        ([(None, False), (None, False), ("7", True)], 1.0),
        ([(None, False), (None, False), (None, False)], 0.0),
        ([("7", True), ("7", True)], None),
    ],
)
def test_the_majority_is_the_answer_given_most_often(
    given_: list[tuple[str | None, bool]], score: float | None
) -> None:
    attempts = [attempt(correct, answer, index) for index, (answer, correct) in enumerate(given_)]
    assert majority_of(3)(attempts) == score


def test_attempts_lost_to_infrastructure_do_not_count() -> None:
    attempts = [attempt(True), attempt(False, stop_reason="infrastructure")]
    assert by_question(attempts, mean_correct) == {"t": {"q": 1.0}}
    assert by_question(attempts, pass_at(2)) == {}


# ---------------------------------------------------------------- the leaderboard's other columns


def test_several_attempts_per_question_bring_pass_and_majority_columns(make_store: MakeStore) -> None:
    findings = read_findings(make_store(), ["quickstart"])
    more = {
        step: tuple(dataclasses.replace(a, sample=sample) for a in attempts for sample in range(4))
        for step, attempts in findings.attempts.items()
    }
    data = leaderboard_data(compare(dataclasses.replace(findings, attempts=more), None))
    score = data.rows[2].scores["new"]
    assert list(score.pass_at) == [2, 4]
    assert list(score.majority) == [4]
    assert score.accuracy is not None
    for same in (score.pass_at[2], score.pass_at[4], score.majority[4]):
        assert same is not None
        assert same.value == pytest.approx(score.accuracy.value), "the four attempts are copies"
    assert {"new-pass4", "new-maj4", "new-pass2"} <= {column.id for column in board(data)}
    assert "pass@4 %" in leaderboard_html(data)


def test_ranks_of_a_model_add_up(full: Path) -> None:
    data = leaderboard_data(compare(read_findings(full, ["quickstart"]), None))
    for set_ in data.sets:
        ranks = [row.scores[set_].ranks for row in data.rows]
        assert [sum(of) for of in ranks] == pytest.approx([1.0] * 4)
        assert ranks[0][3] > 0.99, "the base model is last"
    assert not any("pass@" in column.title for column in board(data)), "there is one attempt per question"


def test_models_stand_apart_and_are_compared_and_ranked_within_themselves(full: Path) -> None:
    findings = read_findings(full, ["quickstart"])
    one = findings.experiments[0]
    cells = tuple(dataclasses.replace(cell, model=model) for model in ("3b", "7b") for cell in one.cells)
    both = dataclasses.replace(findings, experiments=(dataclasses.replace(one, cells=cells),))
    comparison = compare(both, None)
    data = leaderboard_data(comparison)
    assert [row.model for row in data.rows] == ["3b"] * 4 + ["7b"] * 4
    assert {len(row.scores["new"].ranks) for row in data.rows} == {4}
    pairs = [(contrast.left, contrast.right) for contrast in contrasts(comparison)]
    assert all(left.split(" / ")[1] == right.split(" / ")[1] for left, right in pairs)
    html = leaderboard_html(data)
    assert html.count("<tbody") == html.count('class="model"') == 2
    assert html.index("curriculum", html.index('data-model="7b"')) > html.index('data-model="3b"')


def test_effort_is_that_of_every_step_a_checkpoint_rests_on(full: Path) -> None:
    comparison = compare(read_findings(full, ["quickstart"]), None)
    by_label = {contender.label: effort(comparison, contender) for contender in comparison.contenders}
    assert by_label["SFT"].wall_s == 2 + 2 + 2 + 80, "questions, demonstrations, model, sft"
    assert by_label["curriculum"].wall_s == 86 + 25 + 2 + 150
    assert by_label["plain"].wall_s == 86 + 150
    assert by_label["curriculum"].tokens == 60 * 4200 + 48 * 9000
    assert (by_label["plain"].gpu_hours, by_label["plain"].cost) == (0.0, None)


def test_gpu_hours_are_priced_as_the_spec_says(full: Path) -> None:
    findings = read_findings(full, ["quickstart"])
    compute = {"hardware": {"price_per_gpu_hour": 2.5, "currency": "EUR"}}
    steps = {
        id: dataclasses.replace(step, gpus=8, compute=compute) if step.kind == "rl" else step
        for id, step in findings.steps.items()
    }
    comparison = compare(dataclasses.replace(findings, steps=steps), None)
    made = effort(comparison, next(c for c in comparison.contenders if c.label == "plain"))
    assert made.gpu_hours == pytest.approx(8 * 150 / 3600)
    assert made.cost == pytest.approx(2.5 * 8 * 150 / 3600)
    assert made.currency == "EUR"
    ids = {column.id: column.title for column in board(leaderboard_data(comparison))}
    assert (ids["gpu-hours"], ids["cost"]) == ("GPU-hours", "EUR")


def _rows(log: pl.DataFrame) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if value is not None} for row in log.to_dicts()]


def test_the_threshold_is_where_the_baseline_ended(full: Path) -> None:
    comparison = compare(read_findings(full, ["quickstart"]), None)
    reached = {c.label: reach(comparison, c) for c in comparison.contenders}
    assert reached["SFT"] is None
    plain, curriculum = reached["plain"], reached["curriculum"]
    assert plain is not None
    assert curriculum is not None
    logs = [
        _rows(comparison.findings.metrics[comparison.findings.steps[step].reads["policy"]])
        for c in comparison.contenders
        if c.label == "plain"
        for step in c.evaluations.values()
    ]
    assert plain.threshold == pytest.approx(math.fsum(rows[47]["new_accuracy"] for rows in logs) / 3)
    got_there = [
        at
        for rows in logs
        if (at := next((i for i, row in enumerate(rows) if row.get("new_accuracy", 0) >= plain.threshold), None))
    ]
    assert (plain.seeds, plain.reached) == (3, len(got_there))
    assert plain.tokens == pytest.approx(9000 * sum(at + 1 for at in got_there) / len(got_there))
    assert plain.seconds == pytest.approx(3.0 * sum(at + 1 for at in got_there) / len(got_there))
    assert curriculum.threshold == plain.threshold
