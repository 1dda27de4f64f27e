"""Bounded exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.tasks import arithmetic


@pytest.mark.parametrize(
    ("text", "value", "integers"),
    [
        ("1 + 2 * 3", 7, (1, 2, 3)),
        ("8 / (3 - 8 / 3)", 24, (8, 3, 8, 3)),
        ("-(2 - 26)", 24, (2, 26)),
        ("2 \u00d7 3 \u00f7 4", Fraction(3, 2), (2, 3, 4)),
        ("2 \\times [3 \u2212 1]", 4, (2, 3, 1)),
        ("\n1\n+ 1 ", 2, (1, 1)),
    ],
)
def test_exact_value_and_integers(text: str, value: Fraction, integers: tuple[int, ...]) -> None:
    assert arithmetic.evaluate(text) == arithmetic.Result(Fraction(value), integers)


@pytest.mark.parametrize(
    "text",
    [
        "", "1 +", "1 / 0", "1 // 2", "1 % 2", "2 ** 3", "1.5", "x", "abs(1)", "1 if 1 else 2", "(1, 2)", "1, 2",
        "1 < 2", "01", "1_000", "0x10", "__import__('os')", "2(3)", "1 = 1", "1\x00", "\u0661", "(" * 199 + "1",
        "-" * 399 + "1", "+".join("1" * 200), "1" * 1001, "*".join(["9" * 90] * 4) + "*" + "9" * 36 + "\u00d7" * 9,
    ],
)  # fmt: skip
def test_everything_else_is_none(text: str) -> None:
    assert arithmetic.evaluate(text) is None


def test_powers_only_when_asked_and_bounded() -> None:
    assert arithmetic.evaluate("2 ** 3") is None
    assert arithmetic.evaluate("2 ** 3", power=True) == arithmetic.Result(Fraction(8), (2, 3))
    assert arithmetic.evaluate("2 ** -1", power=True) == arithmetic.Result(Fraction(1, 2), (2, 1))
    for text in ("9**9**9**9", "2 ** 65", "2 ** (1 / 2)", "0 ** -1", "(9 ** 64) ** 64"):
        assert arithmetic.evaluate(text, power=True) is None


@given(st.text(alphabet="0123456789+-*/() []=.e\u00d7\n", max_size=60))
def test_never_raises(text: str) -> None:
    result = arithmetic.evaluate(text)
    if result is not None:
        assert isinstance(result.value, Fraction)


@given(
    st.recursive(
        st.integers(0, 99).map(str), lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner)
    )
)
def test_agrees_with_python(text: str) -> None:
    result = arithmetic.evaluate(text)
    assert result is None or result.value == eval(text)
    assert result is not None or len(text) > arithmetic.MAX_LENGTH
