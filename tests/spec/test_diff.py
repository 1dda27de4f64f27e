"""What differs between two resolved specs."""

from __future__ import annotations

from collections.abc import Callable

from r1ci.spec.diff import ABSENT, diff
from r1ci.spec.load import Resolved

Load = Callable[..., Resolved]


def test_equal_specs_do_not_differ(load_text: Load) -> None:
    assert diff(load_text().data, load_text().data) == []


def test_only_differing_keys_are_listed_with_both_values(load_text: Load) -> None:
    a = load_text().data
    b = load_text("", ["rl.group_size=4", "seeds=[0, 1]", "sft=null", "rewards.2.turns=3"]).data
    found = {key: (left, right) for key, left, right in diff(a, b)}
    assert found["rl.group_size"] == (5, 4)
    assert found["seeds"] == ([0], [0, 1])
    assert found["rewards.2.turns"] == (6, 3)
    assert found["sft"] == (ABSENT, None)
    assert found["sft.epochs"] == (3, ABSENT)
    assert repr(ABSENT) == "(absent)"


def test_a_number_is_not_a_yes() -> None:
    assert diff({"a": 1, "b": 1.0, "c": []}, {"a": True, "b": 1.0, "c": {}}) == [("a", 1, True), ("c", [], {})]
