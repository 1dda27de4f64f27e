"""Which trials a sweep proposes, and how they are written as overrides."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1ci.spec.overrides import parse
from r1ci.spec.sweep.models import (
    AnyDimension,
    Choice,
    Grid,
    LogUniform,
    QUniform,
    RandInt,
    Sweep,
    Uniform,
    equal,
)
from r1ci.spec.sweep.trials import Trial, combinations, draw, ends, proposals, settle, written

METRIC = {"name": "rl/reward", "mode": "max"}
Space = Mapping[str, Mapping[str, Any]]


def sweep(space: Space, search: str = "grid", **keys: Any) -> Sweep:
    found = {"kind": search} if isinstance(search, str) else search
    head = {"sweep_version": 1, "name": "s", "spec": "base", "metric": METRIC}
    return Sweep.model_validate({**head, "space": space, "search": found, **keys})


def values(of: Sweep) -> list[Mapping[str, Any]]:
    return [trial.values for trial in proposals(of)]


# ---------------------------------------------------------------- grids


def test_a_grid_is_every_combination_with_the_last_key_fastest() -> None:
    grid = sweep({"a": {"kind": "grid", "values": [1, 2]}, "b": {"kind": "grid", "values": ["x", None]}})
    assert values(grid) == [{"a": 1, "b": "x"}, {"a": 1, "b": None}, {"a": 2, "b": "x"}, {"a": 2, "b": None}]
    assert [trial.number for trial in proposals(grid)] == [0, 1, 2, 3]


def test_a_key_whose_condition_fails_is_left_out_once() -> None:
    grid = sweep(
        {
            "rate": {"kind": "grid", "values": [1, 2], "when": {"by": "muon"}},
            "by": {"kind": "grid", "values": ["adamw", "muon"]},
        }
    )
    assert values(grid) == [{"by": "adamw"}, {"rate": 1, "by": "muon"}, {"rate": 2, "by": "muon"}]


def test_conditions_chain() -> None:
    grid = sweep(
        {
            "a": {"kind": "grid", "values": [True, False]},
            "b": {"kind": "grid", "values": [1, 2], "when": {"a": True}},
            "c": {"kind": "grid", "values": [3, 4], "when": {"b": 2}},
        }
    )
    assert values(grid) == [{"a": True, "b": 1}, {"a": True, "b": 2, "c": 3}, {"a": True, "b": 2, "c": 4}, {"a": False}]


def test_a_condition_on_true_does_not_hold_for_one() -> None:
    grid = sweep(
        {
            "a": {"kind": "grid", "values": [True, 1]},
            "b": {"kind": "grid", "values": [5, 6], "when": {"a": True}},
        }
    )
    assert values(grid) == [{"a": True, "b": 5}, {"a": True, "b": 6}, {"a": 1}]


def test_every_spec_has_every_combination() -> None:
    grid = sweep({"a": {"kind": "grid", "values": [1, 2]}}, spec=None, specs=["x.yaml", "y.yaml"])
    assert [(trial.spec, trial.values["a"]) for trial in proposals(grid)] == [
        ("x.yaml", 1),
        ("x.yaml", 2),
        ("y.yaml", 1),
        ("y.yaml", 2),
    ]


grids = st.dictionaries(
    st.sampled_from(["a", "b.c", "d.0.e", "f"]),
    st.lists(st.integers(0, 9) | st.booleans() | st.text(max_size=2), min_size=1, max_size=4, unique_by=repr),
    min_size=1,
)


@settings(max_examples=40)
@given(grids)
def test_a_grid_is_complete_and_without_duplicates(lists: dict[str, list[Any]]) -> None:
    found = [tuple(map(repr, each.values())) for each in values(sweep({k: _grid(v) for k, v in lists.items()}))]
    expected = [tuple(map(repr, each)) for each in itertools.product(*lists.values())]
    assert found == expected
    assert len(set(found)) == len(found)


def _grid(listed: list[Any]) -> dict[str, Any]:
    return {"kind": "grid", "values": listed}


# ---------------------------------------------------------------- draws


@st.composite
def dimensions(draw_from: st.DrawFn) -> dict[str, Any]:
    """Any dimension that search random takes, without a condition."""
    kind = draw_from(st.sampled_from(["choice", "uniform", "loguniform", "quniform", "randint"]))
    if kind == "choice":
        listed = st.lists(st.integers(0, 9) | st.text(max_size=3), min_size=1, max_size=5, unique_by=repr)
        return {"kind": kind, "values": draw_from(listed)}
    if kind == "randint":
        low, size, step = draw_from(st.tuples(st.integers(-99, 99), st.integers(1, 99), st.integers(1, 7)))
        return {"kind": kind, "low": low, "high": low + size, "step": min(step, size)}
    smallest = 1e-9 if kind == "loguniform" else -1e3
    low, high = sorted(draw_from(st.lists(st.floats(smallest, 1e3), min_size=2, max_size=2, unique=True)))
    if kind == "quniform":
        return {"kind": kind, "low": low, "high": high, "q": (high - low) / draw_from(st.integers(1, 20))}
    return {"kind": kind, "low": low, "high": high}


@st.composite
def spaces(draw_from: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A key that others depend on, keys that do, and keys that do not."""
    space: dict[str, dict[str, Any]] = {"on": {"kind": "choice", "values": ["p", "q"]}}
    for name in draw_from(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True)):
        condition = draw_from(st.sampled_from([{}, {"on": "p"}, {"on": "q"}]))
        space[name] = {**draw_from(dimensions()), "when": condition}
    keys = draw_from(st.permutations(list(space)))
    return {key: space[key] for key in keys}


