"""Exact numbers with roots and pi."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.tasks import exact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("7", "7"), ("-3/4", "-3/4"), ("2.50", "5/2"), ("1,234,567", "1234567"), ("10{,}000", "10000"), (".5", "1/2"),
        ("6\\sqrt{2}", "6*sqrt(2)"), ("sqrt(72)", "6*sqrt(2)"), ("\\sqrt2", "sqrt(2)"),
        ("2*math.sqrt(3)", "2*sqrt(3)"),
        ("\\frac{\\sqrt{2}}{3}", "sqrt(2)/3"), ("1/\\sqrt{3}", "sqrt(3)/3"), ("\\dfrac{1}{2}", "1/2"),
        ("\\frac12", "1/2"),
        ("\\frac{9}{2}\\pi", "9*pi/2"), ("9\u03c0/2", "9*pi/2"), ("4.5 * pi", "9*pi/2"),
        ("12\\pi \\text{ cm}^2", "12*pi"), ("12pi square units", "12*pi"),
        ("16 - 4\\pi", "16 - 4*pi"), ("(1 + sqrt(2))^2", "3 + 2*sqrt(2)"), ("1/(1 + sqrt(2))", "-1 + sqrt(2)"),
        ("90^\\circ", "90"), ("\\$45", "45"), ("25\\%", "25"), ("2^{10}", "1024"), ("2**-1", "1/2"), ("3 * -2", "-6"),
        ("\\sqrt{\\frac{3}{4}}", "sqrt(3)/2"), ("pi^2", "pi^(2)"), ("2\\left(3\\right)", "6"), ("sqrt(2)*sqrt(2)", "2"),
        ("0", "0"), ("sqrt(8) - 2sqrt(2)", "0"),
    ],
)  # fmt: skip
def test_reads(text: str, shown: str) -> None:
    value = exact.read(text)
    assert str(value) == shown
    assert exact.read(shown) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "2x", "1/0", "sqrt(-1)", "sqrt(pi)", "1..2", "(1", "1)", "2 3", "sqrt(2)1", "^2", "2^99", "1e5",
        "--" * 100,
        "9^9^9", "9" * 301, "(" * 100 + "1" + ")" * 100, "sqrt(" * 50, "1/(pi + 1)", "__import__('os')",
        "\x00", "\u0661",
        "2^(1/2)", "(9^30)^30", "sqrt(99999999999999999999999)", "*", "sqrt", "\\frac", "\\frac{1}",
    ],
)  # fmt: skip
def test_refuses(text: str) -> None:
    assert exact.read(text) is None


@given(st.text(alphabet="0123456789+-*/^(){}\\ sqrtpifac.,", max_size=60))
def test_never_raises(text: str) -> None:
    value = exact.read(text)
    assert value is None or exact.read(str(value)) == value or len(str(value)) > exact.MAX_LENGTH


@given(st.fractions(max_denominator=99), st.integers(0, 500), st.integers(-2, 2))
def test_agrees_with_floats(factor: Fraction, root: int, power: int) -> None:
    value = exact.read(f"({factor})*sqrt({root})*pi^({power})")
    assert value is not None
    assert math.isclose(float(value), float(factor) * math.sqrt(root) * math.pi**power, abs_tol=1e-12)
