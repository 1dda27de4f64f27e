"""What the variants change: the dotted keys of the spec in which they differ, and the same as a diff of YAML."""

from __future__ import annotations

import copy
import difflib
import json
import re
from dataclasses import dataclass
from typing import Any

import yaml
from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.data import ExperimentRecord
from r1ci.report.render import render
from r1ci.spec.diff import flatten

_SKIP = ("variants", "name", "description")
_ABSENT = "(not set)"
_CONTEXT = 2
"""Lines around a change in the diff."""
_PLACE = re.compile(r"(^|[._])(seeds?|path|folder|file|root|cache|url)(\.|$)")
"""Keys that say where or from which seed, not what: folded."""


@dataclass(frozen=True)
class KeyRow:
    """One key and its value in every variant, as JSON text."""

    key: str
    values: tuple[str, ...]
    changed: tuple[bool, ...]
    """Where the value differs from the baseline's (from the first variant's where there is no baseline)."""
    folded: bool
    """Whether it only says where something lies, or a seed."""


@dataclass(frozen=True)
class SpecDiff:
    """What one variant changes against the first."""

    variant: str
    lines: tuple[str, ...]
    """A unified diff, without its two file lines."""


@dataclass(frozen=True)
class Changes:
    """The baseline's column first."""

    variants: tuple[str, ...]
    baseline: str | None
    rows: tuple[KeyRow, ...]
    diffs: tuple[SpecDiff, ...]
    equal: int
    """Keys on which all variants agree."""
    spec: str
    """The resolved spec of the first experiment, for reading."""


def changes_data(comparison: Comparison) -> Changes:
    """Flatten every variant's resolved spec and keep the keys that differ."""
    specs = {
        variant: _variant(experiment, variant)
        for experiment in comparison.findings.experiments
        for variant in experiment.variants
    }
    flat = {
        variant: {key: json.dumps(value, sort_keys=True) for key, value in flatten(spec)}
        for variant, spec in specs.items()
    }
    order = sorted(flat, key=lambda variant: variant != comparison.baseline)
    rows, equal = [], 0
    for key in sorted({key for keys in flat.values() for key in keys}):
        values = tuple(flat[variant].get(key, _ABSENT) for variant in order)
        if len(set(values)) == 1:
            equal += 1
        else:
            changed = tuple(value != values[0] for value in values)
            rows.append(KeyRow(key, values, changed, bool(_PLACE.search(key))))
    lines = {variant: _lines(spec) for variant, spec in specs.items()}
    diffs = tuple(SpecDiff(variant, _diff(lines[order[0]], lines[variant])) for variant in order[1:])
    first = json.dumps(comparison.findings.experiments[0].spec, indent=2, sort_keys=True)
    return Changes(tuple(order), comparison.baseline, tuple(rows), tuple(d for d in diffs if d.lines), equal, first)


def changes_html(data: Changes) -> Markup:
    """The differing keys; those of places, the diffs and the whole spec folded below."""

    def side(line: str) -> str:
        return {"+": "added", "-": "removed", "@": "hunk"}.get(line[:1], "kept")

    return render("changes.html", data=data, side=side)


def _variant(experiment: ExperimentRecord, variant: str) -> dict[str, Any]:
    """The spec with the variant's keys laid over it."""
    spec = copy.deepcopy({key: value for key, value in experiment.spec.items() if key not in _SKIP})
    variants = experiment.spec.get("variants", {})
    for key, value in (variants.get(variant.split("/")[-1]) or {}).items():
        *parents, last = key.split(".")
        node: Any = spec
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        node[int(last) if isinstance(node, list) else last] = value
    return spec


def _lines(spec: dict[str, Any]) -> list[str]:
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=100).splitlines()


def _diff(before: list[str], after: list[str]) -> tuple[str, ...]:
    return tuple(difflib.unified_diff(before, after, n=_CONTEXT, lineterm=""))[2:]
