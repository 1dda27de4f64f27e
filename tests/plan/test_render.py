"""The text of a plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from r1ci.plan.render import count, duration, megabytes, render, shared_by, short_ids, totals
from r1ci.plan.steps import Cell, Plan

PlanOf = Callable[..., Plan]


def test_the_text_names_every_step_its_cells_its_cost_and_whether_it_is_done(plan_of: PlanOf) -> None:
    plan = plan_of(seeds=[0, 1])
    first = next(iter(plan.steps))
    text = render(plan, {first})
    assert "small: 2 cells, 18 steps (20 without sharing), 1 already in the store" in text
    lines = {line.split()[1]: line for line in text.splitlines() if line[:1].isdigit()}
    assert list(lines) == list(short_ids(plan.steps).values())
    assert " done " in lines[short_ids(plan.steps)[first]]
    assert "all 2 cells" in lines[short_ids(plan.steps)[first]]
    assert any("default/tiny/1 (rl:code_agent)" in line for line in lines.values())


def test_formulas_are_shown_once_for_all_steps_that_have_them(plan_of: PlanOf) -> None:
    text = render(plan_of(seeds=[0, 1, 2]), (), explain={})
    assert text.count("seconds   = training (6 update) x") == 1
    assert "sft (# 4, 12, 20)" in text


def test_totals_count_shared_steps_once(plan_of: PlanOf) -> None:
    one = plan_of(variants={"a": {}})
    two = plan_of(variants={"a": {}, "b": {"evaluation": {"temperature": 0.0}}})
    extra = [step for step_id, step in two.steps.items() if step_id not in one.steps]
    assert {step.kind for step in extra} == {"evaluation"}
    assert totals(two.steps.values()).tokens == totals(one.steps.values()).tokens + totals(extra).tokens


def test_totals_of_what_is_left_leave_out_what_is_done(plan_of: PlanOf) -> None:
    plan = plan_of()
    line = next(line for line in render(plan, set(plan.steps)).splitlines() if line.startswith("not in the store"))
    assert line.split()[4:7] == ["0", "-", "0.0"]


def test_origins_are_printed_last_on_request(plan_of: PlanOf) -> None:
    text = render(plan_of(), (), explain={"tasks.seed": "3  # spec.yaml:4:9", "name": '"small"  # spec.yaml:2:7'})
    assert text.endswith('  tasks.seed  3  # spec.yaml:4:9\n  name        "small"  # spec.yaml:2:7\n')


def cell(variant: str, model: str, seed: int) -> Cell:
    """A cell without steps."""
    return Cell(variant, model, seed, {})


EVERYONE = [cell(variant, model, seed) for variant in "ab" for model in ("t", "u") for seed in (0, 1)]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ({(v, m, s) for v in "ab" for m in "tu" for s in (0, 1)}, "all 8 cells"),
        ({("a", "t", 0)}, "a/t/0"),
        ({("a", "t", 0), ("b", "t", 0)}, "*/t/0"),
        ({("a", "t", 0), ("a", "t", 1)}, "a/t/*"),
        ({("a", "t", 0), ("b", "u", 1)}, "a/t/0 b/u/1"),
        ({("a", "t", 0), ("a", "u", 1), ("b", "t", 1), ("b", "u", 0)}, "a/t/0 a/u/1 b/t/1 and 1 more"),
    ],
)
def test_who_shares_a_step_is_said_briefly(names: set[tuple[str, str, int]], text: str) -> None:
    users = [one for one in EVERYONE if (one.variant, one.model, one.seed) in names]
    assert shared_by(users, EVERYONE) == text


def test_short_ids_grow_until_they_differ() -> None:
    ids = ["rl-0123456789abcdef", "rl-0123456799abcdef", "sft-0123456789abcdef"]
    assert short_ids(ids) == {ids[0]: "rl-012345678" + "9ab", ids[1]: "rl-0123456799ab", ids[2]: "sft-0123456789ab"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.3, "0.3 s"),
        (59.4, "59 s"),
        (59.9, "1 min 0 s"),
        (245, "4 min 5 s"),
        (12_000, "3 h 20 min"),
        (1_051_200, "12 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_counts_and_sizes() -> None:
    assert [count(value) for value in (0, 950, 12_345, 4_560_000, 7_890_000_000)] == [
        "-",
        "950",
        "12.3k",
        "4.56M",
        "7.89G",
    ]
    assert [megabytes(value) for value in (600, 33_100)] == ["600 MB", "33.1 GB"]
