"""What follows from statements: propositional_logic, self_reference, syllogism."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

MAX_LENGTH = 1000
"""Characters of a formula."""
MAX_DEPTH = 60
AND, OR, NOT, IMPLIES, IFF = "\u2227", "\u2228", "\u00ac", "\u2192", "\u2194"

_SPELLINGS = {
    "<->": IFF, "<=>": IFF, "\\leftrightarrow": IFF, "\\iff": IFF, "->": IMPLIES, "=>": IMPLIES,
    "\\rightarrow": IMPLIES, "\\implies": IMPLIES, "\\to": IMPLIES, "\\land": AND, "\\wedge": AND, "&&": AND, "&": AND,
    "\\lor": OR, "\\vee": OR, "||": OR, "|": OR, "\\lnot": NOT, "\\neg": NOT, "~": NOT, "!": NOT,
    "[": "(", "]": ")",
}  # fmt: skip
_WORDS = {"and": AND, "or": OR, "not": NOT, "implies": IMPLIES, "iff": IFF}
_WORD = re.compile(r"\b(and|or|not|implies|iff)\b", re.IGNORECASE)
_PYTHON = {AND: "({} and {})", OR: "({} or {})", IMPLIES: "(not {} or {})", IFF: "({} == {})"}
_STATEMENT = re.compile(r"(All|No|Some) (\S+) are (not )?(\S+)")
_COUNTS = re.compile(r"(?:At least|At most|Exactly) ([0-9])")

Formula = tuple[Any, ...]
"""A name alone, a sign with one formula, or a sign with two."""


@dataclass(frozen=True)
class PropositionalLogicConfig:
    """Parameters of rg/propositional_logic."""

    min_vars: int = param(2, "fewest variables", low=2, high=8)
    max_vars: int = param(4, "most variables", low=2, high=8, at_least="min_vars")
    min_statements: int = param(2, "fewest premises", low=1, high=10)
    max_statements: int = param(4, "most premises", low=1, high=10, at_least="min_statements")
    min_complexity: int = param(1, "least depth of a premise", low=1, high=5)
    max_complexity: int = param(3, "greatest depth of a premise", low=2, high=5, at_least="min_complexity")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_vars": 3, "max_statements": 3, "max_complexity": 2},
        "medium": {"min_vars": 3, "max_vars": 5, "min_complexity": 2},
        "hard": {"min_vars": 4, "max_vars": 8, "min_statements": 4, "max_statements": 6, "min_complexity": 2},
    }


@dataclass(frozen=True)
class SelfReferenceConfig:
    """Parameters of rg/self_reference. The package takes a difficulty and makes no use of it."""


@dataclass(frozen=True)
class SyllogismConfig:
    """Parameters of rg/syllogism."""

    allow_all: bool = param(True, "whether statements may begin with All")
    allow_no: bool = param(True, "whether statements may begin with No")
    allow_some: bool = param(True, "whether statements may begin with Some")
    allow_some_not: bool = param(True, "whether statements may be of the kind Some ... are not")
    invalid_ratio: float = param(0.3, "share of the conclusions that are meant not to follow", low=0, high=1)
    inversion_probability: float = param(0.3, "share of the conclusions from one premise alone", low=0, high=1)
    LEVELS: ClassVar[Levels] = {
        "easy": {"allow_some": False, "allow_some_not": False},
        "medium": {"allow_some_not": False},
        "hard": {"inversion_probability": 0.0, "invalid_ratio": 0.5},
    }


class _Refused(Exception):
    """The text is no formula."""


def read_formula(text: str) -> Formula | None:
    """A formula with the five signs, their usual spellings or words; None for anything else.

    Not binds strongest, then and, or, implies, iff; a chain of implies needs parentheses.
    """
    if len(text) > MAX_LENGTH:
        return None
    for spelling, sign in _SPELLINGS.items():
        text = text.replace(spelling, sign)
    text = _WORD.sub(lambda match: _WORDS[match[0].lower()], text)
    tokens = list(reversed("".join(text.split())))
    try:
        formula = _iff(tokens, MAX_DEPTH)
    except _Refused:
        return None
    return None if tokens else formula


def _iff(tokens: list[str], depth: int) -> Formula:
    formula = _implies(tokens, depth)
    while tokens and tokens[-1] == IFF:
        tokens.pop()
        formula = (IFF, formula, _implies(tokens, depth))
    return formula


def _implies(tokens: list[str], depth: int) -> Formula:
    formula = _chain(tokens, depth, OR)
    if tokens and tokens[-1] == IMPLIES:
        tokens.pop()
        formula = (IMPLIES, formula, _chain(tokens, depth, OR))
    return formula


def _chain(tokens: list[str], depth: int, sign: str) -> Formula:
    part = _unary if sign == AND else functools.partial(_chain, sign=AND)
    formula = part(tokens, depth)
    while tokens and tokens[-1] == sign:
        tokens.pop()
        formula = (sign, formula, part(tokens, depth))
    return formula


def _unary(tokens: list[str], depth: int) -> Formula:
    token = tokens.pop() if tokens and depth else ""
    if token == NOT:
        return (NOT, _unary(tokens, depth - 1))
    if token == "(":
        formula = _iff(tokens, depth - 1)
        if not tokens or tokens.pop() != ")":
            raise _Refused
        return formula
    if len(token) == 1 and "A" <= token <= "Z":
        return (token,)
    raise _Refused


def truth(formula: Formula, rows: Mapping[str, int], full: int) -> int:
    """The rows of the truth table that make a formula true, as bits; KeyError for a variable that is not in it."""
    match formula:
        case (name,):
            return rows[name]
        case (_, inner):
            return full & ~truth(inner, rows, full)
        case (sign, left, right):
            a, b = truth(left, rows, full), truth(right, rows, full)
            return {AND: a & b, OR: a | b, IMPLIES: full & ~a | b, IFF: full & ~(a ^ b)}[sign]
    raise ValueError(formula)


@functools.lru_cache(maxsize=1024)
def _table(premises: tuple[str, ...], names: tuple[str, ...]) -> tuple[dict[str, int], int, tuple[int, ...]]:
    count = 2 ** len(names)
    rows = {name: sum(1 << row for row in range(count) if row >> place & 1) for place, name in enumerate(names)}
    full = (1 << count) - 1
    formulas = [read_formula(premise) for premise in premises]
    return rows, full, tuple(truth(formula, rows, full) for formula in formulas if formula is not None)


def _all(truths: Sequence[int], full: int) -> int:
    return functools.reduce(lambda both, one: both & one, truths, full)


def _follows(data: Mapping[str, Any], text: str) -> bool:
    rows, full, premises = _table(tuple(data["premises"]), tuple(data["variables"]))
    formula = read_formula(text)
    if formula is None:
        return False
    try:
        conclusion = truth(formula, rows, full)
    except KeyError:
        return False
    return conclusion != full and conclusion not in premises and not _all(premises, full) & ~conclusion


def is_conclusion(question: Question, answer_text: str) -> bool:
    """True wherever all premises are, not equivalent to one of them, and not true everywhere."""
    return _follows(question.data, answers.unwrap(answer_text))


def _has_conclusion(item: Item) -> bool:
    data = item["metadata"]
    _, full, premises = _table(tuple(data["premises"]), tuple(data["variables"]))
    return _all(premises, full) != 0 and _follows(data, data["example_answer"])


def _example(item: Item) -> str:
    return str(item["metadata"]["example_answer"])


def _python(formula: Formula | None) -> str:
    match formula:
        case (name,):
            return str(name)
        case (_, inner):
            return f"(not {_python(inner)})"
        case (sign, left, right):
            return _PYTHON[sign].format(_python(left), _python(right))
    raise ValueError(formula)


def _conclude(data: Mapping[str, Any]) -> str:
    names = data["variables"]
    premises = [f"    lambda {', '.join(names)}: {_python(read_formula(text))}," for text in data["premises"]]
    return "\n".join(
        (
            "from itertools import combinations, product",
            f"names = {names}",
            "premises = [",
            *premises,
            "]",
            "rows = list(product([True, False], repeat=len(names)))",
            "given = [[bool(premise(*row)) for row in rows] for premise in premises]",
            "possible = [all(values) for values in zip(*given)]",
            "found = [(name, [row[i] for row in rows]) for i, name in enumerate(names)]",
            f'found += [("{NOT}" + name, [not value for value in column]) for name, column in found]',
            "for (a, x), (b, y) in combinations(found[:], 2):",
            f'    found.append((f"({{a}} {OR} {{b}})", [p or q for p, q in zip(x, y)]))',
            f'    found.append((f"({{a}} {AND} {{b}})", [p and q for p, q in zip(x, y)]))',
            f'    found.append((f"({{a}} {IFF} {{b}})", [p == q for p, q in zip(x, y)]))',
            "for text, column in found:",
            "    follows = all(value for value, row in zip(column, possible) if row)",
            "    if follows and not all(column) and column not in given:",
            "        print(text)",
            "        break",
        )
    )


def _counts(item: Item) -> Mapping[str, Any]:
    return {"counts": [int(count) for count in _COUNTS.findall(item["question"])]}


def _count_solutions(data: Mapping[str, Any]) -> str:
    at_least, at_most, true, false = data["counts"]
    return "\n".join(
        (
            "from itertools import product",
            "count = 0",
            "for s in product([True, False], repeat=7):",
            "    t, f = s.count(True), s.count(False)",
            f"    claims = (t >= {at_least}, f <= {at_most}, t == {true}, f == {false}, s[2] != s[3])",
            "    count += s == claims + (t in (2, 3, 5, 7), f in (4, 6))",
            "print(count)",
        )
    )


def follows(premises: Sequence[str], conclusion: str) -> bool:
    """Whether a statement of the kind All, No, Some ... are, Some ... are not holds in every world in which the
    premises do and each group has a member."""
    names = sorted({name for text in premises for name in _terms(text)})
    kinds = list(itertools.product((False, True), repeat=len(names)))
    for size in range(1, 2 ** len(kinds)):
        world = [dict(zip(names, kind, strict=True)) for place, kind in enumerate(kinds) if size >> place & 1]
        if not all(any(member[name] for member in world) for name in names):
            continue
        if all(_holds(text, world) for text in premises) and not _holds(conclusion, world):
            return False
    return True


def _terms(text: str) -> tuple[str, str]:
    match = _STATEMENT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return match[2], match[4]


def _holds(text: str, world: Sequence[Mapping[str, bool]]) -> bool:
    subject, predicate = _terms(text)
    members = [member[predicate] for member in world if member[subject]]
    if text.startswith("All"):
        return all(members)
    if text.startswith("No"):
        return not any(members)
    return not all(members) if " are not " in text else any(members)


def _syllogism(item: Item) -> str:
    data = item["metadata"]
    return "Yes" if follows((data["premise1"], data["premise2"]), data["conclusion"]) else "No"


def same_verdict(question: Question, answer_text: str) -> bool:
    """Yes or No, in any case."""
    value = answers.yes_no(answer_text)
    return value is not None and value == (question.answer == "Yes")


def _test_worlds(data: Mapping[str, Any]) -> str:
    parsed = [
        ("Some not" if " are not " in text else text.split()[0], *_terms(text))
        for text in (data["premise1"], data["premise2"], data["conclusion"])
    ]
    return "\n".join(
        (
            "from itertools import combinations, product",
            f"statements = {parsed}",
            "names = sorted({name for _, s, p in statements for name in (s, p)})",
            "kinds = [dict(zip(names, values)) for values in product([True, False], repeat=len(names))]",
            "worlds = [w for n in range(1, len(kinds) + 1) for w in combinations(kinds, n)]",
            "def holds(statement, world):",
            "    kind, subject, predicate = statement",
            "    found = [member[predicate] for member in world if member[subject]]",
            '    values = {"All": all(found), "No": not any(found), "Some": any(found), "Some not": not all(found)}',
            "    return values[kind]",
            "worlds = [w for w in worlds if all(any(m[n] for m in w) for n in names)]",
            "worlds = [w for w in worlds if holds(statements[0], w) and holds(statements[1], w)]",
            'print("Yes" if all(holds(statements[2], w) for w in worlds) else "No")',
        )
    )


ROWS = {
    "rg/propositional_logic": Row(
        PropositionalLogicConfig,
        ("premises", "variables"),
        is_conclusion,
        _conclude,
        answer=_example,
        fits=_has_conclusion,
        note="The conclusion must not say the same as one of the statements, and must not be true regardless of them.",
    ),
    "rg/self_reference": Row(SelfReferenceConfig, (), same_integer, _count_solutions, derive=_counts),
    "rg/syllogism": Row(
        SyllogismConfig,
        ("premise1", "premise2", "conclusion"),
        same_verdict,
        _test_worlds,
        answer=_syllogism,
        note="Each group named here has at least one member. Answer with Yes or No.",
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
