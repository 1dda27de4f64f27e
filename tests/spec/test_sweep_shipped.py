"""Every shipped sweep loads, passes the linter and names its schema; the schema knows good from bad."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from r1ci.spec.schema import sweep_schema
from r1ci.spec.shape import dotted_keys
from r1ci.spec.sweep.check import lint_sweep
from r1ci.spec.sweep.load import load_sweep
from r1ci.spec.sweep.models import Sweep
from r1ci.spec.vocabulary import Vocabulary
from r1ci.spec.yaml12 import parse_document

ROOT = Path(__file__).parents[2]
SWEEPS = sorted((ROOT / "sweeps").glob("*.yaml"))
TRAIN = [
    *("rg/gcd", "rg/lcm", "rg/chain_sum", "rg/count_primes", "rg/spell_backward", "rg/number_filtering"),
    *("symbench/statistical_counting", "bbh/boolean_expressions"),
]
TEST = ["rg/count_bits", "rg/products", "symbench/number_multiply"]
KNOWN = Vocabulary({**dict.fromkeys(TRAIN, "train"), **dict.fromkeys(TEST, "test")}, frozenset(TRAIN + TEST))


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_a_shipped_sweep_loads_and_passes_the_linter(path: Path) -> None:
    resolved = load_sweep(path, known=KNOWN)
    assert lint_sweep(resolved, KNOWN) == []
    assert resolved.sweep.name == path.stem
    assert resolved.sweep.description
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=../docs/schema/sweep.json\n")


def test_the_sweeps_that_people_ask_for_are_shipped() -> None:
    assert {path.stem for path in SWEEPS} == {
        "curriculum",
        "group-size",
        "lr-kl",
        "lr-kl-laptop",
        "potential-score",
        "reward-weights",
    }


def errors(document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(sweep_schema()).iter_errors(document)]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(sweep_schema())


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_the_schema_accepts_shipped_sweeps(path: Path) -> None:
    assert errors(parse_document(path.read_text(encoding="utf-8"), path.name).plain()) == []


GOOD: dict[str, Any] = {
    "sweep_version": 1,
    "name": "x",
    "spec": "base.yaml",
    "space": {"rl.top_p": {"kind": "uniform", "low": 0.1, "high": 0.2}},
    "metric": {"name": "rl/reward", "mode": "max"},
    "trials": 3,
    "search": {"kind": "random"},
}


@pytest.mark.parametrize(
    "changes",
    [
        {"trails": 3},
        {"specs": ["a.yaml"]},
        {"space": {}},
        {"space": {"rl.top_p": {"kind": "uniform", "low": 0.1}}},
        {"space": {"rl.top_p": {"low": 0.1, "high": 0.2}}},
        {"space": {"rl.top_p": {"kind": "grid", "values": []}}},
        {"search": {}},
        {"search": {"kind": "bayes"}},
        {"scheduler": {"kind": "pbt"}},
        {"scheduler": {"kind": "asha"}},
        {"metric": {"name": "rl/reward", "mode": "maximum"}},
        {"trials": 0},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_language_refuses(changes: dict[str, Any]) -> None:
    assert errors(GOOD) == []
    assert errors({**GOOD, **changes}) != []


def test_the_schema_offers_the_keys_of_specs() -> None:
    properties = sweep_schema()["properties"]
    for section in ("set", "space"):
        assert properties[section]["properties"]["rl.learning_rate"]["description"].startswith("Peak learning rate")


def test_every_key_of_a_sweep_is_documented() -> None:
    told = {"kind"}
    undocumented = [
        key.path
        for key in dotted_keys(Sweep)
        if not key.field.description and key.path.rsplit(".", 1)[-1] not in told and key.path not in SECTIONS
    ]
    assert not undocumented


SECTIONS = {"metric", "search", "scheduler"}
"""Their classes' docstrings explain them."""
