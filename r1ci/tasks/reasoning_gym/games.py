"""Puzzles with several solutions, checked by their rules: countdown, cryptarithm, jugs."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers, arithmetic
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

MAX_MOVES = 500
_PAIR = re.compile(r"""["']?([A-Za-z])["']?\s{0,3}(?:=|:|->)\s{0,3}["']?([0-9])["']?""")
_MOVE = re.compile(r"(fill|empty|pour)\s{1,3}([A-Z])(?:\s{0,3}(?:->|\u2192|to|into)\s{0,3}([A-Z]))?", re.IGNORECASE)


@dataclass(frozen=True)
class CountdownConfig:
    """Parameters of rg/countdown."""

    min_numbers: int = param(4, "fewest numbers", low=2, high=8)
    max_numbers: int = param(6, "most numbers", low=2, high=8, at_least="min_numbers")
    min_value: int = param(1, "smallest number", low=1, high=1000)
    max_value: int = param(100, "largest number", low=1, high=1000, at_least="min_value")
    min_target: int = param(100, "smallest target", low=1, high=10_000)
    max_target: int = param(999, "largest target", low=1, high=10_000, at_least="min_target")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_numbers": 3, "max_numbers": 4},
        "medium": {},
        "hard": {"min_numbers": 6, "max_numbers": 7},
    }


@dataclass(frozen=True)
class CryptarithmConfig:
    """Parameters of rg/cryptarithm."""

    min_words: int = param(2, "fewest words to add", low=2, high=10)
    max_words: int = param(3, "most words to add", low=2, high=10, at_least="min_words")
    allow_leading_zero: bool = param(False, "whether a word may begin with zero")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words": 2},
        "medium": {},
        "hard": {"min_words": 4, "max_words": 6},
    }


@dataclass(frozen=True)
class JugsConfig:
    """Parameters of rg/jugs."""

    num_jugs: int = param(3, "jugs", low=3, high=4)
    difficulty: int = param(10, "fewest moves that solve it; the largest jug holds 3 more litres", low=1, high=12)
    LEVELS: ClassVar[Levels] = {"easy": {"difficulty": 5}, "medium": {"difficulty": 8}, "hard": {"difficulty": 10}}


def reaches_target(question: Question, answer_text: str) -> bool:
    """An expression that uses each number exactly once and equals the target; ``= target`` may stand after it."""
    numbers, target = question.data["numbers"], question.data["target"]
    expression, equals, value = answers.unwrap(answer_text).partition("=")
    if equals and answers.integer(value) != target:
        return False
    result = arithmetic.evaluate(expression.strip())
    return result is not None and result.value == target and sorted(result.integers) == sorted(numbers)


def adds_up(question: Question, answer_text: str) -> bool:
    """A different digit for each letter, no more and no less, such that the sum is right."""
    text = answers.word(answer_text)
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()] if len(text) <= MAX_MOVES else []
    pairs = [_PAIR.fullmatch(part) for part in parts]
    digits = {pair[1].upper(): int(pair[2]) for pair in pairs if pair}
    words, total = question.data["words_letters"], question.data["result_letters"]
    if None in pairs or len(pairs) != len(digits) or set(digits) != set("".join(words) + total):
        return False
    if len(set(digits.values())) != len(digits):
        return False
    if not question.data["allow_leading_zero"] and any(digits[word[0]] == 0 for word in [*words, total]):
        return False
    return sum(_value(word, digits) for word in words) == _value(total, digits)


def _value(word: str, digits: Mapping[str, int]) -> int:
    return int("".join(str(digits[letter]) for letter in word))


def measures_target(question: Question, answer_text: str) -> bool:
    """A list of moves after which some jug holds the target."""
    moves = read_moves(answer_text)
    capacities: list[int] = question.data["capacities"]
    if not moves:
        return False
    water = [0] * len(capacities)
    for verb, jug, other in moves:
        if max(jug, other) >= len(water) or jug == other:
            return False
        if verb == "pour":
            amount = min(water[jug], capacities[other] - water[other])
            water[jug] -= amount
            water[other] += amount
        else:
            water[jug] = capacities[jug] if verb == "fill" else 0
    return question.data["target"] in water


def read_moves(text: str) -> list[tuple[str, int, int]]:
    """Moves (verb, jug, other jug or -1), one per item of a list or per line; empty if one is no move."""
    text = answers.unwrap(text, brackets=True)
    items = [item.strip(" \t\r\"'`.-*") for item in re.split(r"[,;\n]", text)]
    matches = [_MOVE.fullmatch(item) for item in items if item]
    moves: list[tuple[str, int, int]] = []
    for match in matches[: MAX_MOVES + 1]:
        if match is None or (match[1].lower() == "pour") != (match[3] is not None):
            return []
        moves.append((match[1].lower(), _index(match[2]), _index(match[3]) if match[3] else -1))
    return moves if len(moves) <= MAX_MOVES else []


def _index(letter: str) -> int:
    return ord(letter.upper()) - ord("A")


def _is_solved(item: Item) -> bool:
    metadata = item["metadata"]
    return reaches_target(Question("rg/countdown", 0, "", "", metadata), item["answer"])


