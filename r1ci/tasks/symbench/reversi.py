"""Place pieces by the rules of Reversi and give the board that results."""

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
from r1ci.tasks.symbench.grids import symbols

BLACK, WHITE, EMPTY = "0", "1", "."
DIRECTIONS = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
NAMES = {BLACK: "Black", WHITE: "White"}
Move = tuple[int, int]
"""Row and column, from 0."""

PROGRAM = """\
board = [list(row) for row in {rows}]
n = len(board)
player = "{player}"
for row, column in {moves}:
    board[row - 1][column - 1] = player
    for i in (-1, 0, 1):
        for j in (-1, 0, 1):
            r, c, between = row - 1 + i, column - 1 + j, []
            while 0 <= r < n and 0 <= c < n and (i or j) and board[r][c] not in (".", player):
                between.append((r, c))
                r, c = r + i, c + j
            if 0 <= r < n and 0 <= c < n and board[r][c] == player:
                for r, c in between:
                    board[r][c] = player
    player = "1" if player == "0" else "0"
for row in board:
    print("".join(row))"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/reversi."""

    min_half: int = param(3, "half the side of the smallest board", low=2, high=5)
    max_half: int = param(4, "half the side of the largest board", low=2, high=5, at_least="min_half")
    min_moves: int = param(1, "fewest moves to make", low=1, high=10)
    max_moves: int = param(3, "most moves to make", low=1, high=10, at_least="min_moves")
    min_before: int = param(6, "fewest moves that led to the start position", low=0, high=40)
    max_before: int = param(16, "most moves that led to the start position", low=0, high=40, at_least="min_before")

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_half": 2, "max_half": 3, "max_moves": 1},
        "medium": {"min_half": 3, "max_half": 4, "min_moves": 2, "max_moves": 3},
        "hard": {"min_half": 4, "max_half": 4, "min_moves": 4, "max_moves": 8, "max_before": 30},
    }


