"""Questions about a small table of penguins, after some changes to it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right, mixed
from r1ci.tasks.bbh.words import NAMES
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

COLUMNS = ("age", "height", "weight")
UNITS = ("years", "cm", "kg")
HEADER = "name, age (years), height (cm), weight (kg)"
MOST = (("oldest", "youngest"), ("tallest", "shortest"), ("heaviest", "lightest"))
MORE = (("older than", "younger than"), ("taller than", "shorter than"), ("heavier than", "lighter than"))
OPTIONS = 5
Row = list[Any]
"""[name, age, height, weight]."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/penguins_in_a_table."""

    min_rows: int = param(4, "fewest penguins in the table as first given", low=4, high=20)
    max_rows: int = param(6, "most penguins in the table as first given", low=4, high=20, at_least="min_rows")
    max_changes: int = param(2, "most penguins that come or go", low=0, high=4)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rows": 4, "max_changes": 0},
        "medium": {"min_rows": 5, "max_rows": 7},
        "hard": {"min_rows": 10, "max_rows": 16, "max_changes": 4},
    }


@dataclass(frozen=True)
class PenguinsInATable:
    """No two penguins are equally old, tall or heavy."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A table, changes, and one of four kinds of question."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_rows, self.config.max_rows)
        drawn = _rows(rng, count + self.config.max_changes)
        rows, spare = drawn[:count], drawn[count:]
        told = f"Here is a table of penguins:\n{HEADER}\n{_shown(rows)}"
        for row in spare[: rng.randint(0, self.config.max_changes)]:
            if rng.random() < 0.5 or len(rows) <= OPTIONS:
                rows = [*rows, row]
                told += f"\nThis penguin is added:\n{_shown([row])}"
            else:
                gone = rng.choice(rows)
                rows = [other for other in rows if other is not gone]
                told += f"\n{gone[0]} is removed from the table."
        ask, code, right, wrong = _ask(rng, rows)
        options, place = mixed(rng, right, wrong)
        return choose(self.id, index, f"{told}\n{ask}", options, place, {"rows": rows, "code": code})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Work on the rows as they are after the changes."""
        if "code" not in question.data:
            return None
        return f"""\
rows = {question.data["rows"]!r}
options = {question.data["options"]!r}
answer = {question.data["code"]}
print("(" + "ABCDE"[options.index(str(answer))] + ")")
"""


def _rows(rng: random.Random, count: int) -> list[Row]:
    names = rng.sample(NAMES, count)
    columns = (rng.sample(range(1, 31), count), rng.sample(range(40, 121), count), rng.sample(range(8, 41), count))
    return [[name, *values] for name, *values in zip(names, *columns, strict=True)]


def _shown(rows: Sequence[Row]) -> str:
    return "\n".join(", ".join(map(str, row)) for row in rows)


def _ask(rng: random.Random, rows: Sequence[Row]) -> tuple[str, str, str, list[str]]:
    """A question, a Python expression for its answer, the answer, and wrong options."""
    kind = rng.choice((_extreme, _count, _sorted, _total))
    return kind(rng, rows)


def _extreme(rng: random.Random, rows: Sequence[Row]) -> tuple[str, str, str, list[str]]:
    column, low = rng.randrange(3), rng.randrange(2)
    pick = (max, min)[low]
    right = pick(rows, key=lambda row: row[column + 1])[0]
    code = f"{pick.__name__}(rows, key=lambda row: row[{column + 1}])[0]"
    return f"Which penguin is the {MOST[column][low]} now?", code, right, _others(rng, rows, right)


def _sorted(rng: random.Random, rows: Sequence[Row]) -> tuple[str, str, str, list[str]]:
    column, place = rng.randrange(3), rng.choice((1, 2, -2))
    right = sorted(rows, key=lambda row: row[column + 1])[place][0]
    code = f"sorted(rows, key=lambda row: row[{column + 1}])[{place}][0]"
    where = {1: "second", 2: "third", -2: "last but one"}[place]
    ask = (
        f"If the penguins are sorted by {COLUMNS[column]} from the smallest value to the largest, which is the {where}?"
    )
    return ask, code, right, _others(rng, rows, right)


def _count(rng: random.Random, rows: Sequence[Row]) -> tuple[str, str, str, list[str]]:
    first, second = rng.sample(range(3), 2)
    a, b = rng.randrange(2), rng.randrange(2)
    limits = [rng.choice(rows)[column + 1] for column in (first, second)]
    counted = [row for row in rows if _beyond(row, first, a, limits[0]) and _beyond(row, second, b, limits[1])]
    ask = (
        f"How many penguins are now {MORE[first][a]} {limits[0]} {UNITS[first]} and {MORE[second][b]} {limits[1]} "
        f"{UNITS[second]}?"
    )
    code = f"sum(row[{first + 1}] {'><'[a]} {limits[0]} and row[{second + 1}] {'><'[b]} {limits[1]} for row in rows)"
    return ask.replace(" 1 years", " 1 year"), code, str(len(counted)), _numbers(rng, len(counted), 1)


def _beyond(row: Row, column: int, below: int, limit: int) -> bool:
    return bool(row[column + 1] < limit if below else row[column + 1] > limit)


def _total(rng: random.Random, rows: Sequence[Row]) -> tuple[str, str, str, list[str]]:
    column = rng.randrange(3)
    a, b = rng.sample(rows, 2)
    total = a[column + 1] + b[column + 1]
    ask = f"What is the sum of the {COLUMNS[column]}s of {a[0]} and {b[0]} in {UNITS[column]}?"
    code = f"sum(row[{column + 1}] for row in rows if row[0] in ({a[0]!r}, {b[0]!r}))"
    return ask, code, str(total), _numbers(rng, total, rng.choice((1, 2, 5)))


def _others(rng: random.Random, rows: Sequence[Row], right: str) -> list[str]:
    names = [row[0] for row in rows if row[0] != right]
    return rng.sample(names, min(OPTIONS - 1, len(names)))


def _numbers(rng: random.Random, right: int, step: int) -> list[str]:
    near = [right + step * k for k in range(-OPTIONS, OPTIONS + 1) if k and right + step * k >= 0]
    return [str(value) for value in rng.sample(near, OPTIONS - 1)]


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("penguins_in_a_table", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return PenguinsInATable(id, read_params(Config, params, id))
