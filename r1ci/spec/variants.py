"""Variants: the spec with some dotted keys changed, and the changes between two resolved specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError
from r1ci.spec.overrides import put, split_path
from r1ci.spec.tree import Entry, leaves

FIXED = ("spec_version", "name", "description", "plugins", "models", "seeds", "variants", "report.baseline")
"""Keys that belong to the experiment as a whole; ``extends`` is gone by then."""


def apply_variant(tree: Entry, name: str, variant: Entry) -> Entry:
    """Lay a variant over a spec: dotted keys and nested mappings, in the order they are written.

    Raises:
        SpecError: a key is one that no variant may change, or leads nowhere.
    """
    problems: list[Diagnostic] = []
    for key, entry in variant.value.items():
        where = entry.key or entry.origin
        try:
            steps = split_path(key, where)
            _refuse_fixed(key, entry, where)
            tree = put(tree, steps, replace(entry, key=steps[-1][1]))
        except SpecError as error:
            problems += [replace(each, path=f"variants.{name}.{key}") for each in error.diagnostics]
    if problems:
        raise SpecError(problems)
    return tree


def _refuse_fixed(key: str, entry: Entry, where: Origin) -> None:
    for at, leaf in [((), entry), *leaves(entry)]:
        path = ".".join(map(str, [key, *at]))
        for fixed in FIXED:
            if f"{path}.".startswith(f"{fixed}."):
                message, help = f"a variant cannot change '{fixed}'", "it belongs to the experiment as a whole"
                raise SpecError([Diagnostic("variant", message, (at and leaf.key) or where, help=help)])


def changes(base: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The dotted keys to change in one resolved spec to get another, lists and kinds as a whole."""
    return {key: value for key, value in _changes(base, changed) if not key.startswith("variants.")}


def _changes(base: Mapping[str, Any], changed: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in changed.items():
        path = f"{prefix}{key}"
        under = base.get(key)
        nested = isinstance(value, Mapping) and isinstance(under, Mapping) and "." not in key
        if nested and under.get("kind") == value.get("kind") and all("." not in name for name in value):  # type: ignore[union-attr]
            yield from _changes(under, value, f"{path}.")  # type: ignore[arg-type]
        elif under != value or type(under) is not type(value) or key not in base:
            yield path, value
