"""SymBench planning tasks: plans are simulated, paths are measured, and official items have plans of our own."""

from __future__ import annotations

import itertools
import json
import random
from fractions import Fraction

import pytest

from r1ci.tasks.base import Official, Sample
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import boxlift, boxnet, path_plan


def accepts(official: Official, text: str) -> bool:
    return get_task(official.question.task).check(official.question, text)


LIFT = Sample("BoxLift0", {"BoxLift.json": json.dumps({"boxes": [60, 50, 30, 20], "lifters": [50, 30, 40]})})


def test_official_boxes_are_lifted_within_the_official_bound() -> None:
    official = boxlift.read_official(LIFT)
    assert official.question.data["steps"] == 2
    assert official.question.answer == "Step 1: [(60, [0, 1]), (30, [2])]\nStep 2: [(50, [0]), (20, [1])]"
    assert accepts(official, "step 1: [[60, [0, 1]], [30, [2]]]\nstep 2: [(20, (1)), (50, [0])]".replace("(1)", "[1]"))
    assert accepts(official, "Step 1: (60, [0, 1]), (30, [2])\\nStep 2: (50, [0]), (20, [1])")


@pytest.mark.parametrize(
    "answer",
    [
        "Step 1: [(60, [0, 0, 1]), (30, [2])]\nStep 2: [(50, [0]), (20, [1])]",
        "Step 1: [(60, [0, 1]), (30, [1])]\nStep 2: [(50, [0]), (20, [1])]",
        "Step 1: [(60, [0, 1]), (30, [-1])]\nStep 2: [(50, [0]), (20, [1])]",
        "Step 1: [(60, [0, 1]), (30, [3])]\nStep 2: [(50, [0]), (20, [1])]",
        "Step 1: [(60, [1]), (30, [2])]\nStep 2: [(50, [0]), (20, [1])]",
        "Step 1: [(60, [0, 1]), (30, [2])]\nStep 2: [(50, [0])]",
        "Step 1: [(60, [0, 1])]\nStep 2: [(50, [0]), (20, [1])]\nStep 3: [(30, [1])]",
        "Step 1: [(60, [0, 1]), (30, [2]), (20, [])]\nStep 2: [(50, [0])]",
        "Step 1: [(60, [0, 1]), (30, [2])]\nStep 1: [(50, [0]), (20, [1])]",
        "[(60, [0, 1]), (30, [2])]\n[(50, [0]), (20, [1])]",
        "Step 1: lift(60)",
    ],
)
def test_lifts_against_the_rules_are_refused(answer: str) -> None:
    assert not accepts(boxlift.read_official(LIFT), answer)


@pytest.mark.parametrize(
    "data", ["{}", "[]", '{"boxes": [1], "lifters": "x"}', '{"boxes": [9], "lifters": [1, 2]}', "{"]
)
def test_boxes_that_cannot_be_read_or_lifted_are_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        boxlift.read_official(Sample("BoxLift0", {"BoxLift.json": data}))


STATE = {"0.5_0.5": ["box_blue", "target_red"], "0.5_1.5": ["target_blue", "box_red"]}
NET = Sample("pg_state0", {"pg_state0.json": json.dumps(STATE)})


def _move(*steps: dict[str, str]) -> str:
    return json.dumps(steps)


def test_official_boxes_are_passed_on() -> None:
    official = boxnet.read_official(NET)
    assert accepts(official, official.question.answer)
    assert accepts(official, official.question.answer.replace('"', "'").replace(" ", ""))
    assert json.loads(official.question.answer) == [
        {
            "Agent[0.5, 0.5]": "move(box_blue, square[0.5, 1.5])",
            "Agent[0.5, 1.5]": "move(box_red, square[0.5, 0.5])",
        },
        {"Agent[0.5, 1.5]": "move(box_blue, target_blue)", "Agent[0.5, 0.5]": "move(box_red, target_red)"},
    ]


HERE, THERE = "Agent[0.5, 0.5]", "Agent[0.5, 1.5]"
BLUE_THERE, RED_HERE = "move(box_blue, square[0.5, 1.5])", "move(box_red, square[0.5, 0.5])"
BLUE_DONE, RED_DONE = "move(box_blue, target_blue)", "move(box_red, target_red)"


