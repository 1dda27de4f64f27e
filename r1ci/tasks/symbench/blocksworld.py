"""Move blocks between stacks until they stand as wanted."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
FEWEST_STACKS = 3
"""With three stacks every goal can be reached: one to take from, one to put on and one to put aside."""
Stacks = Sequence[Sequence[str]]
Move = tuple[str, int, int]
"""A block, and the numbers of the stacks it is moved from and to, from 1."""

_MOVE = re.compile(
    r"(?:[0-9]+[.):]|[-*])?\s*move\s+(?:block\s+)?([A-Z])\s+from\s+(?:stack\s*)?([0-9]{1,3})\s+to\s+"
    r"(?:stack\s*)?([0-9]{1,3})\s*[.,;]?",
    re.IGNORECASE,
)
_STACK = re.compile(r"(?:stack\s*)?([0-9]+)\s*:\s*(.*)", re.IGNORECASE)

PROGRAM = """\
stacks = {initial}
goal = {goal}
def move(a, b):
    stacks[b].append(stacks[a].pop())
    print(f"Move {{stacks[b][-1]}} from {{a + 1}} to {{b + 1}}")
for g, wanted in enumerate(goal):
    x, y = [i for i in range(len(stacks)) if i != g][:2]
    for height, block in enumerate(wanted):
        if stacks[g][:height + 1] == wanted[:height + 1]:
            continue
        while len(stacks[g]) > height:
            move(g, x)
        at = [i for i, stack in enumerate(stacks) if block in stack][0]
        aside = y if at == x else x
        while stacks[at][-1] != block:
            move(at, aside)
        move(at, g)"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/blocksworld."""

    min_blocks: int = param(3, "fewest blocks", low=2, high=26)
    max_blocks: int = param(7, "most blocks", low=2, high=26, at_least="min_blocks")
    min_stacks: int = param(3, "fewest stacks", low=3, high=8)
    max_stacks: int = param(4, "most stacks", low=3, high=8, at_least="min_stacks")

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_blocks": 2, "max_blocks": 4, "max_stacks": 5},
        "medium": {"min_blocks": 5, "max_blocks": 7},
        "hard": {"min_blocks": 8, "max_blocks": 11},
    }


@dataclass(frozen=True)
class Blocksworld:
    """Any list of legal moves that ends with the goal is right."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Random stacks and a random goal that is not reached at the start."""
        rng = item_rng(self.id, seed, index)
        blocks = LETTERS[: rng.randint(self.config.min_blocks, self.config.max_blocks)]
        count = rng.randint(self.config.min_stacks, self.config.max_stacks)
        initial = goal = _stacked(rng, blocks, count)
        while goal == initial:
            goal = _stacked(rng, blocks, count)
        return Question(self.id, index, _text(initial, goal), _listed(plan(initial, goal)), _data(initial, goal))

    def check(self, question: Question, answer_text: str) -> bool:
        """Each move takes the top block of its stack; at the end every stack is as wanted."""
        moves = read_moves(answer_text)
        return (
            moves is not None and len(moves) > 0 and simulate(question.data["initial"], moves) == question.data["goal"]
        )

    def program(self, question: Question) -> str | None:
        """Build the goal's stacks from the bottom, putting aside what is in the way; none where nothing is to move."""
        if question.data["initial"] == question.data["goal"]:
            return None
        return PROGRAM.format(initial=question.data["initial"], goal=question.data["goal"])


def _stacked(rng: random.Random, blocks: str, count: int) -> list[list[str]]:
    stacks: list[list[str]] = [[] for _ in range(count)]
    for block in rng.sample(blocks, len(blocks)):
        rng.choice(stacks).append(block)
    return stacks


def _data(initial: Stacks, goal: Stacks) -> dict[str, Any]:
    return {"initial": [list(stack) for stack in initial], "goal": [list(stack) for stack in goal]}


