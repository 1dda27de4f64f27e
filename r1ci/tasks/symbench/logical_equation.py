"""Find which number each letter stands for, from equations."""

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
MAX_NODES = 50_000
"""Assignments tried for an official item without a usable solution."""
Constraint = Sequence[Any]
"""Two letters around an operator, and a number: A + B = 9, A - B = 2, 10 A = 16 B, A > B."""

_CONSTRAINT = re.compile(
    r"^\s*[0-9]+[.)]\s*([A-Z])\s*(?:([-+])\s*([A-Z])\s*=\s*(-?[0-9]+)|=\s*([0-9.]*)\s*\*?\s*([A-Z])|([<>])\s*([A-Z]))"
    r"\s*\.?\s*$",
    re.MULTILINE,
)
_NUMBERS = re.compile(r"numbers ([-0-9, and]+?)\.")

PROGRAM = """\
letters = "{letters}"
rules = [
{rules}
]
def holds(rule, value):
    a, sign, b, n = rule
    if a not in value or b not in value:
        return True
    x, y = value[a], value[b]
    return {{"+": x + y == n, "-": x - y == n, "*": 10 * x == n * y, ">": x > y}}[sign]
def options(letter, value, left):
    mine = [rule for rule in rules if letter in (rule[0], rule[2])]
    return [n for n in left if all(holds(rule, {{**value, letter: n}}) for rule in mine)]
def solve(value, left):
    if not left:
        return value
    free = {{letter: options(letter, value, left) for letter in letters if letter not in value}}
    letter = min(free, key=lambda letter: len(free[letter]))
    for n in free[letter]:
        found = solve({{**value, letter: n}}, [m for m in left if m != n])
        if found:
            return found
value = solve({{}}, {numbers})
print([value[letter] for letter in letters])"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/logical_equation."""

    min_letters: int = param(7, "fewest letters", low=3, high=20)
    max_letters: int = param(11, "most letters", low=3, high=20, at_least="min_letters")
    missing: int = param(1, "how many fewer constraints than letters", low=0, high=6)
    max_number: int = param(120, "largest number", low=30, high=1000)

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_letters": 5, "max_letters": 6},
        "medium": {"min_letters": 9, "max_letters": 11},
        "hard": {"min_letters": 13, "max_letters": 15},
    }


