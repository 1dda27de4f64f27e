"""Parameters of task generators: a frozen dataclass per task whose fields say their default and limits.

    @dataclass(frozen=True)
    class Config:
        min_terms: int = param(2, "fewest terms", low=1, high=50)
        max_terms: int = param(6, "most terms", low=1, high=50, at_least="min_terms")

``read_params`` makes one from what a spec gives and refuses everything else with what is allowed. A config may name
levels of difficulty, each a set of parameters, which a spec chooses with ``level: hard`` and may change further:

        LEVELS: ClassVar[Levels] = {"easy": {"max_terms": 3}, "hard": {"min_terms": 10, "max_terms": 20}}
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from r1ci.errors import UsageError

Config = TypeVar("Config")
Levels = Mapping[str, Mapping[str, Any]]
KINDS = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Rule:
    """What a parameter may be."""

    help: str
    low: float
    high: float
    at_least: str
    """Name of another parameter that this one must not be below."""
    more_than: str
    """Name of another parameter that this one must be above."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a task, for people."""

    name: str
    value: Any
    default: Any
    allowed: str
    help: str


def param(default: Any, help: str, *, low: float = 0, high: float = 0, at_least: str = "", more_than: str = "") -> Any:
    """A dataclass field with a default (bool, int or float), one line of help and, for numbers, inclusive limits."""
    return dataclasses.field(default=default, metadata={"rule": Rule(help, low, high, at_least, more_than)})


def read_params(config: type[Config], params: Mapping[str, Any], task: str) -> Config:
    """A config from a spec's parameters; UsageError names what is unknown or out of range, and what is allowed."""
    fields = {field.name: field for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    params = _expand_level(params, getattr(config, "LEVELS", {}), task)
    for name in params:
        if name not in fields:
            raise _unknown(task, str(name), fields)
    values = {name: _read(task, fields[name], value) for name, value in params.items()}
    made = config(**values)
    for field in fields.values():
        _hold_order(task, made, field)
    return made


def _expand_level(params: Mapping[str, Any], levels: Levels, task: str) -> Mapping[str, Any]:
    """The parameters of the chosen level under those that are given."""
    if "level" not in params:
        return params
    level = params["level"]
    if level not in levels:
        allowed = f"it has {', '.join(levels)}" if levels else "this task has none"
        raise UsageError(f"tasks.params, {task}: unknown level {_shown(level)}", allowed)
    return {**levels[level], **{name: value for name, value in params.items() if name != "level"}}


def parameters(task: object) -> tuple[Parameter, ...]:
    """The parameters of a task made by r1ci's own factories; empty for a task without a ``config``."""
    config = getattr(task, "config", None)
    if config is None or not dataclasses.is_dataclass(config):
        return ()
    return tuple(
        Parameter(field.name, getattr(config, field.name), field.default, _allowed(field), field.metadata["rule"].help)
        for field in dataclasses.fields(config)
    )


def _read(task: str, field: dataclasses.Field[Any], value: Any) -> Any:
    kind, rule = _kind(field), field.metadata["rule"]
    fits = isinstance(value, bool) if kind is bool else isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        fits = fits or isinstance(value, float)
    if not fits or (kind is not bool and not rule.low <= value <= rule.high):
        raise UsageError(
            f"tasks.params, {task}: {field.name} must be {_allowed(field)}, found {_shown(value)}",
            f"{rule.help}; the default is {_shown(field.default)}",
        )
    return kind(value)


def _hold_order(task: str, config: object, field: dataclasses.Field[Any]) -> None:
    rule: Rule = field.metadata["rule"]
    value = getattr(config, field.name)
    for other, relation in ((rule.at_least, "at least"), (rule.more_than, "more than")):
        if not other:
            continue
        bound = getattr(config, other)
        if value < bound or (relation == "more than" and value == bound):
            raise UsageError(
                f"tasks.params, {task}: {field.name} must be {relation} {other}, found {field.name} {value} and "
                f"{other} {bound}",
                f"set both; {field.name} is {_allowed(field)}",
            )


def _unknown(task: str, name: str, fields: Mapping[str, dataclasses.Field[Any]]) -> UsageError:
    close = difflib.get_close_matches(name, fields, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    allowed = "; ".join(
        f"{field.name}: {_allowed(field)}, default {_shown(field.default)}" for field in fields.values()
    )
    return UsageError(f"tasks.params, {task}: unknown parameter {_shown(name)}", f"{hint}it takes {allowed or 'none'}")


def _kind(field: dataclasses.Field[Any]) -> Any:
    return type(field.default)


def _allowed(field: dataclasses.Field[Any]) -> str:
    kind, rule = _kind(field), field.metadata["rule"]
    return KINDS[kind] if kind is bool else f"{KINDS[kind]} from {rule.low} to {rule.high}"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value)[:80]
