"""Word problems from templates: a text, how its numbers are drawn, and how the answer is computed from them."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from r1ci.tasks import arithmetic, exact

NAMES = (
    "Amara", "Bruno", "Chidi", "Dilek", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kavya", "Lars", "Mina",
    "Noor", "Oskar", "Priya", "Quinn", "Rosa", "Samir", "Tove", "Umut", "Vera", "Wanda", "Yusuf", "Zola",
)  # fmt: skip

_CALL = re.compile(r"(C|factorial)\(([^(),]*)(?:,([^(),]*))?\)")

PROGRAM = """\
from fractions import Fraction
from math import comb as C, factorial
value = Fraction({top}, {bottom})
print({shown})"""


class Template(NamedTuple):
    """One kind of word problem; ``{a}`` stands for a number, ``{x}`` and ``{y}`` for the names of two people."""

    text: str
    draws: str
    """``a=2..9`` for a number from 2 to 9, ``a=2..9*`` and ``a=2..9**`` where the upper or both limits grow with the
    difficulty, ``a:{b}*{c}`` for one that is computed; parted by spaces."""
    top: str
    """The answer: + - * / **, C(n,k) and factorial(n) of the numbers."""
    bottom: str = "1"
    """What the answer is divided by."""
    form: str = "{}"
    """The answer around that fraction: ``{}*pi``, ``sqrt({})``."""


class Problem(NamedTuple):
    """A word problem with its numbers."""

    text: str
    answer: str
    program: str


def draw(rng: random.Random, templates: Sequence[Template], grow: int) -> Problem:
    """A random template with random numbers."""
    template = rng.choice(templates)
    values: dict[str, str] = {}
    for part in template.draws.split():
        name, colon, formula = part.partition(":")
        if colon:
            values[name] = str(whole(formula.format(**values)))
            continue
        name, _, limits = part.partition("=")
        low, high = limits.rstrip("*").split("..")
        values[name] = str(rng.randint(int(low) * (grow if limits.endswith("**") else 1), _high(high, limits, grow)))
    top, bottom = template.top.format(**values), template.bottom.format(**values)
    first, second = rng.sample(NAMES, 2)
    answer = template.form.format(Fraction(whole(top), whole(bottom)))
    number = exact.read(answer)
    if number is None:
        raise AssertionError(f"{answer} is no number")
    return Problem(template.text.format(x=first, y=second, **values), str(number), _program(template, top, bottom))


def _high(high: str, limits: str, grow: int) -> int:
    return int(high) * (grow if limits.endswith("*") else 1)


def _program(template: Template, top: str, bottom: str) -> str:
    if template.form == "{}" and bottom == "1":
        top = top.replace("/", "//")
        return f"from math import comb as C, factorial\nprint({top})" if _CALL.search(top) else f"print({top})"
    shown = "value" if template.form == "{}" else f'f"{template.form.format("({value})")}"'
    return PROGRAM.format(top=top.replace("/", "//"), bottom=bottom, shown=shown)


def whole(formula: str) -> int:
    """The value of a formula of whole numbers. Raises ValueError if it is no whole number."""
    while call := _CALL.search(formula):
        arguments = [whole(argument) for argument in call.groups()[1:] if argument is not None]
        value = math.comb(*arguments) if call[1] == "C" else math.factorial(arguments[0])
        formula = formula[: call.start()] + str(value) + formula[call.end() :]
    result = arithmetic.evaluate(formula, power=True)
    if result is None or result.value.denominator != 1:
        raise ValueError(f"{formula} is no whole number")
    return int(result.value)
