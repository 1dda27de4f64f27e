"""Robot arms pass boxes from cell to cell to their targets."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

COLOURS = ("blue", "red", "green", "purple", "orange", "yellow", "white", "black")
MAX_DEPTH = 8
"""Nested brackets of an answer."""
Cell = tuple[int, int]
World = dict[Cell, list[str]]
"""What is in a cell: box_red, target_red."""

_AGENT = re.compile(r"(?:agent)?\s*\[?\s*([0-9]{1,3})\.5\s*,\s*([0-9]{1,3})\.5\s*\]?", re.IGNORECASE)
_MOVE = re.compile(
    r"move\(\s*box_([a-z]+)\s*,\s*(?:target_([a-z]+)|square\s*\[\s*([0-9]{1,3})\.5\s*,\s*([0-9]{1,3})\.5\s*\])\s*\)",
    re.IGNORECASE,
)
_KEY = re.compile(r"([0-9]+)\.5_([0-9]+)\.5")

PROGRAM = """\
import json
world = {world}
def name(cell):
    return f"[{{cell[0] + 0.5}}, {{cell[1] + 0.5}}]"
def order(cell, colour):
    targets = sorted(place for place, things in world.items() if f"target_{{colour}}" in things)
    (r, c), (tr, tc) = cell, targets[0]
    if r != tr:
        return (r + (1 if tr > r else -1), c)
    return (r, c + (1 if tc > c else -1)) if c != tc else None
steps = []
while any(thing.startswith("box") for things in world.values() for thing in things):
    cell, box = [(cell, thing) for cell, things in world.items() for thing in things if thing.startswith("box")][0]
    to = order(cell, box[4:])
    world[cell].remove(box)
    if to is None:
        world[cell].remove("target_" + box[4:])
        move = f"move({{box}}, target_{{box[4:]}})"
    else:
        world[to].append(box)
        move = f"move({{box}}, square{{name(to)}})"
    steps.append({{"Agent" + name(cell): move}})
print(json.dumps(steps))"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/boxnet."""

    min_rows: int = param(1, "fewest rows", low=1, high=8)
    max_rows: int = param(2, "most rows", low=1, high=8, at_least="min_rows")
    min_columns: int = param(2, "fewest columns", low=2, high=8)
    max_columns: int = param(4, "most columns", low=2, high=8, at_least="min_columns")
    colours: int = param(3, "how many colours there are", low=1, high=8)
    max_each: int = param(2, "most boxes of one colour", low=1, high=4)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rows": 1, "max_each": 1},
        "medium": {"min_rows": 2, "min_columns": 2, "max_each": 1},
        "hard": {"min_rows": 3, "max_rows": 4, "min_columns": 4, "max_columns": 6, "colours": 5},
    }


