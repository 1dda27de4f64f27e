"""A cube turned in the mind: color_cube_rotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.sequences import same_word
from r1ci.tasks.reasoning_gym.task import Row, gym_task


@dataclass(frozen=True)
class ColorCubeRotationConfig:
    """Parameters of rg/color_cube_rotation."""

    min_rotations: int = param(1, "fewest rotations", low=1, high=100)
    max_rotations: int = param(3, "most rotations", low=1, high=100, at_least="min_rotations")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rotations": 1},
        "medium": {"min_rotations": 2, "max_rotations": 5},
        "hard": {"min_rotations": 10, "max_rotations": 50},
    }


def same_color(question: Question, answer_text: str) -> bool:
    """The same color, in any case."""
    return same_word(question, answer_text.strip().rstrip("."))


def _color_cube_rotation(data: Mapping[str, Any]) -> str:
    return f"""\
cube = {data["initial_state"]}
rings = {{
    "front": ["top", "front", "bottom", "back"],
    "back": ["top", "back", "bottom", "front"],
    "right": ["top", "right", "bottom", "left"],
    "left": ["top", "left", "bottom", "right"],
}}
for side in {data["rotations"]}:
    for turn in ["front", "front"] if side == "bottom" else [side]:
        ring = rings[turn]
        colors = [cube[name] for name in ring[1:] + ring[:1]]
        cube.update(zip(ring, colors))
print(cube["{data["target_side"]}"])"""


ROWS = {
    "rg/color_cube_rotation": Row(
        ColorCubeRotationConfig, ("initial_state", "rotations", "target_side"), same_color, _color_cube_rotation,
        note="Every turn is the shortest. Where the bottom comes to the top, the left and right sides stay in place.",
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
