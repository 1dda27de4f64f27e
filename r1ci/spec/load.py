"""From files, overlays, the environment and the command line to one resolved spec.

Layers, lowest first: defaults, the parents that ``extends`` names, the spec, overlays, ``R1CI_SET``, the
command line. Mappings deep-merge, everything else replaces. Variants are then applied one by one, each result
is interpolated and validated, and everything that is wrong anywhere is reported at once.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError
from r1ci.spec.interpolate import interpolate
from r1ci.spec.layers import Layer, read_layer
from r1ci.spec.models import Experiment
from r1ci.spec.overrides import COMMAND_LINE, ENVIRONMENT, apply_overrides, environment_overrides
from r1ci.spec.presets import MODEL_PRESETS
from r1ci.spec.shape import KeyPath
from r1ci.spec.tree import Entry, from_plain, leaves, merge
from r1ci.spec.validate import validate
from r1ci.spec.variants import apply_variant, changes
from r1ci.spec.vocabulary import Vocabulary

DEFAULT = Origin("default")


@dataclass(frozen=True)
class Case:
    """The spec with one variant applied."""

    experiment: Experiment
    origins: Mapping[str, Origin]
    """Where each dotted key, sections and lists included, has its value from."""
    unset: Mapping[str, str] = field(default_factory=dict)
    """Environment variables without a value by the dotted key that needs them; the key is null."""

    def where(self, key: str) -> Origin:
        """The place to point at for a key: its own, or the nearest one above it that somebody wrote."""
        parts = key.split(".")
        for length in range(len(parts), 0, -1):
            origin = self.origins.get(".".join(parts[:length]), DEFAULT)
            if origin.written:
                return origin
        return self.origins[""]


@dataclass(frozen=True)
class Resolved:
    """A spec after all its layers, valid as a whole and in every variant."""

    experiment: Experiment
    """Before any variant."""
    data: dict[str, Any]
    """Plain JSON with every default explicit; each variant lists all dotted keys in which it differs."""
    origins: Mapping[str, Origin]
    """Where each dotted key of ``data`` has its value from."""
    path: Path
    text: str
    """The spec as written, without its other layers."""
    cases: Mapping[str, Case]
    """By variant."""


def load(
    path: Path,
    *,
    overlays: Sequence[Path] = (),
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    known: Vocabulary | None = None,
) -> Resolved:
    """Resolve a spec. With ``known``, task ids and patterns that match nothing are errors too.

    ``environ`` gives ``R1CI_SET`` and what ``${oc.env:...}`` reads; without it there are no variables.

    Raises:
        SpecError: with everything that is wrong.
    """
    environ = {} if environ is None else environ
    tree, text = read_tree(path, overlays, overrides, environ)
    resolved = resolve_tree(tree, path, text, environ)
    if known is not None:
        from r1ci.spec.lint import unknown_names

        unknown = unknown_names(resolved, known)
        if unknown:
            raise SpecError(unknown)
    return resolved


def read_tree(
    path: Path, overlays: Sequence[Path], overrides: Sequence[str], environ: Mapping[str, str]
) -> tuple[Entry, str]:
    """The layers of a spec, merged and not yet validated, and its own file as written.

    Raises:
        SpecError: a file cannot be read, or an override leads nowhere.
    """
    problems: list[Diagnostic] = []
    layers: list[Layer] = []
    for file in (path, *overlays):
        try:
            layers.append(read_layer(file))
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    tree = reduce(merge, (layer.tree for layer in layers))
    for source, given in ((ENVIRONMENT, None), (COMMAND_LINE, overrides)):
        try:
            tree = apply_overrides(tree, environment_overrides(environ) if given is None else given, source)
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    return tree, layers[0].text


def load_resolved(path: Path) -> Resolved:
    """Read back ``resolved.json``, the dump of ``Resolved.data``; every origin is that file.

    Raises:
        SpecError: the file cannot be read, or is not a resolved spec.
    """
    origin = Origin(str(path))
    try:
        text = path.read_text(encoding="utf-8")
        data = json.loads(text)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or type(error).__name__}"
        raise SpecError([Diagnostic("unreadable", message, origin)]) from None
    except ValueError as error:
        message = f"not JSON: {error}"
        raise SpecError([Diagnostic("unreadable", message, origin, help="run the spec again")]) from None
    tree = from_plain(data, origin)
    if not isinstance(tree.value, dict):
        raise SpecError([Diagnostic("unreadable", "not a resolved spec", origin, help="run the spec again")])
    return resolve_tree(tree, path, text, None)


def resolve_tree(tree: Entry, path: Path, text: str, environ: Mapping[str, str] | None) -> Resolved:
    """Validate the spec and each of its variants. Without ``environ`` nothing is interpolated.

    Raises:
        SpecError: with everything that is wrong.
    """
    base, problems = _case(tree, environ)
    shared = {(each.where, each.message) for each in problems}
    cases: dict[str, Case] = {}
    for name, variant in _variants(tree):
        case, found = _variant_case(tree, name, variant, environ, shared)
        if case is not None:
            cases[name] = case
        problems += found
    if problems or base is None:
        raise SpecError(problems)
    if "variants" not in tree.value:
        cases = dict.fromkeys(base.experiment.variants, base)
    data = base.experiment.model_dump(mode="json")
    explicit = {name: changes(data, case.experiment.model_dump(mode="json")) for name, case in cases.items()}
    experiment = base.experiment.model_copy(update={"variants": explicit})
    data["variants"] = explicit
    return Resolved(experiment, data, _origins(tree, data), path, text, cases)


def _variants(tree: Entry) -> list[tuple[str, Entry]]:
    variants = tree.get("variants")
    if variants is None or not isinstance(variants.value, dict):
        return []
    return [(name, variant) for name, variant in variants.value.items() if isinstance(variant.value, dict)]


def _variant_case(
    tree: Entry,
    name: str,
    variant: Entry,
    environ: Mapping[str, str] | None,
    shared: Collection[tuple[Origin, str]],
) -> tuple[Case | None, list[Diagnostic]]:
    """The spec with one variant applied, or what is wrong with that beyond what is wrong with the spec itself."""
    try:
        changed = apply_variant(tree, name, variant)
    except SpecError as error:
        return None, list(error.diagnostics)
    case, problems = _case(changed, environ)
    own = [place for entry in variant.value.values() for place in (entry.origin, entry.key or entry.origin)]
    mine = [problem for problem in problems if (problem.where, problem.message) not in shared]
    return case, [_blame(problem, name, variant, own) for problem in mine]


def _blame(problem: Diagnostic, name: str, variant: Entry, own: Sequence[Origin]) -> Diagnostic:
    """Make a problem that only a variant has point at the variant."""
    if any(problem.where.within(place) for place in own):
        return replace(problem, path=f"variants.{name}.{problem.path}")
    message = f"{problem.message}, with the changes of variant '{name}'"
    return replace(problem, message=message, where=variant.where)


def _case(tree: Entry, environ: Mapping[str, str] | None) -> tuple[Case | None, list[Diagnostic]]:
    problems: list[Diagnostic] = []
    if environ is not None:
        tree, problems = interpolate(tree, environ)
    experiment, invalid = validate(tree, Experiment)
    blamed = {each.where for each in problems}
    problems += [each for each in invalid if each.where not in blamed]
    if problems or experiment is None:
        return None, problems
    unset = {".".join(map(str, at)): entry.unset for at, entry in leaves(tree) if entry.unset}
    return Case(experiment, _origins(tree, experiment.model_dump(mode="json")), unset), []


def _origins(tree: Entry, data: Mapping[str, Any]) -> dict[str, Origin]:
    return {".".join(map(str, path)): _origin(tree, path, data) for path in _paths(data)}


def _paths(value: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    yield at
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _paths(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*at, index))


def _origin(tree: Entry, path: KeyPath, data: Mapping[str, Any]) -> Origin:
    entry = tree
    for part in path:
        child = entry.get(part)
        if child is None:
            break
        entry = child
    else:
        return entry.where
    if path[0] == "models" and isinstance(entry.value, str) and entry.value in MODEL_PRESETS:
        return Origin(f"preset {entry.value}")
    if path[:2] == ("rl", "objective"):
        return Origin(f"preset {data['rl']['preset']}")
    return DEFAULT
