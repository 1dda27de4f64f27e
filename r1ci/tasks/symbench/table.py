"""The SymBench tasks, without importing any of them. One line per task, in the order of the official list."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

HERE = "r1ci.tasks.symbench"
SOURCE = "SymBench"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "symbench/game24", SOURCE, "train", f"{HERE}.game24", "an expression of four numbers worth 24", True,
        answer="an arithmetic expression", check="each number once, exact value", shared=True,
        faults="compares floats, so 8/(3-8/3) is refused; evaluates the answer as code",
    ),
    TaskInfo(
        "symbench/new_operator", SOURCE, "train", f"{HERE}.new_operator",
        "an expression of newly defined operators", True,
        answer="a whole number or a fraction", check="equal numbers",
        faults="evaluates only the first operator: 99 of 200 golds are wrong; precedence is not stated",
    ),
    TaskInfo(
        "symbench/pooling", SOURCE, "train", f"{HERE}.pooling", "maximum or average of a sliding window", True,
        answer="a list of numbers", check="equal numbers; averages may be rounded to two decimals",
        faults="reads averages as whole numbers: 100 of 200 can never pass",
    ),
    TaskInfo(
        "symbench/light_puzzles", SOURCE, "train", f"{HERE}.light_puzzles", "lights after buttons are pressed", True,
        answer="a list of 0s and 1s", check="equal lists",
    ),
    TaskInfo(
        "symbench/mahjong_pattern", SOURCE, "train", f"{HERE}.mahjong_pattern",
        "judgement of the last round of a card game", True,
        answer="a whole number", check="equal whole numbers",
        faults="15 of 200 golds are wrong: a Chi missed, or given where its rule is not told",
    ),
    TaskInfo(
        "symbench/statistical_counting", SOURCE, "train", f"{HERE}.statistical_counting",
        "score of the runs of equal letters", True, answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "symbench/matrix_transformation", SOURCE, "train", f"{HERE}.matrix_transformation",
        "a matrix turned by 90 degrees", True,
        answer="a list of characters", check="equal lists",
    ),
    TaskInfo(
        "symbench/pattern_recognition", SOURCE, "train", f"{HERE}.pattern_recognition",
        "corner of a square of equal letters", True,
        answer="a row and a column", check="equal places",
        faults="39 of 100 grids hold more than one square of the least size",
    ),
    TaskInfo(
        "symbench/string_insertion", SOURCE, "train", f"{HERE}.string_insertion",
        "a letter inserted after each of five patterns", True, answer="a string", check="equal strings",
    ),
    TaskInfo(
        "symbench/letter_logic_diagram", SOURCE, "train", f"{HERE}.letter_logic_diagram",
        "a Latin square with one letter on its minor diagonal", True,
        answer="rows of letters", check="rows, columns, diagonal and given letters",
        faults="compares with one completion where 84 of 200 puzzles have several",
    ),
    TaskInfo(
        "symbench/standard_sudoku", SOURCE, "train", f"{HERE}.standard_sudoku",
        "a 9 x 9 Sudoku", True,
        answer="nine rows of digits", check="rows, columns, boxes and given digits", slow=True,
    ),
    TaskInfo(
        "symbench/number_multiply", SOURCE, "test", f"{HERE}.number_multiply", "products of signed numbers", True,
        answer="a whole number", check="equal whole numbers",
    ),
)  # fmt: skip