@dataclass(frozen=True)
class BoxNet:
    """Moves of one step are made at the same time, each with what was in the cell before the step."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """As many boxes as targets of each colour, in random cells."""
        rng = item_rng(self.id, seed, index)
        rows = rng.randint(self.config.min_rows, self.config.max_rows)
        columns = rng.randint(self.config.min_columns, self.config.max_columns)
        cells = [(row, column) for row in range(rows) for column in range(columns)]
        world: World = {cell: [] for cell in cells}
        for colour in COLOURS[: self.config.colours]:
            for _ in range(rng.randint(1, self.config.max_each)):
                world[rng.choice(cells)].append(f"box_{colour}")
                world[rng.choice(cells)].append(f"target_{colour}")
        return _question(self.id, index, world)

    def check(self, question: Question, answer_text: str) -> bool:
        """Each arm does at most one possible thing per step; at the end every box is on a target."""
        steps = read_steps(answer_text)
        world = _world(question.data["cells"])
        return steps is not None and all(_do(world, step) for step in steps) and not _boxes(world)

    def program(self, question: Question) -> str | None:
        """One box after the other, first along its column and then along its row."""
        return PROGRAM.format(world=_world(question.data["cells"]))


def _question(id: str, index: int, world: World) -> Question:
    lines = "\n".join(f"square{_name(cell)}: {', '.join(things) or 'nothing'}" for cell, things in world.items())
    text = (
        f"Each square of a grid has a robot arm, Agent[r, c] in square[r, c]. The squares hold boxes and targets:\n"
        f"{lines}\nIn one step, each arm can do one of two things or nothing: move a box from its own square to a "
        "square directly above, below, left or right of it, or move a box from its own square to a target of the same "
        "colour in that square, which takes both away. What the arms do in one step happens at the same time, so a box "
        "can be moved once per step, by the arm of the square where it was before the step. A square can hold any "
        "number of boxes. Bring every box to a target of its colour. Answer with a JSON list of steps, each an object "
        'of the arms that do something, such as [{"Agent[0.5, 0.5]": "move(box_blue, square[0.5, 1.5])"}, '
        '{"Agent[0.5, 1.5]": "move(box_blue, target_blue)"}].'
    )
    data = {"cells": [[*cell, list(things)] for cell, things in world.items()]}
    return Question(id, index, text, json.dumps(plan(_world(data["cells"]))), data)


def _world(cells: Sequence[Sequence[Any]]) -> World:
    return {(row, column): list(things) for row, column, things in cells}


def _name(cell: Cell) -> str:
    return f"[{cell[0]}.5, {cell[1]}.5]"


def _boxes(world: World) -> list[tuple[Cell, str]]:
    return [(cell, thing) for cell, things in world.items() for thing in things if thing.startswith("box_")]


def plan(world: World) -> list[dict[str, str]]:
    """Steps to the goal: in each, every arm moves the first of its boxes towards a target of its own."""
    targets: dict[str, list[Cell]] = {}
    for cell, things in world.items():
        for thing in things:
            if thing.startswith("target_"):
                targets.setdefault(thing[7:], []).append(cell)
    left = [(cell, box[4:], targets[box[4:]].pop(0)) for cell, box in _boxes(world)]
    steps = []
    while left:
        step: dict[str, str] = {}
        later = []
        for cell, colour, target in left:
            agent = f"Agent{_name(cell)}"
            if agent in step:
                later.append((cell, colour, target))
            elif cell == target:
                step[agent] = f"move(box_{colour}, target_{colour})"
            else:
                towards = _towards(cell, target)
                step[agent] = f"move(box_{colour}, square{_name(towards)})"
                later.append((towards, colour, target))
        left = later
        steps.append(step)
    return steps


def _towards(cell: Cell, target: Cell) -> Cell:
    (row, column), (to_row, to_column) = cell, target
    if row != to_row:
        return row + (1 if to_row > row else -1), column
    return row, column + (1 if to_column > column else -1)


def read_steps(text: str) -> list[dict[Cell, re.Match[str]]] | None:
    """What each arm does in each step; None for anything else, and for an arm named twice in a step."""
    text = answers.unwrap(text)
    if '"' not in text:
        text = text.replace("'", '"')
    if _depth(text) > MAX_DEPTH:
        return None
    try:
        steps = json.loads(text, object_pairs_hook=list)
    except (ValueError, RecursionError):
        return None
    if not isinstance(steps, list) or not steps:
        return None
    read = [_read_step(step) for step in steps]
    found = [step for step in read if step is not None]
    return found if len(found) == len(read) else None


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _read_step(step: Any) -> dict[Cell, re.Match[str]] | None:
    if not isinstance(step, list):
        return None
    moves: dict[Cell, re.Match[str]] = {}
    for pair in step:
        if not isinstance(pair, tuple) or not all(isinstance(part, str) for part in pair):
            return None
        agent, move = _AGENT.fullmatch(pair[0].strip()), _MOVE.fullmatch(pair[1].strip())
        if agent is None or move is None or (int(agent[1]), int(agent[2])) in moves:
            return None
        moves[int(agent[1]), int(agent[2])] = move
    return moves


def _do(world: World, step: Mapping[Cell, re.Match[str]]) -> bool:
    """Change the world by one step; false if something in it is not possible."""
    arrived: list[tuple[Cell, str]] = []
    for (row, column), move in step.items():
        things = world.get((row, column), [])
        box, target = f"box_{move[1].lower()}", move[2]
        if box not in things:
            return False
        things.remove(box)
        if target is not None:
            if target.lower() != box[4:] or f"target_{box[4:]}" not in things:
                return False
            things.remove(f"target_{box[4:]}")
            continue
        to = (int(move[3]), int(move[4]))
        if to not in world or abs(to[0] - row) + abs(to[1] - column) != 1:
            return False
        arrived.append((to, box))
    for cell, box in arrived:
        world[cell].append(box)
    return True


def read_official(sample: Sample) -> Official:
    """A state in our words."""
    text = next((content for name, content in sample.files.items() if name.endswith(".json")), None)
    state = official.json_of(text) if text is not None else dict(sample.files)
    world: World = {}
    for key, things in state.items() if isinstance(state, Mapping) else ():
        cell = _KEY.fullmatch(key)
        things = official.json_of(things) if isinstance(things, str) else things
        if (
            cell is None
            or not isinstance(things, list)
            or not all(isinstance(thing, str) and re.fullmatch(r"(box|target)_[a-z]+", thing) for thing in things)
        ):
            raise ValueError(f"its square {key!r} cannot be read")
        world[int(cell[1]), int(cell[2])] = things
    rows, columns = 1 + max((row for row, _ in world), default=0), 1 + max((column for _, column in world), default=0)
    if not _boxes(world) or len(world) != rows * columns:
        raise ValueError("it has no boxes, or its squares make no grid")
    things = [thing for things in world.values() for thing in things]
    for colour in sorted({thing.partition("_")[2] for thing in things}):
        if things.count(f"box_{colour}") > things.count(f"target_{colour}"):
            raise ValueError(f"it has more {colour} boxes than targets")
    return Official(_question("symbench/boxnet", 0, world), None)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return BoxNet(id, read_params(Config, params, id))
