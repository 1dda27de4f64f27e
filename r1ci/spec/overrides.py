"""Overrides: ``a.b=c``, ``list.0.x=c``, ``list+=[c]`` and ``~key``, laid over a tree one after the other."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError, did_you_mean
from r1ci.spec.presets import MODEL_PRESETS
from r1ci.spec.shape import KeyPath, ListOf, defaults, fields_of, walk
from r1ci.spec.tree import Entry, fitting, from_plain, merge
from r1ci.spec.yaml12 import parse_argument

COMMAND_LINE = "command line"
ENVIRONMENT = "R1CI_SET"

_ASSIGNMENT = re.compile(r"(?P<path>[^=]*?)(?P<operator>\+?=)(?P<value>.*)", re.DOTALL)
_FORMS = "key=value, list.0.key=value, list+=[item] or ~key"

Step = tuple[str | int, Origin]
"""One part of a path and where it stands."""


@dataclass(frozen=True)
class Override:
    """One parsed override."""

    origin: Origin
    """The whole argument."""
    path: tuple[Step, ...]
    operation: Literal["set", "append", "reset"]
    value: Entry


def apply_overrides(tree: Entry, arguments: Iterable[str], source: str) -> Entry:
    """Lay overrides over a tree, left to right.

    Raises:
        SpecError: with every override that cannot be read or whose path leads nowhere.
    """
    problems: list[Diagnostic] = []
    for argument in arguments:
        try:
            tree = apply(tree, parse(argument, source))
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    return tree


def environment_overrides(environ: Mapping[str, str]) -> list[str]:
    """The overrides in ``R1CI_SET``, split as a shell splits words.

    Raises:
        SpecError: a quote is left open.
    """
    text = environ.get(ENVIRONMENT, "")
    try:
        return shlex.split(text)
    except ValueError:
        where = Origin(ENVIRONMENT, column=1, width=len(text), text=text)
        raise SpecError([Diagnostic("override", "a quote is opened and never closed", where)]) from None


def parse(argument: str, source: str) -> Override:
    """Read one override.

    Raises:
        SpecError: it has none of the forms, or its value is not YAML.
    """
    whole = Origin(source, column=1, width=max(1, len(argument)), text=argument)
    if argument.startswith("~"):
        path = split_path(argument[1:], replace(whole, column=2, width=max(1, len(argument) - 1)))
        return Override(whole, path, "reset", Entry(None, whole))
    match = _ASSIGNMENT.fullmatch(argument)
    if match is None:
        raise SpecError([Diagnostic("override", "not an override", whole, found=f"'{argument}'", allowed=_FORMS)])
    path = split_path(match["path"], replace(whole, width=max(1, len(match["path"]))))
    value = parse_argument(match["value"], whole, match.start("value"))
    return Override(whole, path, "append" if match["operator"] == "+=" else "set", value)


def split_path(text: str, where: Origin) -> tuple[Step, ...]:
    """A dotted path with the place of each part; a part of digits is an index where a list is met.

    Raises:
        SpecError: a part is empty.
    """
    steps: list[Step] = []
    offset = 0
    for part in text.split("."):
        place = replace(where, column=where.column + offset, width=max(1, len(part)))
        if not part.strip():
            raise SpecError([Diagnostic("override", "empty part in a dotted path", place, allowed=_FORMS)])
        steps.append((part, place))
        offset += len(part) + 1
    return tuple(steps)


def apply(tree: Entry, override: Override) -> Entry:
    """Lay one override over a tree.

    Raises:
        SpecError: its path leads nowhere.
    """
    path = _join_variant_keys(tree, override.path)
    if override.operation == "reset":
        return _reset(tree, path)
    if override.operation == "append":
        return _append(tree, path, override)
    return put(tree, path, override.value)


def put(tree: Entry, path: tuple[Step, ...], value: Entry) -> Entry:
    """Set one key of a tree; a mapping is merged into the one that is there.

    Raises:
        SpecError: an index is outside its list.
    """
    return _put(_with_default_list(tree, path), path, value, ())


def _put(under: Entry | None, path: tuple[Step, ...], value: Entry, at: KeyPath) -> Entry:
    if not path:
        return merge(under, value, at) if under is not None else value
    (part, place), rest = path[0], path[1:]
    under = _expanded(under, at)
    if under is not None and isinstance(under.value, list):
        index = _index(under, str(part), place, at)
        items = list(under.value)
        items[index] = _put(items[index], rest, value, (*at, index))
        return replace(under, value=items)
    mapping = under.value if under is not None and isinstance(under.value, dict) else {}
    child = _put(mapping.get(part), rest, value, (*at, part))
    if not rest or child.key is None:
        child = replace(child, key=place)
    base = fitting(mapping, child if part == "kind" and not rest else None, at)
    whole = under if under is not None and isinstance(under.value, dict) else Entry({}, place)
    return replace(whole, value={**base, str(part): child})


def _expanded(under: Entry | None, at: KeyPath) -> Entry | None:
    """The preset that a model's name stands for, so that one of its values can be changed."""
    if under is None or len(at) != 2 or at[0] != "models" or not isinstance(under.value, str):
        return under
    preset = MODEL_PRESETS.get(under.value)
    return from_plain(preset, Origin(f"preset {under.value}")) if preset is not None else under


