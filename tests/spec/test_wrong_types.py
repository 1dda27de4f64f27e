"""A wrong type in any field of the language is one clear diagnostic at that field, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from r1ci.spec.diagnostics import Diagnostic
from r1ci.spec.shape import Key, Leaf, ListOf, dotted_keys, literals, shape_of

Refuse = Callable[..., tuple[Diagnostic, ...]]

FILLER: dict[str, dict[str, Any]] = {
    "gguf": {"name": "n", "package": "p==1", "member": "m", "sha256": "s", "parameters": 1},
    "hub": {"name": "n", "path": "a/b"},
    "http": {"url": "http://x"},
    "openai": {"model": "m"},
    "plugin": {"name": "x"},
    "file": {"path": "x.jsonl"},
    "beta": {"a": 1.0, "b": 1.0},
    "scripted": {"replies": ["x"]},
}
"""What a kind needs besides the key under test."""

TEXT, LIST, MAPPING = "surely wrong", [[1]], {"surely": "wrong"}


def wrong_values(key: Key) -> Iterator[Any]:
    """Values of every type that the key does not take."""
    shape = shape_of(key.field.annotation)
    nullable = type(None) in getattr(key.field.annotation, "__args__", ())
    if not nullable:
        yield None
    if isinstance(shape, ListOf):
        yield from (TEXT, 5, True, MAPPING)
    elif not isinstance(shape, Leaf):
        yield from (5, True, 1.5, LIST, TEXT)
    elif literals(shape.annotation):
        yield from (TEXT, 7, 1.5, LIST, MAPPING)
    else:
        wrong: dict[Any, tuple[Any, ...]] = {
            str: (5, True, 1.5, LIST, MAPPING),
            int: (TEXT, "5", True, 1.5, LIST, MAPPING),
            float: (TEXT, "5", True, LIST, MAPPING),
            bool: (TEXT, "true", 1, LIST, MAPPING),
        }
        yield from wrong[shape.annotation]


def spec_with(key: Key, value: Any) -> tuple[dict[str, Any], str]:
    """A spec that is right but for one key, and the path of that key."""
    whole: dict[str, Any] = {"spec_version": 1, "name": "x", "models": ["tiny"]}
    *parents, name = key.path.split(".")
    there: Any = whole
    path: list[str] = []
    for parent in parents:
        path.append(parent.removesuffix("[]"))
        if parent.endswith("[]"):
            there[path[-1]] = [{}]
            there = there[path[-1]][0]
            path.append("0")
        else:
            there = there.setdefault(path[-1], {})
    if key.kind:
        there.update({"kind": key.kind, **FILLER.get(key.kind, {})})
    there[name] = value
    return whole, ".".join([*path, name])


@pytest.mark.parametrize("key", dotted_keys(), ids=lambda key: f"{key.path}-{key.kind}")
def test_a_wrong_type_is_one_diagnostic_at_its_field(refuse: Refuse, key: Key) -> None:
    name = key.path.rsplit(".", 1)[-1]
    for value in wrong_values(key):
        data, path = spec_with(key, value)
        problems = refuse(json.dumps(data, indent=1))
        assert len(problems) == 1, (value, problems)
        (problem,) = problems
        assert problem.path == path
        assert problem.where.source == "spec.yaml"
        assert problem.where.text.strip().startswith(f'"{name}":'), (value, problem.where)
        assert problem.message
        assert "Input" not in problem.message


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("seeds: [0, x]", "seeds.1", "expected an integer"),
        ("models: [5]\nspec_version: 1\nname: x", "models.0", "expected the name of a model or a mapping"),
        ("models: [[tiny]]\nspec_version: 1\nname: x", "models.0", "expected the name of a model or a mapping"),
        ("rewards: [correctness]", "rewards.0", "expected a mapping"),
        ("rewards: [{weight: 1}]", "rewards.0", "missing key 'kind' in rewards.0"),
        ("variants: {a: 5}", "variants.a", "expected a mapping"),
        ("tasks: {params: {rg/gcd: 5}}", "tasks.params.rg/gcd", "expected a mapping"),
        ("potential: {temperatures: [0.5, -1]}", "potential.temperatures.1", "expected a value greater than 0"),
        ("evaluation: {agents: [code_agents]}", "evaluation.agents.0", "not a value of 'agents'"),
    ],
)
def test_a_wrong_item_is_one_diagnostic_at_the_item(refuse: Refuse, text: str, path: str, message: str) -> None:
    (problem,) = refuse(text)
    assert (problem.path, problem.message) == (path, message)


@pytest.mark.parametrize("root", ["5", "text", "[a]", "", "~", "# nothing"])
def test_a_spec_that_is_no_mapping_is_one_diagnostic(refuse: Refuse, root: str) -> None:
    (problem,) = refuse(f"#spec_version\n{root}")
    assert problem.rule == "wrong-type"
