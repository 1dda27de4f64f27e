from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.curriculum.partition import partition, random_partition
from r1ci.curriculum.potential import QuestionPotential, measure
from r1ci.errors import UsageError
from r1ci.spec.models import Partition


def measured(rights: Sequence[int], attempts: int = 20) -> tuple[QuestionPotential, ...]:
    return measure({f"t#{i}": [True] * right + [False] * (attempts - right) for i, right in enumerate(rights)})


rights = st.lists(st.integers(0, 20), min_size=6, max_size=40)
specs = st.builds(
    Partition,
    by=st.sampled_from(["potential", "difficulty", "random"]),
    groups=st.integers(1, 6),
    edges=st.none() | st.just([0.64, 0.48, 0.32]),
)


@given(rights, specs, st.integers(0, 5))
def test_every_question_is_in_exactly_one_group(values: list[int], spec: Partition, seed: int) -> None:
    questions = measured(values)
    groups = partition(questions, spec, seed)
    assert [group.number for group in groups] == list(range(1, len(groups) + 1))
    assert len(groups) == (spec.groups if spec.edges is None else 4)
    ids = [name for group in groups for name in group.question_ids]
    assert sorted(ids) == sorted(question.question_id for question in questions)


@given(rights, st.integers(1, 6), st.sampled_from(["potential", "difficulty", "random"]))
def test_groups_by_rank_are_of_equal_size(values: list[int], count: int, by: str) -> None:
    sizes = [len(g.question_ids) for g in partition(measured(values), Partition(by=by, groups=count), 0)]
    assert max(sizes) - min(sizes) <= 1


@given(rights, specs.filter(lambda spec: spec.by != "random"), st.integers(0, 5))
def test_values_fall_from_group_to_group(values: list[int], spec: Partition, seed: int) -> None:
    questions = {q.question_id: q for q in measured(values)}
    field = "p" if spec.by == "difficulty" else "potential"
    groups = [group for group in partition(tuple(questions.values()), spec, seed) if group.question_ids]
    for group in groups:
        inside = [round(getattr(questions[name], field), 9) for name in group.question_ids]
        assert inside == sorted(inside, reverse=True)
        assert (group.highest, group.lowest) == (inside[0], inside[-1])
    for before, after in pairwise(groups):
        assert before.lowest is not None
        assert after.highest is not None
        assert before.lowest >= after.highest


@given(rights, specs, st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_in_which_questions_come_does_not_matter(
    values: list[int], spec: Partition, seed: int, random: object
) -> None:
    questions = list(measured(values))
    before = partition(questions, spec, seed)
    random.shuffle(questions)  # type: ignore[attr-defined]
    assert partition(questions, spec, seed) == before


def test_the_papers_edges_put_the_counts_of_twenty_attempts_where_it_says() -> None:
    groups = partition(measured(range(21)), Partition(edges=[0.64, 0.48, 0.32]), 0)
    numbers = [sorted(int(name.partition("#")[2]) for name in group.question_ids) for group in groups]
    assert numbers == [list(range(4, 17)), [3, 17], [2, 18], [0, 1, 19, 20]]


def test_ties_are_broken_by_the_seed_alone() -> None:
    questions = measured([10] * 40)
    one, same, other = (partition(questions, Partition(groups=2), seed) for seed in (1, 1, 2))
    assert one == same
    assert one != other


def test_equal_potentials_on_both_sides_of_one_half_tie() -> None:
    firsts = {partition(measured([4, 16]), Partition(groups=2), seed)[0].question_ids for seed in range(20)}
    assert firsts == {("t#0",), ("t#1",)}


def test_difficulty_puts_the_easiest_first() -> None:
    groups = partition(measured([0, 20, 10, 5]), Partition(by="difficulty", groups=2), 0)
    assert [group.question_ids for group in groups] == [("t#1", "t#2"), ("t#3", "t#0")]


def test_random_needs_only_the_names_and_spans_no_values() -> None:
    names = [f"t#{i}" for i in range(10)]
    groups = random_partition(names, Partition(by="random", groups=3), 4)
    assert groups == partition(measured([3] * 10), Partition(by="random", groups=3), 4)
    assert {(group.highest, group.lowest) for group in groups} == {(None, None)}


def test_a_group_between_edges_may_be_empty() -> None:
    groups = partition(measured([10, 0]), Partition(edges=[0.9, 0.5]), 0)
    assert [group.question_ids for group in groups] == [("t#0",), (), ("t#1",)]
    assert groups[1].highest is None


@pytest.mark.parametrize(
    ("count", "spec", "message"),
    [
        (3, Partition(groups=4), "3 questions cannot be cut into 4 groups"),
        (3, Partition(by="random", groups=4), "3 questions cannot be cut into 4 groups"),
        (0, Partition(edges=[0.5]), "no questions"),
    ],
)
def test_too_few_questions_are_an_error(count: int, spec: Partition, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        partition(measured([5] * count), spec, 0)
