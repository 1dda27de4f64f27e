"""Plan a path through a room that visits some boxes and keeps out of others."""

from __future__ import annotations

import itertools
import math
import random
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

COLOURS = ("yellow", "red", "green", "blue", "pink", "purple", "orange", "white", "black")
SCALE = 10
"""Lengths in a question's data are whole: tenths, or hundredths in official items."""
HALF = 15
"""Half of the room's side, in tenths."""
MAX_POINTS = 300
TRIES = 400
NEAR = Fraction(1, 10**6)
"""How far the first and the last waypoint may be from start and end: computed floats are not exact."""
Box = Sequence[int]
"""Left, right, bottom and top."""
Point = tuple[int, int]

_BOX = re.compile(r"an? (\w+) colou?red box \(([-0-9., ]+)\)")
_WALLS = re.compile(r"walls with position ((?:,? ?\([-0-9., ]+\))+)")
_PLACE = re.compile(r"(starting|ending) position of the car is \(([-0-9., ]+)\)")
_INSTRUCTION = re.compile(r"instruction is ['\"](.+?)['\"]\. The car", re.DOTALL)
_NEVER = re.compile(r"\b(?:do not|don't|never|not|avoid(?:ing)?|without)\b")

PROGRAM = """\
from collections import deque
boxes = {boxes}
visit, avoid = {visit}, {avoid}
def inside(point, colour):
    left, right, bottom, top = boxes[colour]
    return left <= point[0] <= right and bottom <= point[1] <= top
def route(start, arrived):
    came, queue = {{start: None}}, deque([start])
    while queue:
        point = queue.popleft()
        if arrived(point):
            path = []
            while point:
                path.append(point)
                point = came[point]
            return path[::-1]
        x, y = point
        for step in [(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)]:
            free = max(map(abs, step)) < {half} and not any(inside(step, colour) for colour in avoid)
            if free and step not in came:
                came[step] = point
                queue.append(step)
path = [{start}]
for colour in visit:
    path += route(path[-1], lambda point: inside(point, colour))[1:]
path += route(path[-1], lambda point: point == {end})[1:]
turns = [b for a, b, c in zip(path, path[1:], path[2:]) if (b[0] - a[0], b[1] - a[1]) != (c[0] - b[0], c[1] - b[1])]
print([(x / 10, y / 10) for x, y in [path[0], *turns, path[-1]]])"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/path_plan."""

    min_boxes: int = param(4, "fewest boxes", low=2, high=9)
    max_boxes: int = param(6, "most boxes", low=2, high=9, at_least="min_boxes")
    max_visit: int = param(3, "most boxes to visit", low=1, high=5)
    max_avoid: int = param(2, "most boxes to keep out of", low=0, high=5)

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_boxes": 4, "max_visit": 1, "max_avoid": 1},
        "medium": {"min_boxes": 5, "max_visit": 2},
        "hard": {"min_boxes": 7, "max_boxes": 8, "max_visit": 4, "max_avoid": 4},
    }