def is_in(dimension: AnyDimension, value: Any) -> bool:
    if isinstance(dimension, Grid | Choice):
        return any(equal(value, each) for each in dimension.values)
    if isinstance(dimension, RandInt):
        return type(value) is int and value in range(dimension.low, dimension.high + 1, dimension.step)
    if not isinstance(value, float) or not dimension.low <= value <= dimension.high:
        return False
    if isinstance(dimension, QUniform):
        steps = (value - dimension.low) / dimension.q
        return abs(steps - round(steps)) <= 1e-9 * (1 + abs(dimension.low) / dimension.q)
    return True


@settings(max_examples=40)
@given(spaces(), st.integers(0, 99))
def test_draws_lie_inside_their_ranges_and_respect_conditions(space: Space, seed: int) -> None:
    of = sweep(space, {"kind": "random", "seed": seed}, budget={"time_s": 1.0})  # type: ignore[arg-type]
    for trial in itertools.islice(proposals(of), 10):
        for key, dimension in of.space.items():
            applies = all(trial.values.get(on) == wanted for on, wanted in dimension.when.items())
            assert (key in trial.values) == applies
        assert all(is_in(of.space[key], value) for key, value in trial.values.items())
        assert [key for key in of.space if key in trial.values] == list(trial.values)


@settings(max_examples=40)
@given(spaces(), st.integers(0, 99))
def test_the_same_sweep_proposes_the_same_trials(space: Space, seed: int) -> None:
    of = sweep(space, {"kind": "random", "seed": seed}, trials=5)  # type: ignore[arg-type]
    assert list(proposals(of)) == list(proposals(sweep(space, {"kind": "random", "seed": seed}, trials=5)))  # type: ignore[arg-type]


@settings(max_examples=40)
@given(spaces())
def test_no_trial_is_proposed_twice(space: Space) -> None:
    found = [repr(each) for each in itertools.islice(values(sweep(space, "random", trials=30)), 30)]
    assert len(set(found)) == len(found)


def test_more_trials_begin_with_the_same_ones() -> None:
    space = {"a": {"kind": "uniform", "low": 0.0, "high": 1.0}}
    assert values(sweep(space, "random", trials=8))[:3] == values(sweep(space, "random", trials=3))


def test_another_key_leaves_the_draws_of_the_first_as_they_were() -> None:
    space = {"a": {"kind": "uniform", "low": 0.0, "high": 1.0}}
    wider = {"b": {"kind": "randint", "low": 1, "high": 1000}, **space}
    assert [each["a"] for each in values(sweep(wider, "random", trials=9))] == [
        each["a"] for each in values(sweep(space, "random", trials=9))
    ]


def test_known_draws_never_change() -> None:
    """What a published sweep ran must be what it runs today."""
    space = {
        "rl.learning_rate": {"kind": "loguniform", "low": 1e-5, "high": 1e-3},
        "rl.group_size": {"kind": "randint", "low": 4, "high": 16, "step": 4},
        "rl.top_p": {"kind": "quniform", "low": 0.1, "high": 1.0, "q": 0.1},
    }
    assert [trial.overrides for trial in proposals(sweep(space, "random", trials=3))] == KNOWN


KNOWN = [
    ("rl.learning_rate=0.000500783", "rl.group_size=16", "rl.top_p=0.3"),
    ("rl.learning_rate=0.000152052", "rl.group_size=8", "rl.top_p=0.2"),
    ("rl.learning_rate=0.000141815", "rl.group_size=4", "rl.top_p=0.8"),
]


def test_another_seed_gives_other_draws() -> None:
    space = {"a": {"kind": "uniform", "low": 0.0, "high": 1.0}}
    one, two = (values(sweep(space, {"kind": "random", "seed": seed}, trials=9)) for seed in (0, 1))  # type: ignore[arg-type]
    assert not {each["a"] for each in one} & {each["a"] for each in two}


def test_each_draw_meets_every_combination_of_the_grid() -> None:
    of = sweep(
        {"rate": {"kind": "uniform", "low": 0.0, "high": 1.0}, "kl": {"kind": "grid", "values": [0, 1]}},
        "random",
        trials=6,
    )
    found = values(of)
    assert [each["kl"] for each in found] == [0, 1] * 3
    assert [each["rate"] for each in found[::2]] == [each["rate"] for each in found[1::2]]
    assert len({each["rate"] for each in found}) == 3


