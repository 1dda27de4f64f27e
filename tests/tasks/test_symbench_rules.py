"""SymBench tasks with many right answers: checkers against brute force, and official items."""

from __future__ import annotations

import itertools
import json
import math
import random

import pytest

from r1ci.tasks.base import Official, Question, Sample
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import blocksworld, constrained_linear_arrangement, logic_puzzle, logical_equation


def sample(text: str, solution: object = None, name: str = "question.txt") -> Sample:
    files = {name: text}
    return Sample("sample_1", files if solution is None else {**files, "solution.json": json.dumps(solution)})


def accepts(official: Official, text: str) -> bool:
    return get_task(official.question.task).check(official.question, text)


def _true(line: str, value: dict[str, int]) -> bool:
    """Whether a constraint as it is written holds."""
    left, sign, right = line.split()[0], line.split()[1], line.split()[2]
    if len(line.split()) == 3 and sign == "=":
        return abs(value[left] - float(right[:-1] or 1) * value[right[-1]]) < 1e-9
    if len(line.split()) == 3:
        return value[left] > value[right] if sign == ">" else value[left] < value[right]
    worth = value[left] + value[right] if sign == "+" else value[left] - value[right]
    return worth == int(line.split()[4])


def test_equations_are_checked_like_by_reading_them() -> None:
    task = get_task("symbench/logical_equation", {"min_letters": 4, "max_letters": 5, "max_number": 40, "missing": 2})
    right = 0
    for index in range(200):
        question = task.question(index, 3)
        lines = [line.split(". ")[1] for line in question.text.splitlines() if line[:1].isdigit()]
        letters = question.data["letters"]
        for numbers in itertools.permutations(question.data["numbers"]):
            value = dict(zip(letters, numbers, strict=True))
            expected = all(_true(line, value) for line in lines)
            right += expected
            assert task.check(question, str(list(numbers))) == expected
    assert right > 200


EQUATIONS = (
    "There are 4 letters A, B, C, D, each representing one of the numbers 2, 3, 5, 8. The system is:\n"
    "1. A = 1.6B\n2. C + D = 5\n3. C - D = {}\n4. A > B\n\nReturn the answers"
)


def test_official_equations() -> None:
    official = logical_equation.read_official(sample(EQUATIONS.format(-1), [8, 5, 2, 3]))
    assert official.question.answer == "[8, 5, 2, 3]"
    assert official.gold == "8, 5, 2, 3"
    assert accepts(official, "8, 5, 2, 3")
    assert not any(accepts(official, text) for text in ("8, 5, 3, 2", "8, 8, 8, 8", "8, 5, 2", "8, 5, 2, 3, 3"))
    assert logical_equation.read_official(sample(EQUATIONS.format(1), [8, 5, 2, 3])).question.answer == "[8, 5, 3, 2]"
    with pytest.raises(ValueError, match="no numbers"):
        logical_equation.read_official(sample(EQUATIONS.format(4), [8, 5, 2, 3]))


def test_the_rounds_of_small_games_by_brute_force() -> None:
    task = get_task("symbench/constrained_linear_arrangement", {"min_rounds": 3, "max_rounds": 3})
    for index in range(200):
        question = task.question(index, 4)
        game, order = question.data["game"], question.data["order"]
        beats = {
            "elements": lambda a, b: (a - b) % 5 in (1, 3),
            "stick": lambda a, b: (b - a) % 4 == 1,
            "animals": lambda a, b: (a < b) != ({a, b} == {0, 7}) and a != b,
        }[game]
        for hand in itertools.permutations(order, 3):
            pairs = [(order.index(a), order.index(b)) for a, b in zip(question.data["mine"], hand, strict=True)]
            results = ["win" if beats(a, b) else "loss" if beats(b, a) else "draw" for a, b in pairs]
            assert task.check(question, ", ".join(hand)) == (results == question.data["results"])


ROUNDS = "\nRound 1: {}.\nRound 2: {}.\nRound 3: {}.\n\nUse a list"


