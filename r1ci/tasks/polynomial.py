"""Polynomials with rational coefficients, read from a model's text over a whitelist of syntax and within limits.

Nothing is evaluated as code. Not covered: functions, division by a variable, exponents that are no whole numbers.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

Polynomial = dict[tuple[int, ...], Fraction]
"""Coefficients by exponents, one for each variable; no coefficient is zero."""

MAX_LENGTH = 4000
"""Characters of a polynomial."""
MAX_DEPTH = 60
"""Nested operations; a sum may have more terms."""
MAX_EXPONENT = 256
MAX_BITS = 4096
"""Size of a coefficient's numerator or denominator."""
MAX_WORK = 4000
"""Products of two terms."""

_ALLOWED = re.compile(r"[0-9A-Za-z+\-*/().\s]+")
_SIGNS = re.compile(r"(?:[-+]\s*){4}")
"""A chain of signs nests as deep as it is long, which is slow to parse."""
_TIMES = re.compile(r"(?<=[0-9)])\s*(?=[A-Za-z(])")
_SPELLINGS = {
    "^": "**", "\\cdot": "*", "\\times": "*", "\u00d7": "*", "\u00b7": "*", "\u22c5": "*", "\u2212": "-",
    "\u2013": "-", "[": "(", "]": ")", "{": "(", "}": ")",
}  # fmt: skip


class _Refused(Exception):
    """The text is outside the whitelist or the limits."""


def read(text: str, variables: Sequence[str], *, expanded: bool = False) -> Polynomial | None:
    """The polynomial that a text writes with + - * / ** and parentheses, or None for anything else.

    ``^`` is a power and ``3x`` a product. ``expanded`` refuses what is still to be multiplied out.
    """
    if len(text) > MAX_LENGTH:
        return None
    for spelling, meaning in _SPELLINGS.items():
        text = text.replace(spelling, meaning)
    if not _ALLOWED.fullmatch(text) or _SIGNS.search(text):
        return None
    try:
        body = ast.parse(_TIMES.sub("*", " ".join(text.split())), mode="eval").body
        return _drop_zeros(_Reader(variables, expanded).value(body, MAX_DEPTH))
    except (_Refused, SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def differentiate(polynomial: Mapping[tuple[int, ...], Fraction], variable: int = 0) -> Polynomial:
    """The derivative by one of the variables, given by its position."""
    derived = {}
    for exponents, coefficient in polynomial.items():
        if power := exponents[variable]:
            derived[(*exponents[:variable], power - 1, *exponents[variable + 1 :])] = coefficient * power
    return derived


class _Reader:
    """One reading: it counts what it multiplies."""

    def __init__(self, variables: Sequence[str], expanded: bool) -> None:
        self.units = {name: tuple(int(name == other) for other in variables) for name in variables}
        self.one = (0,) * len(variables)
        self.expanded = expanded
        self.work = 0

    def value(self, node: ast.expr, depth: int) -> Polynomial:
        if depth == 0:
            raise _Refused
        match node:
            case ast.Constant(value=number) if type(number) in (int, float):
                return {self.one: _bounded(Fraction(str(number)))}
            case ast.Name(id=name) if name in self.units:
                return {self.units[name]: Fraction(1)}
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
                value = self.value(operand, depth - 1)
                return {key: -number for key, number in value.items()} if isinstance(sign, ast.USub) else value
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self.sum(node, depth)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self.product(self.value(left, depth - 1), self.value(right, depth - 1))
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                divisor = _drop_zeros(self.value(right, depth - 1))
                if set(divisor) != {self.one}:
                    raise _Refused
                return self.product(self.value(left, depth - 1), {self.one: 1 / divisor[self.one]})
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self.power(self.value(left, depth - 1), self.value(right, depth - 1))
        raise _Refused

    def sum(self, node: ast.expr, depth: int) -> Polynomial:
        """A chain of sums leans to the left, as deep as it is long: it is walked, not recursed into."""
        total: Polynomial = {}
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            sign = 1 if isinstance(node.op, ast.Add) else -1
            self.add(total, self.value(node.right, depth - 1), sign)
            node = node.left
        self.add(total, self.value(node, depth - 1), 1)
        return total

    def add(self, total: Polynomial, value: Polynomial, sign: int) -> None:
        self.spend(len(value))
        for exponents, coefficient in value.items():
            total[exponents] = _bounded(total.get(exponents, Fraction(0)) + sign * coefficient)

    def product(self, left: Polynomial, right: Polynomial) -> Polynomial:
        if self.expanded and max(len(left), len(right)) > 1:
            raise _Refused
        self.spend(len(left) * len(right))
        product: Polynomial = {}
        for a, x in left.items():
            for b, y in right.items():
                exponents = tuple(map(operator.add, a, b))
                if max(exponents, default=0) > MAX_EXPONENT:
                    raise _Refused
                product[exponents] = _bounded(product.get(exponents, Fraction(0)) + x * y)
        return product

    def power(self, base: Polynomial, exponent: Polynomial) -> Polynomial:
        if set(exponent) != {self.one} or exponent[self.one].denominator != 1:
            raise _Refused
        count = exponent[self.one].numerator
        if not 0 <= count <= MAX_EXPONENT:
            raise _Refused
        if len(base) == 1:
            return self.term_power(base, count)
        value: Polynomial = {self.one: Fraction(1)}
        for _ in range(count):
            value = self.product(value, base)
        return value

    def term_power(self, base: Polynomial, count: int) -> Polynomial:
        ((exponents, coefficient),) = base.items()
        size = max(coefficient.numerator.bit_length(), coefficient.denominator.bit_length())
        if size * count > MAX_BITS or max(exponents, default=0) * count > MAX_EXPONENT:
            raise _Refused
        return {tuple(exponent * count for exponent in exponents): coefficient**count}

    def spend(self, work: int) -> None:
        self.work += work
        if self.work > MAX_WORK:
            raise _Refused


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _Refused
    return value


def _drop_zeros(polynomial: Polynomial) -> Polynomial:
    return {exponents: coefficient for exponents, coefficient in polynomial.items() if coefficient}
