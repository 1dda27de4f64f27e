"""The language as JSON Schema, for editors: completion, help on hover, and checks while typing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from r1ci.spec.models import Experiment
from r1ci.spec.presets import MODEL_PRESETS
from r1ci.spec.report import SECTION_IDS, TOP, DeclaredReport
from r1ci.spec.shape import Choice, default_kind, dotted_keys, shape_of
from r1ci.spec.sweep.models import METRICS, Sweep

_INTERPOLATION = {"type": "string", "pattern": r"\$\{.+\}", "title": "Interpolation"}
_EXTENDS = {
    "description": "Specs that this one is laid over, relative to this file; later ones win.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}


def json_schema() -> dict[str, Any]:
    """The schema of a spec file.

    It is wider than the language where a file alone cannot tell: values may be interpolated, a file that extends
    another may leave out what the other says, and a preset fills the objective.
    """
    schema = Experiment.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    optional = _kinds_with_default()
    for section in [schema, *definitions.values()]:
        for name, value in section.get("properties", {}).items():
            section["properties"][name] = _relaxed(value)
    _require_kinds(definitions, optional)
    for section in ("Rl", "Objective"):
        del definitions[section]["required"]
    required = schema.pop("required")
    properties = schema["properties"]
    properties["extends"] = _EXTENDS
    properties["models"]["items"]["anyOf"][0]["examples"] = list(MODEL_PRESETS)
    properties["variants"]["additionalProperties"] = {
        "type": "object",
        "description": "Dotted keys and the values they have in this variant.",
        "properties": dotted_properties(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "r1ci experiment",
        **{key: value for key, value in schema.items() if key != "title"},
        "anyOf": [{"required": required}, {"required": ["extends"]}],
    }


def report_schema() -> dict[str, Any]:
    """The schema of a report file."""
    schema = DeclaredReport.model_json_schema()
    required = schema.pop("required")
    notes = schema["properties"]["notes"]
    notes["properties"] = dict.fromkeys((TOP, *SECTION_IDS), notes["additionalProperties"])
    notes["additionalProperties"] = False
    schema["properties"]["extends"] = {**_EXTENDS, "description": "Reports that this one is laid over."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "r1ci report",
        **{key: value for key, value in schema.items() if key != "title"},
        "anyOf": [{"required": required}, {"required": ["extends"]}],
    }


def sweep_schema() -> dict[str, Any]:
    """The schema of a sweep file; ``set`` and ``space`` offer the keys of specs."""
    schema = Sweep.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    _require_kinds(definitions, ())
    properties = schema["properties"]
    dimension = properties["space"]["additionalProperties"]
    properties["set"]["properties"] = dotted_properties()
    properties["space"]["properties"] = {
        key: {"allOf": [dimension], **described} for key, described in dotted_properties().items()
    }
    definitions["Metric"]["properties"]["name"]["examples"] = list(METRICS)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "r1ci sweep",
        **{key: value for key, value in schema.items() if key != "title"},
        "oneOf": [{"required": ["spec"]}, {"required": ["specs"]}],
    }


def _require_kinds(definitions: Mapping[str, Any], optional: Collection[str]) -> None:
    """Sections told apart by their kind must say it, but for those that have a default."""
    for name, section in definitions.items():
        kind = section.get("properties", {}).get("kind", {})
        if "const" in kind and name not in optional:
            section["required"] = sorted({*section.get("required", []), "kind"})


def _relaxed(schema: Any) -> Any:
    """Numbers and booleans may be interpolated; kinds that have a default may be left out."""
    if not isinstance(schema, dict):
        return schema
    changed = {key: _each(value, _relaxed) for key, value in schema.items() if key != "discriminator"}
    if "oneOf" in changed:
        changed["anyOf"] = changed.pop("oneOf")
    if changed.get("type") in ("integer", "number", "boolean"):
        outer = {key: changed.pop(key) for key in ("description", "default", "title") if key in changed}
        return {"anyOf": [changed, _INTERPOLATION], **outer}
    return changed


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, list):
        return [change(item) for item in value]
    return change(value)


def _kinds_with_default() -> set[str]:
    """Names of the sections that are told apart by a kind that may be left out."""
    names = set()
    for key in dotted_keys():
        shape = shape_of(key.field.annotation)
        if isinstance(shape, Choice) and default_kind(key.field) is not None:
            names |= {section.__name__ for section in shape.kinds.values()}
    return names


def dotted_properties() -> dict[str, Any]:
    """The dotted keys that variants and sweeps may change, each with its documentation."""
    keys = [key for key in dotted_keys() if "[" not in key.path and key.path.split(".")[0] not in _NOT_IN_VARIANTS]
    return {
        key.path: {"description": " ".join(key.field.description.split())} if key.field.description else {}
        for key in keys
    }


_NOT_IN_VARIANTS = {"spec_version", "name", "description", "plugins", "models", "seeds", "variants"}
