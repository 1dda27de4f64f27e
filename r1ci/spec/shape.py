"""The shape of the language, read off its models: which keys a section has, and how paths run through it."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from r1ci.spec.models import Experiment, Section

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Choice:
    """One of several sections, told apart by ``kind``."""

    kinds: Mapping[str, type[Section]]


@dataclass(frozen=True)
class ListOf:
    """A list."""

    item: Shape


@dataclass(frozen=True)
class MapOf:
    """A mapping with free keys."""

    value: Shape


@dataclass(frozen=True)
class Leaf:
    """A scalar."""

    annotation: Any


Shape = type[Section] | Choice | ListOf | MapOf | Leaf


def shape_of(annotation: Any) -> Shape:
    """The shape of a type annotation; an optional value has the shape of the value."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return shape_of(arguments[0])
    if origin in (Union, types.UnionType):
        members = [member for member in arguments if member is not type(None)]
        if len(members) == 1:
            return shape_of(members[0])
        return Choice({member.model_fields["kind"].default: member for member in members})
    if origin is list:
        return ListOf(shape_of(arguments[0]))
    if origin is dict:
        return MapOf(shape_of(arguments[1]))
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return Leaf(annotation)


def default_kind(field: FieldInfo) -> str | None:
    """The kind of a section that leaves it out, where the field has a default."""
    return getattr(field.get_default(call_default_factory=True), "kind", None)


def fields_of(shape: Shape | None, kind: Any = None) -> Mapping[str, FieldInfo]:
    """The keys of a section; of a choice, those of the given kind (all kinds' when it is unknown)."""
    if isinstance(shape, Choice):
        if isinstance(kind, str) and kind in shape.kinds:
            return shape.kinds[kind].model_fields
        return {name: field for section in shape.kinds.values() for name, field in section.model_fields.items()}
    return shape.model_fields if isinstance(shape, type) else {}


def step(shape: Shape | None, part: str | int, kind: Any = None) -> Shape | None:
    """The shape under a key or index; None where the language has nothing there."""
    if isinstance(shape, ListOf):
        return shape.item if isinstance(part, int) else None
    if isinstance(shape, MapOf):
        return shape.value
    field = fields_of(shape, kind).get(str(part))
    return None if field is None else shape_of(field.annotation)


def walk(path: Sequence[str | int], data: Any = None, root: type[Section] = Experiment) -> Shape | None:
    """The shape at a path of a document, choosing kinds by what ``data`` says there."""
    shape: Shape | None = root
    for part in path:
        kind = data.get("kind") if isinstance(data, Mapping) else None
        shape = step(shape, part, kind)
        data = _child(data, part)
    return shape


def _child(data: Any, part: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and 0 <= part < len(data):
        return data[part]
    return None


def field_at(path: Sequence[str | int], data: Any = None, root: type[Section] = Experiment) -> FieldInfo | None:
    """The field that a path names, ignoring list indices at its end."""
    names = list(path)
    while names and isinstance(names[-1], int):
        names.pop()
    if not names:
        return None
    parent = data
    for part in names[:-1]:
        parent = _child(parent, part)
    kind = parent.get("kind") if isinstance(parent, Mapping) else None
    return fields_of(walk(names[:-1], data, root), kind).get(str(names[-1]))


def keys_of_kind(path: Sequence[str | int], kind: Any) -> frozenset[str] | None:
    """The keys that a section has once its kind is the given one; None where kinds are not told apart."""
    shape = walk(path)
    if not isinstance(shape, Choice):
        return None
    return frozenset(shape.kinds[kind].model_fields) if isinstance(kind, str) and kind in shape.kinds else frozenset()


def document_path(location: Sequence[str | int], root: type[Section] = Experiment) -> tuple[KeyPath, bool]:
    """A pydantic error location without union tags, and whether it names a mapping's key itself."""
    shape: Shape | None = root
    path: list[str | int] = []
    for part in location:
        if part == "[key]":
            return tuple(path), True
        if isinstance(shape, Choice) and part in shape.kinds:
            shape = shape.kinds[str(part)]
            continue
        path.append(part)
        shape = step(shape, part)
    return tuple(path), False


@dataclass(frozen=True)
class Key:
    """One key of the language."""

    path: str
    """Dotted, with ``[]`` for the items of a list."""
    kind: str
    """The kind of its section, where kinds are told apart."""
    field: FieldInfo


@cache
def dotted_keys(root: type[Section] = Experiment) -> tuple[Key, ...]:
    """Every key of a kind of document in reading order, for completion, suggestions and the reference."""
    return tuple(_keys(root, ""))


def value_keys(root: type[Section] = Experiment) -> tuple[str, ...]:
    """The dotted keys that hold a value, lists and mappings with free keys included, for ``a.b=c`` overrides."""
    keys = (key for key in dotted_keys(root) if "[" not in key.path)
    held = (key.path for key in keys if isinstance(shape_of(key.field.annotation), Leaf | ListOf | MapOf))
    return tuple(dict.fromkeys(held))


def _keys(section: type[Section], prefix: str, kind: str = "") -> Iterator[Key]:
    for name, field in section.model_fields.items():
        path = f"{prefix}{name}"
        yield Key(path, kind, field)
        shape = shape_of(field.annotation)
        suffix = ""
        while isinstance(shape, ListOf):
            shape, suffix = shape.item, f"{suffix}[]"
        if isinstance(shape, Choice):
            for tag, member in shape.kinds.items():
                yield from _keys(member, f"{path}{suffix}.", tag)
        elif isinstance(shape, type):
            yield from _keys(shape, f"{path}{suffix}.")


@cache
def defaults() -> dict[str, Any]:
    """What a spec says that says nothing, as plain data, without the keys that have no default."""
    whole = Experiment.model_validate({"spec_version": 1, "name": "x", "models": ["tiny"]}).model_dump(mode="json")
    return {key: value for key, value in whole.items() if not Experiment.model_fields[key].is_required()}


def literals(annotation: Any) -> tuple[str, ...]:
    """The values of a Literal, however it is wrapped."""
    if get_origin(annotation) is Literal:
        return tuple(str(value) for value in get_args(annotation))
    return tuple(value for argument in get_args(annotation) for value in literals(argument))
