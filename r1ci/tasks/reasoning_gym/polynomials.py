"""Polynomials: polynomial_equations, polynomial_multiplication, simple_equations, simple_integration."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from r1ci.tasks import answers, polynomial
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

HALVINGS = 60
"""Halvings of the interval that holds a root."""


@dataclass(frozen=True)
class PolynomialEquationsConfig:
    """Parameters of rg/polynomial_equations."""

    min_terms: int = param(2, "fewest terms before like ones are joined", low=1, high=6)
    max_terms: int = param(4, "most terms before like ones are joined", low=1, high=6, at_least="min_terms")
    min_value: int = param(1, "smallest coefficient", low=1, high=10_000)
    max_value: int = param(100, "largest coefficient", low=1, high=10_000, at_least="min_value")
    min_degree: int = param(1, "smallest degree", low=1, high=4)
    max_degree: int = param(3, "largest degree", low=1, high=4, at_least="min_degree")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_degree": 1, "max_terms": 2},
        "medium": {"min_degree": 2, "max_degree": 2, "max_terms": 4},
        "hard": {"min_degree": 3, "max_degree": 4, "min_terms": 3, "max_terms": 5},
    }


@dataclass(frozen=True)
class PolynomialMultiplicationConfig:
    """Parameters of rg/polynomial_multiplication."""

    min_terms: int = param(2, "fewest terms of a factor", low=1, high=8)
    max_terms: int = param(4, "most terms of a factor", low=1, high=8, at_least="min_terms")
    min_value: int = param(1, "smallest coefficient", low=1, high=10**8)
    max_value: int = param(100, "largest coefficient", low=1, high=10**8, at_least="min_value")
    min_degree: int = param(0, "smallest degree of a term", low=0, high=10)
    max_degree: int = param(3, "largest degree of a term", low=1, high=10, at_least="min_degree")
    min_polynomials: int = param(2, "fewest factors", low=2, high=6)
    max_polynomials: int = param(3, "most factors", low=2, high=6, at_least="min_polynomials")
    allow_cross_variable_product: bool = param(False, "whether each factor may have a variable of its own")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_terms": 3, "max_degree": 2, "max_value": 10, "max_polynomials": 2},
        "medium": {"min_terms": 3, "min_polynomials": 2, "max_polynomials": 3},
        "hard": {"min_terms": 4, "max_terms": 8, "max_degree": 4, "min_polynomials": 3, "max_polynomials": 4},
    }


@dataclass(frozen=True)
class SimpleEquationsConfig:
    """Parameters of rg/simple_equations."""

    min_terms: int = param(2, "fewest terms", low=2, high=20)
    max_terms: int = param(4, "most terms", low=2, high=20, at_least="min_terms")
    min_value: int = param(1, "smallest constant", low=1, high=10**8)
    max_value: int = param(100, "largest constant", low=1, high=10**8, more_than="min_value")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_terms": 3, "max_value": 20},
        "medium": {"min_terms": 3, "max_terms": 6},
        "hard": {"min_terms": 5, "max_terms": 12, "min_value": 10, "max_value": 10_000},
    }


@dataclass(frozen=True)
class SimpleIntegrationConfig:
    """Parameters of rg/simple_integration."""

    min_terms: int = param(2, "fewest terms of the antiderivative", low=1, high=10)
    max_terms: int = param(5, "most terms of the antiderivative", low=1, high=10, at_least="min_terms")
    min_degree: int = param(1, "smallest degree of a term", low=1, high=20)
    max_degree: int = param(10, "largest degree of a term", low=1, high=20, at_least="min_degree")
    min_bounds: int = param(1, "smallest numerator of a coefficient", low=1, high=1000)
    max_bounds: int = param(10, "largest numerator of a coefficient", low=1, high=1000, at_least="min_bounds")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_terms": 2, "max_degree": 4},
        "medium": {"min_terms": 3, "max_terms": 4},
        "hard": {"min_terms": 5, "max_terms": 8, "max_degree": 15, "max_bounds": 100},
    }


def coefficients(text: str, variable: str) -> list[Fraction]:
    """Of a polynomial of the package, by falling degree; empty for zero."""
    read = polynomial.read(text, [variable])
    if not read:
        return []
    degree = max(exponent for (exponent,) in read)
    return [read.get((power,), Fraction(0)) for power in range(degree, -1, -1)]


def real_roots(terms: Sequence[Fraction]) -> list[Fraction]:
    """The different real roots of a polynomial that is not zero, each within a millionth, in rising order.

    Divided by what it shares with its derivative, the polynomial changes sign at each root, and between two turning
    points there is at most one.
    """
    terms = _divided(terms, _common(terms, _derived(terms)))
    if len(terms) < 2:
        return []
    bound = 1 + max(abs(term / terms[0]) for term in terms)
    ends = [-bound, *real_roots(_derived(terms)), bound]
    return [
        _root_between(terms, low, high)
        for low, high in itertools.pairwise(ends)
        if (_at(terms, low) > 0) != (_at(terms, high) > 0)
    ]


def _root_between(terms: Sequence[Fraction], low: Fraction, high: Fraction) -> Fraction:
    rising = _at(terms, high) > 0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if (_at(terms, middle) > 0) == rising:
            high = middle
        else:
            low = middle
    return high


def _at(terms: Sequence[Fraction], x: Fraction) -> Fraction:
    value = Fraction(0)
    for term in terms:
        value = value * x + term
    return value


def _derived(terms: Sequence[Fraction]) -> list[Fraction]:
    degree = len(terms) - 1
    return [term * (degree - place) for place, term in enumerate(terms[:-1])]


def _divided(terms: Sequence[Fraction], by: Sequence[Fraction]) -> list[Fraction]:
    return _long_division(terms, by)[0]


def _common(left: Sequence[Fraction], right: Sequence[Fraction]) -> list[Fraction]:
    while right:
        left, right = right, _long_division(left, right)[1]
    return list(left)


def _long_division(terms: Sequence[Fraction], by: Sequence[Fraction]) -> tuple[list[Fraction], list[Fraction]]:
    rest, quotient = list(terms), []
    while len(rest) >= len(by):
        factor = rest[0] / by[0]
        quotient.append(factor)
        rest = [term - factor * (by[place] if place < len(by) else 0) for place, term in enumerate(rest)][1:]
    while rest and rest[0] == 0:
        rest.pop(0)
    return quotient, rest


def _has_real_roots(item: Item) -> bool:
    return bool(real_roots(_equation_terms(item)))


def _equation_terms(item: Item) -> list[Fraction]:
    return coefficients(item["metadata"]["polynomial_expr"], item["metadata"]["variable"])


def _rounded_roots(item: Item) -> str:
    return ", ".join(str(float(round(root, 4))) for root in real_roots(_equation_terms(item)))


def _equation_data(item: Item) -> Mapping[str, Any]:
    return {"coefficients": [int(term) for term in _equation_terms(item)]}


def same_roots(question: Question, answer_text: str) -> bool:
    """All real roots, in any order, each once and within 0.0001: rounded or cut off after four decimals."""
    text = re.sub(rf"{question.data['variable']} ?= ?", "", answers.unwrap(answer_text))
    values, roots = answers.numbers(text), answers.numbers(question.answer)
    if values is None or roots is None or len(values) != len(roots):
        return False
    return all(
        abs(value - root) <= Fraction(1, 10_000) for value, root in zip(sorted(values), sorted(roots), strict=True)
    )


def _roots_program(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"coefficients = {data['coefficients']}",
            "def at(p, x):",
            "    value = 0.0",
            "    for c in p:",
            "        value = value * x + c",
            "    return value",
            "def roots(p):",
            "    if len(p) < 2:",
            "        return []",
            "    slope = [c * (len(p) - 1 - i) for i, c in enumerate(p[:-1])]",
            "    turns = roots(slope)",
            "    bound = 1 + max(abs(c / p[0]) for c in p)",
            "    scale = max(abs(c) for c in p)",
            "    found = [x for x in turns if abs(at(p, x)) < 1e-9 * scale]",
            "    ends = [-bound] + turns + [bound]",
            "    for low, high in zip(ends, ends[1:]):",
            "        if low in found or high in found or at(p, low) * at(p, high) >= 0:",
            "            continue",
            "        rising = at(p, high) > 0",
            "        for _ in range(200):",
            "            middle = (low + high) / 2",
            "            if (at(p, middle) > 0) == rising:",
            "                high = middle",
            "            else:",
            "                low = middle",
            "        found.append(high)",
            "    return sorted(found)",
            'print(", ".join(str(round(x, 4)) for x in roots(coefficients)))',
        )
    )


def _is_to_be_expanded(item: Item) -> bool:
    """Without a factor that is a sum, the package's question shows its answer."""
    return polynomial.read(item["metadata"]["polynomial_expr"], "xyz", expanded=True) is None


