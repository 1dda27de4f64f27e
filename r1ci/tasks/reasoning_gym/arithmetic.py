"""Arithmetic on whole, decimal and complex numbers: basic, decimal and complex_arithmetic, decimal_chain_sum."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers, arithmetic
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

_NUMBER = r"(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})"
_COMPLEX = re.compile(rf"([+-]?{_NUMBER})?(?:([+-]?)({_NUMBER})?\*?[ij])?")
_LONGEST_COMPLEX = 200
_UNITS_OFF = 10
"""Units in the last of the asked digits that a decimal answer may be off: those who round every step are."""


@dataclass(frozen=True)
class BasicArithmeticConfig:
    """Parameters of rg/basic_arithmetic."""

    min_terms: int = param(2, "fewest terms", low=2, high=12)
    max_terms: int = param(6, "most terms", low=2, high=12, at_least="min_terms")
    min_digits: int = param(1, "fewest digits of a term", low=1, high=6)
    max_digits: int = param(4, "most digits of a term", low=1, high=6, at_least="min_digits")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_terms": 3, "max_digits": 2},
        "medium": {},
        "hard": {"min_terms": 5, "max_terms": 10, "min_digits": 2, "max_digits": 5},
    }


@dataclass(frozen=True)
class DecimalArithmeticConfig:
    """Parameters of rg/decimal_arithmetic."""

    min_num_decimal_places: int = param(3, "fewest decimals of a term", low=1, high=10)
    max_num_decimal_places: int = param(3, "most decimals of a term", low=1, high=10, at_least="min_num_decimal_places")
    min_terms: int = param(2, "fewest terms", low=2, high=20)
    max_terms: int = param(6, "most terms", low=2, high=20, at_least="min_terms")
    precision: int = param(12, "significant digits of the answer", low=6, high=28)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_num_decimal_places": 2, "max_num_decimal_places": 2, "max_terms": 3},
        "medium": {},
        "hard": {"min_num_decimal_places": 5, "max_num_decimal_places": 8, "min_terms": 5, "max_terms": 10},
    }


@dataclass(frozen=True)
class DecimalChainSumConfig:
    """Parameters of rg/decimal_chain_sum."""

    min_terms: int = param(2, "fewest terms", low=2, high=50)
    max_terms: int = param(6, "most terms", low=2, high=50, at_least="min_terms")
    min_digits: int = param(1, "fewest digits before the point", low=1, high=10)
    max_digits: int = param(4, "most digits before the point", low=1, high=10, at_least="min_digits")
    min_decimal_places: int = param(1, "fewest decimals", low=1, high=8)
    max_decimal_places: int = param(4, "most decimals", low=1, high=8, at_least="min_decimal_places")
    allow_negation: bool = param(False, "whether terms may be negative")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_terms": 3, "max_digits": 2, "max_decimal_places": 2},
        "medium": {},
        "hard": {"min_terms": 5, "max_terms": 10, "min_digits": 4, "max_digits": 8, "max_decimal_places": 6},
    }


@dataclass(frozen=True)
class ComplexArithmeticConfig:
    """Parameters of rg/complex_arithmetic."""

    min_real: int = param(-10, "smallest real part", low=-1_000_000, high=1_000_000)
    max_real: int = param(10, "largest real part", low=-1_000_000, high=1_000_000, more_than="min_real")
    min_imag: int = param(-10, "smallest imaginary part", low=-1_000_000, high=1_000_000)
    max_imag: int = param(10, "largest imaginary part", low=-1_000_000, high=1_000_000, more_than="min_imag")
    LEVELS: ClassVar[Levels] = {
        "easy": {},
        "medium": {"min_real": -100, "max_real": 100, "min_imag": -100, "max_imag": 100},
        "hard": {"min_real": -10_000, "max_real": 10_000, "min_imag": -10_000, "max_imag": 10_000},
    }


def same_number(question: Question, answer_text: str) -> bool:
    """Exactly equal numbers."""
    return answers.close(answers.number(answer_text), answers.number(question.answer) or Fraction(0))


def nearly_same_number(question: Question, answer_text: str) -> bool:
    """Equal to the exact value but for what rounding every step can do to the last of the asked digits."""
    exact = Fraction(question.data["numerator"], question.data["denominator"])
    share = Fraction(_UNITS_OFF, 10 ** (question.data["precision"] - 1))
    return answers.close(answers.number(answer_text), exact, relative=share)


def same_complex(question: Question, answer_text: str) -> bool:
    """Equal complex numbers: 3 + 4i, 3.0+4.0i, 3+4j, 4i, 3."""
    return complex_number(answer_text) == tuple(Fraction(part) for part in question.data["result"])


def complex_number(text: str) -> tuple[Fraction, Fraction] | None:
    """Real and imaginary part of a number written with i or j, the real part first."""
    text = "".join(answers.word(text).lower().split())
    text = text.replace("\u2212", "-").replace("+-", "-").replace("--", "+")
    match = _COMPLEX.fullmatch(text) if 0 < len(text) <= _LONGEST_COMPLEX else None
    if match is None:
        return None
    real, sign, imaginary = match.groups()
    if not text.endswith(("i", "j")):
        return Fraction(real), Fraction(0)
    if not sign and real is not None and imaginary is None:
        return Fraction(0), Fraction(real)
    if not sign and real is not None:
        return None
    return Fraction(real or 0), Fraction(imaginary or 1) * (-1 if sign == "-" else 1)


def _divides_evenly(item: Item) -> bool:
    """The package's whole-number division has no remainder, so that / means what it says."""
    result = arithmetic.evaluate(item["metadata"]["expression"])
    return result is not None and result.value == Fraction(item["answer"])


