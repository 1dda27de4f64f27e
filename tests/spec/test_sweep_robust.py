"""Whatever is written in a sweep, what comes out is a sweep or diagnostics, never a traceback."""

from __future__ import annotations

import contextlib
import copy
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from r1ci.spec.diagnostics import SpecError
from r1ci.spec.sweep.load import load_sweep
from r1ci.spec.sweep.models import LOGGED
from r1ci.spec.vocabulary import Vocabulary

BASE = """spec_version: 1
name: base
models: [tiny]
tasks: {train: {include: [rg/gcd]}, test: {include: [rg/count_bits]}}
"""
RIGHT: dict[str, Any] = {
    "sweep_version": 1,
    "name": "x",
    "spec": "base.yaml",
    "specs": [],
    "variant": "default",
    "set": {"rl.top_p": 0.5, "rl": {"evaluate_every": 5}},
    "space": {
        "rl.learning_rate": {"kind": "loguniform", "low": 1e-5, "high": 1e-3},
        "rl.group_size": {"kind": "randint", "low": 4, "high": 8, "step": 2},
        "rl.optimizer": {"kind": "choice", "values": ["adamw", "muon"]},
        "rl.schedule": {"kind": "choice", "values": ["cosine"], "when": {"rl.optimizer": "muon"}},
        "rl.warmup": {"kind": "quniform", "low": 0.0, "high": 0.5, "q": 0.1},
        "rewards.1.weight": {"kind": "grid", "values": [0.1, 0.2]},
    },
    "metric": {"name": "rl/reward", "mode": "max"},
    "trials": 3,
    "budget": {"time_s": 5, "tokens": 5, "gpu_hours": 2},
    "seeds": [0],
    "search": {"kind": "random", "seed": 0},
    "scheduler": {"kind": "asha", "grace": 3, "resource": "steps", "reduction": 2},
}
VALUES: list[Any] = [
    *(None, True, 0, -1, 2.5, 1e300, 10**18, "", "x", "rl.optimizer", "a\nb", "\0x", "${rl.group_size}", "${", "pbt"),
    *([], [[]], [1, 1], ["a"], {}, {"": 1}, {"a.b": 1}, {"kind": "grid"}, {"kind": [1]}, {"when": {"x": 1}}),
    *("grid", "base.yaml", "..", "/", {"kind": "grid", "values": [1]}),
]
KEYS = [
    *("", "rl", "rl.", "..", "x=y", "~a", "name", "when", "spec", "partition", "sft", "rl.group_size.0", "rewards.0"),
    *("rewards.x", "tasks.params.rg/gcd.x", "models.0.width", "variants.default.rl.top_p", "executor.kind"),
]


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield (*at, key)
        yield from paths(item, (*at, key))


def mutate(document: dict[str, Any], generator: random.Random) -> None:
    """Replace a value, take a key away, or rename one."""
    *parents, last = generator.choice(list(paths(document)))
    section: Any = document
    for part in parents:
        section = section[part]
    if generator.random() < 0.6:
        section[last] = copy.deepcopy(generator.choice(VALUES))
        return
    value = section.pop(last)
    if isinstance(section, dict) and generator.random() < 0.6:
        section[generator.choice(KEYS)] = value


def test_the_sweep_that_is_changed_below_is_right(folder: Path, known: Vocabulary) -> None:
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    (folder / "sweep.yaml").write_text(json.dumps(RIGHT), encoding="utf-8")
    assert load_sweep(Path("sweep.yaml"), known=known).sweep.name == "x"


@pytest.mark.parametrize("seed", range(4))
def test_no_change_of_a_sweep_is_a_traceback(seed: int, folder: Path, known: Vocabulary) -> None:
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    generator = random.Random(seed)
    for _ in range(30):
        document = copy.deepcopy(RIGHT)
        for _ in range(generator.choice([1, 1, 2, 3])):
            mutate(document, generator)
        (folder / "sweep.yaml").write_text(json.dumps(document), encoding="utf-8")
        with contextlib.suppress(SpecError):
            load_sweep(Path("sweep.yaml"), known=known)


def test_columns_that_may_be_a_metric_are_those_of_the_log() -> None:
    page = (Path(__file__).parents[2] / "docs" / "train.md").read_text(encoding="utf-8")
    table = page[page.index("## Metrics of RL") :]
    columns = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    assert set(LOGGED) <= columns
