"""Spec files: reading one, and laying it over the parents that it extends."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError, did_you_mean
from r1ci.spec.tree import Entry, merge
from r1ci.spec.yaml12 import parse_document

LIMIT_BYTES = 1_000_000


@dataclass(frozen=True)
class Layer:
    """A file with its parents under it."""

    tree: Entry
    """Without the key ``extends``."""
    text: str
    """The file as written."""


def read_layer(path: Path, asked_by: tuple[tuple[Path, Origin], ...] = ()) -> Layer:
    """Read a spec file and, below it, the parents that it extends; later parents lie over earlier ones.

    ``asked_by`` is the chain of files that led here, each with the place that names the next.

    Raises:
        SpecError: a file cannot be read or parsed, or the chain closes on itself.
    """
    origin = asked_by[-1][1] if asked_by else Origin(str(path))
    if "\0" in str(path):
        raise SpecError([Diagnostic("unreadable", "not a file name", origin)])
    _refuse_cycle(path, asked_by, origin)
    text = _read_text(path, origin)
    tree = parse_document(text, str(path))
    if not isinstance(tree.value, dict):
        what = "the file is empty" if tree.value is None else "a spec is a mapping of keys to values"
        raise SpecError([Diagnostic("wrong-type", what, tree.origin, help="start from r1ci new spec NAME")])
    extends = tree.value.get("extends")
    own = Entry({key: entry for key, entry in tree.value.items() if key != "extends"}, tree.origin)
    under: Entry | None = None
    problems: list[Diagnostic] = []
    for name, place in _parents(extends) if extends is not None else []:
        try:
            parent = read_layer(_beside(path, name), (*asked_by, (path, place))).tree
            under = parent if under is None else merge(under, parent)
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    return Layer(own if under is None else merge(under, own), text)


def _parents(extends: Entry) -> list[tuple[str, Origin]]:
    items = extends.value if isinstance(extends.value, list) else [extends]
    for item in items:
        if not isinstance(item.value, str) or not item.value.strip():
            allowed = "the path of a file, or a list of paths, relative to this file"
            raise SpecError([Diagnostic("wrong-type", "expected a path", item.origin, path="extends", allowed=allowed)])
    return [(item.value, item.origin) for item in items]


def _beside(path: Path, name: str) -> Path:
    return Path(os.path.normpath(path.parent / name))


def _refuse_cycle(path: Path, asked_by: tuple[tuple[Path, Origin], ...], origin: Origin) -> None:
    chain = [file for file, _ in asked_by]
    real = [file.resolve() for file in chain]
    if path.resolve() not in real:
        return
    circle = [*chain[real.index(path.resolve()) :], path]
    message = f"the parents form a circle: {' -> '.join(map(str, circle))}"
    raise SpecError([Diagnostic("extends-cycle", message, origin, path="extends")])


def _read_text(path: Path, origin: Origin) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise SpecError([_missing(path, origin)]) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SpecError([Diagnostic("unreadable", f"cannot read {path}: {reason}", origin)]) from None
    if len(data) > LIMIT_BYTES:
        message = f"{path} is larger than 1 MB"
        help = "a spec holds settings; data belongs in files that it names"
        raise SpecError([Diagnostic("too-large", message, origin, help=help)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        raise SpecError([Diagnostic("unreadable", message, Origin(str(path)))]) from None


def _missing(path: Path, origin: Origin) -> Diagnostic:
    try:
        names = [each.name for each in path.parent.iterdir() if each.suffix in (".yaml", ".yml")]
    except OSError:
        names = []
        if not path.parent.exists():
            return Diagnostic("not-found", f"no such file: {path}", origin, help=f"there is no folder {path.parent}")
    return Diagnostic("not-found", f"no such file: {path}", origin, help=did_you_mean(path.name, sorted(names)))