def _basic_arithmetic(data: Mapping[str, Any]) -> str:
    expression = re.sub(r"([0-9]+)", r"F(\1)", data["expression"])
    return f"from fractions import Fraction as F\nprint({expression})"


def _decimal_chain_sum(data: Mapping[str, Any]) -> str:
    expression = re.sub(r"([0-9.]+)", r'D("\1")', data["expression"])
    return f"from decimal import Decimal as D\nprint({expression})"


def _decimal_data(item: Item) -> Mapping[str, Any]:
    """The exact value: the package rounds every step, and half to even where its question says half up."""
    head, _, tail = item["question"].partition("\n")
    expression = tail.partition("=")[0].strip()
    fractions = re.sub(r"([0-9]+)\.([0-9]+)", lambda m: f"({m[1]}{m[2]}/1{'0' * len(m[2])})", expression)
    fractions = re.sub(r"\b0+(?=[0-9])", "", fractions)
    result = arithmetic.evaluate(fractions)
    if result is None:
        raise ValueError(f"cannot evaluate {expression}")
    precision = int(re.findall(r"[0-9]+", head)[0])
    value = result.value
    return {
        "expression": expression, "numerator": value.numerator, "denominator": value.denominator,
        "precision": precision,
    }  # fmt: skip


def _decimal_answer(item: Item) -> str:
    data = _decimal_data(item)
    wide = Context(prec=data["precision"] + 60)
    value = wide.divide(Decimal(data["numerator"]), Decimal(data["denominator"]))
    rounded = Context(prec=data["precision"], rounding=ROUND_HALF_UP).plus(value)
    return format(rounded.normalize(), "f")


def _decimal_fits(item: Item) -> bool:
    try:
        return Fraction(_decimal_answer(item)) != 0
    except ValueError:
        return False


def _decimal_arithmetic(data: Mapping[str, Any]) -> str:
    expression = re.sub(r"([0-9.]+)", r'F("\1")', data["expression"])
    return "\n".join(
        (
            "from decimal import Decimal, getcontext, ROUND_HALF_UP",
            "from fractions import Fraction as F",
            f"x = {expression}",
            f"getcontext().prec = {data['precision']}",
            "getcontext().rounding = ROUND_HALF_UP",
            'print(format((Decimal(x.numerator) / Decimal(x.denominator)).normalize(), "f"))',
        )
    )


def _complex_data(item: Item) -> Mapping[str, Any]:
    return {name: [int(part) for part in item["metadata"][name]] for name in ("num1", "num2", "result")}


def _complex_arithmetic(data: Mapping[str, Any]) -> str:
    (a, b), (c, d) = data["num1"], data["num2"]
    head = f"a, b, c, d = {a}, {b}, {c}, {d}"
    match data["operation"]:
        case "+" | "-":
            value = f"real, imag = a {data['operation']} c, b {data['operation']} d"
        case "*":
            value = "real, imag = a * c - b * d, a * d + b * c"
        case _:
            value = "n = c * c + d * d\nreal, imag = (a * c + b * d) // n, (b * c - a * d) // n"
    return f'{head}\n{value}\nprint(f"{{real}} {{imag:+d}}i")'


ROWS = {
    "rg/basic_arithmetic": Row(
        BasicArithmeticConfig, ("expression",), same_integer, _basic_arithmetic, fits=_divides_evenly
    ),
    "rg/decimal_arithmetic": Row(
        DecimalArithmeticConfig, (), nearly_same_number, _decimal_arithmetic,
        derive=_decimal_data, answer=_decimal_answer, fits=_decimal_fits,
    ),
    "rg/decimal_chain_sum": Row(DecimalChainSumConfig, ("expression",), same_number, _decimal_chain_sum),
    "rg/complex_arithmetic": Row(
        ComplexArithmeticConfig, ("operation",), same_complex, _complex_arithmetic, derive=_complex_data
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
