"""The BIG-Bench-Hard tasks, without importing any of them. One line per task, in the order of the official list."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

HERE = "r1ci.tasks.bbh"
SOURCE = "BIG-Bench-Hard"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "bbh/boolean_expressions", SOURCE, "train", f"{HERE}.boolean_expressions", "truth of and, or, not", True,
        answer="True or False", check="equal truth values",
    ),
    TaskInfo(
        "bbh/object_counting", SOURCE, "test", f"{HERE}.object_counting", "things of one kind in a list", True,
        answer="a whole number", check="equal whole numbers",
    ),
)  # fmt: skip
