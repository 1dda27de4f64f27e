"""Writes the reference pages and the JSON Schemas: ``python -m r1ci.spec.reference``, from the repository root."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from r1ci.spec.models import Experiment, Objective, Section
from r1ci.spec.presets import MODEL_PRESETS, OBJECTIVE_PRESETS
from r1ci.spec.report import DeclaredReport
from r1ci.spec.schema import json_schema, report_schema, sweep_schema
from r1ci.spec.shape import Choice, Leaf, ListOf, MapOf, Shape, default_kind, literals, shape_of
from r1ci.spec.sweep.models import Sweep

REFERENCE = Path("docs/reference/spec.md")
SCHEMA = Path("docs/schema/experiment.json")
SWEEP_REFERENCE = Path("docs/reference/sweep.md")
SWEEP_SCHEMA = Path("docs/schema/sweep.json")
REPORT_REFERENCE = Path("docs/reference/report.md")
REPORT_SCHEMA = Path("docs/schema/report.json")

_HEAD = """# Reference of the spec language

Every key, its type, its default and what it means. Made from `r1ci/spec/models.py` by
`python -m r1ci.spec.reference`; [spec.md](../spec.md) explains layers, overrides, variants, errors and the linter.
"""
_SWEEP_HEAD = """# Reference of the sweep language

Every key, its type, its default and what it means. Made from `r1ci/spec/sweep/models.py` by
`python -m r1ci.spec.reference`; [sweeps.md](../sweeps.md) explains them.
"""
_REPORT_HEAD = """# Reference of report files

Every key, its type, its default and what it means. Made from `r1ci/spec/report.py` by
`python -m r1ci.spec.reference`; [report.md](../report.md) explains them.
"""
_TYPES = {int: "integer", float: "number", str: "string", bool: "true or false", Any: "any value"}


def schema_text() -> str:
    """The file docs/schema/experiment.json."""
    return _json(json_schema())


def reference_text() -> str:
    """The file docs/reference/spec.md."""
    parts = [_HEAD, _section("Top level", "", Experiment), *_sections(Experiment, ""), _presets()]
    return "\n".join(parts)


def sweep_schema_text() -> str:
    """The file docs/schema/sweep.json."""
    return _json(sweep_schema())


def sweep_reference_text() -> str:
    """The file docs/reference/sweep.md."""
    return "\n".join([_SWEEP_HEAD, _section("Top level", "", Sweep), *_sections(Sweep, "")])


def report_schema_text() -> str:
    """The file docs/schema/report.json."""
    return _json(report_schema())


def report_reference_text() -> str:
    """The file docs/reference/report.md."""
    return "\n".join([_REPORT_HEAD, _section("Top level", "", DeclaredReport)])


def _json(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _sections(section: type[Section], prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        path, shape = f"{prefix}{name}", shape_of(field.annotation)
        if isinstance(shape, ListOf):
            path, shape = f"{path}[]", shape.item
        if isinstance(shape, MapOf):
            path, shape = f"{path}.KEY", shape.value
        if isinstance(shape, Choice):
            for kind, member in shape.kinds.items():
                usual = " (the default)" if kind == default_kind(field) else ""
                yield _section(f"`{path}`, kind `{kind}`{usual}", _text(member.__doc__), member)
                yield from _sections(member, f"{path}.")
        elif isinstance(shape, type):
            yield _section(f"`{path}`", _text(shape.__doc__), shape)
            yield from _sections(shape, f"{path}.")


def _section(title: str, text: str, section: type[Section]) -> str:
    rows = [_row(name, field, section) for name, field in section.model_fields.items()]
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", *([text, ""] if text else []), *head, *rows, ""])


def _row(name: str, field: FieldInfo, section: type[Section]) -> str:
    preset = section is Objective or field.annotation is Objective
    default = "from `rl.preset`" if preset else _default(field)
    cells = (f"`{name}`", _type(field), default, _text(field.description) or _meaning(field))
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _meaning(field: FieldInfo) -> str:
    """A section's own words, where the key that holds it has none."""
    shape = shape_of(field.annotation)
    if isinstance(shape, type):
        return _text(shape.__doc__)
    if isinstance(shape, Choice):
        return " ".join(f"`{kind}`: {_text(section.__doc__)}" for kind, section in shape.kinds.items())
    return "Tells the section's kinds apart."


def _type(field: FieldInfo) -> str:
    nullable = " or null" if NoneType in get_args(field.annotation) else ""
    return f"{_name(shape_of(field.annotation), field)}{_bounds(field)}{nullable}"


def _name(shape: Shape, field: FieldInfo | None = None) -> str:
    if isinstance(shape, ListOf):
        return f"list of {_name(shape.item)}"
    if isinstance(shape, MapOf):
        return f"mapping to {_name(shape.value)}"
    if isinstance(shape, Choice):
        return f"section: {', '.join(f'`{kind}`' for kind in shape.kinds)}"
    if isinstance(shape, Leaf):
        values = literals(shape.annotation)
        return ", ".join(f"`{value}`" for value in values) if values else _TYPES[shape.annotation]
    return "section"


def _bounds(field: FieldInfo) -> str:
    """Bounds on a number, from the field's metadata and those of its optional type."""
    metadata = list(field.metadata)
    for argument in get_args(field.annotation):
        metadata += getattr(argument, "__metadata__", ())
    signs = {"gt": "> ", "ge": ">= ", "lt": "< ", "le": "<= "}
    found: dict[str, float] = {}
    for item in metadata:
        for each in [item, *getattr(item, "metadata", ())]:
            found |= {sign: getattr(each, sign) for sign in signs if getattr(each, sign, None) is not None}
    return "".join(f", {signs[sign]}{bound:g}" for sign, bound in found.items())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined or isinstance(value, Section):
        return f"kind `{default_kind(field)}`" if isinstance(shape_of(field.annotation), Choice) else "its defaults"
    if isinstance(value, list) and value and isinstance(value[0], Section):
        return ", ".join(f"`{item.kind}`" for item in value if hasattr(item, "kind"))
    return f"`{json.dumps(value)}`"


def _text(documentation: str | None) -> str:
    return " ".join((documentation or "").split())


def _presets() -> str:
    names = list(OBJECTIVE_PRESETS)
    rows = [
        f"| `{key}` | {' | '.join(f'`{OBJECTIVE_PRESETS[name][key]}`' for name in names)} |"
        for key in OBJECTIVE_PRESETS[names[0]]
    ]
    models = [
        f"| `{name}` | {preset['kind']} | {preset.get('path') or preset.get('package') or 'built from scratch'} |"
        for name, preset in MODEL_PRESETS.items()
    ]
    return "\n".join(
        [
            "## Presets of `models`",
            "",
            "| name | kind | what |",
            "|---|---|---|",
            *models,
            "",
            "## Presets of `rl.preset`",
            "",
            "Each fills `rl.objective`; keys written there win.",
            "",
            f"| key | {' | '.join(f'`{name}`' for name in names)} |",
            "|---|" + "---|" * len(names),
            *rows,
            "",
        ]
    )


def main() -> None:
    """Write the files under the working directory."""
    for path, text in (
        (REFERENCE, reference_text()),
        (SCHEMA, schema_text()),
        (SWEEP_REFERENCE, sweep_reference_text()),
        (SWEEP_SCHEMA, sweep_schema_text()),
        (REPORT_REFERENCE, report_reference_text()),
        (REPORT_SCHEMA, report_schema_text()),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