def _jugs_data(item: Item) -> Mapping[str, Any]:
    puzzle = item["metadata"]["puzzle"]
    return {"capacities": puzzle["jug_capacities"], "target": puzzle["target"]}


def _jugs_answer(item: Item) -> str:
    """Ours: the package's looks at three jugs only."""
    data = _jugs_data(item)
    return "[" + ", ".join(f'"{move}"' for move in fewest_moves(data["capacities"], data["target"])) + "]"


def fewest_moves(capacities: Sequence[int], target: int) -> list[str]:
    """A shortest list of moves to the target, or none."""
    start = (0,) * len(capacities)
    came: dict[tuple[int, ...], tuple[tuple[int, ...], str]] = {start: (start, "")}
    queue = deque([start])
    while queue:
        water = queue.popleft()
        if target in water:
            moves = []
            while water != start:
                water, move = came[water]
                moves.append(move)
            return moves[::-1]
        for after, move in _steps(capacities, water):
            if after not in came:
                came[after] = (water, move)
                queue.append(after)
    return []


def _steps(capacities: Sequence[int], water: tuple[int, ...]) -> list[tuple[tuple[int, ...], str]]:
    steps = []
    for i, name in enumerate("ABCD"[: len(water)]):
        steps.append(((*water[:i], capacities[i], *water[i + 1 :]), f"fill {name}"))
        steps.append(((*water[:i], 0, *water[i + 1 :]), f"empty {name}"))
        for j, other in enumerate("ABCD"[: len(water)]):
            if i != j:
                amount = min(water[i], capacities[j] - water[j])
                after = list(water)
                after[i], after[j] = water[i] - amount, water[j] + amount
                steps.append((tuple(after), f"pour {name}->{other}"))
    return steps


def _countdown(data: Mapping[str, Any]) -> str:
    return f"""\
target = {data["target"]}
seen = set()
def search(value, text, rest):
    if not rest:
        return text if value == target else None
    if (value, rest) in seen:
        return None
    seen.add((value, rest))
    for i, n in enumerate(rest):
        left = rest[:i] + rest[i + 1:]
        options = [(value + n, "+"), (value - n, "-"), (value * n, "*")]
        if value % n == 0:
            options.append((value // n, "/"))
        for result, sign in options:
            found = search(result, f"({{text}} {{sign}} {{n}})", left)
            if found:
                return found
        found = search(n - value, f"({{n}} - {{text}})", left)
        if found:
            return found
numbers = {sorted(data["numbers"])}
for i, n in enumerate(numbers):
    found = search(n, str(n), tuple(numbers[:i] + numbers[i + 1:]))
    if found:
        print(found[1:-1])
        break"""


def _cryptarithm(data: Mapping[str, Any]) -> str:
    return f"""\
words, total = {data["words_letters"]}, "{data["result_letters"]}"
weight = {{}}
for word, sign in [(w, 1) for w in words] + [(total, -1)]:
    for power, letter in enumerate(reversed(word)):
        weight[letter] = weight.get(letter, 0) + sign * 10 ** power
letters = sorted(weight, key=lambda letter: -abs(weight[letter]))
leading = {{word[0] for word in words + [total]}} if {not data["allow_leading_zero"]} else set()
def search(i, rest, digits):
    if i == len(letters):
        return digits if rest == 0 else None
    if abs(rest) > 9 * sum(abs(weight[letter]) for letter in letters[i:]):
        return None
    for digit in range(letters[i] in leading, 10):
        if digit not in digits:
            found = search(i + 1, rest + digit * weight[letters[i]], digits + [digit])
            if found:
                return found
digits = dict(zip(letters, search(0, 0, [])))
print(",".join(f"{{letter}}={{digits[letter]}}" for letter in sorted(digits)))"""


def _jugs(data: Mapping[str, Any]) -> str:
    return f"""\
import json
capacities, target = {data["capacities"]}, {data["target"]}
names = "ABCD"[:len(capacities)]
start = (0,) * len(capacities)
paths, queue = {{start: []}}, [start]
for water in queue:
    if target in water:
        print(json.dumps(paths[water]))
        break
    steps = []
    for i, a in enumerate(names):
        for level, verb in ((capacities[i], "fill"), (0, "empty")):
            after = list(water)
            after[i] = level
            steps.append((after, f"{{verb}} {{a}}"))
        for j, b in enumerate(names):
            if i != j:
                after = list(water)
                amount = min(water[i], capacities[j] - water[j])
                after[i] -= amount
                after[j] += amount
                steps.append((after, f"pour {{a}}->{{b}}"))
    for after, move in steps:
        if tuple(after) not in paths:
            paths[tuple(after)] = paths[water] + [move]
            queue.append(tuple(after))"""


ROWS = {
    "rg/countdown": Row(CountdownConfig, ("numbers", "target"), reaches_target, _countdown, fits=_is_solved),
    "rg/cryptarithm": Row(
        CryptarithmConfig, ("words_letters", "result_letters", "allow_leading_zero"), adds_up, _cryptarithm
    ),
    "rg/jugs": Row(JugsConfig, (), measures_target, _jugs, derive=_jugs_data, answer=_jugs_answer),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
