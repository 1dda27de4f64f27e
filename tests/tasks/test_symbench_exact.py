"""SymBench tasks with one right answer: their rules, and official items read and answered by ourselves."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from r1ci.tasks.base import Official, Sample
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import (
    game24,
    light_puzzles,
    mahjong_pattern,
    matrix_transformation,
    new_operator,
    number_multiply,
    pattern_recognition,
    pooling,
    statistical_counting,
    string_insertion,
)


def sample(text: str, solution: object = None) -> Sample:
    files = {"question.txt": text}
    return Sample("sample_1", files if solution is None else {**files, "solution.json": json.dumps(solution)})


def accepts(official: Official, text: str) -> bool:
    return get_task(official.question.task).check(official.question, text)


@pytest.mark.parametrize(
    ("expression", "value"),
    [("3 # 4", 18), ("(3#4)@2", 108), ("3#4@2", 108), ("3 # (4 @ 2)", 78), ("2 & 4", Fraction(3, 2))],
)
def test_new_operators_are_done_from_left_to_right(expression: str, value: Fraction) -> None:
    rules = {"#": "2*a + 3*b", "@": "3*a*b", "&": "(a + b)/b"}
    assert new_operator.evaluate(rules, expression) == value


@pytest.mark.parametrize("expression", ["", "3 #", "3 # 4 )", "(3 # 4", "3 ? 4", "(" * 500, "2 & 0"])
def test_what_is_no_expression_of_the_operators_is_refused(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        new_operator.evaluate({"#": "2*a + 3*b", "&": "(a + b)/b"}, expression)


def test_an_official_expression_is_evaluated_to_its_end() -> None:
    text = (
        "The operations % and ~ are:\nLet a and b be numbers. Define a%b to be 2*a*b.\n"
        "Let a and b be numbers. Define a~b to be (a + b)/b.\nCalculate (3%4)~5%6.\nReturn <<<list>>>"
    )
    official = new_operator.read_official(sample(text, {"solution": 29 / 5}))
    assert official.question.answer == "348/5"
    assert official.gold == "5.8"
    assert accepts(official, "69.6")
    assert not accepts(official, "5.8")


POOLING = (
    "We define average pooling. perform it by using a 2*2 sliding window:\n1, 2, 3\n4, 5, 6\n7, 8, -9\nFor example,"
)


def test_official_averages_are_exact_and_may_be_rounded() -> None:
    official = pooling.read_official(
        sample(POOLING.replace("average", "average pooling, average"), {"solution": [[3]]})
    )
    assert official.question.answer == "3, 4, 6, 5/2"
    assert official.gold == "3"
    assert all(accepts(official, text) for text in ("3,4,6,2.5", "[[3.0, 4.0], [6.0, 2.50]]", "3 4\n6 2.504"))
    assert not any(accepts(official, text) for text in ("3,4,6,2.51", "3,4,6", "3,4,6,2,5", "3,6,4,2.5"))


def test_pooling_agrees_with_another_way_to_pool() -> None:
    for index in range(200):
        question = get_task("symbench/pooling").question(index, 5)
        grid, w, average = (question.data[name] for name in ("grid", "window", "average"))
        places = range(len(grid) - w + 1)
        sums = [Fraction(sum(sum(row[c : c + w]) for row in grid[r : r + w]), w * w) for r in places for c in places]
        tops = [Fraction(max(max(row[c : c + w]) for row in grid[r : r + w])) for r in places for c in places]
        assert pooling.pool(grid, w, average) == (sums if average else tops)


LIGHTS = """network is:
10
01

