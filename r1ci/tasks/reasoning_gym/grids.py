"""Grids of digits: binary_matrix, game_of_life, largest_island."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task


@dataclass(frozen=True)
class BinaryMatrixConfig:
    """Parameters of rg/binary_matrix."""

    min_n: int = param(3, "fewest rows", low=2, high=50)
    max_n: int = param(10, "most rows", low=2, high=50, at_least="min_n")
    p_zero: float = param(0.25, "share of zeros", low=0.01, high=0.9)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_n": 6},
        "medium": {},
        "hard": {"min_n": 12, "max_n": 25, "p_zero": 0.1},
    }


@dataclass(frozen=True)
class GameOfLifeConfig:
    """Parameters of rg/game_of_life."""

    grid_size_x: int = param(10, "rows", low=3, high=40)
    grid_size_y: int = param(10, "columns", low=3, high=40)
    filled_cells_weights: float = param(0.1, "largest share of live cells", low=0.01, high=0.9)
    simulation_steps: int = param(1, "steps", low=1, high=10)
    LEVELS: ClassVar[Levels] = {
        "easy": {},
        "medium": {"filled_cells_weights": 0.2, "simulation_steps": 2},
        "hard": {"grid_size_x": 15, "grid_size_y": 15, "filled_cells_weights": 0.3, "simulation_steps": 3},
    }


@dataclass(frozen=True)
class LargestIslandConfig:
    """Parameters of rg/largest_island."""

    min_rows: int = param(5, "fewest rows", low=2, high=100)
    max_rows: int = param(10, "most rows", low=2, high=100, at_least="min_rows")
    min_cols: int = param(5, "fewest columns", low=2, high=100)
    max_cols: int = param(10, "most columns", low=2, high=100, at_least="min_cols")
    min_num_islands: int = param(1, "fewest islands drawn; two may merge", low=0, high=100)
    max_num_islands: int = param(5, "most islands drawn", low=0, high=100, at_least="min_num_islands")
    min_island_size: int = param(1, "fewest cells of an island as drawn", low=0, high=200)
    max_island_size: int = param(10, "most cells of an island as drawn", low=0, high=200, at_least="min_island_size")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rows": 7, "max_cols": 7},
        "medium": {},
        "hard": {"min_rows": 15, "max_rows": 25, "min_cols": 15, "max_cols": 25, "min_num_islands": 5,
                 "max_num_islands": 15, "min_island_size": 5, "max_island_size": 20},
    }  # fmt: skip


def same_grid(question: Question, answer_text: str) -> bool:
    """Equal numbers row by row, whatever brackets and commas part them."""
    return answers.flat(answer_text) == answers.flat(question.answer)


def _life_settings(config: GameOfLifeConfig) -> Mapping[str, Any]:
    cells = int(config.filled_cells_weights * config.grid_size_x * config.grid_size_y)
    return {
        "grid_size_x": config.grid_size_x, "grid_size_y": config.grid_size_y,
        "simulation_steps": config.simulation_steps, "filled_cells": max(3, cells),
    }  # fmt: skip


def _life_data(item: Item) -> Mapping[str, Any]:
    board = json.loads(item["question"].rpartition("\n\n")[2].strip().removesuffix("."))
    return {"board": board, "steps": item["metadata"]["simulation_steps"]}


def _is_alive(item: Item) -> bool:
    """Something is left alive: every dead board has the same answer."""
    return "1" in item["answer"]


def _binary_matrix(data: Mapping[str, Any]) -> str:
    return f"""\
grid = {data["matrix"]}
n = len(grid)
zeros = [(r, c) for r in range(n) for c in range(n) if grid[r][c] == 0]
for r in range(n):
    print(*(min(abs(r - a) + abs(c - b) for a, b in zeros) for c in range(n)))"""


def _game_of_life(data: Mapping[str, Any]) -> str:
    return f"""\
board = {data["board"]}
rows, columns = len(board), len(board[0])
around = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
for _ in range({data["steps"]}):
    count = [[sum(board[(r + a) % rows][(c + b) % columns] for a, b in around) for c in range(columns)]
             for r in range(rows)]
    board = [[int(count[r][c] == 3 or (board[r][c] and count[r][c] == 2)) for c in range(columns)]
             for r in range(rows)]
print(board)"""


def _largest_island(data: Mapping[str, Any]) -> str:
    return f"""\
grid = {data["grid"]}
land = {{(r, c) for r, row in enumerate(grid) for c, cell in enumerate(row) if cell}}
best = 0
while land:
    stack, size = [land.pop()], 0
    while stack:
        r, c = stack.pop()
        size += 1
        for cell in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
            if cell in land:
                land.remove(cell)
                stack.append(cell)
    best = max(best, size)
print(best)"""


ROWS = {
    "rg/binary_matrix": Row(BinaryMatrixConfig, ("matrix",), same_grid, _binary_matrix),
    "rg/game_of_life": Row(
        GameOfLifeConfig, (), same_grid, _game_of_life, derive=_life_data, settings=_life_settings, fits=_is_alive
    ),
    "rg/largest_island": Row(LargestIslandConfig, ("grid",), same_integer, _largest_island),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
