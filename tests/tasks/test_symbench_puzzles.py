"""SymBench puzzles with several right answers: an independent brute force agrees on small ones; official items."""

from __future__ import annotations

import itertools
import json
from fractions import Fraction
from types import ModuleType

import pytest

from r1ci.tasks.base import Official, Question, Sample
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import (
    combinatorial_calculation,
    eight_queens,
    letter_logic_diagram,
    permutations_and_combinations,
    standard_sudoku,
)

SMALL = 200


def read(module: ModuleType, question: str, solution: object = None) -> Official:
    files = {"question.txt": question}
    if solution is not None:
        files["solution.json"] = json.dumps(solution)
    official: Official = module.read_official(Sample("sample_0", files))
    return official


def gold_is_right(official: Official) -> bool:
    task = get_task(official.question.task)
    assert task.check(official.question, official.question.answer)
    assert official.gold is not None
    return task.check(official.question, official.gold)


def test_letter_diagrams_agree_with_all_squares_of_order_four() -> None:
    task = get_task("symbench/letter_logic_diagram", {"size": 4, "min_blank": 4, "max_blank": 12})
    rows = ["".join(row) for row in itertools.permutations("abcd")]
    squares = [
        "".join(square)
        for square in itertools.product(rows, repeat=4)
        if all(len({row[c] for row in square}) == 4 for c in range(4))
        and len({square[r][3 - r] for r in range(4)}) == 1
    ]
    for index in range(SMALL):
        question = task.question(index, 0)
        given = "".join(question.data["rows"])
        right = [s for s in squares if all(g in (".", x) for g, x in zip(given, s, strict=True))]
        assert [s for s in squares if task.check(question, s)] == right
        assert letter_logic_diagram.solve(given) in right


@pytest.mark.parametrize(
    "answer", ["[['a','b'],['b','a']]", "a,b\nb,a", "ab ba", "a b c d", "", "abba" * 4, "dcba\ncbad\nbadc\nadcb"]
)
def test_letter_diagrams_refuse_what_breaks_a_rule(answer: str) -> None:
    question = Question("symbench/letter_logic_diagram", 0, "", "", {"rows": ["abcd", "....", "....", "...."]})
    assert not get_task("symbench/letter_logic_diagram").check(question, answer)


def test_letter_diagrams_read_an_official_item() -> None:
    grid = "d,c,b,a\nc,,a,\n,a,d,c\na,d,c,"
    solution = [list("dcba"), list("cbad"), list("badc"), list("adcb")]
    text = f"Fill this, e.g. like a, b:\n\n{grid}\n\nRows:\n<<<\nrow1\n>>>"
    official = read(letter_logic_diagram, text, {"solution": solution})
    assert official.question.data["rows"] == ["dcba", "c.a.", ".adc", "adc."]
    assert gold_is_right(official)
    with pytest.raises(ValueError, match="no solution"):
        read(letter_logic_diagram, grid.replace("d,c,b,a", "d,d,b,a"))


def test_queens_agree_with_all_placements_on_a_small_board() -> None:
    task = get_task("symbench/eight_queens", {"size": 6, "max_placed": 1, "min_blocked": 0, "max_blocked": 2})
    orders = list(itertools.permutations(range(6)))
    for index in range(SMALL):
        question = task.question(index, 0)
        rows = question.data["rows"]
        right = [
            order
            for order in orders
            if all(abs(order[i] - order[j]) != j - i for i, j in itertools.combinations(range(6), 2))
            and all(rows[r][c] != "X" for r, c in enumerate(order))
            and all(order[r] == c for r in range(6) for c in range(6) if rows[r][c] == "1")
        ]
        told = [", ".join(f"{r} {c}" for r, c in enumerate(order)) for order in orders[::7] + right]
        assert {text for text in told if task.check(question, text)} == set(told[len(orders[::7]) :])
        assert eight_queens.solve(rows) == right[0]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("0 0, 1 4, 2 7, 3 5, 4 2, 5 6, 6 1, 7 3", True),
        ("[[7, 3], [0, 0], [1, 4], [2, 7], [3, 5], [4, 2], [5, 6], [6, 1]]", True),
        ("(0, 0), (1, 4), (2, 7), (3, 5), (4, 2), (5, 6), (6, 1), (7, 3)", True),
        ("0 0, 1 4, 2 7, 3 5, 4 2, 5 6, 6 1", False),
        ("0 0, 1 4, 2 7, 3 5, 4 2, 5 6, 6 1, 7 3, 7 3", False),
        ("0 6, 1 4, 2 0, 3 5, 4 7, 5 1, 6 3, 7 2", False),
        ("0 8, 1 18, 2 28, 3 38, 4 48, 5 58, 6 68, 7 78", False),
        ("0 0, 1 4, 2 7, 3 5, 4 2, 5 6, 6 1, -1 3", False),
    ],
)
def test_queens_keep_the_board_and_the_given_queens(answer: str, right: bool) -> None:
    question = Question("symbench/eight_queens", 0, "", "", {"rows": ["10000000"] + ["00000000"] * 7})
    assert get_task("symbench/eight_queens").check(question, answer) is right


