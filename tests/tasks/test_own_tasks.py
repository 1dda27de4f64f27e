"""The tasks with our own generators: the rules they state, and the faults of upstream's that they do not have."""

from __future__ import annotations

import hashlib

import pytest

from r1ci.errors import UsageError
from r1ci.tasks.base import Question
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import game24, statistical_counting, string_insertion

DIGESTS = {
    "symbench/statistical_counting": "1173428b1e30f303",
    "symbench/string_insertion": "354e79598cacecb5",
    "symbench/game24": "33cb812e99e98d29",
    "symbench/number_multiply": "1cdea575d7d6ad31",
    "bbh/boolean_expressions": "607a9f65b29d6136",
    "bbh/object_counting": "a20224e5eb9b2030",
}


def _puzzle(*numbers: int) -> Question:
    return Question("symbench/game24", 0, "", "", {"numbers": list(numbers), "target": 24})


@pytest.mark.parametrize(
    ("numbers", "answer"),
    [
        ((3, 3, 8, 8), "8/(3-8/3)"),
        ((3, 3, 8, 8), "8 / (3 - 8 / 3) = 24"),
        ((4, 6, 1, 1), "$4 \\times 6 \\times 1 \\times 1$"),
        ((4, 6, 1, 1), "(4 * 6) \u00f7 (1 * 1)"),
        ((2, 3, 4, 1), "[2 * 3] * (4 * 1)"),
    ],
)
def test_game24_takes(numbers: tuple[int, ...], answer: str) -> None:
    assert get_task("symbench/game24").check(_puzzle(*numbers), answer)


@pytest.mark.parametrize(
    "answer",
    [
        "24", "4 * 6", "4 * 6 * 1 * 1 * 1", "12 + 12", "4 * 6 + 1 - 1 = 25", "4 * 6 * 11", "4 * 6 ** 1 * 1",
        "4 * 6 // 1 // 1", "(4 + 1 + 1) * 6", "4 * 6 * 1 / 1 = 24 = 24", "24 = 4 * 6 * 1 * 1", "4 * 6.0 * 1 * 1",
    ],
)  # fmt: skip
def test_game24_refuses(answer: str) -> None:
    assert not get_task("symbench/game24").check(_puzzle(4, 6, 1, 1), answer)


def test_game24_solves_exactly() -> None:
    assert game24.solve((3, 3, 8, 8), 24) is not None
    assert game24.solve((1, 1, 1, 1), 24) is None
    assert game24.solve((5, 5, 5, 1), 24) is not None


def test_game24_says_when_the_parameters_are_hopeless() -> None:
    task = get_task("symbench/game24", {"numbers": 3, "max_number": 2, "target": 999})
    with pytest.raises(UsageError, match="cannot make 999"):
        task.question(0, 0)


@pytest.mark.parametrize(
    ("string", "score"), [("ABBBA", 2), ("AABBAA", 4), ("ABC", 0), ("AAAA", 1), ("CCABB", 5), ("", 0)]
)
def test_statistical_counting_scores_runs(string: str, score: int) -> None:
    assert statistical_counting.score(string) == score


@pytest.mark.parametrize(
    ("string", "changed"),
    [
        ("DBCDEBBCDECABCDC", "DBCDEBBBCDEBCABCDAC"),
        ("ABCDEABC", "ABCDAEBACBDCE"),
        ("ABC", "ABC"),
        ("A", "A"),
    ],
)
def test_string_insertion_looks_at_the_original_string(string: str, changed: str) -> None:
    assert string_insertion.insert(string) == changed


def test_boolean_answers_are_balanced() -> None:
    task = get_task("bbh/boolean_expressions")
    answers = [task.question(index, 1).answer for index in range(200)]
    assert 70 < answers.count("True") < 130


def test_boolean_value_is_pythons() -> None:
    task = get_task("bbh/boolean_expressions", {"max_depth": 4})
    for index in range(100):
        question = task.question(index, 0)
        assert str(eval(question.data["expression"])) == question.answer


def test_object_counting_leaves_the_others_out() -> None:
    task = get_task("bbh/object_counting", {"max_others": 12})
    questions = [task.question(index, 0) for index in range(50)]
    assert all(int(question.answer) == sum(question.data["counts"]) for question in questions)
    assert any(question.text.count(",") > len(question.data["counts"]) + 3 for question in questions)


@pytest.mark.parametrize(
    ("text", "right"),
    [("1f4", True), ("0x1f4", True), ("01F4", True), ("500", False), ("0b1f4", False), ("", False), ("0x", False)],
)
def test_base_conversion_reads_pythons_prefixes(text: str, right: bool) -> None:
    question = Question("rg/base_conversion", 0, "", "1f4", {"target_base": 16})
    assert get_task("rg/base_conversion").check(question, text) is right


def test_base_conversion_to_binary_does_not_eat_digits() -> None:
    question = Question("rg/base_conversion", 0, "", "b1", {"target_base": 12})
    assert get_task("rg/base_conversion").check(question, "b1")
    assert not get_task("rg/base_conversion").check(question, "0b1b1")


@pytest.mark.parametrize(
    ("answer", "text", "right"),
    [
        ("['1.50', '-0.0']", "[1.5, 0]", True),
        ("['1.50', '2']", "['2', '1.50']", False),
        ("['1.50', '2']", "1.50, 2", True),
        ("[]", "[]", True),
        ("[]", "", False),
        ("['1']", "[]", False),
    ],
)
def test_number_filtering_compares_numbers_in_order(answer: str, text: str, right: bool) -> None:
    question = Question("rg/number_filtering", 0, "", answer)
    assert get_task("rg/number_filtering").check(question, text) is right


@pytest.mark.parametrize(
    ("text", "right"), [("-0x1f", True), ("-31", True), ("-1F", True), ("0x1f", False), ("31", False)]
)
def test_bitwise_arithmetic_needs_the_sign(text: str, right: bool) -> None:
    assert get_task("rg/bitwise_arithmetic").check(Question("rg/bitwise_arithmetic", 0, "", "-0x1f"), text) is right


def _digest(id: str) -> str:
    task = get_task(id)
    text = repr([(question := task.question(index, 0), task.program(question)) for index in range(50)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("id", DIGESTS)
def test_the_questions_are_the_same_as_ever(id: str) -> None:
    """A change here changes every experiment: it must be meant."""
    assert _digest(id) == DIGESTS[id]
