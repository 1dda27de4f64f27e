"""What differs between two resolved specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final


class _Absent:
    """A key that one of the two does not have."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT: Final = _Absent()


def diff(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Dotted keys with different values, in the order of ``a``, then those of ``b`` alone.

    Lists of sections are compared item by item, other lists as a whole; a side without the key is ``ABSENT``.
    """
    left, right = dict(flatten(a)), dict(flatten(b))
    pairs = ((key, left.get(key, ABSENT), right.get(key, ABSENT)) for key in {**left, **right})
    return [(key, x, y) for key, x, y in pairs if type(x) is not type(y) or x != y]


def flatten(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Dotted keys with their values; a list is one value unless it holds mappings."""
    children: Mapping[str, Any] | None = None
    if isinstance(value, Mapping) and value:
        children = value
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        children = {str(index): item for index, item in enumerate(value)}
    if children is None:
        yield ".".join(at), value
        return
    for key, child in children.items():
        yield from flatten(child, (*at, key))