def test_queens_read_official_boards() -> None:
    board = "00000000\n" * 7 + "1000000X"
    gold = [[7, 0], [0, 4], [1, 6], [2, 1], [3, 5], [4, 2], [5, 7], [6, 3]]
    official = read(eight_queens, f"Place 8 queens.\n\n{board}\n\nLike <<<0 3, 1 0>>>", {"solution": gold})
    assert official.question.data["rows"][7] == "1000000X"
    assert not gold_is_right(official)
    with pytest.raises(ValueError, match="cannot be completed"):
        read(eight_queens, "11000000\n" + "00000000\n" * 7)


def test_orders_of_books_agree_with_all_permutations() -> None:
    task = get_task(
        "symbench/permutations_and_combinations",
        {"min_books": 4, "max_books": 5, "min_conditions": 2, "max_conditions": 4},
    )
    tests = {
        "left": lambda o, a, b: o.index(a) < o.index(b),
        "right": lambda o, a, b: o.index(a) > o.index(b),
        "adjacent": lambda o, a, b: a + b in "".join(o) or b + a in "".join(o),
        "at": lambda o, a, b: o[b - 1] == a,
        "not_at": lambda o, a, b: o[b - 1] != a,
    }
    for index in range(SMALL):
        question = task.question(index, 0)
        books, conditions = question.data["books"], [tuple(c) for c in question.data["conditions"]]
        orders = list(itertools.permutations(books))
        right = [order for order in orders if all(tests[kind](order, a, b) for kind, a, b in conditions)]
        assert [order for order in orders if task.check(question, " ".join(order))] == right
        assert permutations_and_combinations.solve(books, conditions) == "".join(right[0])


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('["A", "C", "B"]', True),
        ("acb", True),
        ("A, C, B, D", False),
        ("A, C", False),
        ("A, C, C", False),
        ("ABC", False),
    ],
)
def test_orders_take_each_book_once(answer: str, right: bool) -> None:
    data = {"books": "ABC", "conditions": [["right", "B", "C"], ["at", "A", 1]]}
    question = Question("symbench/permutations_and_combinations", 0, "", "", data)
    assert get_task("symbench/permutations_and_combinations").check(question, answer) is right


def test_orders_read_official_conditions() -> None:
    text = (
        "There are 3 books labeled A, B, C on a shelf.\n\n1. Book A cannot be placed in position 1.\n"
        "2. Book B must be adjacent to book A.\n3. Book C must be to the left of book B.\n"
        "4. Book A must be placed in position 3.\n\nQuestion: ..."
    )
    official = read(permutations_and_combinations, text, {"correct_solution": ["C", "B", "A"]})
    assert official.question.answer == "C, B, A"
    assert gold_is_right(official)
    with pytest.raises(ValueError, match="no order"):
        read(permutations_and_combinations, text.replace("position 3", "position 1"))
    with pytest.raises(ValueError, match="not understood"):
        read(permutations_and_combinations, text.replace("adjacent to", "heavier than"))


def worth(numbers: tuple[int, ...]) -> set[Fraction]:
    """All values of the numbers in order, by the two ways to bracket three."""
    operations = (
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b if None not in (a, b) and b else None,
    )
    x, y, z = map(Fraction, numbers)
    found = set()
    for first, second in itertools.product(operations, repeat=2):
        left, right = first(x, y), second(y, z)
        found |= {second(left, z) if left is not None else None, first(x, right) if right is not None else None}
    return found - {None}