@dataclass(frozen=True)
class LogicalEquation:
    """Any assignment that uses each number once and keeps every constraint is right."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """True statements on a hidden assignment."""
        rng = item_rng(self.id, seed, index)
        count = rng.randint(self.config.min_letters, self.config.max_letters)
        values = dict(zip(LETTERS, rng.sample(range(1, self.config.max_number + 1), count), strict=False))
        constraints = _constraints(rng, values, max(2, count - self.config.missing))
        numbers = sorted(values.values())
        lines = "\n".join(f"{place}. {_shown(constraint)}" for place, constraint in enumerate(constraints, 1))
        letters = "".join(values)
        text = (
            f"Each of the letters {', '.join(letters)} stands for one of the numbers {', '.join(map(str, numbers))}, "
            f"and each number is used exactly once. 1.6B means 1.6 times B. All of this holds:\n{lines}\n"
            f"Find numbers for the letters. Answer with the list of the numbers of {letters[0]} to {letters[-1]} in "
            "alphabetical order, such as [3, 1, 2]."
        )
        data = {"letters": letters, "numbers": numbers, "constraints": constraints}
        return Question(self.id, index, text, str(list(values.values())), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """Every given number once, every constraint kept."""
        numbers = answers.integers(answer_text)
        return numbers is not None and holds(question.data, numbers)

    def program(self, question: Question) -> str | None:
        """Give a number to the letter with the fewest choices, and go back where there is none."""
        data = question.data
        rules = "\n".join(f"    {tuple(constraint)}," for constraint in data["constraints"])
        return PROGRAM.format(letters=data["letters"], rules=rules, numbers=data["numbers"])


def holds(data: Mapping[str, Any], numbers: Sequence[int]) -> bool:
    """Whether numbers, in the order of the letters, are the given ones and keep the constraints."""
    if sorted(numbers) != sorted(data["numbers"]):
        return False
    value = dict(zip(data["letters"], numbers, strict=True))
    return all(_kept(constraint, value) for constraint in data["constraints"])


def solve(data: Mapping[str, Any]) -> list[int] | None:
    """Numbers in the order of the letters, or None if there are none or they are not found soon."""
    letters: Sequence[str] = data["letters"]
    nodes = 0

    def search(value: dict[str, int], left: list[int]) -> dict[str, int] | None:
        nonlocal nodes
        nodes += 1
        if not left or nodes > MAX_NODES:
            return None if left else value
        free = {letter: _choices(data, letter, value, left) for letter in letters if letter not in value}
        letter = min(free, key=lambda letter: len(free[letter]))
        for place in free[letter]:
            found = search({**value, letter: left[place]}, left[:place] + left[place + 1 :])
            if found is not None:
                return found
        return None

    found = search({}, sorted(data["numbers"]))
    return None if found is None else [found[letter] for letter in letters]


def _choices(data: Mapping[str, Any], letter: str, value: Mapping[str, int], left: Sequence[int]) -> list[int]:
    """The places of the numbers left that a letter can take."""
    mine = [constraint for constraint in data["constraints"] if letter in (constraint[0], constraint[2])]
    return [
        place
        for place, number in enumerate(left)
        if number not in left[:place] and all(_kept(constraint, {**value, letter: number}) for constraint in mine)
    ]


def _kept(constraint: Constraint, value: Mapping[str, int]) -> bool:
    """Whether a constraint holds; true as long as a letter has no number."""
    first, sign, second, number = constraint
    if first not in value or second not in value:
        return True
    x, y = value[first], value[second]
    match sign:
        case "+":
            return bool(x + y == number)
        case "-":
            return bool(x - y == number)
        case "*":
            return bool(10 * x == number * y)
    return x > y


def _constraints(rng: random.Random, values: Mapping[str, int], count: int) -> list[list[Any]]:
    letters = tuple(values)
    ratios = [
        [a, "*", b, 10 * values[a] // values[b]]
        for a in letters
        for b in letters
        if a != b and 10 * values[a] % values[b] == 0 and 11 <= 10 * values[a] // values[b] <= 49
    ]
    found: list[list[Any]] = []
    while len(found) < count:
        a, b = rng.sample(letters, 2)
        kind = rng.choices(("+", "-", "*", ">"), (6, 6, 6, 1))[0]
        if kind == "*" and ratios:
            constraint = rng.choice(ratios)
        elif kind == "+":
            constraint = [*sorted((a, b)), values[a] + values[b]]
            constraint.insert(1, "+")
        elif kind == ">":
            constraint = [a, ">", b, 0] if values[a] > values[b] else [b, ">", a, 0]
        else:
            constraint = [a, "-", b, values[a] - values[b]]
        pairs = [(known[1], {known[0], known[2]}) for known in found]
        if (constraint[1], {constraint[0], constraint[2]}) not in pairs or len(found) > len(letters):
            found.append(constraint)
    return found


def _shown(constraint: Constraint) -> str:
    first, sign, second, number = constraint
    if sign == "*":
        return f"{first} = {number // 10}.{number % 10}{second}"
    return f"{first} > {second}" if sign == ">" else f"{first} {sign} {second} = {number}"


def read_official(sample: Sample) -> Official:
    """Read the constraints; the official solution is the answer only if it keeps them, else we search for one."""
    text = official.text_of(sample)
    numbers = _NUMBERS.search(text)
    constraints = [_constraint(match) for match in _CONSTRAINT.finditer(text)]
    told = re.findall(r"^\s*[0-9]+[.)] ", text, re.MULTILINE)
    if numbers is None or not constraints or len(constraints) != len(told):
        raise ValueError("its numbers or its constraints cannot be read")
    given = [int(number) for number in re.findall(r"-?[0-9]+", numbers[1])]
    data = {"letters": LETTERS[: len(given)], "numbers": sorted(given), "constraints": constraints}
    if not {letter for constraint in constraints for letter in constraint[::2][:2]} <= set(data["letters"]):
        raise ValueError("a constraint has a letter without a number")
    gold = official.gold_of(sample)
    values = gold if isinstance(gold, list) and all(isinstance(value, int) for value in gold) else None
    solution = values if values is not None and holds(data, values) else solve(data)
    if solution is None:
        raise ValueError("no numbers that keep its constraints are found")
    return official.item("logical_equation", text, str(solution), data, official.listed(gold))


def _constraint(match: re.Match[str]) -> list[Any]:
    first, sign, second, number, ratio, base, relation, other = match.groups()
    if sign:
        return [first, sign, second, int(number)]
    if relation:
        return [first, ">", other, 0] if relation == ">" else [other, ">", first, 0]
    tenths = answers.number(ratio or "1")
    if tenths is None or (10 * tenths).denominator != 1:
        raise ValueError(f"{match[0].strip()!r} has no multiple in tenths")
    return [first, "*", base, int(10 * tenths)]


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return LogicalEquation(id, read_params(Config, params, id))
