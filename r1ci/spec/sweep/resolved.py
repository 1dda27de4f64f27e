"""A sweep with its specs, and the spec of each of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from r1ci.spec.load import Resolved, resolve_tree
from r1ci.spec.models import Experiment
from r1ci.spec.overrides import put, split_path
from r1ci.spec.sweep.models import Sweep, equal
from r1ci.spec.sweep.trials import Trial
from r1ci.spec.tree import Entry

FIXED: Mapping[str, str] = {
    "spec_version": "it belongs to the spec",
    "name": "trials are named after the sweep",
    "description": "it belongs to the sweep",
    "plugins": "they belong to the spec",
    "seeds": "the sweep has seeds of its own: write them beside the space",
    "variants": "variant: NAME, beside the space, chooses one; its keys can be swept",
    "report.baseline": "a trial runs one variant",
}
"""Keys of a spec that no sweep may change, with what to do instead."""


@dataclass(frozen=True)
class Base:
    """A spec that a sweep names, with what all trials of it have in common."""

    path: Path
    text: str
    """The spec as written."""
    variant: str
    """The variant that its trials run."""
    alone: tuple[str, ...]
    """Overrides after which the spec has that variant only, its changes part of the spec itself."""
    tree: Entry
    """Variant, ``set`` and seeds laid over the spec; not yet interpolated."""
    experiment: Experiment
    """The spec that ``tree`` stands for, valid without any value of the space."""


@dataclass(frozen=True)
class ResolvedSweep:
    """A sweep with its specs, every trial known to be valid (of a budget, the first hundred)."""

    sweep: Sweep
    path: Path
    text: str
    """The sweep as written."""
    data: dict[str, Any]
    """Plain JSON that ``load_resolved_sweep`` reads back: the sweep and the specs, as they were when it was loaded."""
    bases: Mapping[str, Base]
    """By spec, as the sweep writes it."""
    tree: Entry
    """The sweep with the place of every value."""
    environ: Mapping[str, str] = field(repr=False)
    """What ``${oc.env:...}`` in the specs reads."""


def resolve(resolved: ResolvedSweep, trial: Trial) -> Resolved:
    """The spec of a trial: its base with the trial's values and name; every value has its place in the sweep.

    Raises:
        SpecError: the spec is not valid with these values.
    """
    base = resolved.bases[trial.spec]
    name = Entry(trial_name(resolved.sweep, trial), resolved.tree.value["name"].origin)
    tree = put(with_values(resolved, base.tree, trial.values), (("name", name.origin),), name)
    return resolve_tree(tree, base.path, base.text, resolved.environ)


def trial_name(sweep: Sweep, trial: Trial) -> str:
    """The name of a trial's experiment."""
    return f"{sweep.name}-{trial.number:04d}"


def with_values(resolved: ResolvedSweep, tree: Entry, values: Mapping[str, Any]) -> Entry:
    """Lay values of the space over a spec's tree.

    Raises:
        SpecError: a key leads past the end of a list.
    """
    for key, value in values.items():
        place = place_of(resolved.tree, key, value)
        steps = split_path(key, place.key or place.origin)
        tree = put(tree, steps, replace(place, key=steps[-1][1]))
    return tree


def place_of(tree: Entry, key: str, value: Any) -> Entry:
    """A value of the space with its place in the sweep: in the list it stands in, else its dimension's key."""
    dimension = tree.value["space"].value[key]
    where = dimension.key or dimension.origin
    listed = dimension.get("values")
    for entry in listed.value if listed is not None else ():
        if equal(entry.plain(), value):
            found: Entry = replace(entry, key=where)
            return found
    for name in ("low", "high"):
        bound = dimension.get(name)
        if bound is not None and equal(bound.plain(), value):
            return Entry(value, bound.origin, where)
    return Entry(value, where, where)
