"""Whole error messages, as a user reads them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from r1ci.spec.diagnostics import Diagnostic, render

Refuse = Callable[..., tuple[Diagnostic, ...]]

CASES: dict[str, tuple[str, list[str]]] = {
    "unknown key": ("rl:\n  group_sise: 8\n", []),
    "unknown key of another section": ("group_size: 8\n", []),
    "unknown key with dots": ("rl.group_size: 8\n", []),
    "unknown section": ("executer: {timeout_s: 1}\n", []),
    "key of another kind": ("executor: {kind: local, url: http://x}\n", []),
    "missing key": ("spec_version: 1\nmodels: [tiny]\n", []),
    "missing key of a kind": ("engine:\n  kind: openai\n", []),
    "missing kind": ("rewards:\n  - {weight: 1}\n", []),
    "unknown kind": ("executor: {kind: locale}\n", []),
    "kind that is no text": ("executor: {kind: [local]}\n", []),
    "wrong type": ("rl: {learning_rate: fast}\n", []),
    "null": ("rl: {group_size: null}\n", []),
    "empty value": ("rl:\n  group_size:\n  top_p: 1\n", []),
    "mapping for a number": ("rl:\n  group_size:\n    a: 1\n", []),
    "out of range": ("rl: {top_p: 1.5}\npotential: {temperatures: [0]}\n", []),
    "not allowed": ("until: partitions\n", []),
    "bad name": ("spec_version: 1\nname: my experiment\nmodels: [tiny]\n", []),
    "bad variant name": ("variants: {my variant: {}}\n", []),
    "empty list": ("seeds: []\n", []),
    "version of the future": ("spec_version: 2\nname: x\nmodels: [tiny]\n", []),
    "unknown model": ("spec_version: 1\nname: x\nmodels: [qwen-7b]\n", []),
    "model twice": ("spec_version: 1\nname: x\nmodels: [tiny, tiny]\n", []),
    "seed twice": ("seeds: [1, 2, 1]\n", []),
    "model that does not divide": ("spec_version: 1\nname: x\nmodels: [{kind: tiny, width: 100, heads: 6}]\n", []),
    "model with an odd head": ("spec_version: 1\nname: x\nmodels: [{kind: tiny, width: 36, heads: 4}]\n", []),
    "vocabulary without all bytes": ("spec_version: 1\nname: x\nmodels: [{kind: tiny, vocabulary: 200}]\n", []),
    "unknown baseline": ("variants: {curriculum: {}, plain: {}}\nreport: {baseline: plane}\n", []),
    "edges out of order": ("partition: {edges: [0.3, 0.6]}\n", []),
    "variant with an unknown key": ("variants:\n  a: {rl.group_sise: 4}\n  b: {rl.group_size: x}\n", []),
    "variant that changes an axis": ("variants:\n  a: {seeds: [4]}\n  b: {report: {baseline: a}}\n", []),
    "variant against the spec": ("executor: {timeout_s: 2}\nvariants:\n  a: {executor.kind: http}\n", []),
    "kind changed on the command line": ("", ["executor.kind=http"]),
    "override of the wrong type": ("", ["rl.learning_rate=fast"]),
    "override of an unknown key": ("", ["rll.group_size=4", "rl.group_sise=4"]),
    "override of a variant": ("variants: {plain: {}}\n", ["variants.plain.rl.group_size=many"]),
    "override without a value": ("", ["group_size"]),
    "override past the end": ("seeds: [1, 2]\n", ["seeds.2=3"]),
    "yaml: two colons": ("description: note: this\n", []),
    "yaml: tab": ("rl:\n\tgroup_size: 3\n", []),
    "yaml: repeated key": ("seeds: [0]\nseeds: [1]\n", []),
    "yaml: tag": ("seeds: !!python/tuple [0]\n", []),
    "yaml: cycle": ("tasks: &t {params: {x: {y: *t}}}\n", []),
    "interpolation of nothing": ("rl: {group_size: '${rl.group_sise}'}\n", []),
    "interpolation without an end": ("rl: {group_size: '${rl.'}\n", []),
    "interpolation in a circle": ("description: ${name}\nreport: {baseline: '${report.baseline}'}\n", []),
    "environment not set": ("executor: {kind: http, url: '${oc.env:SANDBOX}'}\n", []),
    "environment of the wrong type": ("rl: {group_size: '${oc.env:GROUP}'}\n", []),
    "several at once": ("seeds: [x]\nfoo: 1\nrl: {top_p: 7, group_sise: 2}\n", ["sft.epochs=0"]),
    "long line": (f"description: {'word ' * 60}\nrl: {{preset: dapo{' ' * 200}, group_sise: 3}}\n", []),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case: str, refuse: Refuse, snapshot: SnapshotAssertion) -> None:
    text, overrides = CASES[case]
    assert "\n" + render(refuse(text, overrides, environ={"GROUP": "8"})) == snapshot


def test_message_from_parents_and_overlays(refuse: Refuse, snapshot: SnapshotAssertion) -> None:
    files = {
        "grandparent.yaml": "rl:\n  group_size: none\n",
        "parent.yaml": "extends: grandparent.yaml\nvariants: {plain: {curriculum.stages: singel}}\n",
        "overlay.yaml": "sft: {epoch: 3}\n",
    }
    environ = {"R1CI_SET": "seeds=3 rl.top_p=9"}
    problems = refuse("extends: parent.yaml\n", files=files, overlays=[Path("overlay.yaml")], environ=environ)
    assert "\n" + render(problems) == snapshot


def test_message_of_a_circle(refuse: Refuse, snapshot: SnapshotAssertion) -> None:
    files = {"a.yaml": "extends: b.yaml\n", "b.yaml": "extends: [a.yaml]\n"}
    assert "\n" + render(refuse("extends: a.yaml\n", files=files)) == snapshot


def test_message_of_a_missing_file(folder: Path, refuse: Refuse, snapshot: SnapshotAssertion) -> None:
    problems = refuse("extends: quickstrat.yaml\n", files={"quickstart.yaml": ""}, overlays=[Path("nowhere/x.yaml")])
    assert "\n" + render(problems) == snapshot


@pytest.mark.parametrize("format", ["json", "github"])
def test_formats_for_programs(format: Any, refuse: Refuse, snapshot: SnapshotAssertion) -> None:
    problems = refuse("foo, bar: 1\nuntil: 5%\n", ["rl.top_p=2"])
    assert "\n" + render(problems, format) == snapshot
