"""SymBench tasks whose answer is where a process ends: their rules, and official items answered by ourselves."""

from __future__ import annotations

import itertools
import json
from types import ModuleType

import pytest

from r1ci.tasks.base import Official, Question, Sample
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import (
    cryptanalysis,
    letters,
    reversi,
    string_deletion_and_modification,
    string_splitting,
    string_synthesis,
    synthesis_decomposition,
    twenty_forty_eight,
)
from r1ci.tasks.symbench.string_deletion_and_modification import change, read_rule


def read(module: ModuleType, question: str, solution: object = None, name: str = "sample_0") -> Official:
    files = {"question.txt": question}
    if solution is not None:
        files["solution.json"] = json.dumps(solution)
    official: Official = module.read_official(Sample(name, files))
    return official


def gold_is_right(official: Official) -> bool:
    task = get_task(official.question.task)
    assert task.check(official.question, official.question.answer)
    assert official.gold is not None
    return task.check(official.question, official.gold)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("If the string prefix is 'xy', replace it with 'z'.", "xyab", "zab"),
        ("If the string starts with 'xy', replace the first two characters with 'zz'.", "xyab", "zzab"),
        ("If the string prefix is 'xy', delete the first two characters and append 'q' to the end.", "xyab", "abq"),
        ("If the string prefix is 'xy', replace it with 'qq' and delete the last character.", "xyab", "qqa"),
        ("If the string starts with 'xy', remove the second character.", "xyab", "xab"),
        ("If the string prefix is 'xx', remove the first character.", "xxab", "xab"),
        ("If the string suffix is 'xy', replace it with 'z' and prepend 'q' to the start.", "abxy", "qabz"),
        ("If the string suffix is 'xy', delete the last two characters.", "abxy", "ab"),
        ("If the string ends with 'xy', remove the last character.", "abxy", "abx"),
        ("If the string contains 'bx', replace the first occurrence with its reverse ('xb').", "abxbx", "axbbx"),
        ("If the string contains 'bx', delete the first occurrence entirely.", "abxbx", "abx"),
        ("If the string contains 'ab' (not at the start), remove the first occurrence found after the first character.",
         "abcab", "abc"),
        ("If the string contains an even number of 'x's (and at least one 'x'), append 'q' at the end.", "xax", "xaxq"),
        ("If the string contains an even number of 'x's (and at least one 'x'), append 'q' at the end.", "a", None),
        ("If the string length is greater than 3, remove the middle character.", "abcd", "abd"),
        ("If the string length is greater than 3, remove the middle character.", "abc", None),
        ("If the string prefix is 'xy', replace it with 'z'.", "axy", None),
    ],
)  # fmt: skip
def test_official_rules_are_understood(rule: str, before: str, after: str | None) -> None:
    assert change(before, read_rule(rule)) == after


@pytest.mark.parametrize(
    "rule", ["If the moon is full, replace it with 'a'.", "If the string contains 'a', sing.", "", "If"]
)
def test_other_rules_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="not understood"):
        read_rule(rule)


def test_each_step_starts_over_at_the_first_rule() -> None:
    text = (
        "Cycle through:\n\n1. If the string contains 'bb', replace the first occurrence with 'a'.\n"
        "2. If the string ends with 'b', remove the last character.\n\n"
        'For the string "bbbb", what is the final string?\n'
    )
    module = string_deletion_and_modification
    official = read(module, text, {"final_string": "a"})
    assert official.question.answer == "aa"
    assert not gold_is_right(official)
    assert gold_is_right(read(module, text, {"final_string": "aa"}))
    with pytest.raises(ValueError, match="never end"):
        read(module, text.replace("'b', remove the last character", "'a', replace it with 'a'"))


@pytest.mark.parametrize("index", range(60))
def test_rules_of_questions_end_and_say_what_they_do(index: int) -> None:
    task = get_task("symbench/string_deletion_and_modification")
    question = task.question(index, 2)
    assert len(question.data["rules"]) == 6
    assert all(f"{number}. If " in question.text for number in range(1, 7))
    assert task.check(question, f'"{question.answer.upper()}"')


def test_blocks_are_combined_one_by_one_with_the_same_result() -> None:
    recipes = ["ABC>a", "AB>c", "BC>b", "CC>c", "ac>xy", "bb>z"]
    for a, b, c in itertools.product(range(1, 6), range(1, 9), range(1, 6)):
        bag = sorted("A" * a + "B" * b + "C" * c)
        again = True
        while again:
            again = False
            for recipe in recipes:
                taken, given = recipe.split(">")
                while all(bag.count(x) >= taken.count(x) for x in taken):
                    for x in taken:
                        bag.remove(x)
                    bag += given
                    again = True
        assert string_synthesis.combine([a, b, c]) == [bag.count(x) for x in "ABCabcxyz"]