@pytest.mark.parametrize(
    ("rules", "rounds", "right", "wrong"),
    [
        ("Generation: Wood A", ("B, loss", "C, draw", "A, draw"), ("E,C,A", "C,B,E"), ("C,C,A", "Z,C,A", "A,C,E")),
        ("Chicken eats Worm", ("A, win", "B, loss", "C, draw"), ("B,A,C", "[B, A, C]", "bac"), ("B,A,D", "B,A")),
        ("Elephant (A), Lion (B)", ("H, win", "G, draw", "A, loss"), (), ()),
        ("Elephant (A), Lion (B)", ("H, win", "G, draw", "B, win"), ("A,G,H", "A,G,C"), ("A,G,A", "B,G,H", "H,G,A")),
    ],
)
def test_official_rounds(rules: str, rounds: tuple[str, ...], right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    read = sample(rules + ROUNDS.format(*rounds), {"solution": ["C", "B", "E"]})
    official = constrained_linear_arrangement.read_official(read)
    assert official.gold == "C, B, E"
    assert accepts(official, official.question.answer)
    assert all(accepts(official, text) for text in right)
    assert not any(accepts(official, text) for text in wrong)


def test_an_impossible_official_result_is_refused() -> None:
    rounds = ROUNDS.format("H, loss", "H, loss", "A, win")
    with pytest.raises(ValueError, match="twice"):
        constrained_linear_arrangement.read_official(sample("Elephant" + rounds))
    with pytest.raises(ValueError, match="no cards"):
        constrained_linear_arrangement.read_official(
            sample("Chicken eats Worm" + ROUNDS.format("A, win", "C, loss", "D, draw"))
        )


def _selections(question: Question) -> list[tuple[tuple[int, int], ...]]:
    grid, limit = question.data["grid"], question.data["limit"]
    size = len(grid)
    found = []
    for chosen in itertools.combinations(itertools.product(range(size), repeat=2), question.data["count"]):
        rows = [[grid[r][c] for r, c in chosen if r == line] for line in range(size)]
        columns = [[grid[r][c] for r, c in chosen if c == line] for line in range(size)]
        lines = [line for line in rows + columns if line]
        kept = all(math.prod(line) > 0 if limit is None else sum(line) <= limit for line in lines)
        if kept and (0, size - 1) in chosen and len({grid[r][c] for r, c in chosen}) == len(chosen):
            found.append(chosen)
    return found


def test_selections_of_small_grids_by_brute_force() -> None:
    task, rng = get_task("symbench/logic_puzzle", {"level": "easy"}), random.Random(1)
    for index in range(200):
        question = task.question(index, 5)
        right = _selections(question)
        assert right
        for chosen in right[:20]:
            cells = rng.sample(chosen, len(chosen))
            assert task.check(question, ", ".join(f"({r}, {c})" for r, c in cells))
        cells = list(itertools.product(range(3), repeat=2))
        for _ in range(20):
            chosen = tuple(sorted(rng.sample(cells, question.data["count"])))
            assert task.check(question, ", ".join(f"{r} {c}" for r, c in chosen)) == (chosen in right)


def test_products_need_negative_numbers() -> None:
    task = get_task("symbench/logic_puzzle", {"level": "medium"})
    questions = [task.question(index, 1) for index in range(60)]
    products = [question for question in questions if question.data["limit"] is None]
    assert len(products) > 15
    for question in products:
        assert question.data["count"] > len({value for row in question.data["grid"] for value in row if value > 0})


GRID = (
    "Given a 2*2 grid, you must select {} different numbers from these cells. The sum in each row and each "
    "column should be less than or equal to 4. Using the number 1 in the top-rightmost square (0,1)\n{}, 1\n2, {}\n\n"
    "Return"
)


def test_an_official_selection_that_breaks_the_rule_is_not_the_answer() -> None:
    official = logic_puzzle.read_official(sample(GRID.format(3, 3, 0), {"solution": [[0, 1], [1, 0], [0, 0]]}))
    assert official.gold == "0 1, 1 0, 0 0"
    assert official.question.answer == "0 1, 0 0, 1 1"
    assert not accepts(official, official.gold)
    with pytest.raises(ValueError, match="breaks its rules"):
        logic_puzzle.read_official(sample(GRID.format(3, 3, 3), {"solution": [[0, 1], [1, 0], [0, 0]]}))


@pytest.mark.parametrize("answer", ["0 1, 1 0, 0 1", "0 1, 1 0, -1 1", "0 1, 1 0, 99 99", "1 0, 1 1, 0 0", "0 1, 1 0"])
def test_selections_outside_the_rules_are_refused(answer: str) -> None:
    assert not accepts(logic_puzzle.read_official(sample(GRID.format(3, 3, 0))), answer)


def test_plans_reach_every_goal_of_small_worlds() -> None:
    worlds = [
        [list(part) for part in ("".join(order[:a]), "".join(order[a:b]), "".join(order[b:]))]
        for order in itertools.permutations("ABC")
        for a in range(4)
        for b in range(a, 4)
    ]
    for initial, goal in itertools.product(worlds, repeat=2):
        assert blocksworld.simulate(initial, blocksworld.plan(initial, goal)) == goal


STACKS = "Initial State:\nstack1: \nstack2: B A\nstack3:\n\nGoal State:\nstack1: {}\nstack2: {}\n"


def test_official_blocks() -> None:
    official = blocksworld.read_official(sample(STACKS.format("", "A B"), name="blocksworld_task.txt"))
    assert official.gold is None
    assert official.question.data["goal"] == [[], ["A", "B"], []]
    assert accepts(official, official.question.answer)
    assert accepts(
        official,
        "1. move A from stack2 to stack1\n2. Move B from stack 2 to stack 3.\nMove A from 1 to 2\nMove b from 3 to 2",
    )
    assert not accepts(official, "Move B from 2 to 1\nMove A from 2 to 3\nMove A from 3 to 2\nMove B from 1 to 2")
    assert not accepts(official, "Move A from 2 to 1\nMove B from 2 to 4\nMove A from 1 to 2\nMove B from 4 to 2")
    assert not accepts(official, "Move A from 2 to 1")


def test_an_official_goal_that_is_reached_at_the_start_has_an_answer() -> None:
    official = blocksworld.read_official(sample(STACKS.format("", "B A"), name="blocksworld_task.txt"))
    assert accepts(official, official.question.answer)
    assert get_task("symbench/blocksworld").program(official.question) is None


@pytest.mark.parametrize("goal", [("", "A C"), ("A", "A B"), ("", "")])
def test_an_official_goal_with_other_blocks_is_refused(goal: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="same blocks"):
        blocksworld.read_official(sample(STACKS.format(*goal), name="blocksworld_task.txt"))


@pytest.mark.parametrize("module", [blocksworld, constrained_linear_arrangement, logic_puzzle, logical_equation])
@pytest.mark.parametrize("files", [{}, {"question.txt": ""}, {"question.txt": "What?"}, {"notes.txt": "x"}])
def test_an_item_that_cannot_be_read_raises_value_error(module: object, files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        module.read_official(Sample("sample_1", files))  # type: ignore[attr-defined]