@pytest.mark.parametrize(
    "answer",
    [
        _move({HERE: BLUE_THERE}, {THERE: BLUE_DONE}),
        _move({HERE: BLUE_THERE, THERE: BLUE_DONE}, {THERE: RED_HERE}, {HERE: RED_DONE}),
        _move({HERE: BLUE_DONE}, {THERE: RED_HERE}, {HERE: RED_DONE}),
        _move({HERE: "move(box_blue, target_red)"}, {THERE: RED_HERE}, {HERE: RED_DONE}),
        _move({HERE: "move(box_blue, square[1.5, 0.5])"}),
        _move({HERE: "move(box_blue, square[0.5, 0.5])"}),
        _move({"Agent[7.5, 0.5]": BLUE_THERE}),
        f'[{{"{HERE}": "{BLUE_THERE}", "Agent[0.5,0.5]": "{BLUE_THERE}"}}]',
        "[" * 5000,
        "[" + '{"a": ' * 500,
        "{}",
        "[]",
        "[[]]",
        '["x"]',
        "1e999999",
    ],
)  # fmt: skip
def test_moves_against_the_rules_are_refused(answer: str) -> None:
    assert not accepts(boxnet.read_official(NET), answer)


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"a": []},
        {"0.5_0.5": ["cat"]},
        {"0.5_0.5": ["box_red"]},
        {"0.5_0.5": ["target_red"]},
        {"1.5_0.5": ["box_a"]},
    ],
)
def test_states_without_a_plan_are_refused(state: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        boxnet.read_official(Sample("pg_state0", {"pg_state0.json": json.dumps(state)}))


def _meets(start: tuple[int, int], end: tuple[int, int], box: tuple[int, int, int, int]) -> bool:
    """Another way: a line meets a rectangle if an end is inside, or it crosses a diagonal or a side."""
    left, right, bottom, top = box

    def side(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
        value = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        return (value > 0) - (value < 0)

    def within(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
        return min(a[0], b[0]) <= c[0] <= max(a[0], b[0]) and min(a[1], b[1]) <= c[1] <= max(a[1], b[1])

    def cross(a: tuple[int, int], b: tuple[int, int]) -> bool:
        if side(start, end, a) != side(start, end, b) and side(a, b, start) != side(a, b, end):
            return True
        return any(
            side(*line, point) == 0 and within(*line, point)
            for line, point in (((a, b), start), ((a, b), end), ((start, end), a), ((start, end), b))
        )

    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    inside = any(left <= x <= right and bottom <= y <= top for x, y in (start, end))
    return inside or any(cross(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))


def test_lines_and_boxes_agree_with_another_way_to_intersect() -> None:
    rng = random.Random(3)
    found = 0
    for _ in range(4000):
        start, end = ((rng.randint(-6, 6), rng.randint(-6, 6)) for _ in range(2))
        left, bottom = rng.randint(-4, 2), rng.randint(-4, 2)
        box = (left, left + rng.randint(1, 3), bottom, bottom + rng.randint(1, 3))
        found += path_plan.touches(start, end, box)
        assert path_plan.touches(start, end, box) == _meets(start, end, box), (start, end, box)
    assert 800 < found < 3200


ROOM = (
    "First, there are four black colored walls with position (-1.5, -1.4, -1.5, 1.5), (1.4, 1.5, -1.5, 1.5), "
    "(-1.5, 1.5, -1.5, -1.4), (-1.5, 1.5, 1.4, 1.5). Then the boxes are: a red colored box (-0.5, 0.5, -0.25, 0.25); "
    "a green colored box (1.0, 1.2, -0.1, 0.1). The starting position of the car is (-1.3, 0.0), the ending position "
    "of the car is (1.3, 0.0).\nThe instruction is '{}'. The car should"
)


@pytest.mark.parametrize(
    ("instruction", "right", "wrong"),
    [
        (
            "Go to the green room. Remember do not enter the red area.",
            ("[(-1.3, 0), (0, 1), (1.1, 0), (1.3, 0)]", "(-1.3,0.0),(0,-1.0),(1,0.05),(1.30000001,0)"),
            (
                "[(-1.3, 0), (1.3, 0)]",
                "[(-1.3, 0), (0, 0.25), (1.3, 0)]",
                "[(-1.3, 0), (0, 1), (1.3, 1), (1.3, 0)]",
                "[(-1.3, 0), (0, 1.4), (1.1, 0), (1.3, 0)]",
                "[(0, 1), (1.1, 0), (1.3, 0)]",
                "[(-1.3, 0), (0, 1), (1.1, 0)]",
                "[(-1.3, 0), 1, (1.3, 0)]",
            ),
        ),
        ("Visit green, but never enter all the other boxes.", ("[(-1.3, 0), (0, 1), (1.1, 0), (1.3, 0)]",), ()),
        ("Go to red and to green.", ("[(-1.3, 0), (1.3, 0)]", "(-1.3,0),(0,0),(1.3,0)"), ("[(1.3, 0), (-1.3, 0)]",)),
    ],
)  # fmt: skip
def test_official_rooms(instruction: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    official = path_plan.read_official(Sample("sample_0_1", {"question.txt": ROOM.format(instruction)}))
    assert official.question.data["room"] == [-140, 140, -140, 140]
    assert accepts(official, official.question.answer)
    assert all(accepts(official, text) for text in right)
    assert not any(accepts(official, text) for text in wrong)


def test_a_room_without_a_way_is_refused() -> None:
    walled = ROOM.replace("a green", "a pink colored box (0.6, 0.7, -1.5, 1.5); a green")
    text = walled.format("Go to the green room and never enter the pink area")
    with pytest.raises(ValueError, match="no path"):
        path_plan.read_official(Sample("sample_0_1", {"question.txt": text}))


def test_a_path_may_not_touch_the_edge_of_what_it_keeps_out_of() -> None:
    box = (0, 10, 0, 10)
    assert path_plan.touches((-5, 10), (15, 10), box)
    assert path_plan.touches((-5, 5), (5, 15), box)
    assert not path_plan.touches((-5, 10 + Fraction(1, 10**9)), (15, 10 + Fraction(1, 10**9)), box)


def test_boxes_of_a_room_leave_a_line_free_around_each() -> None:
    for index in range(50):
        boxes = get_task("symbench/path_plan", {"level": "hard"}).question(index, 1).data["boxes"].values()
        for a, b in itertools.combinations(boxes, 2):
            assert a[1] + 2 <= b[0] or b[1] + 2 <= a[0] or a[3] + 2 <= b[2] or b[3] + 2 <= a[2]


@pytest.mark.parametrize("module", [boxlift, boxnet, path_plan])
@pytest.mark.parametrize("files", [{}, {"question.txt": ""}, {"question.txt": "What?"}, {"x.json": "x"}])
def test_an_item_that_cannot_be_read_raises_value_error(module: object, files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        module.read_official(Sample("sample_1", files))  # type: ignore[attr-defined]
