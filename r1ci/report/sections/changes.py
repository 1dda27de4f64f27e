"""What the variants change: the dotted keys of the spec in which they differ."""

from __future__ import annotations

import json
from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.data import ExperimentRecord
from r1ci.report.render import render
from r1ci.spec.diff import flatten

_SKIP = ("variants", "name", "description")
_ABSENT = "(not set)"


@dataclass(frozen=True)
class KeyRow:
    """One key and its value in every variant, as JSON text."""

    key: str
    values: tuple[str, ...]
    changed: tuple[bool, ...]
    """Where the value differs from the baseline's (from the first variant's where there is no baseline)."""


@dataclass(frozen=True)
class Changes:
    """The baseline's column first."""

    variants: tuple[str, ...]
    baseline: str | None
    rows: tuple[KeyRow, ...]
    equal: int
    """Keys on which all variants agree."""
    spec: str
    """The resolved spec of the first experiment, for reading."""


def changes_data(comparison: Comparison) -> Changes:
    """Flatten every variant's resolved spec and keep the keys that differ."""
    flat = {
        variant: _variant(experiment, variant)
        for experiment in comparison.findings.experiments
        for variant in experiment.variants
    }
    order = sorted(flat, key=lambda variant: variant != comparison.baseline)
    rows, equal = [], 0
    for key in sorted({key for keys in flat.values() for key in keys}):
        values = tuple(flat[variant].get(key, _ABSENT) for variant in order)
        if len(set(values)) == 1:
            equal += 1
        else:
            rows.append(KeyRow(key, values, tuple(value != values[0] for value in values)))
    first = comparison.findings.experiments[0].spec
    return Changes(tuple(order), comparison.baseline, tuple(rows), equal, json.dumps(first, indent=2, sort_keys=True))


def changes_html(data: Changes) -> Markup:
    """The differing keys; the whole spec folded below."""
    return render("changes.html", data=data)


def _variant(experiment: ExperimentRecord, variant: str) -> dict[str, str]:
    """Dotted key -> JSON text of its value, with the variant's keys applied."""
    flat = dict(flatten({key: value for key, value in experiment.spec.items() if key not in _SKIP}))
    variants = experiment.spec.get("variants", {})
    for key, value in (variants.get(variant.split("/")[-1]) or {}).items():
        flat = {known: old for known, old in flat.items() if known != key and not known.startswith(f"{key}.")}
        flat.update(flatten(value, (key,)))
    return {key: json.dumps(value, sort_keys=True) for key, value in flat.items()}
