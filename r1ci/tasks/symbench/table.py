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
        "symbench/statistical_counting", SOURCE, "train", f"{HERE}.statistical_counting",
        "score of the runs of equal letters", True, answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "symbench/string_insertion", SOURCE, "train", f"{HERE}.string_insertion",
        "a letter inserted after each of five patterns", True, answer="a string", check="equal strings",
    ),
    TaskInfo(
        "symbench/number_multiply", SOURCE, "test", f"{HERE}.number_multiply", "products of signed numbers", True,
        answer="a whole number", check="equal whole numbers",
    ),
)  # fmt: skip