def test_a_draw_that_a_grid_value_has_no_use_for_is_not_repeated() -> None:
    of = sweep(
        {
            "by": {"kind": "grid", "values": ["adamw", "muon"]},
            "rate": {"kind": "uniform", "low": 0.0, "high": 1.0, "when": {"by": "muon"}},
        },
        "random",
        trials=4,
    )
    assert [each["by"] for each in values(of)] == ["adamw", "muon", "muon", "muon"]


def test_a_small_space_ends_when_it_is_exhausted() -> None:
    of = sweep({"a": {"kind": "choice", "values": [1, 2, 3]}}, "random", budget={"time_s": 1.0})
    assert sorted(each["a"] for each in values(of)) == [1, 2, 3]


def test_a_loguniform_draw_is_uniform_in_the_logarithm() -> None:
    dimension = LogUniform(low=1e-6, high=1e-2)
    for share in (0.0, 0.25, 0.5, 0.75, 0.999):
        assert math.log10(draw(dimension, share)) == pytest.approx(-6 + 4 * share, abs=1e-5)
    of = sweep({"a": {"kind": "loguniform", "low": 1e-6, "high": 1e-2}}, "random", trials=400)
    decades = [math.floor(math.log10(each["a"])) for each in values(of)]
    assert all(70 <= decades.count(decade) <= 130 for decade in (-6, -5, -4, -3))


@given(st.floats(1e-12, 1e6), st.floats(1.0001, 1e6), st.floats(0, 1, exclude_max=True))
def test_a_loguniform_draw_grows_with_its_share(low: float, factor: float, share: float) -> None:
    dimension = LogUniform(low=low, high=low * factor)
    value = draw(dimension, share)
    assert dimension.low <= value <= dimension.high
    assert math.log(value / low) == pytest.approx(share * math.log(factor), abs=2e-5)


@pytest.mark.parametrize(
    ("dimension", "expected"),
    [
        (Choice(values=["a", "b", "c"]), ["a", "b", "c"]),
        (RandInt(low=4, high=8, step=2), [4, 6, 8]),
        (RandInt(low=4, high=9, step=2), [4, 6, 8]),
        (QUniform(low=0.1, high=0.3, q=0.1), [0.1, 0.2, 0.3]),
        (QUniform(low=0.0, high=0.25, q=0.1), [0.0, 0.1, 0.2]),
    ],
    ids=repr,
)
def test_every_value_of_a_list_or_lattice_is_equally_likely(dimension: AnyDimension, expected: list[Any]) -> None:
    drawn = [draw(dimension, (index + 0.5) / 300) for index in range(300)]
    assert [drawn.count(value) for value in expected] == [100, 100, 100]
    assert ends(dimension)[0] == expected[0]
    assert ends(dimension)[-1] == expected[-1]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_settles_inside_the_range_and_stays(low: float, size: float, value: float) -> None:
    for dimension in (Uniform(low=low, high=low + size), QUniform(low=low, high=low + size, q=size / 3)):
        settled = settle(dimension, value)
        assert is_in(dimension, settled)
        assert settle(dimension, settled) == settled


def test_random_shares_of_a_uniform_fill_the_range() -> None:
    of = sweep({"a": {"kind": "uniform", "low": 2.0, "high": 4.0}}, "random", trials=400)
    quarters = [int((each["a"] - 2.0) * 2) for each in values(of)]
    assert all(70 <= quarters.count(quarter) <= 130 for quarter in range(4))


def test_numbers_have_few_digits() -> None:
    generator = random.Random(7)
    drawn = [draw(Uniform(low=0.0, high=1.0), generator.random()) for _ in range(50)]
    assert all(len(repr(value).strip("0.")) <= 6 for value in drawn)


# ---------------------------------------------------------------- overrides

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(plain)
def test_an_override_reads_back_to_the_same_value(value: Any) -> None:
    (override,) = Trial(0, "base", {"rl.x": value}).overrides
    found = parse(override, "command line")
    assert [part for part, _ in found.path] == ["rl", "x"]
    assert repr(found.value.plain()) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-5, "1e-05"),
        (0.0, "0.0"),
        (1, "1"),
        (True, "true"),
        (None, "null"),
        ("muon", "muon"),
        ("true", '"true"'),
        ("1e-5", '"1e-5"'),
        ("a b: c", '"a b: c"'),
        ("", '""'),
        (["rg/gcd", 2], "[rg/gcd, 2]"),
        ({"by": "random", "edges": None}, "{by: random, edges: null}"),
    ],
)
def test_values_are_written_as_people_write_them(value: Any, text: str) -> None:
    assert written(value) == text


def test_combinations_of_a_space_without_grid_keys_are_one() -> None:
    of = sweep({"a": {"kind": "uniform", "low": 0.0, "high": 1.0}}, "random", trials=2)
    assert list(combinations(of.space)) == [{}]