@dataclass(frozen=True)
class PathPlan:
    """Touching a box, even at its edge, is visiting it. Boxes keep apart, so there is always a way."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Random boxes, of which some are to be visited and some to be kept out of."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_boxes, self.config.max_boxes)
        boxes = dict(zip(rng.sample(COLOURS, len(COLOURS)), _boxes(rng, count), strict=False))
        names = rng.sample(tuple(boxes), len(boxes))
        visit = names[: rng.randint(1, min(self.config.max_visit, len(names)))]
        avoid = names[len(visit) :][: rng.randint(0, self.config.max_avoid)]
        free = [
            (x, y)
            for x in range(1 - HALF, HALF)
            for y in range(1 - HALF, HALF)
            if not any(_inside((x, y), box) for box in boxes.values())
        ]
        start, end = rng.sample(free, 2)
        data = {
            "scale": SCALE, "room": [-HALF, HALF, -HALF, HALF], "boxes": boxes, "visit": visit, "avoid": avoid,
            "start": list(start), "end": list(end),
        }  # fmt: skip
        path = plan(data, 1)
        if path is None:
            raise AssertionError(f"no path in {data}")
        return Question(self.id, index, _text(data), _listed(path, SCALE), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """From start to end inside the room, touching every box to visit and none to keep out of, exactly."""
        items = answers.flat(answer_text)
        if len(items) % 2 or not 4 <= len(items) <= 2 * MAX_POINTS:
            return False
        values = answers.numbers(" ".join(items))
        if values is None:
            return False
        scale = question.data["scale"]
        points = [(scale * x, scale * y) for x, y in zip(values[::2], values[1::2], strict=True)]
        return keeps(question.data, points)

    def program(self, question: Question) -> str | None:
        """Search each part of the way on a grid of tenths; none for official rooms, which are finer."""
        data = question.data
        if data["scale"] != SCALE:
            return None
        start, end = tuple(data["start"]), tuple(data["end"])
        return PROGRAM.format(
            boxes=data["boxes"], visit=data["visit"], avoid=data["avoid"], start=start, end=end, half=HALF
        )


def _boxes(rng: random.Random, count: int) -> list[list[int]]:
    """Boxes at least two tenths apart from each other and from the walls: with a free line around each."""
    boxes: list[list[int]] = []
    for _ in range(TRIES):
        left, bottom = rng.randint(2 - HALF, HALF - 5), rng.randint(2 - HALF, HALF - 5)
        right, top = min(HALF - 2, left + rng.randint(3, 7)), min(HALF - 2, bottom + rng.randint(3, 7))
        apart = (
            right + 2 <= other[0] or other[1] + 2 <= left or top + 2 <= other[2] or other[3] + 2 <= bottom
            for other in boxes
        )
        if all(apart):
            boxes.append([left, right, bottom, top])
        if len(boxes) == count:
            break
    return boxes


def _text(data: Mapping[str, Any]) -> str:
    boxes = "\n".join(f"{colour}: ({_shown(box, data['scale'])})" for colour, box in data["boxes"].items())
    left, right, bottom, top = (_decimal(side, data["scale"]) for side in data["room"])
    avoid = f" It must not touch: {', '.join(data['avoid'])}." if data["avoid"] else ""
    start, end = (_shown(data[place], data["scale"]) for place in ("start", "end"))
    return (
        f"A room reaches from x = {left} to x = {right} and from y = {bottom} to y = {top}. It contains boxes, "
        f"written as (left x, right x, bottom y, top y):\n{boxes}\nA robot goes from ({start}) to ({end}) in straight "
        "lines from waypoint to waypoint and never touches the room's walls. Its path must touch each of these boxes, "
        f"in any order: {', '.join(data['visit'])}.{avoid} It may go through all other boxes. A box is touched where "
        "the path meets its inside or its edge. Answer with the list of waypoints, start and end included, such as "
        "[(0.1, 0.2), (1.3, -0.4), (0.5, 0.6)]."
    )


def _decimal(value: int, scale: int) -> str:
    return f"{'-' if value < 0 else ''}{abs(value) // scale}.{abs(value) % scale:0{len(str(scale)) - 1}}"


def _shown(values: Sequence[int], scale: int) -> str:
    return ", ".join(_decimal(value, scale) for value in values)


def _listed(path: Sequence[Point], scale: int) -> str:
    return f"[{', '.join(f'({_shown(point, scale)})' for point in path)}]"


def _inside(point: tuple[Any, Any], box: Box) -> bool:
    return bool(box[0] <= point[0] <= box[1] and box[2] <= point[1] <= box[3])


def touches(start: tuple[Any, Any], end: tuple[Any, Any], box: Box) -> bool:
    """Whether a straight line meets a box or its edge: the share of the line within all four sides is not empty."""
    low, high = Fraction(0), Fraction(1)
    for axis in (0, 1):
        near, far = box[2 * axis] - start[axis], box[2 * axis + 1] - start[axis]
        length = end[axis] - start[axis]
        if length == 0:
            if near > 0 or far < 0:
                return False
            continue
        first, last = sorted((Fraction(near) / length, Fraction(far) / length))
        low, high = max(low, first), min(high, last)
    return low <= high


def keeps(data: Mapping[str, Any], points: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a path keeps every rule."""
    left, right, bottom, top = data["room"]
    for point, place in ((points[0], data["start"]), (points[-1], data["end"])):
        if any(abs(value - wanted) > NEAR * data["scale"] for value, wanted in zip(point, place, strict=True)):
            return False
    if not all(left < x < right and bottom < y < top for x, y in points):
        return False
    lines = list(itertools.pairwise(points))
    boxes = data["boxes"]
    if any(touches(*line, boxes[colour]) for colour in data["avoid"] for line in lines):
        return False
    return all(any(touches(*line, boxes[colour]) for line in lines) for colour in data["visit"])


