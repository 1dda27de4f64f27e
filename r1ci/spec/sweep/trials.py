"""Trials: which values they have, in which order they come, and how they are written as overrides.

The draws are a function of (search.seed, number of the draw, key) alone: a sweep proposes the same trials on every
machine, and a key that is added to a space leaves the values of the others as they were.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from r1ci.spec.sweep.models import (
    AnyDimension,
    Choice,
    Grid,
    LogUniform,
    OptunaSearch,
    QUniform,
    RandInt,
    RandomSearch,
    Sweep,
    Uniform,
    equal,
    in_order,
)

_EXHAUSTED = 100
"""Draws in a row that bring no new trial after which a space counts as exhausted."""
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_NOT_TEXT = {"null", "true", "false"}


@dataclass(frozen=True)
class Trial:
    """One point of a sweep's space."""

    number: int
    """Counted from 0, in the order of proposal."""
    spec: str
    """The spec, as the sweep writes it."""
    values: Mapping[str, Any]
    """By dotted key, in the order of the space; keys whose condition does not hold are left out."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values as overrides of the command line, which read back to the very same values."""
        return tuple(f"{key}={written(value)}" for key, value in self.values.items())


def proposals(sweep: Sweep) -> Iterator[Trial]:
    """Different trials, in order: as many as the sweep asks for, or for a budget as many as the space has.

    The grid's combinations once, or for each draw; each for every spec. What search optuna will propose depends on
    results: for it these are draws from the same space, good for estimates.
    """
    grid = list(combinations(sweep.space))
    seen: set[str] = set()
    stale = 0
    blocks = itertools.count() if isinstance(sweep.search, RandomSearch | OptunaSearch) else range(1)
    for block in blocks:
        fresh = False
        for spec, combination in itertools.product(sweep.names, grid):
            values = choose(sweep.space, _picker(sweep, block, combination))
            content = json.dumps([spec, values], sort_keys=True)
            if content in seen:
                continue
            fresh = True
            yield Trial(len(seen), spec, values)
            seen.add(content)
            if len(seen) == sweep.trials:
                return
        stale = 0 if fresh else stale + 1
        if stale == _EXHAUSTED:
            return


def combinations(space: Mapping[str, AnyDimension]) -> Iterator[dict[str, Any]]:
    """Every combination of the grid keys, the last key changing fastest; keys whose condition fails are left out."""
    keys = [key for key in in_order(space) if isinstance(space[key], Grid)]

    def extend(chosen: dict[str, Any], rest: Sequence[str]) -> Iterator[dict[str, Any]]:
        if not rest:
            yield chosen
            return
        dimension = space[rest[0]]
        if not holds(dimension, chosen):
            yield from extend(chosen, rest[1:])
        elif isinstance(dimension, Grid):
            for value in dimension.values:
                yield from extend({**chosen, rest[0]: value}, rest[1:])

    yield from extend({}, keys)


def choose(space: Mapping[str, AnyDimension], pick: Callable[[str, AnyDimension], Any]) -> dict[str, Any]:
    """A value for every key whose condition holds, asking ``pick`` for those only, in the order of the space."""
    chosen: dict[str, Any] = {}
    for key in in_order(space):
        if holds(space[key], chosen):
            chosen[key] = pick(key, space[key])
    return {key: chosen[key] for key in space if key in chosen}


def holds(dimension: AnyDimension, chosen: Mapping[str, Any]) -> bool:
    """Whether a dimension's condition holds among the values chosen so far."""
    return all(key in chosen and equal(chosen[key], value) for key, value in dimension.when.items())


def draw(dimension: AnyDimension, share: float) -> Any:
    """The value at a share of a dimension, 0 <= share < 1: a uniform share draws from the dimension."""
    if isinstance(dimension, Grid | Choice):
        return dimension.values[int(share * len(dimension.values))]
    if isinstance(dimension, RandInt):
        return dimension.low + dimension.step * int(share * (dimension.last + 1))
    if isinstance(dimension, QUniform):
        return settle(dimension, dimension.low + dimension.q * int(share * (dimension.last + 1)))
    if isinstance(dimension, LogUniform):
        low, high = math.log(dimension.low), math.log(dimension.high)
        return settle(dimension, math.exp(low + share * (high - low)))
    return settle(dimension, dimension.low + share * (dimension.high - dimension.low))


def settle(dimension: Uniform | LogUniform | QUniform, value: float) -> float:
    """The nearest number that a trial may have: within the bounds, with few enough digits to be read."""
    low, high = dimension.low, dimension.high
    inside = min(max(value, low), high)
    if isinstance(dimension, QUniform):
        steps = min(round((inside - low) / dimension.q), dimension.last)
        return min(max(float(f"{low + steps * dimension.q:.15g}"), low), high)
    return min(max(float(f"{inside:.6g}"), low), high)


def ends(dimension: AnyDimension) -> tuple[Any, ...]:
    """Every value of a list; the smallest and the largest of a range."""
    if isinstance(dimension, Grid | Choice):
        return tuple(dimension.values)
    if isinstance(dimension, RandInt):
        return dimension.low, dimension.low + dimension.step * dimension.last
    if isinstance(dimension, QUniform):
        return dimension.low, settle(dimension, dimension.high)
    return dimension.low, dimension.high


def _picker(sweep: Sweep, block: int, combination: Mapping[str, Any]) -> Callable[[str, AnyDimension], Any]:
    seed = getattr(sweep.search, "seed", 0)

    def pick(key: str, dimension: AnyDimension) -> Any:
        if key in combination:
            return combination[key]
        return draw(dimension, random.Random(f"{seed}/{block}/{key}").random())

    return pick


# ---------------------------------------------------------------- overrides


def written(value: Any) -> str:
    """A value in one line of YAML that reads back to it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(key)}: {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(written, value)) + "]"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return '"' + "".join(_escaped(char) for char in value) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"
