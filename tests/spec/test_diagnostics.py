"""How diagnostics are ordered, cut and carried."""

from __future__ import annotations

import pickle
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from r1ci.errors import UsageError
from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError, render, to_json

Refuse = Callable[..., tuple[Diagnostic, ...]]


def problem(line: int, text: str = "a: 1", column: int = 1, width: int = 1) -> Diagnostic:
    return Diagnostic("rule", f"problem {line}", Origin("a.yaml", line, column, width, text))


def test_at_most_twenty_are_shown_and_all_are_counted() -> None:
    text = render([problem(line) for line in range(1, 31)])
    assert text.count("error: ") == 20
    assert text.endswith("30 errors; the first 20 are shown")


def test_they_are_sorted_and_not_repeated() -> None:
    found = SpecError([problem(30), problem(4), problem(4)]).diagnostics
    assert [each.where.line for each in found] == [4, 30]


def test_the_error_survives_pickling() -> None:
    error = SpecError([problem(3)])
    again = pickle.loads(pickle.dumps(error))
    assert (again.diagnostics, str(again), again.exit_code) == (error.diagnostics, str(error), 2)
    assert isinstance(error, UsageError)


def test_errors_and_warnings_are_counted_apart() -> None:
    warning = Diagnostic("rule", "hm", Origin("a.yaml", 1, 1), "warning")
    assert render([problem(2), warning]).endswith("1 error, 1 warning")
    assert {key: to_json([warning])[key] for key in ("errors", "warnings")} == {"errors": 0, "warnings": 1}
    assert render([]) == "no errors"


@given(st.text(max_size=300), st.integers(1, 320), st.integers(1, 400))
def test_any_line_and_place_can_be_shown(text: str, column: int, width: int) -> None:
    shown = render([problem(1, text, column, width)])
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert max(map(len, shown.splitlines())) < 340


def test_many_errors_of_a_spec_are_found_at_once(refuse: Refuse) -> None:
    lines = [f"key_{number}: 1" for number in range(25)]
    assert len(refuse("\n".join(lines))) == 25