def _text(initial: Stacks, goal: Stacks) -> str:
    shown = ["\n".join(f"{n}: {' '.join(stack) or '(empty)'}" for n, stack in enumerate(s, 1)) for s in (initial, goal)]
    return (
        f"Blocks stand in {len(initial)} numbered stacks, written from bottom to top:\n{shown[0]}\nA move takes the "
        "top block of a stack and puts it on top of another stack, which may be empty; there are no other places. The "
        f"stacks should become:\n{shown[1]}\nAnswer with the moves, one per line, such as: Move B from 2 to 1"
    )


def _listed(moves: Sequence[Move]) -> str:
    return "\n".join(f"Move {block} from {start} to {end}" for block, start, end in moves)


def read_moves(text: str) -> list[Move] | None:
    """The moves of an answer, one per line; None if a line is none."""
    lines = [line.strip() for line in answers.unwrap(text).replace("\\n", "\n").splitlines() if line.strip()]
    found = [_MOVE.fullmatch(line) for line in lines]
    moves = [(match[1].upper(), int(match[2]), int(match[3])) for match in found if match]
    return moves if len(moves) == len(lines) else None


def simulate(initial: Stacks, moves: Sequence[Move]) -> list[list[str]] | None:
    """The stacks after the moves, or None if a move is not legal."""
    stacks = [list(stack) for stack in initial]
    for block, start, end in moves:
        if not (1 <= start <= len(stacks) and 1 <= end <= len(stacks)) or start == end:
            return None
        if stacks[start - 1][-1:] != [block]:
            return None
        stacks[end - 1].append(stacks[start - 1].pop())
    return stacks


def plan(initial: Stacks, goal: Stacks) -> list[Move]:
    """Legal moves to the goal, with three stacks or more: each goal stack is built from the bottom.

    Blocks that are in the way may be put on top of finished stacks; a block that has its final place is never moved.
    """
    stacks, moves = [list(stack) for stack in initial], []

    def move(start: int, end: int) -> None:
        moves.append((stacks[start][-1], start + 1, end + 1))
        stacks[end].append(stacks[start].pop())

    for place, wanted in enumerate(goal):
        first, second = [other for other in range(len(stacks)) if other != place][:2]
        for height, block in enumerate(wanted):
            if stacks[place][: height + 1] == list(wanted[: height + 1]):
                continue
            while len(stacks[place]) > height:
                move(place, first)
            at = next(number for number, stack in enumerate(stacks) if block in stack)
            while stacks[at][-1] != block:
                move(at, second if at == first else first)
            move(at, place)
    return moves


def read_official(sample: Sample) -> Official:
    """Two states, in our words unless a question is given. Where they are equal, a move forth and back is a plan."""
    asked = official.find(sample, ("question.txt", "question"))
    text = official.find(sample, ("blocksworld_task.txt",)) or asked or ""
    before, found, after = text.partition("Goal State")
    initial, goal = _read_stacks(before), _read_stacks(after)
    if not found or len(initial) < FEWEST_STACKS:
        raise ValueError("its two states cannot be read, or it has fewer than three stacks")
    goal += [[] for _ in range(len(initial) - len(goal))]
    blocks = sorted(block for stack in initial for block in stack)
    if sorted(block for stack in goal for block in stack) != blocks or len(set(blocks)) != len(blocks) or not blocks:
        raise ValueError("its two states do not have the same blocks, each once")
    if len(goal) > len(initial):
        raise ValueError("its goal has more stacks than there are")
    moves = plan(initial, goal)
    if not moves:
        start = next(number for number, stack in enumerate(initial, 1) if stack)
        end = 1 if start > 1 else 2
        moves = [(initial[start - 1][-1], start, end), (initial[start - 1][-1], end, start)]
    return official.item("blocksworld", asked or _text(initial, goal), _listed(moves), _data(initial, goal), None)


def _read_stacks(text: str) -> list[list[str]]:
    matches = (_STACK.fullmatch(line.strip()) for line in text.splitlines())
    return [match[2].split() for match in matches if match]


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Blocksworld(id, read_params(Config, params, id))
