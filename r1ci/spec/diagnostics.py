"""What is wrong with a spec, as frozen data, and how it is shown.

A diagnostic says where (file, line, column, or the argument), what was found, what is allowed and what to
do. Rendering is apart from finding, so that a terminal, a JSON consumer and a code review see the same facts.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from r1ci.errors import UsageError

Severity = Literal["error", "warning"]
Format = Literal["text", "json", "github"]
SHOWN_AT_MOST = 20
_WINDOW = 110


@dataclass(frozen=True)
class Origin:
    """Where a value was written: a place in a file, an argument, or a name such as ``default``."""

    source: str
    """The file as the user named it, ``command line``, ``R1CI_SET``, ``default`` or ``preset NAME``."""
    line: int = 0
    """Counted from 1; 0 where there are no lines."""
    column: int = 0
    """Counted from 1; 0 where there is no text to point into."""
    width: int = 1
    """Characters to underline."""
    text: str = ""
    """The line, or the whole argument."""

    def __str__(self) -> str:
        if self.line:
            return f"{self.source}:{self.line}:{self.column}"
        return f"{self.source}: {_printable(self.text)}" if self.text else self.source

    @property
    def written(self) -> bool:
        """Whether somebody wrote it, in a file or as an argument."""
        return self.column > 0

    def within(self, other: Origin) -> bool:
        """Whether this place lies inside another one of the same line or argument."""
        same = (self.source, self.line, self.text) == (other.source, other.line, other.text)
        return same and other.column <= self.column < other.column + other.width


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong, or doubtful, in a spec."""

    rule: str
    """Kebab-case id; the linter's rules have a section each in docs/spec.md."""
    message: str
    where: Origin
    severity: Severity = "error"
    path: str = ""
    """Dotted key."""
    found: str = ""
    allowed: str = ""
    help: str = ""
    docs: str = ""
    """Anchor of the rule's explanation."""


class SpecError(UsageError):
    """A spec that cannot be used. ``diagnostics`` holds everything that is wrong with it."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = ordered(diagnostics)
        super().__init__(render(self.diagnostics))
        self.args = (self.diagnostics,)


def ordered(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Without repetitions, files first, then by line and column."""

    def place(diagnostic: Diagnostic) -> tuple[bool, str, int, int, str, str]:
        where = diagnostic.where
        return (not where.line, where.source, where.line, where.column, diagnostic.path, diagnostic.message)

    return tuple(sorted(dict.fromkeys(diagnostics), key=place))


def did_you_mean(word: object, candidates: Iterable[str]) -> str:
    """A suggestion, or nothing when no candidate is close."""
    close = difflib.get_close_matches(str(word), list(candidates), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def render(diagnostics: Sequence[Diagnostic], format: Format = "text") -> str:
    """The diagnostics for people (``text``), programs (``json``) or annotations on GitHub (``github``)."""
    found = ordered(diagnostics)
    if format == "json":
        return json.dumps(to_json(found), indent=2)
    if format == "github":
        return "\n".join(map(_github, found))
    blocks = [_text(diagnostic) for diagnostic in found[:SHOWN_AT_MOST]]
    return "\n\n".join([*blocks, _summary(found)])


def to_json(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """One document with stable keys."""
    return {
        "schema": 1,
        "errors": sum(diagnostic.severity == "error" for diagnostic in diagnostics),
        "warnings": sum(diagnostic.severity == "warning" for diagnostic in diagnostics),
        "diagnostics": [
            {
                "rule": diagnostic.rule,
                "severity": diagnostic.severity,
                "message": diagnostic.message,
                "path": diagnostic.path,
                "source": diagnostic.where.source,
                "line": diagnostic.where.line,
                "column": diagnostic.where.column,
                "width": diagnostic.where.width,
                "text": diagnostic.where.text,
                "found": diagnostic.found,
                "allowed": diagnostic.allowed,
                "help": diagnostic.help,
                "docs": diagnostic.docs,
            }
            for diagnostic in diagnostics
        ],
    }


def _text(diagnostic: Diagnostic) -> str:
    where = diagnostic.where
    lines = [f"{diagnostic.severity}: {diagnostic.message}", f"  --> {where}"]
    if where.written:
        number = str(where.line) if where.line else ""
        gutter = max(3, len(number))
        text, column, width = _window(where)
        blank = " " * gutter + "|"
        lines += [blank, f"{number:>{gutter}}| {text}", f"{blank} {' ' * column}{'^' * width}"]
    facts = {
        "path": diagnostic.path,
        "found": diagnostic.found,
        "allowed": diagnostic.allowed,
        "help": diagnostic.help,
        "rule": f"{diagnostic.rule}, {diagnostic.docs}" if diagnostic.docs else "",
    }
    return "\n".join(lines + [f"{name}: {_printable(fact)}" for name, fact in facts.items() if fact])


def _window(where: Origin) -> tuple[str, int, int]:
    """The part of a long line around the place, the place's column in it (from 0) and the carets' number."""
    text, column = _printable(where.text), where.column - 1
    start = 0 if len(text) <= _WINDOW else max(0, column - _WINDOW // 2)
    shown = text[start : start + _WINDOW]
    column -= start
    return shown, column, max(1, min(where.width, len(shown) - column))


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " if char in "\t\r\n" else "?" for char in text)


def _summary(found: Sequence[Diagnostic]) -> str:
    counts = {severity: sum(each.severity == severity for each in found) for severity in ("error", "warning")}
    parts = [f"{count} {severity}{'s' * (count != 1)}" for severity, count in counts.items() if count]
    cut = f"; the first {SHOWN_AT_MOST} are shown" if len(found) > SHOWN_AT_MOST else ""
    return (", ".join(parts) or "no errors") + cut


def _github(diagnostic: Diagnostic) -> str:
    where = diagnostic.where
    properties = {"title": diagnostic.rule}
    if where.line:
        properties = {
            "file": where.source,
            "line": str(where.line),
            "col": str(where.column),
            "endColumn": str(where.column + where.width),
            **properties,
        }
    listed = ",".join(f"{name}={_escape(value, in_property=True)}" for name, value in properties.items())
    place = "" if where.line else f"{where}: "
    facts = {"path": diagnostic.path, "found": diagnostic.found, "allowed": diagnostic.allowed, "help": diagnostic.help}
    message = "\n".join([place + diagnostic.message, *(f"{name}: {fact}" for name, fact in facts.items() if fact)])
    return f"::{diagnostic.severity} {listed}::{_escape(message)}"


def _escape(text: str, *, in_property: bool = False) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escaped.replace(":", "%3A").replace(",", "%2C") if in_property else escaped