def plan(data: Mapping[str, Any], step: int) -> list[Point] | None:
    """A path on the lines of a grid through the start, one box to visit after the other; None if there is none."""
    path = [(data["start"][0], data["start"][1])]
    for colour in data["visit"]:
        part = _route(data, path[-1], data["boxes"][colour], step)
        if part is None:
            return None
        path += part[1:]
    x, y = data["end"]
    part = _route(data, path[-1], (x - step + 1, x + step - 1, y - step + 1, y + step - 1), step)
    if part is None:
        return None
    path += [*part[1:], (x, y)] if part[-1] != (x, y) else part[1:]
    turns = [b for a, b, c in zip(path, path[1:], path[2:], strict=False) if not _straight(a, b, c)]
    path = [path[0], *turns, path[-1]]
    return path if keeps(data, path) else None


def _straight(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - b[1]) == (b[1] - a[1]) * (c[0] - b[0]) and (b[0] - a[0]) * (c[0] - b[0]) + (
        b[1] - a[1]
    ) * (c[1] - b[1]) > 0


def _route(data: Mapping[str, Any], start: Point, goal: Box, step: int) -> list[Point] | None:
    left, right, bottom, top = data["room"]
    avoid = [data["boxes"][colour] for colour in data["avoid"]]
    came: dict[Point, Point | None] = {start: None}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if _inside(here, goal):
            path, back = [here], came[here]
            while back is not None:
                path.append(back)
                back = came[back]
            return path[::-1]
        x, y = here
        for near in ((x + step, y), (x - step, y), (x, y + step), (x, y - step)):
            free = near not in came and left < near[0] < right and bottom < near[1] < top
            if free and not any(_inside(near, box) for box in avoid):
                came[near] = here
                queue.append(near)
    return None


def read_official(sample: Sample) -> Official:
    """Read the room and the instruction: boxes named after a negation are to be kept out of, the others visited."""
    text = official.text_of(sample)
    boxes = {colour: _hundredths(box, 4) for colour, box in _BOX.findall(text)}
    places = {which: _hundredths(place, 2) for which, place in _PLACE.findall(text)}
    walls, instruction = _WALLS.search(text), _INSTRUCTION.search(text)
    if not boxes or len(places) != 2 or walls is None or instruction is None:
        raise ValueError("its boxes, walls, places or instruction cannot be read")
    sides = [_hundredths(wall, 4) for wall in re.findall(r"\(([-0-9., ]+)\)", walls[1])]
    middle_x, middle_y = ((places["starting"][axis] + places["ending"][axis]) // 2 for axis in (0, 1))
    xs = [side for wall in sides if wall[3] - wall[2] > wall[1] - wall[0] for side in wall[:2]]
    ys = [side for wall in sides if wall[3] - wall[2] <= wall[1] - wall[0] for side in wall[2:]]
    room = [
        max((x for x in xs if x <= middle_x), default=-(10**6)), min((x for x in xs if x > middle_x), default=10**6),
        max((y for y in ys if y <= middle_y), default=-(10**6)), min((y for y in ys if y > middle_y), default=10**6),
    ]  # fmt: skip
    visit, avoid = _instructed(instruction[1].lower(), tuple(boxes))
    data = {
        "scale": 100, "room": room, "boxes": boxes, "visit": visit, "avoid": avoid,
        "start": places["starting"], "end": places["ending"],
    }  # fmt: skip
    if max(room) >= 10**6 or min(room) <= -(10**6) or not visit:
        raise ValueError("its walls do not close a room, or its instruction names no box to visit")
    steps = {math.gcd(5, *places["starting"], *places["ending"]), 5, 2, 1}
    path = next((path for step in sorted(steps, reverse=True) if (path := plan(data, step)) is not None), None)
    if path is None:
        raise ValueError("no path that keeps its instruction is found")
    return official.item("path_plan", text, _listed(path, 100), data, None)


def _hundredths(text: str, count: int) -> list[int]:
    values = answers.numbers(text)
    if values is None or len(values) != count or any((100 * value).denominator != 1 for value in values):
        raise ValueError(f"({text}) is not {count} numbers of at most two decimals")
    return [int(100 * value) for value in values]


def _instructed(text: str, colours: Sequence[str]) -> tuple[list[str], list[str]]:
    negation = _NEVER.search(text)
    wanted, forbidden = (text[: negation.start()], text[negation.start() :]) if negation else (text, "")
    visit = [colour for colour in colours if re.search(rf"\b{colour}\b", wanted)]
    if re.search(r"\bother\b", forbidden):
        return visit, [colour for colour in colours if colour not in visit]
    return visit, [colour for colour in colours if re.search(rf"\b{colour}\b", forbidden)]


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return PathPlan(id, read_params(Config, params, id))