def _bare(text: str) -> str:
    """Without wrapping; Markdown's asterisks look like a power, and none stands at the ends of a polynomial."""
    return answers.unwrap(text).removeprefix("**").removesuffix("**")


@functools.lru_cache(maxsize=1024)
def _read_once(text: str, variables: str) -> polynomial.Polynomial | None:
    return polynomial.read(text, variables)


def same_polynomial(question: Question, answer_text: str) -> bool:
    """Equal polynomials, the answer multiplied out; like terms may stand apart."""
    value = polynomial.read(_bare(answer_text), "xyz", expanded=True)
    return value is not None and value == _read_once(question.answer, "xyz")


def _multiplication_program(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            "class Poly(dict):",
            "    def __add__(self, other):",
            "        other = lift(other)",
            "        return Poly({k: self.get(k, 0) + other.get(k, 0) for k in {**self, **other}})",
            "    def __mul__(self, other):",
            "        total = Poly()",
            "        for a, x in self.items():",
            "            for b, y in lift(other).items():",
            "                k = tuple(i + j for i, j in zip(a, b))",
            "                total[k] = total.get(k, 0) + x * y",
            "        return total",
            "    def __neg__(self):",
            "        return self * -1",
            "    def __sub__(self, other):",
            "        return self + -lift(other)",
            "    def __rsub__(self, other):",
            "        return -self + other",
            "    def __pow__(self, n):",
            "        return self * self ** (n - 1) if n else lift(1)",
            "    __radd__, __rmul__ = __add__, __mul__",
            "def lift(value):",
            "    return value if isinstance(value, Poly) else Poly({(0, 0, 0): value})",
            "x, y, z = (Poly({k: 1}) for k in [(1, 0, 0), (0, 1, 0), (0, 0, 1)])",
            f"product = {data['polynomial_expr']}",
            'terms = [f"{c}*x**{i}*y**{j}*z**{k}" for (i, j, k), c in sorted(product.items(), reverse=True) if c]',
            'print(" + ".join(terms) or "0")',
        )
    )


