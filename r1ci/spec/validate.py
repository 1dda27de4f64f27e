"""From a tree to a typed document (an experiment, a report, a sweep), or to diagnostics that point at what was written.

pydantic finds what is wrong and names it by location; here each location is led back to the entry of the
tree that it comes from, whatever file or argument wrote it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from r1ci.spec.diagnostics import Diagnostic, Origin, did_you_mean
from r1ci.spec.models import Section
from r1ci.spec.shape import Choice, KeyPath, Shape, document_path, dotted_keys, field_at, fields_of, walk
from r1ci.spec.tree import Entry

_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "string_type": "a string",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


Root = TypeVar("Root", bound=Section)


def validate(tree: Entry, root: type[Root]) -> tuple[Root | None, list[Diagnostic]]:
    """The document of type ``root`` that a tree describes, or everything that is wrong with it."""
    data = tree.plain()
    try:
        return root.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    return None, [_Finding(detail, tree, data, root).diagnostic() for detail in details]


def dotted(path: KeyPath) -> str:
    """A path as people write it."""
    return ".".join(map(str, path))


def describe(value: Any) -> str:
    """A value in a few words, for ``found``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return f"a mapping {{{', '.join(f'{key}: ...' for key in list(value)[:4])}}}" if value else "an empty mapping"
    if isinstance(value, list):
        return f"a list of {len(value)} item{'s' * (len(value) != 1)}" if value else "an empty list"
    if isinstance(value, str):
        return f"the string '{value if len(value) <= 60 else value[:57] + '...'}'"
    return f"the {'integer' if isinstance(value, int) else 'number'} {value}"


