"""Overrides: a.b=c, list.0.x=c, list+=[c], ~key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from r1ci.spec.diagnostics import Diagnostic, Origin
from r1ci.spec.load import Resolved, load
from r1ci.spec.overrides import COMMAND_LINE, apply_overrides, parse
from r1ci.spec.tree import from_plain


def value_of(data: Any, key: str) -> Any:
    for part in key.split("."):
        data = data[int(part)] if isinstance(data, list) else data[part]
    return data


HEAD = "spec_version: 1\nname: test\nmodels: [tiny]\n"
Load = Callable[..., Resolved]
Refuse = Callable[..., tuple[Diagnostic, ...]]


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("rl.learning_rate=1e-5", "rl.learning_rate", 1e-5),
        ("seeds=[0,1]", "seeds", [0, 1]),
        ("seeds=[0, 1]", "seeds", [0, 1]),
        ("sft=null", "sft", None),
        ("sft=", "sft", None),
        ('description="a b"', "description", "a b"),
        ("description=on", "description", "on"),
        ("description=12:30", "description", "12:30"),
        ("description=a=b", "description", "a=b"),
        ("executor={kind: ray, workers: 3}", "executor.workers", 3),
        ("executor.kind=ray", "executor.kind", "ray"),
        ("rl.objective.clip_high=0.3", "rl.objective.clip_high", 0.3),
        ("rewards.0.weight=2", "rewards.0.weight", 2.0),
        ("rewards.2.turns=4", "rewards.2.turns", 4),
        ("seeds+=[3, 4]", "seeds", [0, 3, 4]),
        ("tasks.train.include+=[rg/gcd]", "tasks.train.include", ["*", "rg/gcd"]),
        ("partition.edges+=[0.5]", "partition.edges", [0.5]),
        ("models.0.width=96", "models.0.width", 96),
        ("models+=[qwen2.5-3b]", "models.1.kind", "hub"),
        ("models.0={kind: tiny, layers: 2}", "models.0.layers", 2),
        ("tasks.params.rg/gcd.n=3", "tasks.params.rg/gcd", {"n": 3}),
    ],
)
def test_one_override(load_text: Load, override: str, key: str, value: Any) -> None:
    assert value_of(load_text("", [override]).data, key) == value


def test_later_overrides_win(load_text: Load) -> None:
    assert load_text("", ["seeds=[1]", "seeds+=[2]", "seeds.0=5"]).experiment.seeds == [5, 2]


def test_an_override_leaves_the_rest_of_a_section(load_text: Load) -> None:
    spec = load_text("rl: {group_size: 3, top_p: 0.5}\n", ["rl.group_size=4", "rl={warmup: 0.25}"]).experiment
    assert (spec.rl.group_size, spec.rl.top_p, spec.rl.warmup) == (4, 0.5, 0.25)


def test_a_section_that_was_null_comes_back_with_defaults(load_text: Load) -> None:
    sft = load_text("sft: null\n", ["sft.epochs=2"]).experiment.sft
    assert sft is not None
    assert (sft.epochs, sft.batch_size) == (2, 32)


@pytest.mark.parametrize(
    ("key", "value"),
    [("rl", 5), ("rl.group_size", 5), ("sft", 3), ("seeds", [0]), ("description", ""), ("sft.epochs", 3)],
)
def test_a_tilde_leaves_the_default(load_text: Load, key: str, value: Any) -> None:
    text = "rl: {group_size: 3}\nsft: {epochs: 7}\nseeds: [5]\ndescription: x\n"
    data = load_text(text, [f"~{key}"]).data
    found = value_of(data, {"rl": "rl.group_size", "sft": "sft.epochs"}.get(key, key))
    assert found == value


def test_a_tilde_before_a_key_that_nobody_wrote_does_nothing(load_text: Load) -> None:
    assert load_text("", ["~rl.group_size", "~partition.edges"]).data == load_text("").data


@pytest.mark.parametrize(
    ("name", "override"),
    [
        ("plain", "variants.plain.rl.group_size=3"),
        ("v1.5", "variants.v1.5.rl.group_size=3"),
        ("new", "variants.new.rl.group_size=3"),
        ("new", "variants.new={rl.group_size: 3}"),
    ],
)
def test_what_follows_a_variant_is_a_dotted_key(load_text: Load, name: str, override: str) -> None:
    resolved = load_text("variants: {plain: {rl.group_size: 2}, v1.5: {}}\n", [override])
    assert resolved.cases[name].experiment.rl.group_size == 3


def test_the_environment_holds_several_overrides(load_text: Load) -> None:
    environ = {"R1CI_SET": "rl.group_size=3 description='two words' seeds='[1, 2]'"}
    spec = load_text("", environ=environ).experiment
    assert (spec.rl.group_size, spec.description, spec.seeds) == (3, "two words", [1, 2])


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("nonsense", "not an override"),
        ("", "not an override"),
        ("=3", "empty part in a dotted path"),
        ("~", "empty part in a dotted path"),
        ("rl..x=3", "empty part in a dotted path"),
        ("rl.=3", "empty part in a dotted path"),
        ("description=a: b", "the value is neither a scalar nor a list or mapping in brackets"),
        ("seeds=- 1", "the value is neither a scalar nor a list or mapping in brackets"),
        ("seeds=[1", "not valid YAML: expected ',' or ']', but got '<stream end>'"),
        ("name=!!str x", "tags are not allowed"),
        ("seeds+=3", "only a list can be appended"),
        ("name+=[3]", "name is not a list"),
        ("rl+=[3]", "expected a mapping"),
        ("seeds.7=3", "seeds has 1 item, counted from 0; there is no '7'"),
        ("seeds.-1=3", "seeds has 1 item, counted from 0; there is no '-1'"),
        ("rewards.x.weight=3", "rewards has 3 items, counted from 0; there is no 'x'"),
        ("~rl.group_sise", "unknown key 'group_sise'"),
        ("~rll", "unknown key 'rll'"),
        ("~seeds.0", "an item of a list cannot be reset"),
        ("~models.0.width", "an item of a list cannot be reset"),
        ("rl.group_size.x=3", "expected an integer"),
        ("rl.lr=3", "unknown key 'lr'"),
        ("rl=3", "expected a mapping"),
        ("~name", "missing key 'name'"),
        ("extends=x", "unknown key 'extends'"),
    ],
)
def test_an_override_that_leads_nowhere_is_one_error(refuse: Refuse, override: str, message: str) -> None:
    (problem,) = refuse("", [override])
    assert problem.message == message
    if override != "~name":
        assert (problem.where.source, problem.where.text) == ("command line", override)


def test_an_open_quote_in_the_environment_is_one_error(refuse: Refuse) -> None:
    (problem,) = refuse("", environ={"R1CI_SET": "name='x"})
    assert (problem.where.source, problem.message) == ("R1CI_SET", "a quote is opened and never closed")


_SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False)
_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp")), max_size=12)
_VALUES = st.recursive(
    _SCALARS | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=6,
)


@given(path=st.lists(st.sampled_from(["a", "b-c", "d_e", "rg/f"]), min_size=1, max_size=4), value=_VALUES)
def test_a_value_written_as_an_override_is_read_back(path: list[str], value: Any) -> None:
    key = ".".join(path)
    override = f"{key}={json.dumps(value, ensure_ascii=False)}"
    tree = apply_overrides(from_plain({}, Origin("spec")), [override], COMMAND_LINE)
    assert value_of(tree.plain(), key) == value
    assert parse(override, COMMAND_LINE).value.plain() == value


_KEYS = {
    "rl.group_size": st.integers(1, 99),
    "rl.top_p": st.floats(0.01, 1.0),
    "description": _TEXT,
    "seeds": st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
    "engine.lock_step": st.booleans(),
    "partition.edges": st.none(),
}


@given(st.fixed_dictionaries({}, optional=_KEYS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_overrides_and_the_same_keys_in_a_file_give_the_same_spec(folder: Path, chosen: dict[str, Any]) -> None:
    nested: dict[str, Any] = {}
    for key, value in chosen.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    body = "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in nested.items())
    (folder / "empty.yaml").write_text(HEAD, encoding="utf-8")
    (folder / "full.yaml").write_text(HEAD + body, encoding="utf-8")
    overrides = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in chosen.items()]
    assert load(Path("empty.yaml"), overrides=overrides).data == load(Path("full.yaml")).data
