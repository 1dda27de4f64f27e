"""Lift boxes together, in a bounded number of steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

Lift = tuple[int, list[int]]
"""The weight of a box and the lifters that lift it, counted from 0."""

_STEP = re.compile(r"step\s*([0-9]{1,4})\s*:", re.IGNORECASE)
_LIFT = re.compile(r"[(\[]\s*([0-9]{1,9})\s*,\s*[(\[]([0-9,\s]*)[)\]]\s*[)\]]")
_REST = re.compile(r"[\s\[\],.;]*")

PROGRAM = """\
boxes = sorted({boxes}, reverse=True)
lifters = {lifters}
step = 0
while boxes:
    step += 1
    free = list(range(len(lifters)))
    lifted = []
    for box in list(boxes):
        if sum(lifters[i] for i in free) >= box:
            team = []
            while sum(lifters[i] for i in team) < box:
                team.append(free.pop(0))
            boxes.remove(box)
            lifted.append((box, team))
    print(f"Step {{step}}: {{lifted}}")"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/boxlift."""

    min_boxes: int = param(8, "fewest boxes", low=1, high=40)
    max_boxes: int = param(15, "most boxes", low=1, high=40, at_least="min_boxes")
    min_lifters: int = param(3, "fewest lifters", low=2, high=10)
    max_lifters: int = param(4, "most lifters", low=2, high=10, at_least="min_lifters")
    max_weight: int = param(100, "weight of the heaviest box", low=20, high=1000)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_boxes": 10, "max_lifters": 3},
        "medium": {"min_boxes": 15, "max_boxes": 20, "min_lifters": 4, "max_lifters": 5, "max_weight": 200},
        "hard": {"min_boxes": 25, "max_boxes": 32, "min_lifters": 6, "max_lifters": 7, "max_weight": 400},
    }


@dataclass(frozen=True)
class BoxLift:
    """The bound is what lifting the heaviest boxes first needs, so it can be kept."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Random weights; capacities with which any box can be lifted by all lifters together."""
        rng = item_rng(self.id, seed, index)
        heaviest = self.config.max_weight
        boxes = [
            rng.randint(heaviest // 10, heaviest)
            for _ in range(rng.randint(self.config.min_boxes, self.config.max_boxes))
        ]
        count = rng.randint(self.config.min_lifters, self.config.max_lifters)
        least = -(-heaviest // count)
        lifters = [rng.randint(least, 2 * least) for _ in range(count)]
        return _question(self.id, index, boxes, lifters)

    def check(self, question: Question, answer_text: str) -> bool:
        """Every box is lifted once, within the bound, and no lifter is used twice in a step."""
        steps = read_steps(answer_text)
        if steps is None or not 0 < len(steps) <= question.data["steps"]:
            return False
        lifters = question.data["lifters"]
        if not all(_possible(lifters, step) for step in steps):
            return False
        return Counter(weight for step in steps for weight, _ in step) == Counter(question.data["boxes"])

    def program(self, question: Question) -> str | None:
        """Heaviest boxes first, each with the first lifters that are still free."""
        return PROGRAM.format(boxes=question.data["boxes"], lifters=question.data["lifters"])


def _question(id: str, index: int, boxes: list[int], lifters: list[int]) -> Question:
    steps = lift(boxes, lifters)
    text = (
        f"Boxes of these weights are to be lifted: {', '.join(map(str, boxes))}. There are {len(lifters)} lifters; "
        f"lifters 0 to {len(lifters) - 1} have the capacities {', '.join(map(str, lifters))}. In one step, several "
        "boxes can be lifted, each by one lifter or by several together whose capacities add up to at least its "
        "weight, and each lifter helps with at most one box. Each box has to be lifted exactly once. Lift all boxes in "
        f"at most {len(steps)} steps. Answer with one line per step that pairs the weight of each box with the list of "
        "its lifters, such as: Step 1: [(50, [0, 2]), (30, [1])]"
    )
    answer = "\n".join(f"Step {number}: {step}" for number, step in enumerate(steps, 1))
    return Question(id, index, text, answer, {"boxes": boxes, "lifters": lifters, "steps": len(steps)})


def lift(boxes: Sequence[int], lifters: Sequence[int]) -> list[list[Lift]]:
    """Steps that lift the heaviest boxes first, each with the first lifters that are free.

    The number of steps is the bound of the official task. All lifters together must be able to lift any box.
    """
    left, steps = sorted(boxes, reverse=True), []
    while left:
        free, step, later = list(range(len(lifters))), [], []
        for box in left:
            if sum(lifters[lifter] for lifter in free) < box:
                later.append(box)
                continue
            team: list[int] = []
            while sum(lifters[lifter] for lifter in team) < box or not team:
                team.append(free.pop(0))
            step.append((box, team))
        left = later
        steps.append(step)
    return steps


def read_steps(text: str) -> list[list[Lift]] | None:
    """The steps of an answer, numbered from 1 without a gap; None if there is anything else in it."""
    parts = _STEP.split(answers.unwrap(text).replace("\\n", "\n"))
    if parts[0].strip() or [int(number) for number in parts[1::2]] != list(range(1, len(parts) // 2 + 1)):
        return None
    if not all(_REST.fullmatch(_LIFT.sub("", part)) for part in parts[2::2]):
        return None
    steps = []
    for part in parts[2::2]:
        lifts = [(int(match[1]), answers.integers(match[2])) for match in _LIFT.finditer(part)]
        read = [(weight, list(team)) for weight, team in lifts if team]
        if len(read) != len(lifts):
            return None
        steps.append(read)
    return steps


def _possible(lifters: Sequence[int], step: Sequence[Lift]) -> bool:
    used = [lifter for _, team in step for lifter in team]
    if len(set(used)) != len(used) or not all(0 <= lifter < len(lifters) for lifter in used):
        return False
    return all(sum(lifters[lifter] for lifter in team) >= weight for weight, team in step)


def read_official(sample: Sample) -> Official:
    """Boxes and lifters in our words, with the official bound on the steps."""
    text = official.find(sample, ("BoxLift.json", "solution.json"))
    data = official.json_of(text) if text is not None else dict(sample.files)
    boxes, lifters = (_weights(data, name) for name in ("boxes", "lifters"))
    if sum(lifters) < max(boxes):
        raise ValueError("its heaviest box is too heavy for all lifters together")
    return Official(_question("symbench/boxlift", 0, boxes, lifters), None)


def _weights(data: Any, name: str) -> list[int]:
    value = data.get(name) if isinstance(data, Mapping) else None
    value = official.json_of(value) if isinstance(value, str) else value
    if not isinstance(value, list) or not value or not all(type(item) is int and 0 < item < 10**9 for item in value):
        raise ValueError(f"its {name} are no list of weights")
    return value


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return BoxLift(id, read_params(Config, params, id))