class _Finding:
    """One error of pydantic with the part of the tree that it is about."""

    def __init__(self, detail: ErrorDetails, tree: Entry, data: Any, root: type[Section]) -> None:
        self.type = detail["type"]
        self.text = detail["msg"]
        self.context: dict[str, Any] = detail.get("ctx", {})
        path, self.is_key = document_path(detail["loc"], root)
        self.path: KeyPath = (*path, *self.context.get("at", ()))
        self.data = data
        self.root = root
        self.trail = [tree]
        for part in self.path:
            child = self.trail[-1].get(part)
            if child is None:
                break
            self.trail.append(child)
        self.entry = self.trail[-1]

    def diagnostic(self) -> Diagnostic:
        """The error in the words of the language."""
        if self.entry.unset:
            return self._unset()
        makers: dict[str, Callable[[], Diagnostic]] = {
            "extra_forbidden": self._unknown_key,
            "missing": self._missing_key,
            "literal_error": self._not_allowed,
            "union_tag_invalid": self._unknown_kind,
            "union_tag_not_found": self._no_kind,
            "refused": self._refused,
            "string_pattern_mismatch": self._name,
            "string_too_long": self._length,
            "too_short": self._length,
        }
        if self.type in _EXPECTED:
            return self._wrong_type()
        if self.type in _BOUNDS:
            return self._out_of_range()
        return makers.get(self.type, self._other)()

    def _make(
        self,
        rule: str,
        message: str,
        *,
        where: Origin | None = None,
        allowed: str = "",
        help: str = "",
        found: str = "",
    ) -> Diagnostic:
        return Diagnostic(
            rule,
            message,
            where or self.entry.origin,
            path=dotted(self.path),
            found=found,
            allowed=allowed,
            help=help or self._meaning(),
        )

    def _meaning(self) -> str:
        """What the key is for: the first sentence of its documentation."""
        field = field_at(self.path, self.data, self.root)
        text = " ".join((field.description or "").split()) if field is not None else ""
        return text.split(". ")[0].rstrip(".")

    def _found(self) -> str:
        source = f", from {self.entry.written}" if self.entry.written else ""
        return describe(self.entry.plain()) + source

    def _unset(self) -> Diagnostic:
        name = self.entry.unset
        return self._make(
            "unset-environment",
            f"the environment variable {name} is not set",
            found=f"'{self.entry.written}'",
            help=f"set {name}, or write a default: ${{oc.env:{name},VALUE}}",
        )

    def _unknown_key(self) -> Diagnostic:
        key = str(self.path[-1])
        shape = walk(self.path[:-1], self.data, self.root)
        known = list(fields_of(shape, _lookup(self.data, (*self.path[:-1], "kind"))))
        allowed = ", ".join(known)
        help = _of_other_kind(key, shape) or did_you_mean(key, known) or _elsewhere(key, self.root)
        where = self.entry.key or self.entry.where
        return replace(self._make("unknown-key", f"unknown key '{key}'", where=where, allowed=allowed), help=help)

    def _missing_key(self) -> Diagnostic:
        key = str(self.path[-1])
        section = dotted(self.path[:-1])
        kind = self.entry.get("kind")
        asks = kind is not None and kind.origin.source != self.entry.where.source
        where = kind.origin if kind is not None and asks else self.entry.where
        return self._make("missing-key", f"missing key '{key}'" + (f" in {section}" if section else ""), where=where)

    def _not_allowed(self) -> Diagnostic:
        allowed = str(self.context["expected"]).replace("'", "").replace(" or ", ", ")
        value = self.entry.plain()
        help = did_you_mean(value, allowed.split(", ")) if isinstance(value, str) else ""
        key = [part for part in self.path if isinstance(part, str)][-1]
        return self._make("not-allowed", f"not a value of '{key}'", found=self._found(), allowed=allowed, help=help)

    def _unknown_kind(self) -> Diagnostic:
        kind = self.entry.get("kind") or self.entry
        allowed = str(self.context["expected_tags"]).replace("'", "")
        value = kind.plain()
        self.path = (*self.path, "kind")
        return self._make(
            "unknown-kind",
            f"unknown kind of {dotted(self.path[:-1])}",
            where=kind.origin,
            found=describe(value),
            allowed=allowed,
            help=did_you_mean(value, allowed.split(", ")) if isinstance(value, str) else "",
        )

    def _no_kind(self) -> Diagnostic:
        shape = walk(self.path, self.data, self.root)
        kinds = ", ".join(shape.kinds) if isinstance(shape, Choice) else ""
        message = f"missing key 'kind' in {dotted(self.path)}"
        return self._make("missing-key", message, where=self.entry.where, allowed=kinds)

    def _refused(self) -> Diagnostic:
        allowed = self.context["allowed"]
        value = self.entry.plain()
        help = (did_you_mean(value, allowed) if isinstance(value, str) else "") or self.context["help"]
        return self._make("refused", self.text, allowed=", ".join(allowed), help=help)

    def _name(self) -> Diagnostic:
        allowed = "letters, digits, '.', '_' and '-', starting with a letter or digit"
        where = self.entry.key if self.is_key else None
        found = f"'{self.path[-1]}'" if self.is_key else self._found()
        return self._make("not-allowed", "not a name", where=where, found=found, allowed=allowed)

    def _length(self) -> Diagnostic:
        bound = {
            "too_short": f"at least {self.context.get('min_length')} item",
            "string_too_long": f"at most {self.context.get('max_length')} characters",
        }[self.type]
        what = "too short" if self.type == "too_short" else "too long"
        return self._make("out-of-range", f"{dotted(self.path)} is {what}", found=self._found(), allowed=bound)

    def _wrong_type(self) -> Diagnostic:
        expected = _EXPECTED[self.type]
        allowed = ""
        if self.type == "model_attributes_type":
            shape = walk(self.path, self.data, self.root)
            allowed = f"a mapping whose kind is one of {', '.join(shape.kinds)}" if isinstance(shape, Choice) else ""
            if self.path and self.path[0] == "models":
                expected, allowed = "the name of a model or a mapping", ""
        return self._make("wrong-type", f"expected {expected}", found=self._found(), allowed=allowed, help=self._cast())

    def _cast(self) -> str:
        """Text from the environment can be read as YAML on request."""
        if self.entry.written and "oc.env" in self.entry.written and isinstance(self.entry.value, str):
            return f"read it as a value: ${{oc.decode:{self.entry.written}}}"
        return ""

    def _out_of_range(self) -> Diagnostic:
        name, words = _BOUNDS[self.type]
        bound = self.context[name]
        allowed = f"{words} {bound:g}" if isinstance(bound, float) else f"{words} {bound}"
        return self._make("out-of-range", f"expected a value {allowed}", found=self._found(), allowed=allowed)

    def _other(self) -> Diagnostic:
        return self._make("invalid", self.text[:1].lower() + self.text[1:], found=self._found())


def _lookup(data: Any, path: KeyPath) -> Any:
    for part in path:
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return None
    return data


def _of_other_kind(key: str, shape: Shape | None) -> str:
    """Which kinds of a section have a key."""
    kinds = (
        [kind for kind, section in shape.kinds.items() if key in section.model_fields]
        if isinstance(shape, Choice)
        else []
    )
    return f"'{key}' belongs to kind {' and '.join(kinds)}" if kinds else ""


def _elsewhere(key: str, root: type[Section]) -> str:
    """Where a key that is unknown here would belong."""
    if "." in key:
        return f"dotted keys belong in variants and on the command line; here nest them: {_nested(key)}"
    places = [each.path for each in dotted_keys(root) if each.path.rsplit(".", 1)[-1] == key and "[" not in each.path]
    return f"did you mean '{places[0]}'?" if places else ""


def _nested(key: str) -> str:
    first, *rest = key.split(".")
    return f"{first}: {{{_nested('.'.join(rest))}}}" if rest else f"{first}: ..."
