"""Reading answers: what is taken, what is refused, and that nothing raises."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.tasks import answers

READERS = (
    answers.unwrap, answers.integer, answers.hexadecimal, answers.number, answers.boolean, answers.yes_no,
    answers.option, answers.word, answers.tokens, answers.flat, answers.integers, answers.numbers,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42), ("+42", 42), ("-42", -42), ("\u221242", -42), ("1,234,567", 1234567), ("42.", 42), ("42.000", 42),
        ("007", 7), ("(42)", 42), ("[42]", 42), ("((42))", 42), ("$42$", 42), ("$$42$$", 42), ("\\boxed{42}", 42),
        ("`42`", 42), ('"42"', 42), ("'42'", 42), ("**42**", 42), ("<<<42>>>", 42), ("```\n42\n```", 42),
        ("```python\n42```", 42), ("  42\n", 42), ("\\(42\\)", 42), ("9" * 4000, int("9" * 4000)),
    ],
)  # fmt: skip
def test_integer_takes(text: str, value: int) -> None:
    assert answers.integer(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "", "four", "4 2", "42.5", "1,23", "1,2345", "--4", "- 4", "4e2", "0x1f", "42 apples", "4_2", "9" * 4001,
        "\u0664\u0662", "\u00b2", "1\x00", "(42", "42 = 42", "1.0.0", ",123", "inf",
    ],
)  # fmt: skip
def test_integer_refuses(text: str) -> None:
    assert answers.integer(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x1f", 31),
        ("-0x1F", -31),
        ("1f", 31),
        ("31", 31),
        ("0X1f", 31),
        ("[0x1f]", 31),
        ("+0x1f", 31),
        ("1,000", 1000),
    ],
)
def test_hexadecimal_takes(text: str, value: int) -> None:
    assert answers.hexadecimal(text) == value


@pytest.mark.parametrize("text", ["", "0x", "xyz", "0b11", "0x1g", "0x 1", "-", "0x" + "f" * 5000])
def test_hexadecimal_refuses(text: str) -> None:
    assert answers.hexadecimal(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", Fraction(1, 2)), (".5", Fraction(1, 2)), ("1/2", Fraction(1, 2)), ("-3 / 4", Fraction(-3, 4)),
        ("5e-1", Fraction(1, 2)), ("1,000.5", Fraction(2001, 2)), ("(2)", Fraction(2)), ("-0.00", Fraction(0)),
    ],
)  # fmt: skip
def test_number_takes(text: str, value: Fraction) -> None:
    assert answers.number(text) == value


@pytest.mark.parametrize("text", ["", "1/0", "nan", "inf", "1e9999", "1.2.3", "1//2", "e5", "."])
def test_number_refuses(text: str) -> None:
    assert answers.number(text) is None


def test_close_is_exact_unless_given_a_share() -> None:
    assert answers.close(Fraction(1, 3), Fraction(1, 3))
    assert not answers.close(Fraction(333, 1000), Fraction(1, 3))
    assert answers.close(Fraction(333, 1000), Fraction(1, 3), relative=Fraction(1, 100))
    assert not answers.close(None, Fraction(0), relative=Fraction(1))


@pytest.mark.parametrize(
    ("text", "value"), [("True", True), ("false.", False), ("(TRUE)", True), ("yes", None), ("", None)]
)
def test_boolean(text: str, value: bool | None) -> None:
    assert answers.boolean(text) is value


@pytest.mark.parametrize(("text", "value"), [("Yes", True), ("no.", False), ("nope", None), ("invalid", None)])
def test_yes_no(text: str, value: bool | None) -> None:
    assert answers.yes_no(text) is value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("B.", "B"),
        ("(B) the red one", "B"),
        ("B: red", "B"),
        ("Bad", None),
        ("", None),
        ("2", None),
    ],
)
def test_option(text: str, value: str | None) -> None:
    assert answers.option(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("[B]", "B"),
        ("B)", "B"),
        ("(B).", "B"),
        ("Option B", "B"),
        ("(B) a  Cat", "B"),
        ("B: 'a cat'", "B"),
        ("A cat.", "B"),
        ("\\boxed{B}", "B"),
        ("(A) a cat", None),
        ("(B) + 1", None),
        ("(E)", None),
        ("twice", None),
        ("a", "A"),
        ("", None),
        ("B or C", None),
        ("x" * 30_000, None),
        ("\u212a", None),
        ("\u017f", None),
    ],
)
def test_option_of(text: str, value: str | None) -> None:
    assert answers.option_of(text, ["a dog", "a cat", "twice", "twice"]) == value


@pytest.mark.parametrize(
    "text", ["['1', '2.50']", "[1, 2.50]", "(1, 2.5)", "1, 2.5", "1 2.5", "1\n2.5", '["1","2.5"]', "```\n[1, 2.5]\n```"]
)
def test_numbers_of_a_list(text: str) -> None:
    assert answers.numbers(text) == (Fraction(1), Fraction(5, 2))


def test_numbers_refuse_a_list_with_anything_else() -> None:
    assert answers.numbers("[1, two]") is None
    assert answers.numbers("[]") == ()


def test_unwrap_keeps_what_may_belong_to_the_answer() -> None:
    assert answers.unwrap("'a' and 'b'") == "'a' and 'b'"
    assert answers.unwrap("$1$ and $2$") == "$1$ and $2$"
    assert answers.unwrap("(1 + 2) * (3 + 4)") == "(1 + 2) * (3 + 4)"
    assert answers.unwrap("**2**3**") == "**2**3**"
    assert answers.unwrap("x" * (answers.MAX_LENGTH + 1)) == ""


@given(st.text() | st.text(alphabet="0123456789,.-+eE/xX()[]{}<>$*`'\"\\ \n"))
def test_no_reader_raises(text: str) -> None:
    for reader in READERS:
        reader(text)


@given(st.integers())
def test_integer_reads_every_integer(value: int) -> None:
    assert answers.integer(str(value)) == value
    assert answers.integer(f"{value:,}") == value
    assert answers.hexadecimal(hex(value)) == value
    assert answers.number(str(value)) == value


@given(st.integers(min_value=-(10**12), max_value=10**12), st.integers(min_value=0, max_value=8))
def test_number_reads_every_decimal(value: int, decimals: int) -> None:
    exact = Fraction(value, 10**decimals)
    assert (
        answers.number(
            f"{'-' if value < 0 else ''}{abs(value) // 10**decimals}.{abs(value) % 10**decimals:0{decimals}d}"
        )
        == exact
    )


@pytest.mark.parametrize(
    "text", ["1, 2, 3, 4", "[[1, 2], [3, 4]]", "((1 2); (3 4))", "```\n1 2\n3 4\n```", "{1,2}|{3,4}"]
)
def test_flat_reads_rows_one_after_the_other(text: str) -> None:
    assert answers.flat(text) == ("1", "2", "3", "4")


@pytest.mark.parametrize(
    ("text", "values"),
    [("[[1, -2], [3, 4.0]]", (1, -2, 3, 4)), ("(0, 3)", (0, 3)), ("", ()), ("1, x", None), ("1.5", None)],
)
def test_integers_are_all_whole_or_none(text: str, values: tuple[int, ...] | None) -> None:
    assert answers.integers(text) == values