def test_calculations_agree_with_all_bracketings_of_three_numbers() -> None:
    task = get_task("symbench/combinatorial_calculation")
    for number in range(SMALL):
        numbers = (number % 7 + 1, number // 7 % 5 + 1, number % 9 + 1)
        target = number % 13 + 1
        solved = combinatorial_calculation.solve(numbers, target)
        assert (solved is not None) == (target in worth(numbers))
        question = Question(task.id, 0, "", "", {"numbers": list(numbers), "target": target})
        assert solved is None or task.check(question, solved)


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("[5, /, 2, *, 4]", True),
        ('["5", "/", "2", "*", "4"]', True),
        ("5 / (2 / 4)", True),
        ("5/2*4 = 10", True),
        ("[5, \u00f7, 2, \u00d7, 4]", True),
        ("4 * 5 / 2", False),
        ("[5, 2, /, 4]", False),
        ("5 * 2", False),
        ("-5 / 2 * -4", False),
        ("5 / 2 * 4 = 11", False),
        ("5 / 2 * * 4", False),
    ],
)
def test_calculations_keep_the_numbers_in_order_and_apart(answer: str, right: bool) -> None:
    question = Question("symbench/combinatorial_calculation", 0, "", "", {"numbers": [5, 2, 4], "target": 10})
    assert get_task("symbench/combinatorial_calculation").check(question, answer) is right


def test_calculations_read_official_items() -> None:
    text = "like <<<[1, +, 3]>>>. Now the input numbers are: 5, 2, 4, the target values is: 10\n Your answer:"
    solution = {"solution": ["(", "5", "/", "2", ")", "*", "4"]}
    assert gold_is_right(read(combinatorial_calculation, text, solution))
    assert not gold_is_right(read(combinatorial_calculation, text, {"solution": ["4", "*", "5", "/", "2"]}))
    with pytest.raises(ValueError, match="no solution"):
        read(combinatorial_calculation, text.replace("10", "97"))


def test_sudokus_have_one_solution_by_a_second_solver() -> None:
    task = get_task("symbench/standard_sudoku", {"level": "easy"})
    for index in range(20):
        question = task.question(index, 0)
        cells = ["".join(question.data["rows"])[i] for i in range(81)]
        assert 30 <= cells.count(".") <= 40
        assert fill(cells) == [question.answer.replace("\n", "")]


def test_sudokus_may_be_drawn_with_rulers() -> None:
    task = get_task("symbench/standard_sudoku", {"level": "easy"})
    question = task.question(1, 0)
    rows = [f"| {row[:3]} | {row[3:6]} | {row[6:]} |" for row in question.answer.splitlines()]
    drawn = "\n------+-------+------\n".join("\n".join(rows[i : i + 3]) for i in (0, 3, 6))
    assert task.check(question, drawn)
    assert task.check(question, f"```\n{drawn}\n```")
    assert not task.check(question, drawn.replace(rows[0], "| 123 | 456 | 789 |"))


def fill(cells: list[str]) -> list[str]:
    """All solutions, cell by cell in order."""
    if "." not in cells:
        return ["".join(cells)]
    cell = cells.index(".")
    row, column = divmod(cell, 9)
    used = {
        cells[i]
        for i in range(81)
        if i // 9 == row or i % 9 == column or (i // 27, i % 9 // 3) == (row // 3, column // 3)
    }
    return [s for d in "123456789" if d not in used for s in fill([*cells[:cell], d, *cells[cell + 1 :]])]


def test_sudokus_read_official_grids() -> None:
    task = get_task("symbench/standard_sudoku", {"level": "easy"})
    question = task.question(0, 5)
    rows = ["".join(f"{' ' if cell == '.' else cell}," for cell in row)[:-1] for row in question.data["rows"]]
    solution = [[int(digit) for digit in row] for row in question.answer.splitlines()]
    text = "Given a 9*9 Sudoku grid. Please fill it.\n" + "\n".join(rows) + "\n\nFormat: <<<a 9*9 matrix>>>."
    official = read(standard_sudoku, text, {"puzzle": [], "solution": solution})
    assert official.question.answer == question.answer
    assert gold_is_right(official)
    solution[0][0], solution[0][1] = solution[0][1], solution[0][0]
    assert not gold_is_right(read(standard_sudoku, text, {"solution": solution}))
