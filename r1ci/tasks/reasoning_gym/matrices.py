"""Matrices of numbers: manipulate_matrix, pool_matrix, rotate_matrix, rotten_oranges, spiral_matrix."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Row, gym_task

_ROW = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True)
class ManipulateMatrixConfig:
    """Parameters of rg/manipulate_matrix."""

    min_rows: int = param(2, "fewest rows", low=2, high=50)
    max_rows: int = param(10, "most rows", low=2, high=50, at_least="min_rows")
    min_cols: int = param(2, "fewest columns", low=2, high=50)
    max_cols: int = param(10, "most columns", low=2, high=50, at_least="min_cols")
    min_transforms: int = param(1, "fewest operations", low=1, high=30)
    max_transforms: int = param(10, "most operations", low=1, high=30, at_least="min_transforms")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rows": 5, "max_cols": 5, "max_transforms": 2},
        "medium": {"min_transforms": 3, "max_transforms": 5},
        "hard": {
            "min_rows": 10, "max_rows": 25, "min_cols": 10, "max_cols": 25, "min_transforms": 5, "max_transforms": 15,
        },
    }  # fmt: skip


@dataclass(frozen=True)
class PoolMatrixConfig:
    """Parameters of rg/pool_matrix."""

    min_rows: int = param(2, "fewest rows; the fewest columns too", low=2, high=50)
    max_rows: int = param(10, "most rows", low=2, high=50, at_least="min_rows")
    max_cols: int = param(10, "most columns", low=2, high=50, at_least="min_rows")
    min_pool_size: int = param(1, "smallest side of a region", low=1, high=10)
    max_pool_size: int = param(3, "largest side of a region", low=1, high=10, at_least="min_pool_size")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rows": 5, "max_cols": 5, "min_pool_size": 2, "max_pool_size": 2},
        "medium": {"min_rows": 5, "min_pool_size": 2},
        "hard": {"min_rows": 10, "max_rows": 25, "max_cols": 25, "min_pool_size": 3, "max_pool_size": 5},
    }


@dataclass(frozen=True)
class RotateMatrixConfig:
    """Parameters of rg/rotate_matrix."""

    min_n: int = param(2, "smallest side", low=2, high=50)
    max_n: int = param(10, "largest side", low=2, high=50, at_least="min_n")
    min_rotations: int = param(0, "fewest quarter turns", low=0, high=100)
    max_rotations: int = param(10, "most quarter turns", low=0, high=100, at_least="min_rotations")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_n": 4, "min_rotations": 1, "max_rotations": 3},
        "medium": {"min_n": 5, "min_rotations": 1},
        "hard": {"min_n": 10, "max_n": 25, "min_rotations": 5, "max_rotations": 20},
    }


@dataclass(frozen=True)
class RottenOrangesConfig:
    """Parameters of rg/rotten_oranges."""

    min_n: int = param(10, "smallest side", low=2, high=60)
    max_n: int = param(30, "largest side", low=2, high=60, at_least="min_n")
    p_oranges: float = param(0.85, "share of the cells with an orange", low=0.1, high=1)
    p_rotten: float = param(0.1, "share of the oranges that are rotten", low=0.01, high=1)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_n": 4, "max_n": 8},
        "medium": {"min_n": 10, "max_n": 20},
        "hard": {"min_n": 25, "max_n": 50, "p_rotten": 0.05},
    }


@dataclass(frozen=True)
class SpiralMatrixConfig:
    """Parameters of rg/spiral_matrix."""

    min_n: int = param(2, "smallest side", low=2, high=50)
    max_n: int = param(10, "largest side", low=2, high=50, at_least="min_n")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_n": 4},
        "medium": {"min_n": 5, "max_n": 10},
        "hard": {"min_n": 10, "max_n": 25},
    }


def rows(text: str) -> tuple[tuple[str, ...], ...]:
    """The cells of a matrix, written row by row on lines or in brackets; empty for anything else."""
    text = answers.unwrap(text)
    lines = text.splitlines()
    if "[" in text:
        lines = _ROW.findall(text)
        if _ROW.sub("", text).strip("[], \t\r\n"):
            return ()
    return tuple(cells for line in lines if (cells := answers.tokens(line)))


def same_matrix(question: Question, answer_text: str) -> bool:
    """Equal numbers in equal rows."""
    given, expected = rows(answer_text), rows(question.answer)
    return len(given) == len(expected) and all(map(_same_cells, given, expected))


def same_list(question: Question, answer_text: str) -> bool:
    """Equal numbers in equal order."""
    return _same_cells(answers.tokens(answer_text), answers.tokens(question.answer))


def _same_cells(given: Sequence[str], expected: Sequence[str]) -> bool:
    if len(given) != len(expected):
        return False
    return given == expected or all(
        cell == other or ((value := answers.number(cell)) is not None and value == answers.number(other))
        for cell, other in zip(given, expected, strict=True)
    )


def pooled(matrix: list[list[int]], kind: str, size: int) -> list[list[Fraction]]:
    """The largest number or the mean of each region; those at the right and at the bottom may be smaller."""
    found = []
    for top in range(0, len(matrix), size):
        row = []
        for left in range(0, len(matrix[0]), size):
            cells = [cell for line in matrix[top : top + size] for cell in line[left : left + size]]
            row.append(Fraction(max(cells)) if kind == "max" else Fraction(sum(cells), len(cells)))
        found.append(row)
    return found


def same_pooled_matrix(question: Question, answer_text: str) -> bool:
    """Numbers within half a hundredth, in equal rows."""
    given = rows(answer_text)
    if given == rows(question.answer):
        return True
    expected = pooled(question.data["matrix"], question.data["pool_type"], question.data["pool_size"])
    if [len(row) for row in given] != [len(row) for row in expected]:
        return False
    return all(
        (value := answers.number(cell)) is not None and abs(value - exact) <= Fraction(1, 200)
        for row, line in zip(given, expected, strict=True)
        for cell, exact in zip(row, line, strict=True)
    )


def _pool(data: Mapping[str, Any]) -> str:
    value = "max(cells)" if data["pool_type"] == "max" else "sum(cells) / len(cells)"
    return "\n".join(
        (
            f"matrix = {data['matrix']}",
            f"n = {data['pool_size']}",
            "for top in range(0, len(matrix), n):",
            "    row = []",
            "    for left in range(0, len(matrix[0]), n):",
            "        cells = [x for line in matrix[top:top + n] for x in line[left:left + n]]",
            f"        row.append(str(round({value}, 2)))",
            '    print(" ".join(row))',
        )
    )


def _rotate(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"matrix = {data['matrix']}",
            f"for _ in range({data['num_rotations']}):",
            "    matrix = list(zip(*matrix[::-1]))",
            "for row in matrix:",
            "    print(*row)",
        )
    )


def _step(operation: Mapping[str, Any]) -> str:
    match operation["transform"]:
        case "rotate":
            return f"for _ in range({int(operation['degrees']) // 90}):\n    m = [list(r) for r in zip(*m[::-1])]"
        case "hmirror":
            return "m = m[::-1]"
        case "vmirror":
            return "m = [r[::-1] for r in m]"
        case "dmirror":
            return "m = [list(r) for r in zip(*m)]"
        case "cmirror":
            return "m = [list(r)[::-1] for r in zip(*m)][::-1]"
        case "map":
            return f"m = [[{operation['to']} if x == {operation['from']} else x for x in r] for r in m]"
        case "zero_divisible":
            return f"m = [[0 if x % {operation['k']} == 0 else x for x in r] for r in m]"
        case "crop":
            columns = f"{operation['col_start'] - 1}:{operation['col_end']}"
            return f"m = [r[{columns}] for r in m[{operation['row_start'] - 1}:{operation['row_end']}]]"
        case "remove_every_nth_row":
            return f"m = [r for i, r in enumerate(m, 1) if i % {operation['n']}]"
        case _:
            return f"m = [[x for i, x in enumerate(r, 1) if i % {operation['n']}] for r in m]"


def _manipulate(data: Mapping[str, Any]) -> str:
    steps = [_step(operation) for operation in data["operations"]]
    return "\n".join((f"m = {data['matrix']}", *steps, "for r in m:", "    print(*r)"))


def _rot(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"grid = {data['matrix']}",
            "cells = {(i, j): x for i, row in enumerate(grid) for j, x in enumerate(row)}",
            "fresh = {p for p, x in cells.items() if x == 1}",
            "edge = {p for p, x in cells.items() if x == 2}",
            "minutes = 0",
            "while fresh:",
            "    edge = {p for i, j in edge for p in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)) if p in fresh}",
            "    if not edge:",
            "        break",
            "    fresh -= edge",
            "    minutes += 1",
            "print(-1 if fresh else minutes)",
        )
    )


def _unwind(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"matrix = {data['matrix']}",
            "spiral = []",
            "while matrix:",
            "    spiral += matrix[0]",
            "    matrix = list(zip(*matrix[1:]))[::-1]",
            "print(*spiral)",
        )
    )


def _seed_numpy(dataset: Any) -> None:
    """The package draws the matrix from numpy's global generator, which takes 32 bits; it is put back afterwards."""
    kind = type(dataset)

    class Steady(kind):  # type: ignore[misc, valid-type]
        def __getitem__(self, index: int) -> Any:
            import numpy

            before = numpy.random.get_state()
            try:
                return kind.__getitem__(self, index % 2**32)
            finally:
                numpy.random.set_state(before)

    dataset.__class__ = Steady


ROWS = {
    "rg/manipulate_matrix": Row(
        ManipulateMatrixConfig,
        ("matrix", "operations"),
        same_matrix,
        _manipulate,
        note="Rotations are clockwise. Mirroring horizontally reverses the order of the rows, mirroring vertically "
        "that of the columns; the diagonal starts in the top left corner, the counterdiagonal in the top right one. "
        "Answer with the matrix that results, in the format above.",
    ),
    "rg/pool_matrix": Row(
        PoolMatrixConfig,
        ("matrix", "pool_type", "pool_size"),
        same_pooled_matrix,
        _pool,
        prepare=_seed_numpy,
        note="Where the kernel does not fit in at the right or at the bottom, pool over the part that is there.",
    ),
    "rg/rotate_matrix": Row(RotateMatrixConfig, ("matrix", "num_rotations"), same_matrix, _rotate),
    "rg/rotten_oranges": Row(RottenOrangesConfig, ("matrix",), same_integer, _rot),
    "rg/spiral_matrix": Row(SpiralMatrixConfig, ("matrix",), same_list, _unwind),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