@dataclass(frozen=True)
class Reversi:
    """Every move turns at least one piece; nobody passes."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A position out of a random game, and the moves that follow."""
        rng = item_rng(self.id, seed, index)
        size = 2 * rng.randint(self.config.min_half, self.config.max_half)
        moves = rng.randint(self.config.min_moves, self.config.max_moves)
        before = rng.randint(self.config.min_before, self.config.max_before)
        played = _game(rng, size, moves + before)
        moves = min(moves, len(played))
        board, player = start(size), BLACK
        for move in played[: len(played) - moves]:
            board, player = place(board, move, player), _other(player)
        made = played[len(played) - moves :]
        rows, end, mover = _rows(board), board, player
        lines = []
        for move in made:
            lines.append(f"{NAMES[mover]} places a piece at ({move[0] + 1}, {move[1] + 1}).")
            end, mover = place(end, move, mover), _other(mover)
        text = (
            f"On a {size} x {size} board, 0 is a black piece, 1 is a white piece and a dot is an empty cell:\n"
            + "\n".join(rows)
            + "\nA player places a piece of their colour on an empty cell. Then, in each of the eight directions from "
            "it, if one or more of the other player's pieces follow each other without a gap and right after them "
            "comes a piece of the player's colour, all of those between change to the player's colour. (a, b) is the "
            "cell in row a from the top and column b from the left, counted from 1. These moves are made in turn:\n"
            + "\n".join(lines)
            + f"\nAnswer with the board after them: its {size} rows, one a line, written as above."
        )
        data = {"rows": rows, "player": player, "moves": [[row + 1, column + 1] for row, column in made]}
        return Question(self.id, index, text, "\n".join(_rows(end)), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same board, in rows or as one list; an empty cell may be * too."""
        cells = question.answer.replace("\n", "")
        if len(answer_text) > answers.MAX_LENGTH:
            return False
        readings = (answer_text.replace("*", EMPTY), answers.unwrap(answer_text).replace("*", EMPTY))
        return any(symbols(reading) == cells for reading in readings)

    def program(self, question: Question) -> str | None:
        """Walk from each placed piece in the eight directions."""
        data = question.data
        moves = [tuple(move) for move in data["moves"]]
        return PROGRAM.format(rows=data["rows"], player=data["player"], moves=moves)


def start(size: int) -> str:
    """The board with its four pieces, row by row."""
    cells, middle = [EMPTY] * (size * size), size // 2
    for row, column, piece in ((0, 0, WHITE), (0, 1, BLACK), (1, 0, BLACK), (1, 1, WHITE)):
        cells[(middle - 1 + row) * size + middle - 1 + column] = piece
    return "".join(cells)


def turned(board: str, move: Move, player: str) -> list[int]:
    """The cells whose pieces a move turns."""
    size, found = _size(board), []
    for down, right in DIRECTIONS:
        row, column, line = move[0] + down, move[1] + right, []
        while 0 <= row < size and 0 <= column < size and board[row * size + column] == _other(player):
            line.append(row * size + column)
            row, column = row + down, column + right
        if 0 <= row < size and 0 <= column < size and board[row * size + column] == player:
            found += line
    return found


def place(board: str, move: Move, player: str) -> str:
    """The board after a move onto an empty cell."""
    cells = list(board)
    for cell in (move[0] * _size(board) + move[1], *turned(board, move, player)):
        cells[cell] = player
    return "".join(cells)


def _game(rng: random.Random, size: int, moves: int) -> list[Move]:
    board, player = start(size), BLACK
    played: list[Move] = []
    while len(played) < moves:
        cells = [divmod(cell, size) for cell, piece in enumerate(board) if piece == EMPTY]
        legal = [move for move in cells if turned(board, move, player)]
        if not legal:
            break
        played.append(rng.choice(legal))
        board, player = place(board, played[-1], player), _other(player)
    return played


def _other(player: str) -> str:
    return WHITE if player == BLACK else BLACK


def _size(board: str) -> int:
    return int(len(board) ** 0.5 + 0.5)


def _rows(board: str) -> list[str]:
    size = _size(board)
    return [board[row * size : row * size + size] for row in range(size)]


def read_official(sample: Sample) -> Official:
    """Play the official moves: from the board shown, or from the start where that board already has the moves."""
    text = official.text_of(sample)
    lines = [line.strip() for line in text.splitlines()]
    rows = [line.replace("*", EMPTY) for line in lines if re.fullmatch(r"[01*.]{4,20}", line)]
    found = re.findall(r"position is ?\( ?([0-9]{1,2}) ?, ?([0-9]{1,2}) ?\)", text)
    moves = [(int(row) - 1, int(column) - 1) for row, column in found]
    size = len(rows)
    if size % 2 or {len(row) for row in rows} != {size} or not moves:
        raise ValueError("its board or its moves cannot be read")
    if not all(0 <= row < size and 0 <= column < size for row, column in moves):
        raise ValueError("a move leaves the board")
    player = WHITE if re.search(r"you play white", text) else BLACK
    shown = "".join(rows)
    data: dict[str, Any] = {"player": player, "moves": [[row + 1, column + 1] for row, column in moves]}
    if any(shown[row * size + column] != EMPTY for row, column in moves):
        shown = start(size)
        data["note"] = "its question shows the board after the moves"
    answer = "\n".join(_rows(_play(shown, moves, player)))
    gold = official.listed(official.gold_of(sample))
    return official.item("reversi", text, answer, {**data, "rows": _rows(shown)}, gold)


def _play(board: str, moves: Sequence[Move], player: str) -> str:
    for move in moves:
        if board[move[0] * _size(board) + move[1]] != EMPTY:
            raise ValueError("a move goes to a cell that is not empty")
        board, player = place(board, move, player), _other(player)
    return board


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Reversi(id, read_params(Config, params, id))
