"""YAML 1.2 as specs use it: the core schema's scalars, no tags, no repeated keys, places remembered.

PyYAML follows YAML 1.1, where ``on`` is true, ``010`` is eight, ``12:30`` is 750, ``1e-5`` is text and the
last of two equal keys wins. Only its scanner and parser are used here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError
from r1ci.spec.tree import Entry

LIMIT_VALUES = 100_000
"""Values of one document, counting those behind anchors every time they are used."""
LIMIT_DEPTH = 60

Place = Callable[[Any, Any], Origin]
"""From two marks of PyYAML to a place."""

_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_HELP = {
    "mapping values are not allowed here": "quote a value that holds ': '",
    "found character '\\t' that cannot start any token": "indent with spaces",
    "found unexpected end of stream": "a quote is opened and never closed",
}


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the implicit types of YAML 1.2; notes the place of every tag."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.tagged: list[Any] = []

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None) is not None:
            self.tagged.append(event)
            event.tag, event.implicit = None, (True, False)
        node: Node | None = super().compose_node(parent, index)
        return node


_IMPLICIT = {
    "null": (r"(?:null|Null|NULL|~|)", ["n", "N", "~", ""]),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)", list("tTfF")),
    "int": (r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)", list("-+0123456789")),
    "float": (
        r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        list("-+0123456789."),
    ),
}
for _type, (_pattern, _first) in _IMPLICIT.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_type}", re.compile(f"{_pattern}\\Z"), _first)


def parse_document(text: str, source: str) -> Entry:
    """A whole file.

    Raises:
        SpecError: with every error in it, up to the first that stops the parser.
    """
    lines = _LINE_BREAK.split(text)

    def place(start: Any, end: Any) -> Origin:
        line = lines[start.line] if start.line < len(lines) else ""
        stop = end.column if end.line == start.line else len(line)
        return Origin(source, start.line + 1, start.column + 1, max(1, stop - start.column), line)

    return _parse(text, place)


def parse_argument(text: str, whole: Origin, offset: int) -> Entry:
    """The value of an override, which starts at ``offset`` of the argument.

    Raises:
        SpecError: it is no scalar, flow list or flow mapping.
    """

    def place(start: Any, end: Any) -> Origin:
        return replace(whole, column=offset + start.index + 1, width=max(1, end.index - start.index))

    return _parse(text, place, flow_only=True)


def _parse(text: str, place: Place, *, flow_only: bool = False) -> Entry:
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise SpecError([_syntax(error, place)]) from None
    except yaml.reader.ReaderError as error:
        raise SpecError([_unreadable(text, error, place)]) from None
    except RecursionError:
        raise SpecError([Diagnostic("yaml-syntax", "nested too deeply", place(_start(), _start()))]) from None
    if root is None:
        return Entry(None, place(_start(), _start()))
    reader = _Reader(place)
    reader.problems += [
        Diagnostic(
            "yaml-tag",
            "tags are not allowed",
            place(event.start_mark, event.end_mark),
            help="leave the tag out; quote a value to make it text",
        )
        for event in loader.tagged
    ]
    if flow_only and isinstance(root, MappingNode | SequenceNode) and not root.flow_style:
        reader.problems.append(
            Diagnostic(
                "override",
                "the value is neither a scalar nor a list or mapping in brackets",
                place(root.start_mark, root.end_mark),
                help="quote text that holds ': ', write lists as [a, b] and mappings as {a: b}",
            )
        )
    entry = reader.read(root)
    if reader.problems:
        raise SpecError(reader.problems)
    return entry


class _Reader:
    """From nodes to entries, gathering what is wrong on the way."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.problems: list[Diagnostic] = []
        self.count = 0
        self.open: list[int] = []

    def read(self, node: Node) -> Entry:
        here = self.place(node.start_mark, node.end_mark)
        self.count += 1
        if id(node) in self.open:
            return self.refuse("yaml-cycle", "the value contains itself through an anchor", here)
        if len(self.open) >= LIMIT_DEPTH:
            return self.refuse("yaml-syntax", "nested too deeply", here, help=f"at most {LIMIT_DEPTH} levels")
        if self.count > LIMIT_VALUES:
            # The rest is left unread: aliases of aliases can stand for more values than there are atoms.
            message = f"the document stands for more than {LIMIT_VALUES} values"
            return self.refuse("too-large", message, here) if self.count == LIMIT_VALUES + 1 else Entry(None, here)
        if isinstance(node, ScalarNode):
            return Entry(self.scalar(node, here), here)
        self.open.append(id(node))
        try:
            if isinstance(node, SequenceNode):
                return Entry([self.read(item) for item in node.value], here)
            return Entry(self.mapping(node), here)
        finally:
            self.open.pop()

    def mapping(self, node: Node) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for key_node, value_node in node.value:
            where = self.place(key_node.start_mark, key_node.end_mark)
            entry = self.read(value_node) if self.count <= LIMIT_VALUES else Entry(None, where)
            key = self.key(key_node, where)
            if key is None:
                continue
            if key in entries:
                first = entries[key].key
                message = f"key '{key}' is written twice"
                self.refuse("duplicate-key", message, where, help=f"first written at {first}")
            else:
                entries[key] = replace(entry, key=where)
        return entries

    def key(self, node: Node, where: Origin) -> str | None:
        if not isinstance(node, ScalarNode):
            self.refuse("yaml-key", "a key must be text, not a list or mapping", where)
            return None
        if node.style is None and node.value == "<<":
            self.refuse(
                "yaml-merge", "merge keys (<<) are not part of YAML 1.2", where, help="use extends, or repeat the keys"
            )
            return None
        if node.tag != "tag:yaml.org,2002:str":
            kind = node.tag.rsplit(":", 1)[-1]
            self.refuse("yaml-key", f"a key must be text, found {kind} {node.value}", where, help="quote the key")
            return None
        return str(node.value)

    def scalar(self, node: ScalarNode, where: Origin) -> Any:
        text, kind = node.value, node.tag.rsplit(":", 1)[-1]
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            value = _integer(text)
            return value if value is not None else self.refuse("number", "the integer exceeds 64 bits", where).value
        if kind == "float":
            number = float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
            if not math.isfinite(number):
                self.refuse("number", "numbers must be finite", where, found=text)
            return number
        return text

    def refuse(self, rule: str, message: str, where: Origin, *, found: str = "", help: str = "") -> Entry:
        self.problems.append(Diagnostic(rule, message, where, found=found, help=help))
        return Entry(None, where)


def _integer(text: str) -> int | None:
    digits = text.lstrip("+-")
    if len(digits) > 40:
        return None
    base = {"0o": 8, "0x": 16}.get(digits[:2], 10)
    value = int(digits[2:] if base != 10 else digits, base) * (-1 if text.startswith("-") else 1)
    return value if -(2**63) <= value < 2**63 else None


def _start() -> Any:
    return yaml.Mark("", 0, 0, 0, None, 0)


def _syntax(error: yaml.MarkedYAMLError, place: Place) -> Diagnostic:
    mark = error.problem_mark or error.context_mark or _start()
    problem = error.problem or str(error)
    if "expected a single document" in str(error):
        return Diagnostic("yaml-syntax", "more than one document in the file", place(mark, mark))
    return Diagnostic("yaml-syntax", f"not valid YAML: {problem}", place(mark, mark), help=_HELP.get(problem, ""))


def _unreadable(text: str, error: Any, place: Place) -> Diagnostic:
    before = _LINE_BREAK.split(text[: error.position])
    mark = yaml.Mark("", error.position, len(before) - 1, len(before[-1]), None, 0)
    return Diagnostic("yaml-syntax", f"control character U+{ord(text[error.position]):04X}", place(mark, mark))
