"""Every shipped spec loads, passes the linter and tells editors where its schema is."""

from __future__ import annotations

from pathlib import Path

import pytest

from r1ci.spec.cells import cells
from r1ci.spec.lint import lint
from r1ci.spec.load import load
from r1ci.spec.vocabulary import Vocabulary

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs").glob("**/*.yaml"))

TRAIN = [
    *("rg/gcd", "rg/lcm", "rg/chain_sum", "rg/count_primes", "rg/spell_backward", "rg/bitwise_arithmetic"),
    *("rg/number_filtering", "symbench/statistical_counting", "symbench/string_insertion", "symbench/game24"),
    "bbh/boolean_expressions",
]
TEST = ["rg/base_conversion", "rg/count_bits", "rg/products", "symbench/number_multiply", "bbh/object_counting"]


@pytest.fixture(name="catalog", scope="module")
def _catalog() -> Vocabulary:
    splits = {**dict.fromkeys(TRAIN, "train"), **dict.fromkeys(TEST, "test")}
    return Vocabulary(splits, frozenset(splits))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT / "specs")))
def test_a_shipped_spec_loads_and_passes_the_linter(path: Path, catalog: Vocabulary) -> None:
    resolved = load(path, known=catalog)
    assert cells(resolved)
    found = lint(resolved, catalog)
    allowed = {"few-seeds"} if path.parent.name == "specs" else set()
    assert {each.rule for each in found} <= allowed, found
    assert resolved.experiment.description


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT / "specs")))
def test_a_shipped_spec_names_its_schema_in_the_first_line(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() == ROOT / "docs/schema/experiment.json"


def test_names_are_unique() -> None:
    names = [load(path).experiment.name for path in SPECS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("size", ["3b", "7b", "14b"])
def test_the_sizes_of_the_paper_share_its_values(size: str) -> None:
    spec = load(ROOT / f"specs/qwen2.5-{size}.yaml").experiment
    assert [model.name for model in spec.models] == [f"qwen2.5-{size}"]
    assert (spec.rl.group_size, spec.rl.learning_rate, spec.rl.objective.kl_coefficient) == (5, 1e-6, 0.001)
    assert (spec.rl.temperature, spec.evaluation.temperature, spec.curriculum.steps_per_stage) == (1.0, 0.6, 150)
    assert len(spec.potential.agents) * len(spec.potential.temperatures) == 20
    assert (spec.agent.max_code_calls, spec.executor.timeout_s, spec.executor.workers) == (8, 60.0, 320)
    assert spec.tasks.train.include == ["*"]
    assert set(spec.variants) == {"curriculum", "plain", "by-difficulty"}


def test_every_default_of_the_paper_says_why() -> None:
    lines = (ROOT / "specs/paper/base.yaml").read_text(encoding="utf-8").splitlines()
    marked = [line.split("# DEFAULT", 1)[1] for line in lines if "# DEFAULT" in line]
    assert len(marked) > 20
    assert all(":" in reason and reason.split(":", 1)[1].strip() for reason in marked)
