"""Interpolation: ``${rl.group_size}``, ``${oc.env:NAME}`` and what else OmegaConf offers, resolved in place.

A variable of the environment that is not set leaves null behind: a spec can then be checked and compiled on
a machine that will never run it. Where null is not allowed the error says which variable is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from r1ci.spec.diagnostics import Diagnostic, Origin, did_you_mean
from r1ci.spec.shape import KeyPath, defaults, dotted_keys
from r1ci.spec.tree import Entry, change_leaves, from_plain, leaves, merge

_ENVIRON: ContextVar[Mapping[str, str] | None] = ContextVar("r1ci_environ", default=None)


class _UnsetVariableError(KeyError):
    """An environment variable without a value and without a default."""


def interpolate(tree: Entry, environ: Mapping[str, str]) -> tuple[Entry, list[Diagnostic]]:
    """The tree with every ``${...}`` replaced by its value, and what could not be replaced.

    Variants are left as they are: each is interpolated after it has changed the spec.
    """
    body = {key: entry for key, entry in tree.value.items() if key != "variants"}
    if not any(_has(entry) for _, entry in leaves(replace(tree, value=body))):
        return tree, []
    from omegaconf import OmegaConf

    problems: list[Diagnostic] = []

    def parsed(path: KeyPath, entry: Entry) -> Entry:
        problem = _unparsable(path, entry) if _has(entry) else None
        problems.extend([problem] if problem else [])
        return replace(entry, value=None) if problem else entry

    clean = change_leaves(replace(tree, value=body), parsed)
    config = OmegaConf.create(merge(from_plain(defaults(), Origin("default")), clean).plain())

    def resolved(path: KeyPath, entry: Entry) -> Entry:
        if not _has(entry):
            return entry
        value, problem = _resolve(config, path, entry)
        problems.extend([problem] if problem else [])
        return value

    with _reading(environ):
        done = change_leaves(clean, resolved)
    kept = {"variants": tree.value["variants"]} if "variants" in tree.value else {}
    return replace(tree, value={**done.value, **kept}), problems


def _has(entry: Entry) -> bool:
    return isinstance(entry.value, str) and "${" in entry.value


def _unparsable(path: KeyPath, entry: Entry) -> Diagnostic | None:
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        OmegaConf.create({"value": entry.value})
    except OmegaConfBaseException as error:
        return _problem(path, entry, f"not an interpolation: {str(error).splitlines()[0]}")
    return None


def _resolve(config: Any, path: KeyPath, entry: Entry) -> tuple[Entry, Diagnostic | None]:
    from omegaconf import OmegaConf
    from omegaconf.errors import InterpolationKeyError, OmegaConfBaseException

    nothing = replace(entry, value=None, written=entry.value)
    node = config
    try:
        for part in path:
            node = node[part]
    except InterpolationKeyError as error:
        name = str(error).splitlines()[0].split("'")[1]
        keys = [key.path for key in dotted_keys() if "[" not in key.path]
        problem = _problem(path, entry, f"there is no value '{name}' to insert")
        return nothing, replace(problem, help=did_you_mean(name, keys))
    except OmegaConfBaseException as error:
        missing = _missing_variable(error)
        if missing:
            return replace(nothing, unset=missing), None
        return nothing, _problem(path, entry, f"cannot be interpolated: {_reason(error)}")
    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    return replace(from_plain(plain, entry.origin), key=entry.key, written=entry.value), None


def _missing_variable(error: BaseException | None) -> str:
    while error is not None and not isinstance(error, _UnsetVariableError):
        error = error.__cause__ or error.__context__
    return "" if error is None else str(error.args[0])


def _reason(error: Exception) -> str:
    line = str(error).splitlines()[0]
    return line[:1].lower() + line[1:]


def _problem(path: KeyPath, entry: Entry, message: str) -> Diagnostic:
    key = ".".join(map(str, path))
    return Diagnostic("interpolation", message, entry.origin, path=key, found=f"'{entry.value}'")


@contextmanager
def _reading(environ: Mapping[str, str]) -> Iterator[None]:
    """Make ``oc.env`` read the given variables; elsewhere it keeps reading the process's own."""
    from omegaconf import OmegaConf
    from omegaconf.resolvers import oc

    def env(name: str, *default: Any) -> Any:
        given = _ENVIRON.get()
        if given is None:
            return oc.env(name, *default)
        if name in given:
            return given[name]
        if not default:
            raise _UnsetVariableError(name)
        return None if default[0] is None else str(default[0])

    OmegaConf.register_resolver("oc.env", env, replace=True)
    token = _ENVIRON.set(environ)
    try:
        yield
    finally:
        _ENVIRON.reset(token)
