"""Reading polynomials from a model's text."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import numpy
import pytest
import sympy

from r1ci.tasks import polynomial
from r1ci.tasks.reasoning_gym.polynomials import real_roots


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("3*x**2 - x + 1/2", {2: 3, 1: -1, 0: Fraction(1, 2)}),
        ("3x^2 - x + 0.5", {2: 3, 1: -1, 0: Fraction(1, 2)}),
        ("(x + 1)(x - 1)", {2: 1, 0: -1}),
        ("-(x)**3/4", {3: Fraction(-1, 4)}),
        ("5 \u00d7 x \u2212 [2]", {1: 5, 0: -2}),
        ("x - x", {}),
        (" + ".join(["x"] * 500), {1: 500}),
    ],
)
def test_reads(text: str, terms: dict[int, Fraction | int]) -> None:
    expected: polynomial.Polynomial = {(power,): Fraction(value) for power, value in terms.items()}
    assert polynomial.read(text, "x") == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "y", "x y", "x2", "1/x", "x**-1", "x**0.5", "x**x", "2**x", "x/0", "sin(x)", "x()", "x = 1",
        "x if x else 1", "(x+1)**999", "9**9**9", "((x+1)**60)**60", "(x+y+1)**100", "'x'", "x; x", "[x, x]",
        "lambda: x", "x.real", "x**" * 1000 + "x", "x**-" * 1000 + "x", "x*" * 1999 + "x", "-+" * 1000, "-(" * 1000,
        "x," * 1000, "-" * 3000 + "x", "(" * 3000 + "x" + ")" * 3000, "9" * 5000, "1e9", "+".join(["(x+1)**64"] * 300),
    ],
)  # fmt: skip
def test_refuses_at_once(text: str) -> None:
    start = time.perf_counter()
    assert polynomial.read(text, "xy" if "y" in text and len(text) > 3 else "x") is None
    assert time.perf_counter() - start < 0.1


@pytest.mark.parametrize(
    ("text", "right"),
    [("x**2 + x + x", True), ("x*(x + 2)", False), ("2*(x + 1)", False), ("-(x + 1)", True), ("x*x + 2*x", True)],
)
def test_expanded_means_multiplied_out(text: str, right: bool) -> None:
    assert (polynomial.read(text, "x", expanded=True) is not None) is right


def test_agrees_with_sympy() -> None:
    rng = random.Random(1)
    x, y = sympy.symbols("x y")
    for _ in range(50):
        factors = [
            " + ".join(f"{rng.randint(-9, 9)}*x**{rng.randint(0, 3)}*y**{rng.randint(0, 2)}" for _ in range(3))
            for _ in range(rng.randint(1, 3))
        ]
        text = "*".join(f"({factor})" for factor in factors)
        expected = sympy.Poly(sympy.sympify(text), x, y).terms()
        found = polynomial.read(text, "xy")
        assert found == {powers: Fraction(int(value)) for powers, value in expected if value}
        for place, variable in enumerate((x, y)):
            slope = sympy.Poly(sympy.diff(sympy.sympify(text), variable), x, y).terms()
            assert polynomial.differentiate(found, place) == {
                powers: Fraction(int(value)) for powers, value in slope if value
            }


def test_real_roots_are_those_of_numpy() -> None:
    rng = random.Random(2)
    for _ in range(200):
        terms = [rng.choice([-3, -2, -1, 1, 2, 3]), *(rng.randint(-20, 20) for _ in range(rng.randint(1, 4)))]
        found = real_roots([Fraction(term) for term in terms])
        others = numpy.roots(terms)
        real = sorted({round(root.real, 4) for root in others if abs(root.imag) < 1e-9})
        if len(real) == len([root for root in others if abs(root.imag) < 1e-3]):
            assert [round(float(root), 3) for root in found] == pytest.approx(real, abs=2e-3)


@pytest.mark.parametrize(
    ("terms", "roots"),
    [((1, -2, 1), [1]), ((1, 0, 0), [0]), ((1, 0, 1), []), ((1, -6, 11, -6), [1, 2, 3]), ((1, -4, 5, -2), [1, 2])],
)
def test_real_roots_are_found_once_each(terms: tuple[int, ...], roots: list[int]) -> None:
    assert [round(float(root), 6) for root in real_roots([Fraction(term) for term in terms])] == roots
