"""Parameters of generators: what is allowed, and what an error says."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from r1ci.errors import UsageError
from r1ci.tasks.params import parameters
from r1ci.tasks.registry import get_task
from r1ci.tasks.table import TABLE


def test_parameters_change_the_questions() -> None:
    task = get_task("rg/chain_sum", {"min_terms": 2, "max_terms": 2, "max_digits": 1})
    expressions = [task.question(index, 0).data["expression"] for index in range(20)]
    assert {len(expression) for expression in expressions} == {len("1 + 2")}


@pytest.mark.parametrize(
    ("id", "params", "message"),
    [
        (
            "rg/gcd",
            {"max_valu": 9},
            "tasks.params, rg/gcd: unknown parameter 'max_valu'\n"
            "help: did you mean max_value? it takes min_numbers: a whole number from 2 to 20, default 2; "
            "max_numbers: a whole number from 2 to 20, default 2; "
            "min_value: a whole number from 1 to 1000000000000, default 1; "
            "max_value: a whole number from 1 to 1000000000000, default 1000",
        ),
        (
            "rg/gcd",
            {"max_value": "big"},
            "tasks.params, rg/gcd: max_value must be a whole number from 1 to 1000000000000, found 'big'\n"
            "help: largest number; the default is 1000",
        ),
        (
            "rg/gcd",
            {"min_value": 2000},
            "tasks.params, rg/gcd: max_value must be more than min_value, found max_value 1000 and min_value 2000\n"
            "help: set both; max_value is a whole number from 1 to 1000000000000",
        ),
        (
            "rg/chain_sum",
            {"allow_negation": 1},
            "tasks.params, rg/chain_sum: allow_negation must be true or false, found 1\n"
            "help: whether terms may be negative; the default is false",
        ),
    ],
)
def test_a_wrong_parameter_is_explained(id: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        get_task(id, params)
    assert str(caught.value) == message


@pytest.mark.parametrize("value", [True, None, 1.5, float("nan"), [], {}, -1, 10**99, "1"])
@pytest.mark.parametrize("info", TABLE, ids=lambda info: info.id)
def test_a_wrong_type_or_size_never_gets_through(info: Any, value: Any) -> None:
    for parameter in parameters(get_task(info.id)):
        if isinstance(parameter.default, bool) and value is True:
            continue
        if isinstance(parameter.default, float) and value in (1.5, -1):
            continue
        if value == -1 and parameter.allowed.startswith("a whole number from -"):
            continue
        with pytest.raises(UsageError, match=parameter.name):
            get_task(info.id, {parameter.name: value})


@pytest.mark.parametrize("info", TABLE, ids=lambda info: info.id)
def test_limits_work_at_both_ends(info: Any) -> None:
    """The extreme values of every parameter, set together, make good questions, or the task says that they do not."""
    config = type(get_task(info.id).config)  # type: ignore[attr-defined]
    numeric = [field for field in fields(config) if not isinstance(field.default, bool)]
    lows = {field.name: field.metadata["rule"].low for field in numeric}
    for field in numeric:
        if field.metadata["rule"].more_than:
            lows[field.name] += 1
    ends = [lows]
    if info.id not in ("symbench/game24", "rg/count_primes", "bbh/boolean_expressions"):
        ends.append(
            {field.name: field.metadata["rule"].high for field in numeric if not field.name.startswith(("min_", "low"))}
        )
    for params in ends:
        if info.id == "symbench/game24":
            params = {"numbers": 3, "max_number": 2, "target": 3}
        task = get_task(info.id, params)
        try:
            question = task.question(0, 0)
        except UsageError:
            continue
        assert task.check(question, question.answer), (params, question)
        assert not task.check(question, "")


def test_every_parameter_has_help_and_its_default_in_range() -> None:
    for info in TABLE:
        task = get_task(info.id)
        for parameter in parameters(task):
            assert parameter.help
            assert parameter.value == parameter.default
            get_task(info.id, {parameter.name: parameter.default})


def test_parameters_of_a_foreign_task_are_none() -> None:
    assert parameters(object()) == ()
