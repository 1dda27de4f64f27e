"""Exact numbers with roots and pi, read from plain text or TeX by a small bounded parser; nothing is evaluated as code.

A number is a sum of terms q * sqrt(r) * pi^k with a fraction q, a whole r without square factors and a whole k.

Not covered: variables, functions, roots of anything but a fraction, division by a sum with pi or with two roots.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction

MAX_LENGTH = 300
"""Characters of a number."""
MAX_DEPTH = 30
"""Nested brackets."""
MAX_EXPONENT = 30
MAX_BITS = 600
MAX_TERMS = 12
MAX_ROOT = 10**7
"""Largest number under a root whose square factors are looked for."""
Terms = Mapping[tuple[int, int], Fraction]
"""Fractions by what is under the root and the power of pi."""

_SPELLINGS = (
    (r"\\[dt]?frac(?![a-zA-Z])", r"\\frac"),
    (r"\\(?:left|right|displaystyle)(?![a-zA-Z])|\\[!,;: ]|~", ""),
    (r"\\(?:text|mathrm|mbox)\s*\{[^{}]*\}(?:\s*\^\s*\{?[23]\}?)?", ""),
    (r"\^\s*\{?\s*\\circ\s*\}?|\\degree|\u00b0", ""),
    (r"\\(?:cdot|times)(?![a-zA-Z])|\u00d7|\u00b7", "*"),
    (r"\\div(?![a-zA-Z])|\u00f7", "/"),
    (r"\\pi(?![a-zA-Z])|\u03c0", "pi"),
    (r"\\sqrt(?![a-zA-Z])|\u221a", "sqrt"),
    (r"\*\*", "^"),
    (r"\\?[$%]", ""),
    (r"\u2212|\u2013", "-"),
    (r"(?<=[0-9])\{?,\}?(?=[0-9]{3}(?![0-9]))", ""),
    (r"\b(?:square |cubic )?(?:units?|cm|m|degrees?)(?:\^[23])?\s*$", ""),
    (r"\bmath\.|\bsympy\.|\bnp\.", ""),
)
_COMPILED = tuple((re.compile(pattern), meaning) for pattern, meaning in _SPELLINGS)
_TOKEN = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?|\.[0-9]+|sqrt|pi|\\frac|[-+*/^(){}])")
_CLOSING = {"(": ")", "{": "}"}


class _Refused(Exception):
    """The text is no number, or beyond the limits."""


class Number:
    """An exact number; equal numbers are equal however they are written."""

    def __init__(self, terms: Terms) -> None:
        """Keep what is not zero."""
        self.terms = {key: value for key, value in sorted(terms.items()) if value}
        sizes = (max(value.numerator.bit_length(), value.denominator.bit_length()) for value in self.terms.values())
        if len(self.terms) > MAX_TERMS or max(sizes, default=0) > MAX_BITS:
            raise _Refused

    def __eq__(self, other: object) -> bool:
        """Whether all terms are equal."""
        return isinstance(other, Number) and self.terms == other.terms

    def __hash__(self) -> int:
        """Equal for equal numbers."""
        return hash(tuple(self.terms.items()))

    def __float__(self) -> float:
        """The closest float, roughly."""
        return sum((float(value) * math.sqrt(r) * math.pi**k for (r, k), value in self.terms.items()), 0.0)

    def __str__(self) -> str:
        """As Python would compute it: 3*sqrt(2)/5 + 4*pi."""
        parts = [_term(value, root, power) for (root, power), value in self.terms.items()]
        return " + ".join(parts).replace("+ -", "- ") or "0"


def _term(value: Fraction, root: int, power: int) -> str:
    factors = ([f"sqrt({root})"] if root > 1 else []) + ["pi" if power == 1 else f"pi^({power})"] * (power != 0)
    top = abs(value.numerator)
    text = "*".join(([str(top)] if top != 1 or not factors else []) + factors)
    return f"{'-' if value < 0 else ''}{text}{f'/{value.denominator}' if value.denominator > 1 else ''}"


def rational(value: Fraction | int) -> Number:
    """A fraction as a number."""
    return Number({(1, 0): Fraction(value)})


def read(text: str) -> Number | None:
    """A number from text such as 3/4, 2.5, 5sqrt(3)/2, 12\\pi, \\frac{\\sqrt{2}}{3}; None for anything else."""
    if len(text) > MAX_LENGTH:
        return None
    for pattern, meaning in _COMPILED:
        text = pattern.sub(meaning, text)
    try:
        tokens = _tokens(text.strip())
        value, rest = _sum(tokens, MAX_DEPTH)
    except (_Refused, ZeroDivisionError, OverflowError):
        return None
    return value if not rest else None


def _tokens(text: str) -> list[str]:
    tokens, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _Refused
        tokens.append(match[1])
        place = match.end()
    return tokens


def _sum(tokens: list[str], depth: int) -> tuple[Number, list[str]]:
    if not depth:
        raise _Refused
    value, tokens = _product(tokens, depth)
    while tokens and tokens[0] in "+-":
        other, rest = _product(tokens[1:], depth)
        value, tokens = _add(value, other if tokens[0] == "+" else _multiply(other, rational(-1))), rest
    return value, tokens


def _product(tokens: list[str], depth: int) -> tuple[Number, list[str]]:
    if tokens and tokens[0] in "+-":
        value, rest = _product(tokens[1:], depth - 1) if depth > 1 else _refuse()
        return (_multiply(value, rational(-1)) if tokens[0] == "-" else value), rest
    value, tokens = _power(tokens, depth)
    while tokens and tokens[0] not in "+-)}":
        sign = tokens[0] if tokens[0] in "*/" else ""
        if not sign and tokens[0][0] in "0123456789.":
            raise _Refused
        signed = bool(sign) and tokens[1:2] == ["-"]
        other, tokens = _power(tokens[len(sign) + signed :], depth)
        other = _multiply(other, rational(-1)) if signed else other
        value = _divide(value, other) if sign == "/" else _multiply(value, other)
    return value, tokens


def _power(tokens: list[str], depth: int) -> tuple[Number, list[str]]:
    value, tokens = _atom(tokens, depth)
    if tokens[:1] != ["^"]:
        return value, tokens
    signed = tokens[1:2] == ["-"]
    exponent, tokens = _atom(tokens[1 + signed :], depth)
    count = exponent.terms.get((1, 0), Fraction(0))
    if set(exponent.terms) - {(1, 0)} or count.denominator != 1 or abs(count) > MAX_EXPONENT:
        raise _Refused
    result = rational(1)
    for _ in range(abs(int(count))):
        result = _multiply(result, value)
    return (_divide(rational(1), result) if signed != (count < 0) else result), tokens


def _atom(tokens: list[str], depth: int) -> tuple[Number, list[str]]:
    if not tokens:
        raise _Refused
    first, rest = tokens[0], tokens[1:]
    if first in _CLOSING:
        value, rest = _sum(rest, depth - 1)
        if rest[:1] != [_CLOSING[first]]:
            raise _Refused
        return value, rest[1:]
    if first == "pi":
        return Number({(1, 1): Fraction(1)}), rest
    if first == "sqrt":
        value, rest = _atom(rest, depth)
        return _root(value), rest
    if first == "\\frac":
        top, rest = _digit(rest) or _atom(rest, depth)
        bottom, rest = _digit(rest) or _atom(rest, depth)
        return _divide(top, bottom), rest
    if first[0] in "0123456789.":
        return rational(Fraction(first)), rest
    raise _Refused


def _digit(tokens: list[str]) -> tuple[Number, list[str]] | None:
    """The first digit of a number alone, as TeX reads \\frac12."""
    if not tokens or not tokens[0].isdigit():
        return None
    return rational(int(tokens[0][0])), ([tokens[0][1:]] if tokens[0][1:] else []) + tokens[1:]


def _refuse() -> tuple[Number, list[str]]:
    raise _Refused


def _add(a: Number, b: Number) -> Number:
    terms = dict(a.terms)
    for key, value in b.terms.items():
        terms[key] = terms.get(key, Fraction(0)) + value
    return Number(terms)


def _multiply(a: Number, b: Number) -> Number:
    terms: dict[tuple[int, int], Fraction] = {}
    for (root, power), value in a.terms.items():
        for (other_root, other_power), other in b.terms.items():
            common = math.gcd(root, other_root)
            key = (root // common * (other_root // common), power + other_power)
            terms[key] = terms.get(key, Fraction(0)) + value * other * common
    return Number(terms)


def _divide(a: Number, b: Number) -> Number:
    if not b.terms:
        raise ZeroDivisionError
    if len(b.terms) == 1:
        (((root, power), value),) = b.terms.items()
        return _multiply(a, Number({(root, -power): 1 / (value * root)}))
    if len(b.terms) != 2 or any(power for _, power in b.terms):
        raise _Refused
    first, second = b.terms.items()
    conjugate = Number(dict([first, (second[0], -second[1])]))
    return _divide(_multiply(a, conjugate), _multiply(b, conjugate))


def _root(value: Number) -> Number:
    if set(value.terms) - {(1, 0)}:
        raise _Refused
    inside = value.terms.get((1, 0), Fraction(0))
    under = inside.numerator * inside.denominator
    if under < 0:
        raise _Refused
    whole = math.isqrt(under)
    if whole * whole == under:
        return rational(Fraction(whole, inside.denominator))
    if under > MAX_ROOT:
        raise _Refused
    outside, factor = 1, 2
    while factor * factor <= under:
        if under % (factor * factor):
            factor += 1
        else:
            under //= factor * factor
            outside *= factor
    return Number({(under, 0): Fraction(outside, inside.denominator)})
