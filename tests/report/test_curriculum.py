"""What the curriculum section computes from the visits of training, and that it draws them."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from r1ci.report.contenders import Comparison, compare
from r1ci.report.data import UNSCORED, Findings, read_findings
from r1ci.report.sections.curriculum import Run, Shares, curriculum_data, curriculum_html, states
from r1ci.report.sections.potential import potential_data
from r1ci.report.tables import VISIT, read_split, read_visits

Visit = tuple[int, int, str, str, int, int, int, bool]


def visit(step: int, stage: int, question: str, correct: int, scored: int = 4) -> Visit:
    return (step, stage, "t", question, scored, correct, 0, 0 < correct < scored)


def tabled(*visits: Visit) -> pl.DataFrame:
    return pl.DataFrame(visits, schema=VISIT, orient="row")


def run_of(findings: Findings, visits: tuple[Visit, ...], label: str = "curriculum", **changes: object) -> Run:
    """The run of one variant if all its seeds had these visits."""
    replaced = dataclasses.replace(findings, visits=dict.fromkeys(findings.visits, tabled(*visits)), **changes)  # type: ignore[arg-type]
    return next(run for run in curriculum_data(compare(replaced, None)).runs if run.label == label)


def test_a_visit_counts_scored_episodes_and_sees_whether_rewards_differ(tmp_path: Path) -> None:
    def row(step: int, question: str, reward: float, stop: str = "answer") -> dict[str, object]:
        return {"step": step, "stage": 1, "round": 0, "question_id": question, "task": "t", "calls": 2,
                "correct": reward > 0.5, "reward": reward, "stop_reason": stop}  # fmt: skip

    path = tmp_path / "episodes.parquet"
    rows = [row(0, "a", 1.0), row(0, "a", 0.0), row(0, "a", 0.0, "infrastructure"), row(0, "b", 1.0), row(0, "b", 1.0)]
    pl.DataFrame([*rows, row(1, "c", 0.0, "engine")]).write_parquet(path)
    assert read_visits(path, UNSCORED).to_dicts() == [
        {"step": 0, "stage": 1, "task": "t", "question_id": "a", "scored": 2, "correct": 1, "calls": 4, "signal": True},
        {
            "step": 0,
            "stage": 1,
            "task": "t",
            "question_id": "b",
            "scored": 2,
            "correct": 2,
            "calls": 4,
            "signal": False,
        },
    ]


def test_a_held_out_question_that_is_trained_on_is_found(tmp_path: Path) -> None:
    path = tmp_path / "questions.parquet"
    texts = [("sft", "one"), ("rl", "two"), ("new", "one"), ("new", "three"), ("test", "two"), ("test", "four")]
    pl.DataFrame([{"set": name, "text": text} for name, text in texts]).write_parquet(path)
    split = read_split(path)
    assert split.sizes == {"sft": 1, "rl": 1, "new": 2, "test": 2}
    assert split.shared == {"new": 1, "test": 1}


@pytest.mark.parametrize(("p", "index"), [(0.0, 0), (0.49, 1), (0.5, 2), (0.99, 2), (1.0, 3)])
def test_the_state_of_a_question(p: float, index: int) -> None:
    assert states(np.array([p])).tolist() == [index]


def test_before_is_the_last_known_share_and_after_the_last_visit_in_the_stage(findings: Findings) -> None:
    visits = (
        visit(0, 1, "new", 0), visit(1, 1, "new", 1), visit(2, 1, "new", 4), visit(3, 1, "once", 4),
        visit(4, 2, "new", 2), visit(5, 2, "once", 4),
    )  # fmt: skip
    first, second = run_of(findings, visits).stages
    assert (first.questions, first.improved, first.worsened, first.gain) == (3, 3, 0, 1.0)
    assert first.counts[0][3] == 3
    assert (second.questions, second.worsened, second.gain) == (6, 3, -0.25)
    assert second.counts[3] == (0, 0, 3, 3)
    assert first.signal == 0.25
    assert second.error == pytest.approx((6 * 0.25**2 / 5 / 6) ** 0.5)


def test_the_measured_potential_is_what_a_fresh_question_started_from(findings: Findings) -> None:
    measured = ({"question_id": "fresh", "p": 0.5},)
    potentials = dict.fromkeys(findings.potentials, measured)
    run = run_of(findings, (visit(0, 1, "fresh", 4),), potentials=potentials)
    assert (run.stages[0].questions, run.stages[0].gain) == (3, 0.5)
    plain = run_of(findings, (visit(0, 1, "fresh", 4),), label="plain", potentials=potentials)
    assert plain.stages[0].questions == 0


def test_groups_find_in_training_the_signal_that_was_promised(findings: Findings) -> None:
    measured = [("a", 1, 0.5), ("b", 1, 0.5), ("c", 2, 1.0), ("d", 2, 0.0)]
    rows = tuple(
        {"question_id": q, "task": "t", "group": g, "p": p, "potential": 4 * p * (1 - p)} for q, g, p in measured
    )
    visits = (visit(0, 1, "a", 2), visit(1, 1, "a", 0), visit(2, 1, "b", 4), visit(3, 2, "c", 1))
    changed = dataclasses.replace(
        findings,
        partitions=dict.fromkeys(findings.partitions, rows),
        visits=dict.fromkeys(findings.visits, tabled(*visits)),
    )
    groups = potential_data(compare(changed, None)).histograms[0].groups
    assert [(group.promised, group.found, group.visited) for group in groups] == [
        (1 - 2 * 0.5**5, 0.5, 2),
        (0.0, 1.0, 1),
    ]


def test_forgetting_is_the_best_earlier_accuracy_minus_the_last(findings: Findings) -> None:
    partitions = dict.fromkeys(
        findings.partitions, ({"question_id": "a", "group": 1}, {"question_id": "b", "group": 2})
    )
    visits = (visit(0, 1, "a", 4), visit(1, 2, "a", 3), visit(2, 2, "b", 2), visit(3, 3, "a", 1))
    groups = run_of(findings, visits, partitions=partitions).groups
    assert [(group.group, group.accuracies, group.forgotten) for group in groups] == [
        (1, (1.0, 0.75, 0.25), 0.75),
        (2, (None, 0.5, None), None),
    ]


def test_a_run_without_a_partition_is_shown_by_that_of_its_seed(findings: Findings) -> None:
    runs = {run.label: run for run in curriculum_data(compare(findings, None)).runs}
    assert set(runs) == {"curriculum", "plain"}
    for run in runs.values():
        assert run.mix is not None
        assert run.mix.names == ("group 1", "group 2", "group 3", "group 4")
    mix = runs["curriculum"].mix
    assert mix is not None
    assert mix.values[0][0] == 1.0
    assert mix.values[3][0] == 0.0


def test_shares_add_up_to_one_at_every_point(findings: Findings) -> None:
    for run in curriculum_data(compare(findings, None)).runs:
        for shares in (run.learning, run.mix):
            assert isinstance(shares, Shares)
            assert len(shares.steps) <= 24
            for values in zip(*shares.values, strict=True):
                assert sum(values) == pytest.approx(1)


def test_stages_have_their_steps_time_and_held_out_accuracy(findings: Findings) -> None:
    data = curriculum_data(compare(findings, None))
    spans = data.strips[0].spans
    assert [(span.stage, span.first, span.last) for span in spans] == [
        (1, 0, 11),
        (2, 12, 23),
        (3, 24, 35),
        (4, 36, 47),
    ]
    assert spans[0].seconds == pytest.approx(12 * 3.0)
    rl = [step for id, step in findings.steps.items() if id in findings.visits]
    curriculum = [findings.metrics[step.id].to_dicts() for step in rl if step.inputs["stages"] == "cumulative"]
    expected = sum(next(row["new_accuracy"] for row in rows if row["step"] == 23) for rows in curriculum) / 3
    assert data.runs[0].stages[1].held_out == pytest.approx(expected)


def test_every_figure_says_its_finding_and_has_its_table(findings: Findings) -> None:
    html = curriculum_html(curriculum_data(compare(findings, None)))
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 1 + 2 + 4 + 2 + 1
    for figure in figures:
        assert re.search(r'role="img" aria-label="[^"]+"', figure)
        assert "<details>" in figure
        assert "<caption>" in figure


def test_names_from_the_store_are_text(findings: Findings) -> None:
    data = curriculum_data(compare(findings, None))
    hostile = dataclasses.replace(data.runs[0], label="<img src=x>")
    assert "<img" not in curriculum_html(dataclasses.replace(data, runs=(hostile,)))


def test_without_runs_the_section_says_why(make_store: Callable[..., Path]) -> None:
    def comparison(**choices: object) -> Comparison:
        return compare(read_findings(make_store(**choices), ["quickstart"]), None)

    assert "No variant trains" in curriculum_html(curriculum_data(comparison(until="sft")))
    failed = comparison(failed=lambda role, variant, seed: role == "rl")
    assert "No training run has finished" in curriculum_html(curriculum_data(failed))
