"""Moves that lead to a goal: maze, quantum_lock, shortest_path, sokoban, tower_of_hanoi."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
PUSHES = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}
MAX_PUSHES = 1000
CELLS_PER_BOX = 5

_ARROWS = re.compile(r"[\s,;|>\-\u2192]+")
_DISK = re.compile(
    r"(?:[0-9]{1,4}[.)]\s*|[-*]\s*)?move disk ([0-9]{1,3}) from (?:peg )?([0-9]{1,3}) to (?:peg )?([0-9]{1,3})\.?"
)


@dataclass(frozen=True)
class MazeConfig:
    """Parameters of rg/maze."""

    min_dist: int = param(5, "shortest way to the goal", low=1, high=200)
    max_dist: int = param(10, "longest way to the goal", low=1, high=200, at_least="min_dist")
    min_grid_size: int = param(5, "smallest side", low=4, high=100)
    max_grid_size: int = param(10, "largest side", low=4, high=100, at_least="min_grid_size")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_dist": 3, "max_dist": 5, "max_grid_size": 7},
        "medium": {"min_dist": 8, "max_dist": 12, "min_grid_size": 8, "max_grid_size": 12},
        "hard": {"min_dist": 15, "max_dist": 30, "min_grid_size": 15, "max_grid_size": 30},
    }


@dataclass(frozen=True)
class QuantumLockConfig:
    """Parameters of rg/quantum_lock."""

    difficulty: int = param(10, "largest difficulty of a question", low=1, high=10)
    LEVELS: ClassVar[Levels] = {"easy": {"difficulty": 3}, "medium": {"difficulty": 6}, "hard": {"difficulty": 10}}


@dataclass(frozen=True)
class ShortestPathConfig:
    """Parameters of rg/shortest_path."""

    min_rows: int = param(5, "fewest rows", low=2, high=100)
    max_rows: int = param(8, "most rows", low=2, high=100, at_least="min_rows")
    min_cols: int = param(5, "fewest columns", low=2, high=100)
    max_cols: int = param(8, "most columns", low=2, high=100, at_least="min_cols")
    p_blocked: float = param(0.4, "share of the cells that are blocked", low=0, high=0.9)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_rows": 3, "max_rows": 5, "min_cols": 3, "max_cols": 5},
        "medium": {"p_blocked": 0.3},
        "hard": {"min_rows": 15, "max_rows": 30, "min_cols": 15, "max_cols": 30, "p_blocked": 0.3},
    }


@dataclass(frozen=True)
class SokobanConfig:
    """Parameters of rg/sokoban. A board of fixed sides has at most one box for every five inner cells."""

    min_w: int = param(6, "smallest width", low=6, high=15)
    max_w: int = param(10, "largest width", low=6, high=15, at_least="min_w")
    min_h: int = param(6, "smallest height", low=6, high=15)
    max_h: int = param(10, "largest height", low=6, high=15, at_least="min_h")
    min_boxes: int = param(4, "boxes of the smallest board", low=1, high=10)
    max_boxes: int = param(10, "boxes of the largest board", low=1, high=10, at_least="min_boxes")
    max_depth: int = param(80, "most moves that a solution is searched for", low=5, high=200)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_w": 8, "max_h": 8, "min_boxes": 2, "max_boxes": 3},
        "medium": {"max_w": 9, "max_h": 9, "min_boxes": 3, "max_boxes": 6},
        "hard": {"min_w": 8, "max_w": 11, "min_h": 8, "max_h": 11, "min_boxes": 5, "max_boxes": 10},
    }


@dataclass(frozen=True)
class TowerOfHanoiConfig:
    """Parameters of rg/tower_of_hanoi."""

    min_disks: int = param(2, "fewest disks", low=1, high=9)
    max_disks: int = param(7, "most disks", low=1, high=9, at_least="min_disks")
    min_pegs: int = param(3, "fewest pegs", low=3, high=5)
    max_pegs: int = param(5, "most pegs", low=3, high=5, at_least="min_pegs")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_disks": 4, "max_pegs": 3},
        "medium": {"min_disks": 4, "max_disks": 6},
        "hard": {"min_disks": 6, "max_disks": 9, "max_pegs": 5},
    }


def shortest_path(question: Question, answer_text: str) -> bool:
    """Leads through open cells to the goal in as few steps as the reference; or "infeasible" where there is no way."""
    words = [word for word in _ARROWS.split(answers.word(answer_text).strip("'\"").lower()) if word]
    shortest = question.answer.split()
    if shortest == ["infeasible"] or len(words) != len(shortest):
        return words == shortest
    grid: Sequence[Sequence[str]] = question.data["matrix"]
    row, column = next((i, j) for i, line in enumerate(grid) for j, cell in enumerate(line) if cell == "*")
    for word in words:
        if word not in STEPS:
            return False
        row, column = row + STEPS[word][0], column + STEPS[word][1]
        if not (0 <= row < len(grid) and 0 <= column < len(grid[0])) or grid[row][column] == "X":
            return False
    return grid[row][column] == "#"


def opens_lock(question: Question, answer_text: str) -> bool:
    """Reaches the target in as few presses as the reference, each while the light allows it."""
    presses = _ARROWS.sub("", answers.word(answer_text).upper())
    buttons = {button["name"]: button for button in question.data["buttons"]}
    if len(presses) != question.answer.count("\u2192") + 1:
        return False
    value, light = question.data["initial_value"], question.data["initial_state"]
    for name in presses:
        button = buttons.get(name)
        if button is None or button["active_state"] not in (light, "any"):
            return False
        match button["type"]:
            case "add":
                value += button["value"]
            case "subtract":
                value -= button["value"]
            case _:
                value *= button["value"]
        light = "green" if light == "red" else "red"
    return bool(value == question.data["target_value"])


def solves_sokoban(question: Question, answer_text: str) -> bool:
    """Every box ends on a goal; a move that a wall or a second box blocks changes nothing."""
    moves = _ARROWS.sub("", answers.word(answer_text).upper())
    if not moves or len(moves) > MAX_PUSHES or set(moves) - set(PUSHES):
        return False
    board = {
        (i, j): cell for i, line in enumerate(question.data["board"]) for j, cell in enumerate(line.replace(" ", ""))
    }
    boxes = {place for place, cell in board.items() if cell in "@$"}
    goals = {place for place, cell in board.items() if cell in "X%$"}
    row, column = next(place for place, cell in board.items() if cell in "*%")
    for move in moves:
        down, right = PUSHES[move]
        target, beyond = (row + down, column + right), (row + 2 * down, column + 2 * right)
        if board.get(target, "+") == "+":
            continue
        if target in boxes:
            if board.get(beyond, "+") == "+" or beyond in boxes:
                continue
            boxes.remove(target)
            boxes.add(beyond)
        row, column = target
    return boxes <= goals


def moves_tower(question: Question, answer_text: str) -> bool:
    """Brings every disk to the target by the rules, in no more moves than the reference."""
    lines = [" ".join(line.split()).lower() for line in answers.unwrap(answer_text).splitlines() if line.strip()]
    if not lines or len(lines) > question.data["solution_length"]:
        return False
    pegs: dict[int, list[int]] = {peg: [] for peg in range(1, question.data["num_pegs"] + 1)}
    disks = list(range(question.data["num_disks"], 0, -1))
    pegs[question.data["start_peg"]] = list(disks)
    for line in lines:
        match = _DISK.fullmatch(line)
        if match is None:
            return False
        disk, source, target = map(int, match.groups())
        if source not in pegs or target not in pegs or not pegs[source] or pegs[source][-1] != disk:
            return False
        if pegs[target] and pegs[target][-1] < disk:
            return False
        pegs[target].append(pegs[source].pop())
    return pegs[question.data["target_peg"]] == disks


def _walk(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"grid = {data['grid']}",
            f"start, goal, wall = {data['start']!r}, {data['goal']!r}, {data['wall']!r}",
            "cells = {(i, j): c for i, row in enumerate(grid) for j, c in enumerate(row) if c != wall}",
            "edge = [p for p, c in cells.items() if c == start]",
            "seen, steps = set(edge), 0",
            "while not any(cells[p] == goal for p in edge):",
            "    near = [q for i, j in edge for q in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1))]",
            "    edge = [q for q in dict.fromkeys(near) if q in cells and q not in seen]",
            "    seen |= set(edge)",
            "    steps += 1",
            "print(steps)",
        )
    )


def _find_path(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"grid = {[''.join(row) for row in data['matrix']]}",
            'cells = {(i, j): c for i, row in enumerate(grid) for j, c in enumerate(row) if c != "X"}',
            'start = next(p for p, c in cells.items() if c == "*")',
            f"steps = {STEPS}",
            "edge, seen = [(start, [])], {start}",
            'answer = "infeasible"',
            "for (i, j), path in edge:",
            '    if cells[i, j] == "#":',
            '        answer = " ".join(path)',
            "        break",
            "    for name, (down, right) in steps.items():",
            "        place = i + down, j + right",
            "        if place in cells and place not in seen:",
            "            seen.add(place)",
            "            edge.append((place, path + [name]))",
            "print(answer)",
        )
    )


def _press(data: Mapping[str, Any]) -> str:
    signs = {"add": "+", "subtract": "-", "multiply": "*"}
    buttons = [
        (button["name"], signs[button["type"]], button["value"], button["active_state"]) for button in data["buttons"]
    ]
    return "\n".join(
        (
            f"buttons = {buttons}",
            f"start, target = ({data['initial_value']}, {data['initial_state']!r}), {data['target_value']}",
            "queue, seen = [(start, [])], {start}",
            "for (value, light), path in queue:",
            "    if value == target:",
            '        print(" \u2192 ".join(path))',
            "        break",
            "    for name, sign, amount, when in buttons:",
            '        if when not in (light, "any"):',
            "            continue",
            '        new = value + amount if sign == "+" else value - amount if sign == "-" else value * amount',
            '        state = new, "green" if light == "red" else "red"',
            "        if state not in seen:",
            "            seen.add(state)",
            "            queue.append((state, path + [name]))",
        )
    )


def _move_tower(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"disks, pegs = {data['num_disks']}, {data['num_pegs']}",
            f"start, target = {data['start_peg']}, {data['target_peg']}",
            "towers = {peg: [] for peg in range(1, pegs + 1)}",
            "towers[start] = list(range(disks, 0, -1))",
            "def split(n, k):",
            "    return n - 1 if k == 3 else min(range(1, n), key=lambda m: 2 * cost(m, k) + cost(n - m, k - 1))",
            "def cost(n, k):",
            "    if n < 2 or k == 3:",
            "        return 2 ** n - 1",
            "    m = split(n, k)",
            "    return 2 * cost(m, k) + cost(n - m, k - 1)",
            "def move(n, source, target, spare):",
            "    if n == 1:",
            '        print(f"Move disk {towers[source][-1]} from Peg {source} to Peg {target}")',
            "        towers[target].append(towers[source].pop())",
            "    if n < 2:",
            "        return",
            "    m, aside, rest = split(n, len(spare) + 2), spare[0], spare[1:]",
            "    move(m, source, aside, rest + [target])",
            "    move(n - m, source, target, rest)",
            "    move(m, aside, target, rest + [source])",
            "move(disks, start, target, [peg for peg in towers if peg not in (start, target)])",
        )
    )


def _board(item: Item) -> Mapping[str, Any]:
    return {"board": [line.strip() for line in item["metadata"]["gamestr"].strip().split("\n")]}


def _has_answer(item: Item) -> bool:
    return bool(item["answer"])


def _sokoban_settings(config: SokobanConfig) -> Mapping[str, Any]:
    """With a fixed side the package takes the most boxes at once, and hardly any board with many has a solution."""
    settings = dataclasses.asdict(config)
    if config.min_w == config.max_w or config.min_h == config.max_h or config.min_boxes == config.max_boxes:
        room = (config.min_w - 2) * (config.min_h - 2) // CELLS_PER_BOX
        settings["max_boxes"] = min(config.max_boxes, room)
        settings["min_boxes"] = min(config.min_boxes, room)
    return settings


ROWS = {
    "rg/maze": Row(MazeConfig, ("grid", "start", "goal", "wall"), same_integer, _walk),
    "rg/quantum_lock": Row(
        QuantumLockConfig,
        ("buttons", "initial_value", "initial_state", "target_value"),
        opens_lock,
        _press,
        note="A button can only be pressed while the light has the color that stands behind it.",
    ),
    "rg/shortest_path": Row(ShortestPathConfig, ("matrix",), shortest_path, _find_path),
    "rg/sokoban": Row(
        SokobanConfig, (), solves_sokoban, derive=_board, fits=_has_answer, settings=_sokoban_settings,
        note="The moves are U, D, L and R: up, down, left and right. The player pushes a box by moving towards it.",
    ),
    "rg/tower_of_hanoi": Row(
        TowerOfHanoiConfig,
        ("num_disks", "num_pegs", "start_peg", "target_peg", "solution_length"),
        moves_tower,
        _move_tower,
        note="Use as few moves as possible.",
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
