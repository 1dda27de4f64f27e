"""What differs between variants, as a table of keys and as a diff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from r1ci.report.contenders import compare
from r1ci.report.data import read_findings
from r1ci.report.sections.changes import Changes, changes_data, changes_html

VARIANTS = {
    "long": {"rl.learning_rate": 5e-6, "curriculum": {"stages": "separate", "steps_per_stage": 7}},
    "moved": {"executor.url": "http://a", "models.0.layers": 3},
    "plain": {},
}


def changes(make_store: Callable[..., Path]) -> Changes:
    root = make_store(variants=VARIANTS, gain={}, seeds=(0,), until="sft", questions=1)
    return changes_data(compare(read_findings(root, ["quickstart"]), "plain"))


def test_a_mapping_replaces_all_that_was_under_its_key(make_store: Callable[..., Path]) -> None:
    data = changes(make_store)
    rows = {row.key: row for row in data.rows}
    assert data.variants == ("plain", "long", "moved")
    assert rows["rl.learning_rate"].values[1] == "5e-06"
    assert rows["curriculum.stages"].changed == (False, True, False)
    assert rows["models.0.layers"].values[2] == "3"


def test_keys_of_places_and_seeds_are_folded(make_store: Callable[..., Path]) -> None:
    data = changes(make_store)
    assert {row.key for row in data.rows if row.folded} == {"executor.url"}
    assert "Seeds and places (1 key)" in changes_html(data)


def test_the_diff_names_only_what_changed_with_its_surroundings(make_store: Callable[..., Path]) -> None:
    data = changes(make_store)
    assert [diff.variant for diff in data.diffs] == ["long", "moved"]
    long = data.diffs[0].lines
    changed = [line for line in long if line[:1] in "+-"]
    assert "+  stages: separate" in changed
    assert "+  learning_rate: 5.0e-06" in changed
    assert len(changed) == 6
    assert sum(line.startswith("@@") for line in long) == 2
    html = changes_html(data)
    assert '<span class="added">+  stages: separate</span>' in html
    assert '<span class="hunk">@@' in html
