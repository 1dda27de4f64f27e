"""The JSON Schema of a report's index.json, read off the frozen objects that it is written from."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from r1ci.report.build import JSON_VERSION, Twin
from r1ci.report.sections import SECTIONS

_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"], "description": "null where it is not a finite number"},
    type(None): {"type": "null"},
    Any: {},
    object: {},
}


def twin_schema() -> dict[str, Any]:
    """The schema: every section is optional, because a declared report may leave it out."""
    definitions: dict[str, Any] = {}
    whole = _object(Twin, definitions)
    whole["properties"]["version"] = {"const": JSON_VERSION}
    whole["properties"]["sections"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            section.id: _schema(get_type_hints(section.data)["return"], definitions) for section in SECTIONS
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "r1ci report, index.json",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }


def _schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """Of what ``plain`` makes of a value with that annotation."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(member, definitions) for member in arguments]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple and arguments[-1] is not Ellipsis:
        items = [_schema(item, definitions) for item in arguments]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
    if origin in (tuple, list) or (inspect.isclass(origin) and issubclass(origin, list | tuple)):
        return {"type": "array", "items": _schema(arguments[0], definitions)}
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(arguments[1], definitions)}
    if dataclasses.is_dataclass(hint) and inspect.isclass(hint):
        return _reference(hint, definitions)
    raise TypeError(f"{hint} has no schema: a section's data holds dataclasses, tuples, mappings and plain values")


def _reference(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    if hasattr(kind, "for_json"):
        return _schema(get_type_hints(kind.for_json)["return"], definitions)
    name = kind.__name__ if kind.__module__.count(".") < 3 else f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}"
    if name not in definitions:
        definitions[name] = {}  # a class may hold itself
        definitions[name] = _object(kind, definitions)
    return {"$ref": f"#/$defs/{name}"}


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints, texts = get_type_hints(kind), _texts(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return {
        "type": "object",
        "description": inspect.getdoc(kind) or "",
        "additionalProperties": False,
        "required": names,
        "properties": {
            name: {**_schema(hints[name], definitions), **({"description": texts[name]} if name in texts else {})}
            for name in names
        },
    }


def _texts(kind: type) -> dict[str, str]:
    """The strings below a dataclass's fields."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(definition, ast.ClassDef)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(definition.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
