"""Follow steps and turns, and say whether they end where they began."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

SIDES = {"forward": 0, "right": 1, "backward": 2, "left": 3}
"""Quarter turns to the right."""
TURNS = {"right": 1, "around": 2, "left": 3}
Move = list[Any]
"""["turn", direction] or ["take", steps, direction]."""
_INSTRUCTION = re.compile(
    r"Always face forward|Turn (left|right|around)|Take (\d{1,6}) steps?(?: (forward|backward|left|right))?"
)


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/navigate."""

    min_moves: int = param(3, "fewest random moves; a few more bring a walker back", low=1, high=100)
    max_moves: int = param(7, "most random moves", low=1, high=100, at_least="min_moves")
    max_steps: int = param(10, "most steps of one move", low=2, high=1000)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_moves": 2, "max_moves": 4},
        "medium": {"min_moves": 4, "max_moves": 8},
        "hard": {"min_moves": 12, "max_moves": 24, "max_steps": 30},
    }


@dataclass(frozen=True)
class Navigate:
    """Half of the walks face forward all the time, half turn; half of each come back."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A walk that comes back, one of whose moves is changed if the answer is to be No."""
        rng = item_rng(self.id, seed, index)
        turning, back = rng.random() < 0.5, rng.random() < 0.5
        count = rng.randint(self.config.min_moves, self.config.max_moves)
        moves = self._turning(rng, count) if turning else self._sideways(rng, count)
        if not back:
            self._spoil(rng, moves)
        told = " ".join(f"{_told(move)}." for move in moves)
        facing = (
            "Start facing north; a turn changes where you face, without a step." if turning else "Always face north."
        )
        text = (
            f"{facing} All steps are equally long. Follow these instructions in order: {told} Do you end at the point "
            "where you started? Answer with Yes or No."
        )
        return Question(self.id, index, text, "Yes" if returns(moves) else "No", {"moves": moves})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same of Yes and No, in any case."""
        value = answers.yes_no(answer_text)
        return value is not None and value == answers.yes_no(question.answer)

    def program(self, question: Question) -> str | None:
        """Walk on a grid of complex numbers."""
        return f"""\
moves = {question.data["moves"]!r}
turn = {{"forward": 1, "left": 1j, "around": -1, "backward": -1, "right": -1j}}
place, heading = 0, 1j
for move in moves:
    if move[0] == "turn":
        heading *= turn[move[1]]
    else:
        place += move[1] * heading * turn[move[2]]
print("Yes" if place == 0 else "No")
"""

    def _sideways(self, rng: random.Random, count: int) -> list[Move]:
        moves = [["take", rng.randint(1, self.config.max_steps), rng.choice(tuple(SIDES))] for _ in range(count)]
        x, y, _ = walk(moves)
        missing = (("left", x), ("right", -x), ("backward", y), ("forward", -y))
        moves += [["take", steps, side] for side, steps in missing if steps > 0]
        rng.shuffle(moves)
        return moves

    def _turning(self, rng: random.Random, count: int) -> list[Move]:
        moves: list[Move] = []
        for _ in range(count):
            if rng.random() < 0.7:
                moves.append(["turn", rng.choice(tuple(TURNS))])
            moves.append(["take", rng.randint(1, self.config.max_steps), "forward"])
        for axis in (1, 0):
            x, y, heading = walk(moves)
            off = (x, y)[axis]
            if off:
                wanted = {(0, True): 3, (0, False): 1, (1, True): 2, (1, False): 0}[(axis, off > 0)]
                moves += [["turn", turn] for turn, quarters in TURNS.items() if quarters == (wanted - heading) % 4]
                moves.append(["take", abs(off), "forward"])
        return moves

    def _spoil(self, rng: random.Random, moves: list[Move]) -> None:
        place = rng.choice([place for place, move in enumerate(moves) if move[0] == "take"])
        _, steps, side = moves[place]
        moves[place] = ["take", rng.choice([n for n in (steps - 2, steps - 1, steps + 1, steps + 2) if n > 0]), side]


def _told(move: Move) -> str:
    if move[0] == "turn":
        return f"Turn {move[1]}"
    return f"Take {move[1]} {'step' if move[1] == 1 else 'steps'} {move[2]}"


def walk(moves: Sequence[Move]) -> tuple[int, int, int]:
    """Where a walk ends: steps east, steps north, and quarter turns to the right from north."""
    x, y, heading = 0, 0, 0
    for move in moves:
        if move[0] == "turn":
            heading = (heading + TURNS[move[1]]) % 4
            continue
        direction = (heading + SIDES[move[2]]) % 4
        x += move[1] * (0, 1, 0, -1)[direction]
        y += move[1] * (1, 0, -1, 0)[direction]
    return x, y, heading


def returns(moves: Sequence[Move]) -> bool:
    """Whether a walk ends where it began."""
    return walk(moves)[:2] == (0, 0)


def read_official(sample: Sample) -> Official:
    """A row whose walk is walked."""
    text = official.text_of(sample)
    _, found, told = official.stem_of(text).partition("? ")
    moves: list[Move] = []
    for sentence in told.split("."):
        match = _INSTRUCTION.fullmatch(sentence.strip())
        if match is None and sentence.strip():
            raise ValueError(f"cannot read its instruction {sentence.strip()[:80]!r}")
        if match and match[1]:
            moves.append(["turn", match[1]])
        elif match and match[2]:
            moves.append(["take", int(match[2]), match[3] or "forward"])
    if not found or not moves:
        raise ValueError("its question has no instructions")
    return official.yes_no("navigate", sample, returns(moves), {"moves": moves})


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Navigate(id, read_params(Config, params, id))