def test_blocks_of_an_official_item_are_combined() -> None:
    text = "1. One [A], one [B] make {C}.\nQuestion: If we now have 4 [A], 5 [B], and 5 [C], what?\nYour answer:"
    assert gold_is_right(read(string_synthesis, text, {"final_counts": [0, 0, 0, 4, 1, 0, 0, 0, 0]}))
    assert gold_is_right(read(string_synthesis, text, {"solution_string": "<<<0 0 0 4 1 0 0 0 0>>>"}))
    assert not gold_is_right(read(string_synthesis, text, {"final_counts": [0, 0, 0, 4, 1, 0, 0, 0, 1]}))
    with pytest.raises(ValueError, match="cannot be read"):
        read(string_synthesis, text.replace("5 [C]", "some [C]"))


OFFICIAL_BOARD = (
    "Given: n=4, you play black chess.\n\nThe previous round of the game was: \n{}\n\nRound 1: Your's landing "
)


@pytest.mark.parametrize(
    ("board", "note"),
    [("****\n000*\n*01*\n****", True), ("****\n*10*\n*01*\n****", False)],
    ids=["board_after_the_move", "board_before_the_move"],
)
def test_an_official_move_is_played_from_the_position_before_it(board: str, note: bool) -> None:
    text = OFFICIAL_BOARD.format(board) + "position is (2,1)\n\nFor example, <<<*,*,*,*,*,*>>> is empty."
    official = read(reversi, text, {"solution": "*,*,*,*,0,0,0,*,*,0,1,*,*,*,*,*"})
    assert ("note" in official.question.data) == note
    assert gold_is_right(official)
    assert not gold_is_right(read(reversi, text, {"solution": "*,*,*,*,0,1,0,*,*,0,1,*,*,*,*,*"}))


def test_pieces_turn_in_all_directions() -> None:
    board = "0.0.0.111.01.10.111.0.0.0"
    assert reversi.place(board, (2, 2), "0") == "0.0.0.000.00000.000.0.0.0"
    assert reversi.turned("01.1.", (0, 4), "0") == []


@pytest.mark.parametrize("answer", ["{0}", "[{0}]", "<<<{0}>>>", "{1}", "```\n{1}\n```", "**{0}**"])
def test_a_board_may_be_told_in_several_ways(answer: str) -> None:
    question = Question("symbench/reversi", 0, "", "....\n000.\n.01.\n....")
    cells = "****000**01*****"
    rows = "\n".join(cells[i : i + 4] for i in (0, 4, 8, 12))
    assert get_task("symbench/reversi").check(question, answer.format(",".join(cells), rows))


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("Count: 2, Positions: [2, 4]", True),
        ("count: 2, positions: [4, 2]", True),
        ("Count: 2\nPositions: 2, 4", True),
        ("**Count:** 2, **Positions:** [2, 4]", True),
        ('{"count": 2, "positions": [2, 4]}', True),
        ("2, [2, 4]", True),
        ("Count: 2, Positions: [2, 4, 4]", False),
        ("Count: 3, Positions: [2, 4]", False),
        ("Count: 2, Positions: [1, 3]", False),
        ("Count: 2, Positions: []", False),
        ("2", False),
    ],
)
def test_letters_are_counted_and_placed(answer: str, right: bool) -> None:
    question = Question("symbench/letters", 0, "", "", {"word": "banana"[:4] + "d", "letter": "a"})
    assert get_task("symbench/letters").check(question, answer) is right


@pytest.mark.parametrize("answer", ["Count: 0, Positions: []", "Count: 0, Positions: none", "0, []"])
def test_letters_may_be_absent(answer: str) -> None:
    assert get_task("symbench/letters").check(
        Question("symbench/letters", 0, "", "", {"word": "ab", "letter": "z"}), answer
    )


def test_letters_read_a_word_in_a_folder_and_a_question() -> None:
    folder = "Letters_dataset_min_length_5_max_length_10/n_2_7"
    official = letters.read_official(Sample(folder, {"test_words.json": '"banana"'}))
    assert official.question.answer == "Count: 2, Positions: [3, 5]"
    assert "banana" in official.question.text
    asked = read(letters, "How many 'a's are in the word 'banana' and what are their positions?")
    assert asked.question.answer == "Count: 3, Positions: [2, 4, 6]"
    with pytest.raises(ValueError, match="holds no word"):
        letters.read_official(Sample(folder, {"test_words.json": "[1]"}))


FEEDBACK = (
    "both numbers are incorrect and too small; one letter is correct but in the wrong position; "
    "one letter is incorrect and too late in the alphabet."
)


def test_a_feedback_says_what_it_says() -> None:
    small = cryptanalysis.read_feedback(FEEDBACK, "number")
    assert small(cryptanalysis.Facts(0, 0, 2, 0))
    assert not small(cryptanalysis.Facts(0, 0, 1, 1))
    late = cryptanalysis.read_feedback(FEEDBACK, "letter")
    assert late(cryptanalysis.Facts(0, 1, 0, 1))
    assert not late(cryptanalysis.Facts(0, 1, 0, 0))
    mixed = cryptanalysis.read_feedback("both numbers are incorrect; both letters are incorrect.", "number")
    assert [mixed(cryptanalysis.Facts(0, 0, low, high)) for low, high in ((0, 0), (1, 1), (0, 2))] == [
        True,
        True,
        False,
    ]
    with pytest.raises(ValueError, match="not understood"):
        cryptanalysis.read_feedback("one number is blue", "number")


