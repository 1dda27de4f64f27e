"""Follow which lights are on while buttons are pressed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

NAMES = "ABCDEFGH"
Cells = Sequence[Sequence[int]]

_BUTTON = re.compile(r"Button (\w+) controls the lights at ([^\n]*)")
_CELL = re.compile(r"\[\"?'?([0-9]+)\"?'?, ?\"?'?([0-9]+)\"?'?\]|\(([0-9]+), ?([0-9]+)\)")
_PRESS = re.compile(r"Round [0-9]+: Button (\w+)")
_BITS = str.maketrans("", "", " \t\r\n,;[](){}'\"")

PROGRAM = """\
grid = {grid}
buttons = {{
{buttons}
}}
for button in "{presses}":
    for r, c in buttons[button]:
        grid[r - 1][c - 1] ^= 1
print(*[light for row in grid for light in row], sep=",")"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/light_puzzles."""

    min_size: int = param(3, "smallest grid", low=2, high=10)
    max_size: int = param(5, "largest grid", low=2, high=10, at_least="min_size")
    buttons: int = param(3, "how many buttons there are", low=1, high=8)
    min_presses: int = param(2, "fewest presses", low=1, high=50)
    max_presses: int = param(6, "most presses", low=1, high=50, at_least="min_presses")
    max_lights: int = param(10, "most lights of a button", low=1, high=50)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_size": 3, "buttons": 2, "min_presses": 1, "max_presses": 2, "max_lights": 4},
        "medium": {"max_presses": 4},
        "hard": {"min_size": 5, "buttons": 4, "min_presses": 6, "max_presses": 12, "max_lights": 14},
    }


@dataclass(frozen=True)
class LightPuzzles:
    """A button turns each of its lights on if it is off, and off if it is on."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A random grid, random buttons and random presses."""
        rng = item_rng(self.id, seed, index)
        size = rng.randint(self.config.min_size, self.config.max_size)
        grid = [[rng.randint(0, 1) for _ in range(size)] for _ in range(size)]
        places = [[row, column] for row in range(1, size + 1) for column in range(1, size + 1)]
        most = min(self.config.max_lights, len(places) - 1)
        names = NAMES[: self.config.buttons]
        buttons = {name: rng.sample(places, rng.randint(min(2, most), most)) for name in names}
        presses = rng.choices(names, k=rng.randint(self.config.min_presses, self.config.max_presses))
        lists = "\n".join(
            f"Button {name}: {', '.join(f'({row}, {column})' for row, column in cells)}"
            for name, cells in buttons.items()
        )
        rows = "\n".join("".join(map(str, row)) for row in grid)
        text = (
            f"In this {size} x {size} grid of lights, 1 is on and 0 is off:\n{rows}\nPressing a button switches each "
            "of its lights: one that is off goes on, one that is on goes off. (row, column) is a light's place; rows "
            f"are counted from the top and columns from the left, both from 1.\n{lists}\n"
            f"The buttons pressed are, in this order: {', '.join(presses)}. What does the grid show then? "
            "Answer with the 0s and 1s of all lights, row by row, separated by commas."
        )
        answer = ",".join(map(str, press(grid, buttons, presses)))
        return Question(self.id, index, text, answer, {"grid": grid, "buttons": buttons, "presses": presses})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same 0s and 1s, however they are parted."""
        return answers.unwrap(answer_text).translate(_BITS) == question.answer.translate(_BITS)

    def program(self, question: Question) -> str | None:
        """Switch the lights of one press after the other."""
        data = question.data
        buttons = "\n".join(f'    "{name}": {cells},' for name, cells in data["buttons"].items())
        return PROGRAM.format(grid=data["grid"], buttons=buttons, presses="".join(data["presses"]))


def press(grid: Cells, buttons: Mapping[str, Cells], presses: Sequence[str]) -> list[int]:
    """The lights after all presses, row by row; places are counted from 1."""
    lights = [list(row) for row in grid]
    for name in presses:
        for row, column in buttons[name]:
            lights[row - 1][column - 1] ^= 1
    return [light for row in lights for light in row]


def read_official(sample: Sample) -> Official:
    """Press the official buttons ourselves."""
    text = official.text_of(sample)
    rows = [line.strip() for line in text.splitlines() if re.fullmatch(r"\s*[01]+\s*", line)]
    grid = [[int(light) for light in row] for row in rows]
    size = len(grid)
    if not grid or {len(row) for row in grid} != {size}:
        raise ValueError("its grid is not square")
    buttons = {
        name: [[int(a or c), int(b or d)] for a, b, c, d in _CELL.findall(cells)]
        for name, cells in _BUTTON.findall(text)
    }
    presses = _PRESS.findall(text)
    if not presses or not set(presses) <= set(buttons):
        raise ValueError("its presses cannot be read, or are of buttons that it does not have")
    if not all(1 <= place <= size for cells in buttons.values() for cell in cells for place in cell):
        raise ValueError("a button's light is outside of its grid")
    answer = ",".join(map(str, press(grid, buttons, presses)))
    gold = official.listed(official.gold_of(sample))
    return official.item("light_puzzles", text, answer, {"grid": grid, "buttons": buttons, "presses": presses}, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return LightPuzzles(id, read_params(Config, params, id))
