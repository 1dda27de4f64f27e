"""From a sweep file to a sweep whose every trial is known to be a valid spec.

The sweep's own keys are typed by ``r1ci.spec.sweep.models``. What it says about the keys of its specs is typed by
the specs' schema: each value is laid over the spec and the spec is validated, so that an unknown key or a value of the
wrong type reads like one in a spec, with a place in the sweep file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from r1ci.spec.diagnostics import Diagnostic, Origin, SpecError, did_you_mean
from r1ci.spec.layers import read_layer
from r1ci.spec.load import Resolved, read_tree, resolve_tree
from r1ci.spec.overrides import COMMAND_LINE, environment_overrides
from r1ci.spec.sweep.check import check, lint_sweep
from r1ci.spec.sweep.models import Sweep
from r1ci.spec.sweep.override import apply_override
from r1ci.spec.sweep.resolved import FIXED, Base, ResolvedSweep
from r1ci.spec.sweep.trials import written
from r1ci.spec.tree import Entry, from_plain
from r1ci.spec.validate import validate
from r1ci.spec.variants import apply_variant, lay
from r1ci.spec.vocabulary import Vocabulary

SPECS = Path("specs")
"""Where shipped specs lie, relative to the working directory."""


def load_sweep(
    path: Path,
    *,
    environ: Mapping[str, str] | None = None,
    known: Vocabulary | None = None,
    overrides: Sequence[str] = (),
) -> ResolvedSweep:
    """Read a sweep and its specs. With ``known``, what the linter calls an error in any trial is an error too.

    ``overrides`` change the sweep; ``set.KEY=VALUE`` reaches a key of the specs, as ``R1CI_SET`` does.

    Raises:
        SpecError: with everything that is wrong, before anything runs.
    """
    environ = {} if environ is None else environ
    layer = read_layer(path)
    tree = layer.tree
    for override in overrides:
        tree = apply_override(tree, override, COMMAND_LINE)
    sweep, problems = validate(tree, Sweep)
    if sweep is None:
        raise SpecError(problems)
    bases = _read_bases(sweep, tree, path, environ)
    data = {"sweep": sweep.model_dump(mode="json"), "bases": {name: _plain(base) for name, base in bases.items()}}
    resolved = ResolvedSweep(sweep, path, layer.text, data, bases, tree, environ)
    problems = check(resolved)
    if known is not None and not problems:
        problems = [each for each in lint_sweep(resolved, known) if each.severity == "error"]
    if problems:
        raise SpecError(problems)
    return resolved


def load_resolved_sweep(path: Path, *, text: str = "", environ: Mapping[str, str] | None = None) -> ResolvedSweep:
    """Read back ``ResolvedSweep.data`` from a JSON file; the specs' own files are not looked at again.

    Raises:
        SpecError: the file cannot be read, or is not a resolved sweep.
    """
    origin = Origin(str(path))
    environ = {} if environ is None else environ
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        tree = from_plain(data["sweep"], origin)
        sweep, problems = validate(tree, Sweep)
        bases = {name: _base_from_plain(base, origin, environ) for name, base in data["bases"].items()}
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or type(error).__name__}"
        raise SpecError([Diagnostic("unreadable", message, origin)]) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, SpecError):
            raise
        raise SpecError([Diagnostic("unreadable", f"not a resolved sweep: {error}", origin)]) from None
    if sweep is None:
        raise SpecError(problems)
    return ResolvedSweep(sweep, path, text, data, bases, tree, environ)


# ---------------------------------------------------------------- the specs


def _read_bases(sweep: Sweep, tree: Entry, path: Path, environ: Mapping[str, str]) -> dict[str, Base]:
    bases: dict[str, Base] = {}
    problems: list[Diagnostic] = []
    for index, name in enumerate(sweep.names):
        where = tree.value["spec"] if sweep.spec is not None else tree.value["specs"].value[index]
        try:
            bases[name] = _read_base(sweep, tree, _find(path, name), where.origin, environ)
        except SpecError as error:
            problems += error.diagnostics
    if problems:
        raise SpecError(problems)
    return bases


def _find(path: Path, name: str) -> Path:
    beside = Path(os.path.normpath(path.parent / name))
    shipped = SPECS / f"{name}.yaml"
    return shipped if not beside.exists() and beside.suffix not in (".yaml", ".yml") and shipped.exists() else beside


def _read_base(sweep: Sweep, tree: Entry, path: Path, where: Origin, environ: Mapping[str, str]) -> Base:
    if not path.exists():
        near = did_you_mean(path.name, sorted(each.name for each in path.parent.glob("*.yaml")))
        help = near or "a file relative to this one, or the name of a spec in specs/"
        raise SpecError([Diagnostic("not-found", f"no such spec: {path}", where, help=help)])
    under, text = read_tree(path, (), environment_overrides(environ), {})
    whole = resolve_tree(under, path, text, environ)
    variant = _variant(sweep, tree, whole)
    own = under.get("variants")
    changed = apply_variant(under, variant, own.value[variant]) if own is not None else under
    changed = lay(changed, tree.value["set"].value if "set" in tree.value else {}, at="set", who="a sweep", fixed=FIXED)
    changed = _one_variant(changed, variant, tree)
    try:
        experiment = resolve_tree(changed, path, text, environ).experiment
    except SpecError as error:
        raise SpecError([_blame_set(each, tree) for each in error.diagnostics]) from None
    return Base(path, text, variant, _alone(under, variant), changed, experiment)


def _variant(sweep: Sweep, tree: Entry, whole: Resolved) -> str:
    names = tuple(whole.cases)
    if sweep.variant is None:
        baseline = whole.experiment.report.baseline or names[-1]
        return next((name for name in names if name != baseline), names[0])
    if sweep.variant not in names:
        message = f"{whole.path} has no variant '{sweep.variant}'"
        where, help = tree.value["variant"].origin, did_you_mean(sweep.variant, names)
        problem = Diagnostic("sweep-variant", message, where, path="variant", allowed=", ".join(names), help=help)
        raise SpecError([problem])
    return sweep.variant


def _alone(spec: Entry, variant: str) -> tuple[str, ...]:
    """``Base.alone``: values that are laid over the spec after these win over the variant's, as a trial's do."""
    variants = spec.get("variants")
    if variants is None:
        return ()
    changes = [f"{key}={written(entry.plain())}" for key, entry in variants.value[variant].value.items()]
    return "~variants", "~report.baseline", f"variants={written({variant: {}})}", *changes


def _one_variant(spec: Entry, variant: str, tree: Entry) -> Entry:
    """The spec with a single variant that changes nothing, and the sweep's seeds."""
    origin = tree.value["name"].origin
    report = spec.get("report")
    changed = dict(spec.value) | {"variants": from_plain({variant: {}}, origin)}
    if report is not None and isinstance(report.value, dict):
        kept = {key: entry for key, entry in report.value.items() if key != "baseline"}
        changed["report"] = replace(report, value=kept)
    if tree.value.get("seeds") is not None and tree.value["seeds"].value is not None:
        changed["seeds"] = tree.value["seeds"]
    return replace(spec, value=changed)


def _blame_set(problem: Diagnostic, tree: Entry) -> Diagnostic:
    """Make a problem that the spec only has with the sweep's ``set`` point at the sweep."""
    if problem.where.source in (tree.origin.source, COMMAND_LINE) or "set" not in tree.value:
        return problem
    return replace(problem, message=f"{problem.message}, with the sweep's set", where=tree.value["set"].where)


# ---------------------------------------------------------------- the JSON form


def _plain(base: Base) -> dict[str, Any]:
    return {
        "path": str(base.path),
        "text": base.text,
        "variant": base.variant,
        "alone": list(base.alone),
        "tree": base.tree.plain(),
    }


def _base_from_plain(data: Mapping[str, Any], origin: Origin, environ: Mapping[str, str]) -> Base:
    tree, path = from_plain(data["tree"], origin), Path(data["path"])
    experiment = resolve_tree(tree, path, data["text"], environ).experiment
    return Base(path, data["text"], data["variant"], tuple(data["alone"]), tree, experiment)
