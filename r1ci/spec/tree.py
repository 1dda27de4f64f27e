"""Values that remember where they were written, and how layers of them are merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from r1ci.spec.diagnostics import Origin
from r1ci.spec.shape import KeyPath, keys_of_kind

Value = Any  # dict[str, Entry] | list[Entry] | str | int | float | bool | None


@dataclass(frozen=True)
class Entry:
    """A value of a spec with its place."""

    value: Value
    """A scalar, or a dict or list of entries."""
    origin: Origin
    """Where the value stands."""
    key: Origin | None = None
    """Where its key stands; None for the items of a list."""
    unset: str = ""
    """Name of the environment variable that the value needs and that is not set."""
    written: str = ""
    """The interpolation that the value came from."""

    @property
    def where(self) -> Origin:
        """What to point at: the key of a mapping or list, the value of a scalar."""
        return self.key if self.key is not None and isinstance(self.value, dict | list) else self.origin

    def plain(self) -> Any:
        """The value without places."""
        if isinstance(self.value, dict):
            return {key: entry.plain() for key, entry in self.value.items()}
        if isinstance(self.value, list):
            return [entry.plain() for entry in self.value]
        return self.value

    def get(self, part: str | int) -> Entry | None:
        """The child under a key or index."""
        if isinstance(self.value, dict):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            item: Entry = self.value[part]
            return item
        return None


def from_plain(value: Any, origin: Origin) -> Entry:
    """Entries that all come from one place."""
    if isinstance(value, Mapping):
        return Entry({key: replace(from_plain(item, origin), key=origin) for key, item in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Entry([from_plain(item, origin) for item in value], origin)
    return Entry(value, origin)


def merge(under: Entry, over: Entry, at: KeyPath = ()) -> Entry:
    """Lay one value over another: mappings deep-merge, everything else replaces.

    Where ``kind`` changes, the keys that the new kind does not have are left behind.
    """
    if not isinstance(under.value, dict) or not isinstance(over.value, dict):
        return over
    merged = fitting(under.value, over.value.get("kind"), at)
    for key, entry in over.value.items():
        merged[key] = merge(merged[key], entry, (*at, key)) if key in merged else entry
    return replace(over, value=merged)


def fitting(mapping: Mapping[str, Entry], kind: Entry | None, at: KeyPath) -> dict[str, Entry]:
    """The keys of a mapping that still mean something once its ``kind`` is the given one."""
    if kind is None or "kind" not in mapping or mapping["kind"].value == kind.value:
        return dict(mapping)
    keys = keys_of_kind(at, kind.value)
    return {key: entry for key, entry in mapping.items() if keys is None or key in keys}


def leaves(entry: Entry, at: KeyPath = ()) -> Iterator[tuple[KeyPath, Entry]]:
    """Every scalar with its path."""
    if isinstance(entry.value, dict):
        for key, item in entry.value.items():
            yield from leaves(item, (*at, key))
    elif isinstance(entry.value, list):
        for index, item in enumerate(entry.value):
            yield from leaves(item, (*at, index))
    else:
        yield at, entry


def change_leaves(entry: Entry, change: Callable[[KeyPath, Entry], Entry], at: KeyPath = ()) -> Entry:
    """The same tree with every scalar put through ``change``."""
    if isinstance(entry.value, dict):
        return replace(entry, value={key: change_leaves(item, change, (*at, key)) for key, item in entry.value.items()})
    if isinstance(entry.value, list):
        return replace(
            entry, value=[change_leaves(item, change, (*at, index)) for index, item in enumerate(entry.value)]
        )
    return change(at, entry)
