"""Variants: the spec with some dotted keys changed, and the changes between two resolved specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError
from r1ci.spec.overrides import put, split_path
from r1ci.spec.tree import Entry, leaves

_WHOLE = "it belongs to the experiment as a whole"
FIXED: Mapping[str, str] = dict.fromkeys(
    ("spec_version", "name", "description", "plugins", "models", "seeds", "variants", "report.baseline"), _WHOLE
)
"""Keys that no variant may change, with what to do instead; ``extends`` is gone by then."""


def apply_variant(tree: Entry, name: str, variant: Entry) -> Entry:
    """Lay a variant over a spec.

    Raises:
        SpecError: a key is one that no variant may change, or leads nowhere.
    """
    return lay(tree, variant.value, at=f"variants.{name}", who="a variant", fixed=FIXED)


def lay(tree: Entry, keys: Mapping[str, Entry], *, at: str, who: str, fixed: Mapping[str, str]) -> Entry:
    """Lay dotted keys and nested mappings over a spec, in the order they are written.

    ``at`` is where they are written, ``who`` changes them, ``fixed`` what may not be changed.

    Raises:
        SpecError: a key is one of those fixed, or leads nowhere.
    """
    problems: list[Diagnostic] = []
    for key, entry in keys.items():
        where = entry.key or entry.origin
        try:
            steps = split_path(key, where)
            refuse_fixed(key, entry, where, who, fixed)
            tree = put(tree, steps, replace(entry, key=steps[-1][1]))
        except SpecError as error:
            problems += [replace(each, path=f"{at}.{key}") for each in error.diagnostics]
    if problems:
        raise SpecError(problems)
    return tree


def refuse_fixed(key: str, entry: Entry, where: Origin, who: str, fixed: Mapping[str, str]) -> None:
    """Refuse a key that may not be changed, or a mapping that holds one.

    Raises:
        SpecError: it is one of those fixed.
    """
    for at, leaf in [((), entry), *leaves(entry)]:
        path = ".".join(map(str, [key, *at]))
        for name, help in fixed.items():
            if f"{path}.".startswith(f"{name}."):
                raise SpecError(
                    [Diagnostic("variant", f"{who} cannot change '{name}'", (at and leaf.key) or where, help=help)]
                )


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
