"""Rules and repaired golds of reasoning-gym's tasks from ab to list_functions."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from r1ci.tasks.base import Question, Task
from r1ci.tasks.reasoning_gym import (
    anagrams,
    arithmetic,
    calendars,
    ciphers,
    counting,
    cubes,
    deduction,
    dice_and_fractions,
    families,
    games,
    geometry,
    graphs,
    grids,
    induction,
    library,
    machines,
)
from r1ci.tasks.registry import get_task, make_task, task_info

MODULES = (
    anagrams, arithmetic, calendars, ciphers, counting, cubes, deduction, dice_and_fractions, families, games, geometry,
    graphs, grids, induction, machines,
)  # fmt: skip
LEVELS = [
    (id, level) for module in MODULES for id, row in module.ROWS.items() for level in getattr(row.config, "LEVELS", ())
]


def _check(id: str, answer: str, data: dict[str, Any], text: str) -> bool:
    return get_task(id).check(Question(id, 0, "", answer, data), text)


@pytest.mark.parametrize(("id", "level"), LEVELS)
def test_every_level_makes_questions(id: str, level: str) -> None:
    task = get_task(id, {"level": level})
    questions = [task.question(index, 0) for index in range(2 if task_info(id).slow else 5)]
    assert all(task.check(question, question.answer) for question in questions)


COUNTDOWN = {"numbers": [3, 7, 7, 25], "target": 100}
JUGS = {"capacities": [3, 5, 8], "target": 4}
GRAPH = {"vertices": [0, 1, 2], "edges": [[0, 1], [1, 2]], "colors": [1, 2]}
SUM = {"words_letters": ["AB", "B"], "result_letters": "CA", "allow_leading_zero": False}
KNIGHTS = {"roles": {"emma": "knight", "liam": "knave"}, "terms": ["knight", "knave"]}


@pytest.mark.parametrize(
    ("id", "answer", "data", "text"),
    [
        ("rg/ab", "A# #B", {}, "A##B"),
        ("rg/ab", "A# #B", {}, "[A#, #B]"),
        ("rg/complex_arithmetic", "", {"result": [3, -4]}, "3 - 4i"),
        ("rg/complex_arithmetic", "", {"result": [3, -4]}, "(3.0-4.00j)"),
        ("rg/complex_arithmetic", "", {"result": [0, -1]}, "-i"),
        ("rg/complex_arithmetic", "", {"result": [0, 1]}, "i"),
        ("rg/complex_arithmetic", "", {"result": [2, 1]}, "2 + i"),
        ("rg/complex_arithmetic", "", {"result": [5, 0]}, "5.00"),
        ("rg/complex_arithmetic", "", {"result": [5, 0]}, "5 + 0i"),
        ("rg/complex_arithmetic", "", {"result": [0, 7]}, "7i"),
        ("rg/countdown", "", COUNTDOWN, "25 * (3 + 7 / 7)"),
        ("rg/countdown", "", COUNTDOWN, "25 * (7 / 7 + 3) = 100"),
        ("rg/jugs", "", JUGS, '["fill B", "pour B->A", "empty A", "pour B->A", "fill B", "pour B->A"]'),
        ("rg/jugs", "", JUGS, "Fill B\npour B -> A\nempty A\npour B to A\nfill B\npour B->A"),
        ("rg/graph_color", "", GRAPH, '{"0": 1, "1": 2, "2": 1}'),
        ("rg/graph_color", "", GRAPH, "{0: 2, 1: 1, 2: 2}"),
        ("rg/cryptarithm", "", SUM, "A=2,B=6,C=3"),
        ("rg/cryptarithm", "", SUM, "a = 2, b = 6, c = 3"),
        ("rg/knights_knaves", "", KNIGHTS, "Emma is a knight, and Liam is a knave."),
        ("rg/knights_knaves", "", KNIGHTS, "liam is a Knave and emma is a Knight"),
        ("rg/dice", "3/4", {}, "\\frac{3}{4}"),
        ("rg/fraction_simplification", "3/4", {}, "$\\dfrac{3}{4}$"),
        ("rg/advanced_geometry", "", {"values": ["45.000"]}, "45\u00b0"),
        ("rg/advanced_geometry", "", {"values": ["45.000"]}, "45.0 degrees"),
        ("rg/advanced_geometry", "", {"values": ["1.500", "-2.333"]}, "(1.5, -7/3)"),
        ("rg/group_anagrams", '[["eat", "tea"], ["on", "no"]]', {}, "[['no', 'on'], ['tea', 'eat']]"),
        ("rg/family_relationships", "son-in-law", {}, "Son in law"),
        ("rg/isomorphic_strings", "True", {}, "yes"),
        ("rg/calendar_arithmetic", "Friday", {"task": "weekday_offset"}, "friday."),
        ("rg/calendar_arithmetic", "No", {"task": "is_leap_year"}, "no"),
        ("rg/gsm_symbolic", "12.5", {}, "$12.50"),
        ("rg/emoji_mystery", "\u201cWell,\u201d he said.", {}, '"Well," he said'),
        ("rg/game_of_life", "[[0,1],[1,0]]", {}, "0 1\n1 0"),
        ("rg/binary_matrix", "0 1\n1 0", {}, "[[0, 1], [1, 0]]"),
        ("rg/list_functions", "[1, 2]", {}, "1 2"),
    ],
)
def test_takes(id: str, answer: str, data: dict[str, Any], text: str) -> None:
    assert _check(id, answer, data, text)


@pytest.mark.parametrize(
    ("id", "answer", "data", "text"),
    [
        ("rg/complex_arithmetic", "", {"result": [3, -4]}, "3 + 4i"),
        ("rg/complex_arithmetic", "", {"result": [3, -4]}, "-4i + 3 - 4i"),
        ("rg/complex_arithmetic", "", {"result": [3, -4]}, "3 4i"),
        ("rg/complex_arithmetic", "", {"result": [0, 0]}, ""),
        ("rg/countdown", "", COUNTDOWN, "25 * 4"),
        ("rg/countdown", "", COUNTDOWN, "25 * (3 + 7 / 7) = 101"),
        ("rg/countdown", "", COUNTDOWN, "7 * 7 + 25 + 25 + 3 - 2"),
        ("rg/jugs", "", JUGS, '["fill B"]'),
        ("rg/jugs", "", JUGS, '["fill D"]'),
        ("rg/jugs", "", JUGS, '["pour A->A"]'),
        ("rg/jugs", "", JUGS, '["fill B->A", "fill A"]'),
        ("rg/jugs", "", JUGS, "[]"),
        ("rg/graph_color", "", GRAPH, '{"0": 1, "1": 1, "2": 2}'),
        ("rg/graph_color", "", GRAPH, '{"0": 1, "1": 3, "2": 1}'),
        ("rg/graph_color", "", GRAPH, '{"0": 1, "1": 2}'),
        ("rg/graph_color", "", GRAPH, '{"0": 1, "1": 2, "2": 1, "3": 1}'),
        ("rg/graph_color", "", GRAPH, '{"0": 1, "1": 2, "2": 1, "0": 1}'),
        ("rg/cryptarithm", "", SUM, "A=0,B=0,C=0"),
        ("rg/cryptarithm", "", SUM, "A=2,B=6"),
        ("rg/cryptarithm", "", SUM, "A=2,B=6,C=3,D=4"),
        ("rg/cryptarithm", "", SUM, "A=2,B=6,C=4"),
        ("rg/knights_knaves", "", KNIGHTS, "Emma is not a knave, and Liam is a knave"),
        ("rg/knights_knaves", "", KNIGHTS, "Emma is a knight/knave, and Liam is a knight/knave"),
        ("rg/knights_knaves", "", KNIGHTS, "Emma is a knight"),
        ("rg/dice", "3/4", {}, "6/8"),
        ("rg/fraction_simplification", "3/4", {}, "0.75"),
        ("rg/advanced_geometry", "", {"values": ["45.000"]}, "45.002"),
        ("rg/advanced_geometry", "", {"values": ["1.500", "-2.333"]}, "1.5"),
        ("rg/group_anagrams", '[["eat", "tea"], ["on", "no"]]', {}, '["eat", "tea", "on", "no"]'),
        ("rg/group_anagrams", '[["eat", "tea"], ["on", "no"]]', {}, '[["eat", "tea"], ["on", "no"]] and so on'),
        ("rg/calendar_arithmetic", "Friday", {"task": "weekday_offset"}, "Fridays"),
        ("rg/bf", "crane", {}, "Crane"),
        ("rg/list_functions", "[1, 2]", {}, "[2, 1]"),
    ],
)
def test_refuses(id: str, answer: str, data: dict[str, Any], text: str) -> None:
    assert not _check(id, answer, data, text)


def test_colorings_are_those_of_brute_force() -> None:
    task = get_task("rg/graph_color", {"min_num_vertices": 3, "max_num_vertices": 4, "num_colors": 2})
    for index in range(200):
        question = task.question(index, 0)
        vertices = question.data["vertices"]
        for colors in itertools.product((1, 2), repeat=len(vertices)):
            right = all(colors[a] != colors[b] for a, b in question.data["edges"])
            text = json.dumps({str(vertex): color for vertex, color in zip(vertices, colors, strict=True)})
            assert task.check(question, text) is right


def test_sums_are_those_of_brute_force() -> None:
    task = get_task("rg/cryptarithm", {"max_words": 2})
    for index in range(200):
        question = task.question(index, 0)
        words, total = question.data["words_letters"], question.data["result_letters"]
        letters = sorted(set("".join(words) + total))
        for digits in itertools.islice(itertools.permutations("0123456789", len(letters)), index, 30_000, 997):
            key = str.maketrans(dict(zip(letters, digits, strict=True)))
            numbers = [word.translate(key) for word in [*words, total]]
            right = sum(map(int, numbers[:-1])) == int(numbers[-1]) and not any(n[0] == "0" for n in numbers)
            text = ",".join(f"{letter}={digit}" for letter, digit in zip(letters, digits, strict=True))
            assert task.check(question, text) is right


def test_jugs_take_as_few_moves_as_the_package_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    original, least = library.item, []

    def kept(*inputs: Any) -> Any:
        item = original(*inputs)
        least.append(item["metadata"]["puzzle"]["min_moves"])
        return item

    monkeypatch.setattr(library, "item", kept)
    task = make_task("rg/jugs", {"difficulty": 4})
    answers = [json.loads(task.question(index, 0).answer) for index in range(200)]
    assert [len(moves) for moves in answers] == least


def test_four_jugs_are_solved_with_all_four() -> None:
    task = get_task("rg/jugs", {"num_jugs": 4, "difficulty": 4})
    for index in range(5):
        question = task.question(index, 0)
        assert task.check(question, question.answer)


COUPLES: list[list[Any]] = [
    ["James", "Mary", ["John", "Robert"]],
    ["John", "Linda", ["Emma", "Lucy"]],
    ["Robert", "Susan", ["Noah"]],
]


@pytest.mark.parametrize(
    ("first", "second", "word"),
    [
        ("Mary", "John", "mother"), ("Robert", "James", "son"), ("Linda", "John", "wife"),
        ("Emma", "Lucy", "sister"), ("James", "Noah", "grandfather"), ("Robert", "Emma", "uncle"),
        ("Emma", "Robert", "niece"), ("Noah", "John", "nephew"), ("Linda", "James", "daughter-in-law"),
        ("Susan", "Linda", None), ("Emma", "Noah", None),
    ],
)  # fmt: skip
def test_relations(first: str, second: str, word: str | None) -> None:
    assert families.relation(COUPLES, first, second) == word


def test_matildas_colleagues_are_those_of_both_circles() -> None:
    task = get_task("rg/aiw")
    asked = [question for question in _questions(task, 100) if question.data["kind"] == "colleagues"]
    assert len(asked) > 20
    for question in asked:
        _, first, _, second = question.data["counts"]
        circle = {"Alice", "Matilda", *(f"a{i}" for i in range(first - 1))}
        other = {"Matilda", *(f"b{i}" for i in range(second - 1))}
        assert question.answer == str(len((circle | other) - {"Matilda"}))


def test_decimals_are_exact_to_the_asked_digits() -> None:
    for question in _questions(get_task("rg/decimal_arithmetic"), 100):
        value = Fraction(question.data["numerator"], question.data["denominator"])
        assert abs(Fraction(question.answer) - value) <= abs(value) * Fraction(1, 10**11)
        assert len(Decimal(question.answer).as_tuple().digits) <= 12


def test_decimal_precision_does_not_leak() -> None:
    before = get_task("rg/decimal_chain_sum", {"level": "hard"}).question(0, 7)
    get_task("rg/decimal_arithmetic", {"precision": 6}).question(0, 0)
    assert get_task("rg/decimal_chain_sum", {"level": "hard"}).question(0, 7) == before


def test_divisions_have_no_remainder() -> None:
    for question in _questions(get_task("rg/basic_arithmetic", {"level": "hard"}), 100):
        assert eval(question.data["expression"].replace("/", "//")) == int(question.answer)


def test_brainf_programs_print_nothing_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    questions = _questions(get_task("rg/bf", {"difficulty": 2}), 5)
    assert capsys.readouterr().out == ""
    assert all("<<<" not in question.text for question in questions)


def test_dates_lie_in_the_year_that_the_question_names() -> None:
    for question in _questions(get_task("rg/calendar_arithmetic", {"offset_upper_bound": 365}), 300):
        data = question.data
        if data["task"] == "count_business_days":
            assert data["start_date"][:4] == data["end_date"][:4]
        if data["task"] == "weekday_of_date_from_first_date":
            assert data["target_date"][5:7] in ("01", "02")


def _questions(task: Task, count: int) -> list[Question]:
    return [task.question(index, 3) for index in range(count)]
