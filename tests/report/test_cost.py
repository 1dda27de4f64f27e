"""Time, tokens and sandbox time, and where the time of training went."""

from __future__ import annotations

import dataclasses
import re

import pytest

from r1ci.report.contenders import compare
from r1ci.report.data import Findings
from r1ci.report.sections.cost import cost_data, cost_html


def test_phases_add_up_to_the_wall_time_of_a_run(findings: Findings) -> None:
    cost = cost_data(compare(findings, None))
    assert [run.label for run in cost.runs] == ["curriculum", "plain"]
    for run in cost.runs:
        assert run.phases == pytest.approx((48 * 2.1, 48 * 0.9, 150 - 48 * 3.0))
        assert run.finding == "rollouts 67%, updates 29%, rest 4%"


def test_throughput_is_tokens_over_rollout_time(findings: Findings) -> None:
    run = cost_data(compare(findings, None)).runs[0]
    assert run.steps == tuple(range(48))
    assert run.throughput == pytest.approx([9000 / 2.1] * 48)


def test_gpu_hours_count_what_a_step_held(findings: Findings) -> None:
    steps = {id: dataclasses.replace(s, gpus=4 if s.kind == "rl" else 0) for id, s in findings.steps.items()}
    cost = cost_data(compare(dataclasses.replace(findings, steps=steps), None))
    assert cost.gpu_hours == pytest.approx(6 * 4 * 150 / 3600)
    assert {kind.kind: kind.gpu_hours for kind in cost.kinds}["sft"] == 0.0


def test_sandbox_time_is_bounded_by_the_edges_of_the_buckets(findings: Findings) -> None:
    evaluation = next(id for id, step in findings.steps.items() if step.kind == "evaluation")
    rows = tuple(
        {"measure": "wall_s", "name": name, "count": count} for name, count in (("0.5", 4), ("2", 3), ("inf", 1))
    )
    other = ({"measure": "queue_s", "name": "9", "count": 9},)
    changed = dataclasses.replace(findings, executions={evaluation: rows + other})
    kinds = {kind.kind: kind.sandbox_s for kind in cost_data(compare(changed, None)).kinds}
    assert kinds["evaluation"] == 4 * 0.5 + 3 * 2 + 2
    assert kinds["rl"] is None


def test_a_run_that_is_not_finished_has_no_phases(findings: Findings) -> None:
    steps = {id: dataclasses.replace(s, state="failed") if s.kind == "rl" else s for id, s in findings.steps.items()}
    data = cost_data(compare(dataclasses.replace(findings, steps=steps), None))
    assert data.runs == ()
    assert "<svg" not in cost_html(data)


def test_the_figures_say_their_findings(findings: Findings) -> None:
    labels = re.findall(r'aria-label="([^"]+)"', cost_html(cost_data(compare(findings, None))))
    assert labels == [
        "Time by phase. curriculum: rollouts 67%, updates 29%, rest 4%; plain: rollouts 67%, updates 29%, rest 4%.",
        "Tokens per second over training steps. curriculum: 4.29e+03 to 4.29e+03; plain: 4.29e+03 to 4.29e+03.",
    ]
