"""Which tasks gave training a signal."""

from __future__ import annotations

import dataclasses

import polars as pl

from r1ci.report.contenders import compare
from r1ci.report.data import Findings
from r1ci.report.sections.tasks import Tasks, tasks_data, tasks_html
from r1ci.report.tables import VISIT


def of(findings: Findings, **visits: list[tuple[str, int]]) -> Tasks:
    """The section if the runs of the named variants had these visits, each a task and the right ones of 4 episodes."""
    steps = {cell.steps["rl"]: cell.variant for cell in findings.cells}
    made = {
        id: pl.DataFrame(
            [(0, 1, task, task, 4, right, 0, 0 < right < 4) for task, right in visits[variant]],
            schema=VISIT,
            orient="row",
        )
        for id, variant in steps.items()
        if variant in visits
    }
    return tasks_data(compare(dataclasses.replace(findings, visits=made), None))


def test_visits_are_counted_by_task_and_run_with_all_tasks_first(findings: Findings) -> None:
    data = of(findings, curriculum=[("a", 0), ("a", 2), ("b", 4), ("b", 4)], plain=[("b", 1)])
    assert data.runs == ("curriculum", "plain")
    assert [(signal.task, signal.visits, signal.shares) for signal in data.signals] == [
        ("all tasks", 15, ((0.25, 0.25, 0.5), (0.0, 1.0, 0.0))),
        ("a", 6, ((0.5, 0.5, 0.0), None)),
        ("b", 9, ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0))),
    ]


def test_every_bar_says_its_shares(findings: Findings) -> None:
    html = tasks_html(of(findings, curriculum=[("<img>", 0), ("<img>", 2)]))
    assert 'aria-label="&lt;img&gt;, curriculum: none right 50%, some right 50%, all right 0%"' in html
    assert "50 / 50 / 0" in html


def test_without_training_there_is_no_table_of_signals(findings: Findings) -> None:
    assert "found a signal" not in tasks_html(of(findings))


def test_tasks_of_a_plug_in_are_grouped_under_its_namespace(findings: Findings) -> None:
    evaluation = next(id for id, of_id in findings.attempts.items() if of_id)
    mine = tuple(dataclasses.replace(a, task=f"mine/{a.task[-3:]}") for a in findings.attempts[evaluation])
    data = tasks_data(compare(dataclasses.replace(findings, attempts={evaluation: mine}), None))
    assert {row.source for row in data.rows} == {"mine"}
