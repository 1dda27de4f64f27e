from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.curriculum.schedule import Stage, batch, stages
from r1ci.errors import UsageError

GROUPS = [["a", "b"], ["c", "d"], ["e"]]
sizes = st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any)


def named(counts: list[int]) -> list[list[str]]:
    return [[f"{number}.{i}" for i in range(count)] for number, count in enumerate(counts)]


def test_cumulative_stages_merge_the_groups_so_far() -> None:
    assert stages(GROUPS, "cumulative", 10, 3) == (
        Stage(1, ("a", "b"), 0, 10),
        Stage(2, ("a", "b", "c", "d"), 10, 10),
        Stage(3, ("a", "b", "c", "d", "e"), 20, 10),
    )


def test_separate_stages_train_on_one_group_each() -> None:
    assert [stage.question_ids for stage in stages(GROUPS, "separate", 10, 3)] == [("a", "b"), ("c", "d"), ("e",)]


def test_a_single_stage_needs_no_partition_and_costs_as_much() -> None:
    assert stages([["a", "b", "c"]], "single", 10, 4) == (Stage(1, ("a", "b", "c"), 0, 40),)


@pytest.mark.parametrize("kind", ["cumulative", "separate"])
def test_the_steps_of_an_empty_group_go_to_the_stage_before_it_or_to_the_first(kind: str) -> None:
    made = stages([[], ["a"], [], [], ["b"]], kind, 10, 5)
    assert [(stage.number, stage.first_step, stage.steps) for stage in made] == [(2, 0, 40), (5, 40, 10)]


@given(sizes, st.sampled_from(["cumulative", "separate", "single"]), st.integers(1, 9))
def test_stages_follow_each_other_and_every_schedule_costs_the_same(counts: list[int], kind: str, steps: int) -> None:
    made = stages(named(counts), kind, steps, len(counts))
    assert made[0].first_step == 0
    for before, after in pairwise(made):
        assert before.first_step + before.steps == after.first_step
    assert sum(stage.steps for stage in made) == len(counts) * steps
    assert all(stage.question_ids for stage in made)
    assert {name for stage in made for name in stage.question_ids} == {
        name for group in named(counts) for name in group
    }


@given(sizes)
def test_cumulative_stages_nest(counts: list[int]) -> None:
    made = stages(named(counts), "cumulative", 1, len(counts))
    for before, after in pairwise(made):
        assert set(before.question_ids) < set(after.question_ids)


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(UsageError, match="every group is empty"):
        stages([[], []], "cumulative", 10, 2)


@given(st.integers(1, 12), st.integers(1, 15), st.integers(0, 9), st.integers(0, 3))
def test_every_question_is_used_equally_often_up_to_one(count: int, size: int, seed: int, first: int) -> None:
    stage = Stage(2, tuple(f"q{i}" for i in range(count)), first, 12)
    used: Counter[str] = Counter(dict.fromkeys(stage.question_ids, 0))
    for step in range(first, first + stage.steps):
        questions = batch(stage, step, size, seed)
        assert len(questions) == size
        if size <= count:
            assert len(set(questions)) == size
        used.update(questions)
        assert max(used.values()) - min(used.values()) <= 1


def test_a_step_is_the_same_whatever_was_asked_before() -> None:
    stage = Stage(1, tuple(f"q{i}" for i in range(10)), 5, 20)
    forward = [batch(stage, step, 4, 3) for step in range(5, 25)]
    backward = [batch(stage, step, 4, 3) for step in reversed(range(5, 25))]
    assert forward == backward[::-1]


def test_epochs_stages_and_seeds_have_orders_of_their_own() -> None:
    names = tuple(f"q{i}" for i in range(30))
    draws = [
        tuple(batch(Stage(number, names, 0, 9), step, 30, seed))
        for number, step, seed in [(1, 0, 0), (1, 1, 0), (2, 0, 0), (1, 0, 1)]
    ]
    assert len(set(draws)) == 4


@pytest.mark.parametrize("step", [4, 25])
def test_a_step_outside_the_stage_is_refused(step: int) -> None:
    with pytest.raises(ValueError, match="not in stage 1"):
        batch(Stage(1, ("a",), 5, 20), step, 1, 0)