def test_only_one_code_fits_a_question() -> None:
    task = get_task("symbench/cryptanalysis", {"hints": False})
    for index in range(5):
        question = task.question(index, 0)
        fits = [
            a + b + c + d
            for a, b in itertools.permutations("0123456789", 2)
            if all(told([a, b], guess[:2]) == digits for guess, digits, _ in question.data["guesses"])
            for c, d in itertools.permutations(cryptanalysis.LETTERS, 2)
            if all(told([c, d], guess[2:]) == found for guess, _, found in question.data["guesses"])
        ]
        assert fits == [question.answer]
        assert task.check(question, json.dumps(list(question.answer.lower())))


def told(code: list[str], guess: str) -> list[int]:
    right = [a for a, b in zip(code, guess, strict=True) if a == b]
    return [len(right), len(set(code) & set(guess)) - len(right)]


def test_an_official_code_is_found_or_refused() -> None:
    conditions = (
        "1. Guess: 92XL, Feedback: one number is correct but in the wrong position; one number is incorrect and too "
        "small; both letters are incorrect.\n2. Guess: 39CW, Feedback: both numbers are correct and in the correct "
        "positions; both letters are correct and in the correct positions.\n"
    )
    assert gold_is_right(read(cryptanalysis, conditions, {"answer": ["3", "9", "C", "W"]}))
    assert not gold_is_right(read(cryptanalysis, conditions, {"answer": ["9", "3", "C", "W"]}))
    with pytest.raises(ValueError, match="codes fit"):
        read(cryptanalysis, conditions.partition("2. Guess")[0])
    with pytest.raises(ValueError, match="0 codes fit"):
        read(cryptanalysis, conditions.replace("39CW", "92CW"))


def test_machines_are_taken_apart_in_turn() -> None:
    text = (
        "Method 1: ...\nInitially, there are 3 units of Machine A, 1 units of Machine B, and 3 units of Machine C. How?"
    )
    assert gold_is_right(read(string_splitting, text, {"expected_answer": ["0", "0", "0", "3", "0", "5"]}))
    final = {"A": 0, "B": 0, "C": 0, "X": 3, "Y": 0, "Z": 5}
    assert gold_is_right(read(string_splitting, text, {"final_counts": final}))
    official = read(string_splitting, text, {"expected_answer": ["0", "0", "0", "30", "5"]})
    assert not gold_is_right(official)
    assert get_task("symbench/string_splitting").check(official.question, '["0", "0", "0", "3", "0", "5"]')


FARM = (
    "Methods:\n\nMethod 1: 1 unit of crop A and 1 unit of crop B can be exchanged for 1 unit of product X, "
    "and this can be done once per cycle.\n\nMethod 2: 3 units of crop A can be exchanged for 2 units of product X, "
    "and this can be done only once per cycle.\n\nInitially there are 4 units of crop A, 2 units of crop B.\n\nAnswer "
    "as [remaining_A, remaining_B, obtained_X], such as <<<[1, 0, 3]>>>"
)


def test_the_asked_counts_are_taken_from_an_official_answer() -> None:
    gold = {"solution": {"answer": ["0", "1", "0", "3", "0"], "process": []}}
    official = read(synthesis_decomposition, FARM, gold)
    assert official.question.answer == "0, 1, 3"
    assert official.gold == "0, 1, 3"
    assert gold_is_right(official)
    wrong = {"solution": {"answer": ["0", "1", "0", "2", "0"]}}
    assert not gold_is_right(read(synthesis_decomposition, FARM, wrong))
    with pytest.raises(ValueError, match="cannot be read"):
        read(synthesis_decomposition, FARM.replace("exchanged", "sold"))
    with pytest.raises(ValueError, match="never come to an end"):
        read(
            synthesis_decomposition,
            FARM.replace("2 units of product X", "3 units of crop A").replace("4 units", "9 units"),
        )


GRID = "move the number in position ({}) using the sequence '{}':\n4, 0, 2\n4, 2, 8\n0, 16, 16\n\nWhat is the matrix?"


@pytest.mark.parametrize(
    ("position", "moves", "end"),
    [
        ("1, 1", "dd", [0, 0, 2, 0, 2, 8, 8, 16, 16]),
        ("1, 3", "lll", [4, 2, 0, 4, 2, 8, 0, 16, 16]),
        ("3, 2", "rruu", [4, 0, 2, 4, 2, 8, 0, 0, 32]),
        ("2, 2", "urd", [4, 0, 4, 4, 0, 8, 0, 16, 16]),
        ("1, 2", "lr", [4, 0, 2, 4, 2, 8, 0, 16, 16]),
    ],
)
def test_one_number_moves_and_joins_equal_ones(position: str, moves: str, end: list[int]) -> None:
    official = read(twenty_forty_eight, GRID.format(position, moves), {"solution": ",".join(map(str, end))})
    assert gold_is_right(official)
    assert ("note" in official.question.data) == (position == "1, 2")


def test_a_start_outside_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        read(twenty_forty_eight, GRID.format("4, 1", "d"))
