"""Overrides of a sweep: ``trials=4``, ``search.seed=1``, ``set.rl.group_size=8``, ``~scheduler``."""

from __future__ import annotations

from dataclasses import replace

from r1ci.spec.diagnostics import Diagnostic, SpecError
from r1ci.spec.overrides import Override, Step, parse
from r1ci.spec.tree import Entry

_DOTTED = ("set", "space")
"""Sections whose keys are dotted keys of a spec."""


def apply_override(tree: Entry, argument: str, source: str) -> Entry:
    """Lay one override over a sweep. A value replaces what was there; nothing is merged.

    Raises:
        SpecError: it cannot be read, or its path leads nowhere.
    """
    override = parse(argument, source)
    if override.operation == "append":
        help = "write the whole list"
        raise SpecError([Diagnostic("override", "a list of a sweep cannot be appended to", override.origin, help=help)])
    return _put(tree, _joined(tree, override.path), override)


def _put(under: Entry, path: tuple[Step, ...], override: Override) -> Entry:
    (part, place), rest = path[0], path[1:]
    if isinstance(under.value, list):
        return replace(under, value=_items(under, path, override))
    there = dict(under.value) if isinstance(under.value, dict) else {}
    if override.operation == "reset" and not rest:
        there.pop(str(part), None)
    elif rest:
        child = there.get(str(part), Entry({}, place, key=place))
        there[str(part)] = _put(child, rest, override)
    else:
        there[str(part)] = replace(override.value, key=place)
    return replace(under, value=there)


def _items(under: Entry, path: tuple[Step, ...], override: Override) -> list[Entry]:
    (part, place), rest = path[0], path[1:]
    items = list(under.value)
    if not str(part).isdecimal() or int(part) >= len(items) or override.operation == "reset":
        message = f"the list has {len(items)} item{'s' * (len(items) != 1)}, counted from 0; '{part}' cannot be changed"
        raise SpecError([Diagnostic("override", message, place, help="write the whole list")])
    items[int(part)] = _put(items[int(part)], rest, override) if rest else override.value
    return items


def _joined(tree: Entry, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """What follows ``set`` is one key; what follows ``space`` is the longest key there is, then keys of its section."""
    section = str(path[0][0])
    if section not in _DOTTED or len(path) < 2:
        return path
    there = tree.get(section)
    keys = there.value if there is not None and isinstance(there.value, dict) else {}
    whole = len(path) - 1
    sizes = [size for size in range(whole, 0, -1) if _text(path[1 : 1 + size]) in keys]
    size = sizes[0] if sizes and section == "space" else whole
    first, last = path[1][1], path[size][1]
    width = last.column + last.width - first.column
    return (path[0], (_text(path[1 : 1 + size]), replace(first, width=width)), *path[1 + size :])


def _text(steps: tuple[Step, ...]) -> str:
    return ".".join(str(part) for part, _ in steps)