def _solve_equation(data: Mapping[str, Any]) -> str:
    left, right = data["equation"].split(" = ")
    return "\n".join(
        (
            f"def difference({data['variable']}):",
            f"    return ({left}) - ({right})",
            "print(-difference(0) // (difference(1) - difference(0)))",
        )
    )


def _has_integrand(item: Item) -> bool:
    return bool(coefficients(item["metadata"]["integrand"], item["metadata"]["variable"]))


def antiderivative(question: Question, answer_text: str) -> bool:
    """The derivative of the answer is the integrand; any constant C, or none."""
    variable = question.data["variable"]
    text = _bare(answer_text).replace(variable.swapcase(), variable).replace("c", "C")
    value = polynomial.read(text, [variable, "C"])
    if not value:
        return False
    return polynomial.differentiate(value) == _read_once(question.data["integrand"], f"{variable}C")


def _integral_program(data: Mapping[str, Any]) -> str:
    terms = polynomial.read(data["integrand"], [data["variable"]]) or {}
    literal = {exponent: str(coefficient) for (exponent,), coefficient in terms.items()}
    return "\n".join(
        (
            "from fractions import Fraction",
            f"integrand = {literal}",
            f'terms = [f"({{Fraction(c) / (k + 1)}})*{data["variable"]}**{{k + 1}}" for k, c in integrand.items()]',
            'print(" + ".join(terms + ["C"]))',
        )
    )


def _sort_monomials(dataset: Any) -> None:
    """The package takes them from a set, in an order that differs from process to process."""
    unsorted = dataset._get_monomials
    dataset._get_monomials = lambda rng: sorted(unsorted(rng), key=str)


ROWS = {
    "rg/polynomial_equations": Row(
        PolynomialEquationsConfig,
        ("variable",),
        same_roots,
        _roots_program,
        derive=_equation_data,
        answer=_rounded_roots,
        fits=_has_real_roots,
    ),
    "rg/polynomial_multiplication": Row(
        PolynomialMultiplicationConfig,
        ("polynomial_expr",),
        same_polynomial,
        _multiplication_program,
        fits=_is_to_be_expanded,
        prepare=_sort_monomials,
        note="Answer with the product, multiplied out.",
    ),
    "rg/simple_equations": Row(SimpleEquationsConfig, ("equation", "variable"), same_integer, _solve_equation),
    "rg/simple_integration": Row(
        SimpleIntegrationConfig, ("integrand", "variable"), antiderivative, _integral_program, fits=_has_integrand
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
