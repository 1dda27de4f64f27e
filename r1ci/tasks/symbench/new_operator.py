"""Evaluate an expression of newly defined operators."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers, arithmetic
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

SYMBOLS = "#@&%~$"
TOLERANCE = Fraction(1, 10**6)
MAX_DEPTH = 40

_DEFINITION = re.compile(r"Define a ?([^\w\s().]) ?b to be ([^.\n]+)\.")
_EXPRESSION = re.compile(r"Calculate ([^\n]+?)\.?\s*(?:\n|$)")
_TOKEN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?|\S")

PROGRAM = """\
import re
from fractions import Fraction
rules = {{
{rules}
}}
tokens = re.findall(r"\\d+|\\S", "{expression}")
def chain():
    value = operand()
    while tokens and tokens[0] in rules:
        rule = rules[tokens.pop(0)]
        value = rule(value, operand())
    return value
def operand():
    token = tokens.pop(0)
    if token != "(":
        return Fraction(token)
    value = chain()
    tokens.pop(0)
    return value
print(chain())"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/new_operator."""

    operators: int = param(3, "how many operators are defined", low=1, high=6)
    min_steps: int = param(2, "fewest operations", low=1, high=12)
    max_steps: int = param(4, "most operations", low=1, high=12, at_least="min_steps")
    max_number: int = param(10, "largest number and coefficient", low=2, high=100)

    LEVELS: ClassVar[Levels] = {
        "easy": {"operators": 1, "min_steps": 1, "max_steps": 1},
        "medium": {"operators": 1, "min_steps": 2, "max_steps": 2},
        "hard": {"operators": 3, "min_steps": 3, "max_steps": 5},
    }


@dataclass(frozen=True)
class NewOperator:
    """No operator binds tighter than another: the question says so, and the value is exact."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Definitions and an expression of all-positive numbers, so that no division is by zero."""
        rng = item_rng(self.id, seed, index)
        rules = {symbol: self._rule(rng) for symbol in rng.sample(SYMBOLS, self.config.operators)}
        expression = self._expression(rng, tuple(rules))
        definitions = "\n".join(f"a {symbol} b is defined as {rule}" for symbol, rule in rules.items())
        text = (
            f"For any two numbers a and b,\n{definitions}\nNo operator binds tighter than another: where parentheses "
            f"do not say otherwise, operations are done from left to right. What is {expression}? "
            "Answer with a whole number or an exact fraction such as 7/3."
        )
        return Question(
            self.id, index, text, str(evaluate(rules, expression)), {"rules": rules, "expression": expression}
        )

    def check(self, question: Question, answer_text: str) -> bool:
        """The same number, or a decimal close to it where it is no whole number."""
        value, expected = answers.number(answer_text), Fraction(question.answer)
        exact = expected.denominator == 1
        return answers.close(value, expected, relative=Fraction(0) if exact else TOLERANCE)

    def program(self, question: Question) -> str | None:
        """Read the tokens from left to right."""
        rules = "\n".join(f'    "{symbol}": lambda a, b: {rule},' for symbol, rule in question.data["rules"].items())
        return PROGRAM.format(rules=rules, expression=question.data["expression"])

    def _rule(self, rng: random.Random) -> str:
        first, second = (rng.randint(1, min(5, self.config.max_number)) for _ in range(2))
        return rng.choice((f"{first}*a + {second}*b", f"{first}*a*b", "(a + b)/b"))

    def _expression(self, rng: random.Random, symbols: Sequence[str]) -> str:
        steps = rng.randint(self.config.min_steps, self.config.max_steps)
        numbers = [str(rng.randint(1, self.config.max_number)) for _ in range(steps + 1)]
        used = [symbols[place] if place < len(symbols) else rng.choice(symbols) for place in range(steps)]
        if steps > 1:
            start = rng.randrange(steps)
            numbers[start] = f"({numbers[start]}"
            numbers[start + 1] += ")"
        pairs = zip(used, numbers[1:], strict=True)
        return " ".join([numbers[0], *(part for pair in pairs for part in pair)])


def evaluate(rules: Mapping[str, str], expression: str) -> Fraction:
    """The value, operations done from left to right. Raises ValueError for what is no such expression."""
    tokens = _TOKEN.findall(expression)
    value, rest = _chain(rules, tokens, MAX_DEPTH)
    if rest:
        raise ValueError(f"{rest[0]!r} is not expected in {expression}")
    return value


def _chain(rules: Mapping[str, str], tokens: Sequence[str], depth: int) -> tuple[Fraction, Sequence[str]]:
    value, tokens = _operand(rules, tokens, depth)
    while tokens and tokens[0] in rules:
        rule = rules[tokens[0]]
        other, tokens = _operand(rules, tokens[1:], depth)
        value = _apply(rule, value, other)
    return value, tokens


def _operand(rules: Mapping[str, str], tokens: Sequence[str], depth: int) -> tuple[Fraction, Sequence[str]]:
    if not tokens or not depth:
        raise ValueError("its expression ends too early")
    if tokens[0] != "(":
        return Fraction(tokens[0]), tokens[1:]
    value, tokens = _chain(rules, tokens[1:], depth - 1)
    if not tokens or tokens[0] != ")":
        raise ValueError("a parenthesis is not closed")
    return value, tokens[1:]


def _apply(rule: str, a: Fraction, b: Fraction) -> Fraction:
    result = arithmetic.evaluate(rule.replace("a", f"({a})").replace("b", f"({b})"))
    if result is None:
        raise ValueError(f"{rule} has no value for a = {a} and b = {b}")
    return result.value


def read_official(sample: Sample) -> Official:
    """Evaluate the official expression ourselves, from left to right: the official value stops after one operator."""
    text = official.text_of(sample)
    expression = _EXPRESSION.search(text)
    rules = dict(_DEFINITION.findall(text))
    if expression is None or not rules:
        raise ValueError("its definitions or its expression cannot be read")
    value = evaluate(rules, expression[1])
    gold = official.listed(official.gold_of(sample))
    return official.item("new_operator", text, str(value), {"rules": rules, "expression": expression[1]}, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return NewOperator(id, read_params(Config, params, id))