def _index(under: Entry, part: str, place: Origin, at: KeyPath) -> int:
    size = len(under.value)
    if part.isdecimal() and int(part) < size:
        return int(part)
    key = ".".join(map(str, at))
    message = f"{key} has {size} item{'s' * (size != 1)}, counted from 0; there is no '{part}'"
    raise SpecError([Diagnostic("override", message, place, path=f"{key}.{part}", help=f"append with {key}+=[...]")])


def _append(tree: Entry, path: tuple[Step, ...], override: Override) -> Entry:
    key = ".".join(str(part) for part, _ in path)
    if not isinstance(override.value.value, list):
        message = "only a list can be appended"
        raise SpecError([Diagnostic("override", message, override.value.origin, path=key, allowed=f"{key}+=[item]")])
    tree = _with_default_list(tree, path)
    there: Entry | None = tree
    for part, _ in path:
        there = _child(there, part) if there is not None else None
    if there is None or not isinstance(there.value, list):
        if there is not None and there.value is not None:
            message = f"{key} is not a list"
            raise SpecError([Diagnostic("override", message, path[-1][1], path=key, help=f"replace it with {key}=...")])
        there = Entry([], override.value.origin)
    return put(tree, path, replace(override.value, value=[*there.value, *override.value.value]))


def _reset(tree: Entry, path: tuple[Step, ...]) -> Entry:
    """Take a key out of every layer, which leaves the default."""
    data = tree.plain()
    for length in range(len(path)):
        parts: list[str | int] = [part for part, _ in path[:length]]
        part, place = path[length]
        key = ".".join(map(str, [*parts, part]))
        shape, here = walk(parts, data), _lookup(data, parts)
        known = fields_of(shape, here.get("kind") if isinstance(here, dict) else None)
        if isinstance(shape, ListOf) or isinstance(here, list):
            message = "an item of a list cannot be reset"
            raise SpecError([Diagnostic("override", message, place, path=key, help="write the whole list")])
        if part not in known and not (isinstance(here, dict) and part in here):
            raise SpecError([_unknown(key, str(part), place, sorted({*known, *(here or {})}))])
    return _without(tree, [part for part, _ in path])


def _unknown(key: str, part: str, place: Origin, known: list[str]) -> Diagnostic:
    return Diagnostic(
        "unknown-key",
        f"unknown key '{part}'",
        place,
        path=key,
        allowed=", ".join(known),
        help=did_you_mean(part, known),
    )


def _without(tree: Entry, parts: list[str | int]) -> Entry:
    if not isinstance(tree.value, dict) or parts[0] not in tree.value:
        return tree
    if len(parts) == 1:
        return replace(tree, value={key: entry for key, entry in tree.value.items() if key != parts[0]})
    return replace(tree, value={**tree.value, parts[0]: _without(tree.value[parts[0]], parts[1:])})


def _child(entry: Entry, part: str | int) -> Entry | None:
    return entry.get(int(part) if isinstance(entry.value, list) and str(part).isdecimal() else part)


def _lookup(data: Any, parts: list[str | int]) -> Any:
    for part in parts:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _join_variant_keys(tree: Entry, path: tuple[Step, ...]) -> tuple[Step, ...]:
    """What follows a variant's name is one dotted key of the variant; its name may hold dots itself."""
    variants = tree.get("variants")
    if len(path) < 2 or path[0][0] != "variants":
        return path
    names = list(variants.value) if variants is not None and isinstance(variants.value, dict) else []
    sizes = [size for size in range(len(path) - 1, 0, -1) if _joined(path[1 : 1 + size])[0] in names]
    size = sizes[0] if sizes else 1
    rest = path[1 + size :]
    return (path[0], _joined(path[1 : 1 + size]), *([_joined(rest)] if rest else []))


def _joined(steps: tuple[Step, ...]) -> Step:
    text = ".".join(str(part) for part, _ in steps)
    return text, replace(steps[0][1], width=len(text))


def _with_default_list(tree: Entry, path: tuple[Step, ...]) -> Entry:
    """The tree with the default list that a path runs through and no layer has written, so that it can be changed."""
    default: Any = defaults()
    there: Entry | None = tree
    for length, (part, _) in enumerate(path, 1):
        default = default.get(part) if isinstance(default, dict) else None
        there = _child(there, part) if there is not None else None
        if isinstance(default, list) and there is None:
            return _put(tree, path[:length], from_plain(default, Origin("default")), ())
        if there is not None and not isinstance(there.value, dict):
            return tree
    return tree
