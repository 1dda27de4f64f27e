"""Exact arithmetic on a model's expression, over a whitelist of syntax and within limits; nothing is evaluated as code.

Not covered: functions, names, decimals, comparison. Those are no expressions here.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from fractions import Fraction

MAX_LENGTH = 1000
"""Characters of an expression."""
MAX_DEPTH = 150
"""Nested operations."""
MAX_EXPONENT = 64
MAX_BITS = 4096
"""Size of any intermediate numerator or denominator."""

_ALLOWED = re.compile(r"[0-9+\-*/() ]+")
_SPELLINGS = {
    "\\times": "*", "\\cdot": "*", "\\div": "/", "\u00d7": "*", "\u00b7": "*", "\u22c5": "*", "\u00f7": "/",
    "\u2212": "-", "\u2013": "-", "[": "(", "]": ")", "\n": " ", "\t": " ",
}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What an expression is worth and the whole numbers in it, in the order they stand."""

    value: Fraction
    integers: tuple[int, ...]


class _Refused(Exception):
    """The expression is outside the whitelist or the limits."""


def evaluate(text: str, *, power: bool = False) -> Result | None:
    """The exact value of an expression of whole numbers with + - * / and parentheses, and ** if ``power``.

    None for anything else, for division by zero, and beyond the limits. Multiplication signs of text and TeX are read.
    """
    if len(text) > MAX_LENGTH:
        return None
    for spelling, meaning in _SPELLINGS.items():
        text = text.replace(spelling, meaning)
    if not _ALLOWED.fullmatch(text):
        return None
    try:
        body = ast.parse(text.strip(), mode="eval").body
        integers: list[int] = []
        return Result(_value(body, integers, power, MAX_DEPTH), tuple(integers))
    except (_Refused, SyntaxError, ValueError, ZeroDivisionError, MemoryError, RecursionError):
        return None


def _value(node: ast.expr, integers: list[int], power: bool, depth: int) -> Fraction:
    if depth == 0:
        raise _Refused
    if isinstance(node, ast.Constant) and type(node.value) is int:
        integers.append(node.value)
        return _bounded(Fraction(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _value(node.operand, integers, power, depth - 1)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp):
        left = _value(node.left, integers, power, depth - 1)
        right = _value(node.right, integers, power, depth - 1)
        return _bounded(_operate(node.op, left, right, power))
    raise _Refused


def _operate(operator: ast.operator, left: Fraction, right: Fraction, power: bool) -> Fraction:
    match operator:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
        case ast.Div():
            return left / right
        case ast.Pow() if power and right.denominator == 1 and abs(right) <= MAX_EXPONENT:
            return Fraction(left**right.numerator)
    raise _Refused


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _Refused
    return value