Button A controls the lights at ["1", "2"], ["2", "2"]
Round 1: Button A
Round 2: Button A"""


def test_official_lights_are_switched() -> None:
    official = light_puzzles.read_official(sample(LIGHTS + "\nRound 3: Button A", {"solution": [1, 1, 0, 0]}))
    assert official.question.answer == "1,1,0,0"
    assert all(accepts(official, text) for text in ("1,1,0,0", "[[1, 1], [0, 0]]", "11\n00", "['1', '1', '0', '0']"))
    assert not any(accepts(official, text) for text in ("1,1,0", "1,1,0,0,0", "1,0,0,1", "on on off off"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no lights", "square"),
        (LIGHTS.replace("10\n", "100\n"), "square"),
        (LIGHTS.replace('"2"]', '"3"]'), "outside"),
        (LIGHTS.replace("2: Button A", "2: Button Z"), "presses"),
        (LIGHTS.partition("Round")[0], "presses"),
    ],
)
def test_unreadable_lights_say_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        light_puzzles.read_official(sample(text))


@pytest.mark.parametrize(
    ("cards", "add", "chi", "judged"),
    [
        ("AAB", "A", True, 1),
        ("AB", "A", True, 0),
        ("BBC", "D", True, 2),
        ("BCCD", "A", True, 2),
        ("AC", "B", True, 2),
        ("AC", "B", False, 0),
        ("YZ", "A", True, 0),
        ("AABC", "A", True, 1),
    ],
)
def test_mahjong_is_judged_by_the_hand_before(cards: str, add: str, chi: bool, judged: int) -> None:
    assert mahjong_pattern.result(cards, add, chi) == judged


def test_official_mahjong_has_chi_only_with_its_rule() -> None:
    text = (
        "the initial cards:ABDDKLMNOPQRS\n\nRound 1: Add a D card and remove a D card.\nRound 2: Add a C card\n\nAnswer"
    )
    plain = mahjong_pattern.read_official(sample(text, {"solution": 2}))
    assert (plain.question.answer, plain.gold) == ("0", "2")
    assert mahjong_pattern.read_official(sample('"Chi," is 2. ' + text)).question.answer == "2"
    with pytest.raises(ValueError, match="not in the hand"):
        mahjong_pattern.read_official(sample(text.replace("remove a D", "remove a Z")))


def test_an_official_matrix_of_symbols_is_rotated() -> None:
    text = "rotate it.\nIf the matrix is \n$ *\n! $\n# *.\nWhat is the result?\nReturn your answer"
    official = matrix_transformation.read_official(sample(text, {"formatted_solution": "#,!,$,*,$,*"}))
    assert official.question.answer == official.gold == "#,!,$,*,$,*"
    assert all(
        accepts(official, text) for text in ("#,!,$,*,$,*", "[['#', '!', '$'], ['*', '$', '*']]", "# ! $\n* $ *")
    )
    assert not accepts(official, "#,!,$,*,*,$")


def test_symbols_that_look_like_markup_are_still_characters() -> None:
    text = "If the matrix is \n$ @\n# $.\nWhat is the result?"
    official = matrix_transformation.read_official(sample(text.replace("# $", "$ $")))
    assert official.question.answer == "$,$,$,@"
    turned = matrix_transformation.read_official(sample(text.replace("$ @", "$ $").replace("# $", "$ #")))
    assert turned.question.answer == "$,$,#,$"
    assert accepts(turned, "$,$,#,$")


SQUARE = "If the matrix is\n\n{}\n\nPlease provide the row"


def test_the_largest_official_square_counts() -> None:
    rows = "A B B B B C\nA B B B B A\nD B B B B A\nD B B B B A\nX Y Z X Y Z"
    official = pattern_recognition.read_official(sample(SQUARE.format(rows), {"row": 3, "column": 4}))
    assert official.question.answer == "[3, 4]"
    assert official.gold == "3, 4"
    assert all(accepts(official, text) for text in ("[3, 4]", "(3,4)", "3 4"))
    assert not any(accepts(official, text) for text in ("[2, 4]", "[4, 3]", "[3, 4, 5]", "[3]"))
    with pytest.raises(ValueError, match="no square"):
        pattern_recognition.read_official(sample(SQUARE.format("A B C\nD E F\nG H I")))


def test_a_planted_square_is_the_only_one_by_brute_force() -> None:
    task = get_task("symbench/pattern_recognition", {"level": "hard"})
    for index in range(50):
        question = task.question(index, 2)
        grid = [line.split() for line in question.data["grid"]]
        found = [
            [r, c]
            for r in range(2, len(grid))
            for c in range(2, len(grid[0]))
            if len({grid[r - i][c - j] for i in range(3) for j in range(3)}) == 1
        ]
        assert found == question.data["corners"]


def test_official_products_are_multiplied() -> None:
    files = {"input_prompt_1.txt": "What is the result of -9*43*-73?", "target_answer.txt": "28252\n"}
    official = number_multiply.read_official(Sample("digit_1_2_2/sample_0", files))
    assert (official.question.answer, official.gold) == ("28251", "28252")
    assert official.question.data == {"factors": [-9, 43, -73]}


def test_official_runs_are_scored() -> None:
    text = "1. If there are two or more consecutive A's, add 1 to\n2. two or more consecutive B's, add 2 to\n"
    asked = "What is the total score of the string ABBBAA?"
    official = statistical_counting.read_official(sample(text + asked, {"solution": 3}))
    assert official.question.answer == official.gold == "3"
    with pytest.raises(ValueError, match="place in the alphabet"):
        statistical_counting.read_official(sample(text.replace("add 2", "add 5") + asked))
    with pytest.raises(ValueError, match="without a rule"):
        statistical_counting.read_official(sample(text + asked.replace("ABBBAA", "ABC")))


def test_official_strings_are_changed() -> None:
    rules = "\n".join(
        f"{n}. If there is a substring {pattern} in the string, insert the character {letter} after that substring."
        for n, (pattern, letter) in enumerate(string_insertion.RULES.items(), 1)
    )
    official = string_insertion.read_official(
        sample(f"{rules}\nGiven the string ABCDE, what", {"modified_string": "A"})
    )
    assert (official.question.answer, official.gold) == ("ABCDAEB", "A")
    with pytest.raises(ValueError, match="rules"):
        string_insertion.read_official(sample("Given the string ABCDE, what"))


@pytest.mark.parametrize(
    ("name", "files", "target", "gold"),
    [
        ("24/24.csv:3", {"Rank": "3", "Puzzles": "1 1 4 6", "Solved rate": "99.2%"}, 24, None),
        (
            "game24_dataset/30/30_4_number.csv:1",
            {"Puzzles": "1 1 5 6", "Solutions": "((1*1)*(5*6))"},
            30,
            "((1*1)*(5*6))",
        ),
        ("row 5", {"Puzzles": "1 1 5 6", "Solutions": "((1*1)*(5*6))"}, 30, "((1*1)*(5*6))"),
        ("row 5", {"Puzzles": "2 1 1 1 1 1 1 5", "Solutions": "2*1*1*1*1*1*1*5"}, 10, "2*1*1*1*1*1*1*5"),
        ("row 5", {"Puzzles": "1 1 5 6", "target": "30"}, 30, None),
        ("/data/2024/30/30_4_number.csv:1", {"Puzzles": "1 1 5 6"}, 30, None),
    ],
)
def test_official_rows_of_numbers(name: str, files: dict[str, str], target: int, gold: str | None) -> None:
    official = game24.read_official(Sample(name, files))
    assert official.question.data["target"] == target
    assert official.gold == gold
    assert accepts(official, official.question.answer)


def test_official_solutions_of_eighty_numbers_are_read() -> None:
    numbers = [1] * 79 + [24]
    solution = "".join(f"({number}*" for number in numbers[:-1]) + "24" + ")" * 79
    row = {"Puzzles": " ".join(map(str, numbers)), "Solutions": solution}
    official = game24.read_official(Sample("24/24_80_number.csv:1", row))
    assert accepts(official, solution)


@pytest.mark.parametrize(
    "read",
    [
        game24.read_official,
        number_multiply.read_official,
        statistical_counting.read_official,
        string_insertion.read_official,
        new_operator.read_official,
        pooling.read_official,
        light_puzzles.read_official,
        mahjong_pattern.read_official,
        matrix_transformation.read_official,
        pattern_recognition.read_official,
    ],
)
@pytest.mark.parametrize("files", [{}, {"question.txt": ""}, {"question.txt": "What?"}, {"notes.txt": "x"}])
def test_an_item_that_cannot_be_read_raises_value_error(read: object, files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(Sample("sample_1", files))  # type: ignore[operator]
