"""The rules of Reasoning-Gym tasks as their questions state them; the faults of the package that ours do not have."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from r1ci.errors import UsageError
from r1ci.tasks.base import Question
from r1ci.tasks.reasoning_gym import figures, inference, moves, quantities, rewriting, wording, zebra
from r1ci.tasks.registry import get_task


def _check(name: str, answer: str, text: str, data: Mapping[str, Any] = {}) -> bool:
    return get_task(f"rg/{name}").check(Question(f"rg/{name}", 0, "", answer, data), text)


@pytest.mark.parametrize(
    ("hand", "card", "result"),
    [
        ("AAB", "A", "Peng"), ("ABC", "A", "Chi"), ("BCD", "A", "Chi"), ("ACC", "B", "Chi"), ("ABB", "C", "Chi"),
        ("AAB", "C", "Chi"), ("AD", "B", "Pass"), ("ZY", "A", "Pass"), ("BBCCDD", "B", "Peng"),
    ],
)  # fmt: skip
def test_mahjong_looks_at_all_pairs_and_at_peng_first(hand: str, card: str, result: str) -> None:
    assert rewriting.outcome(hand, card) == result


def test_string_rules_are_the_same_in_programs() -> None:
    rng = random.Random(1)
    strings = ["".join(rng.choice("abc") for _ in range(rng.randint(1, 20))) for _ in range(300)]
    assert list(rewriting.CHANGES) == list(rewriting.RULES)
    for key, (when, then) in rewriting.CHANGES.items():
        applies, change = rewriting.RULES[key]
        for string in strings:
            assert eval(when, {"s": string}) is applies(string)
            assert not applies(string) or eval(then, {"s": string}) == change(string)


def test_string_rules_stop_where_a_state_is_repeated() -> None:
    assert rewriting.states("abc", ["If the string contains 'abc', replace it.", "prefix is 'x'"][:1]) == ["abc", "cab"]
    assert rewriting.states("b" * 16, ["If the string length is greater than 15, remove it."]) is None


@pytest.mark.parametrize(
    ("premises", "conclusion", "holds"),
    [
        (("All a are b", "All b are c"), "All a are c", True),
        (("All a are b", "All b are c"), "Some c are a", True),
        (("All a are b", "Some b are not c"), "Some a are not c", False),
        (("No a are b", "All c are b"), "No c are a", True),
        (("Some a are b", "Some b are c"), "Some a are c", False),
        (("Some a are not b", "All c are b"), "Some a are not c", True),
    ],
)
def test_syllogisms(premises: tuple[str, str], conclusion: str, holds: bool) -> None:
    assert inference.follows(premises, conclusion) is holds


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("(\u00acP \u2228 Q)", False), ("Q", True), ("P", False), ("\u00ac\u00acQ", True), ("P & Q", True),
        ("not P or Q", False), ("P \u2228 \u00acP", False), ("Q -> P", True), ("P -> Q -> P", False), ("R", False),
        ("P <-> Q", True), ("\u00acQ", False), ("(Q", False), ("", False), ("(" * 400 + "Q" + ")" * 400, False),
    ],
)  # fmt: skip
def test_conclusions_say_something_new(text: str, right: bool) -> None:
    data = {"premises": ["P", "(P \u2192 Q)"], "variables": ["P", "Q"]}
    assert _check("propositional_logic", "Q", text, data) is right


def test_conclusions_agree_with_brute_force() -> None:
    names = "PQR"
    for index in range(100):
        question = get_task("rg/propositional_logic", {"min_vars": 3, "max_vars": 3}).question(index, 2)
        worlds = [dict(zip(names, values, strict=True)) for values in itertools.product([True, False], repeat=3)]
        given = [inference._python(inference.read_formula(text)) for text in question.data["premises"]]
        for left, right in itertools.permutations(names, 2):
            columns = [[eval(text, {}, dict(world)) for world in worlds] for text in [*given, f"({left} or {right})"]]
            columns = [[bool(value) for value in column] for column in columns]
            follows = all(row[-1] for row in zip(*columns, strict=True) if all(row[:-1]))
            expected = follows and not all(columns[-1]) and columns[-1] not in columns[:-1]
            assert get_task("rg/propositional_logic").check(question, f"{left} \u2228 {right}") is expected


def _count(*lines: str) -> int:
    left = figures.read_layers(list(lines))
    return figures.fewest(left, 0, len(left), [0])


def test_rectangles_that_cross_are_two() -> None:
    assert _count("###", "# #", "###") == 1
    assert _count("\u2588\u2588\u2588", "\u2588 \u2588", "\u2588\u2588\u2588") == 2
    crossing = ("  ###  ", "  # #  ", "##\u2588#\u2588##", "# # # #", "##\u2588#\u2588##", "  # #  ", "  ###  ")
    assert _count(*crossing) == 2


def test_patterns_fit_only_rules_that_show_them() -> None:
    grid = ["\u2705\u274c\u2705", "\u274c\u2705\u274c", "\u2705\u274c\u2754"]
    assert ("x + y", 2, 0) in figures.rules(grid, 5)
    assert all(name != "x * y" for name, _, _ in figures.rules(grid, 5))


@pytest.mark.parametrize(
    ("value", "figures_", "power"),
    [("1234", 123, 1), ("999.6", 100, 1), ("999.4", 999, 0), ("0.00012345", 123, -6), ("-5", -500, -2), ("0", 0, 0)],
)
def test_three_figures(value: str, figures_: int, power: int) -> None:
    assert quantities.rounded(Fraction(value)) == (figures_, power)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1.23e+4", True), ("12300", True), ("12,345", True), ("1.23 \u00d7 10^4", True), ("1.23*10**4", True),
        ("$1.23 \\times 10^{4}$", True), ("1.24e+4", False), ("-1.23e4", False), ("1.23e5", False), ("1.23", False),
    ],
)  # fmt: skip
def test_powers_in_several_notations(text: str, right: bool) -> None:
    assert _check("power_function", "1.23e+04", text) is right


@pytest.mark.parametrize(
    ("form", "text", "right"),
    [
        ("D days", "3 days", True), ("D days", "3", True), ("D days", "3 days, 00:00", True), ("D days", "4", False),
        ("D days, HH:MM", "3 days, 00:00", True), ("D days, HH:MM", "3", False), ("HH:MM", "72:00", True),
        ("HH:MM", "72:00:00", True), ("HH:MM", "72:01", False), ("HH:MM", "", False), ("HH:MM", "7 2:00", False),
    ],
)  # fmt: skip
def test_durations(form: str, text: str, right: bool) -> None:
    data = {"start": "2024-02-27T10:00:00", "end": "2024-03-01T10:00:00", "form": form}
    assert _check("time_intervals", "", text, data) is right


def test_partitions_are_counted_as_by_brute_force() -> None:
    rng = random.Random(3)
    for _ in range(200):
        string = "".join(rng.choice("ab") for _ in range(rng.randint(1, 9)))
        ways = 0
        for cuts in itertools.product([False, True], repeat=len(string) - 1):
            ends = [place + 1 for place, cut in enumerate(cuts) if cut]
            parts = [string[a:b] for a, b in itertools.pairwise([0, *ends, len(string)])]
            ways += all(part == part[::-1] for part in parts)
        assert wording.count_partitions(string) == ways


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ('[["a","a","b"],["aa","b"]]', True), ("[['aa', 'b'], ['a', 'a', 'b']]", True), ('[["aa","b"]]', False),
        ('[["aa","b"],["aa","b"]]', False), ('[["a","a","b"],["aab"]]', False), ('["a","a","b"]', False),
        ("[[]]", False),
    ],
)  # fmt: skip
def test_partitions_are_all_there(text: str, right: bool) -> None:
    assert _check("palindrome_partitioning", "", text, {"string": "aab"}) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("COLD,CORD,CARD,WARD,WARM", True), ("cold -> cord -> card -> ward -> warm", True), ("COLD,WARM", False),
        ("COLD,CORD,WORD,WARD,WARM", True), ("COLD,CXLD,WARM", False), ("CORD,CARD,WARD,WARM", False), ("COLD", False),
    ],
)  # fmt: skip
def test_ladders(text: str, right: bool) -> None:
    assert _check("word_ladder", "", text, {"start_word": "COLD", "end_word": "WARM"}) is right


def test_ladders_of_the_reference_are_shortest() -> None:
    ladder = wording.shortest_ladder("COLD", "WARM")
    assert len(ladder) == 5
    assert wording.shortest_ladder("COLD", "COLD") == ["COLD"]


@pytest.mark.parametrize(
    ("clue", "relation"),
    [
        ("Arnold is directly left of the British person", ["left", (0, "arnold"), (1, "brit")]),
        ("The person who loves the rose bouquet is the boba tea drinker", ["same", (2, "roses"), (3, "boba tea")]),
        ("The tea drinker is in the second house", ["at", (3, "tea"), 2]),
        ("Bob and the British person are next to each other", ["beside", (0, "bob"), (1, "brit")]),
        ("Bob sings", None),
    ],
)
def test_zebra_clues_are_understood(clue: str, relation: list[Any] | None) -> None:
    groups = [["arnold", "bob"], ["brit", "dane"], ["roses", "iris"], ["boba tea", "tea"]]
    assert zebra._relation(clue, groups) == relation


@pytest.mark.parametrize(("text", "right"), [("R", True), ("r", True), ("UR", True), ("L", False), ("RX", False)])
def test_sokoban_ignores_blocked_moves(text: str, right: bool) -> None:
    assert _check("sokoban", "R", text, {"board": ["+ + + + +", "+ * @ X +", "+ + + + +"]}) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [("right down", True), ("Right, Down", True), ("down right", False), ("right right down left", False), ("", False)],
)
def test_paths_are_shortest_and_open(text: str, right: bool) -> None:
    data = {"matrix": [["*", "O", "O"], ["X", "#", "O"]]}
    assert _check("shortest_path", "right down", text, data) is right


def test_a_fixed_sokoban_board_has_few_boxes() -> None:
    config = moves.SokobanConfig(max_w=6, max_h=6)
    assert moves._sokoban_settings(config)["max_boxes"] == 3


def test_hopeless_parameters_are_said_to_be_so() -> None:
    task = get_task("rg/simple_geometry", {"min_sides": 12, "max_sides": 12, "max_angle": 60})
    with pytest.raises(UsageError, match="none of 50 items was sound"):
        task.question(0, 0)
