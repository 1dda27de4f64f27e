"""The sections of a sweep file, and what can be said about them without looking at the spec that they sweep.

Whether a key exists, and whether a value is one of it, is the spec's own schema to say: ``r1ci.spec.sweep.load``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from r1ci.spec.models import Section, refusal

Resource = Literal["steps", "tokens"]
LIMIT_TRIALS = 10_000
"""Trials of one sweep."""
EVALUATED = ("accuracy/new_questions", "accuracy/test_tasks")
"""Metrics that a trial's evaluation gives."""
LOGGED = (
    "reward",
    "accuracy",
    "new_accuracy",
    "signal",
    "calls",
    "generated_tokens",
    "loss",
    "kl",
    "entropy",
    "ratio",
    "clip_fraction",
    "mismatch",
    "effective_sample_size",
    "kept_fraction",
    "grad_norm",
    "rollout_s",
    "update_s",
)
"""Columns of the RL log that may be a metric, as ``rl/NAME``; ``rl/reward/TERM`` is each reward term's."""

# ---------------------------------------------------------------- the space


class Dimension(Section):
    """What a key may become in a trial."""

    when: dict[str, Any] = {}
    """The key is only set in trials where these other keys of the space have these values; elsewhere it stays what the
    spec says."""


class _Listed(Dimension):
    values: list[Any] = Field(min_length=1)
    """The values, each written as in the spec."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for index, value in enumerate(self.values):
            if any(equal(value, other) for other in self.values[:index]):
                message = f"{json.dumps(value)} is listed twice"
                raise refusal(message, at=("values", index), help="every value may be listed once")
        return self


class Grid(_Listed):
    """Every value, crossed with every value of the other grid keys."""

    kind: Literal["grid"] = "grid"


class Choice(_Listed):
    """One of the values, all equally likely."""

    kind: Literal["choice"] = "choice"


class Uniform(Dimension):
    """A number between two bounds, both included, all equally likely; six significant digits."""

    kind: Literal["uniform"] = "uniform"
    low: float
    """Smallest value."""
    high: float
    """Largest value."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _refuse_empty(self.low, self.high)
        return self


class LogUniform(Dimension):
    """A number whose logarithm is uniform: each factor of ten is equally likely; six significant digits."""

    kind: Literal["loguniform"] = "loguniform"
    low: PositiveFloat
    """Smallest value."""
    high: PositiveFloat
    """Largest value."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _refuse_empty(self.low, self.high)
        return self


class QUniform(Dimension):
    """low, low + q, low + 2 q, ... up to high, all equally likely."""

    kind: Literal["quniform"] = "quniform"
    low: float
    """Smallest value."""
    high: float
    """Values go no higher."""
    q: PositiveFloat
    """Distance from one value to the next."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _refuse_empty(self.low, self.high)
        if self.q > self.high - self.low:
            raise refusal(f"q {self.q:g} is larger than the range of {self.high - self.low:g}", at=("q",))
        return self

    @property
    def last(self) -> int:
        """Number of the largest value, counted from 0."""
        return math.floor((self.high - self.low) / self.q * (1 + 1e-12))


class RandInt(Dimension):
    """An integer between two bounds, both included, all equally likely."""

    kind: Literal["randint"] = "randint"
    low: int
    """Smallest value."""
    high: int
    """Values go no higher."""
    step: PositiveInt = 1
    """Distance from one value to the next."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        _refuse_empty(self.low, self.high)
        if self.step > self.high - self.low:
            raise refusal(f"step {self.step} is larger than the range of {self.high - self.low}", at=("step",))
        return self

    @property
    def last(self) -> int:
        """Number of the largest value, counted from 0."""
        return (self.high - self.low) // self.step


AnyDimension = Grid | Choice | Uniform | LogUniform | QUniform | RandInt


def _refuse_empty(low: float, high: float) -> None:
    if low >= high:
        raise refusal(f"low {low:g} is not below high {high:g}", at=("low",), help="for one value write it under set")


def equal(one: Any, other: Any) -> bool:
    """Whether two values of a spec are the same; true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


# ---------------------------------------------------------------- what is sought, and for how long


class Metric(Section):
    """What makes a trial better."""

    name: str
    """accuracy/new_questions or accuracy/test_tasks: of the last checkpoint, asked with the spec's agent, mean over
    tasks of the mean over questions; or rl/COLUMN: the last value of a column of the RL log, such as rl/reward."""
    mode: Literal["max", "min"]
    """Whether more or less of it is better."""

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.column is None and self.name not in EVALUATED:
            raise refusal(f"there is no metric '{self.name}'", at=("name",), allowed=METRICS)
        if self.column not in (None, *LOGGED) and not self.name.startswith("rl/reward/"):
            raise refusal(f"the RL log has no column '{self.column}'", at=("name",), allowed=METRICS)
        return self

    @property
    def column(self) -> str | None:
        """The column of the RL log whose last value it is; None for what the evaluation says."""
        return self.name.removeprefix("rl/") if self.name.startswith("rl/") else None

    @property
    def curve(self) -> str:
        """The column of the RL log that a scheduler watches."""
        return self.column or "new_accuracy"


METRICS = (*EVALUATED, *(f"rl/{name}" for name in LOGGED))


class Budget(Section):
    """When no further trial is started: at the first of these that is used up. Running trials end as usual."""

    time_s: PositiveFloat | None = None
    """Wall-clock seconds of the sweep."""
    tokens: PositiveInt | None = None
    """Tokens that its RL sampled, over all trials."""
    gpu_hours: PositiveFloat | None = None
    """GPU-hours that its trials held GPUs for."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.time_s is None and self.tokens is None and self.gpu_hours is None:
            raise refusal("the budget is empty", allowed=("time_s", "tokens", "gpu_hours"))
        return self


class GridSearch(Section):
    """Every combination of the grid keys, once."""

    kind: Literal["grid"] = "grid"


class RandomSearch(Section):
    """Draws from the space, each with every combination of the grid keys. Trial n is the same on every machine."""

    kind: Literal["random"] = "random"
    seed: NonNegativeInt = 0
    """Seed of the draws."""


class OptunaSearch(Section):
    """Optuna's tree-structured Parzen estimator: draws at first, then near what did well. Needs the extra optuna."""

    kind: Literal["optuna"] = "optuna"
    seed: NonNegativeInt = 0
    """Seed of the sampler."""
    startup: PositiveInt = 10
    """Trials drawn at random before the first that is chosen by results."""


class NoScheduler(Section):
    """Every trial runs to its end."""

    kind: Literal["none"] = "none"


class Scheduler(Section):
    """Stops trials early, by the column ``Metric.curve`` of the RL log."""

    resource: Resource = "steps"
    """What trials are compared by: steps of RL, or tokens that it sampled."""
    grace: PositiveInt
    """No trial is stopped before it has used this much of the resource."""


class AshaScheduler(Scheduler):
    """Asynchronous successive halving (arXiv 1810.05934): at grace, grace x reduction, grace x reduction^2, ... a trial
    goes on if it is among the best 1/reduction of those that came as far."""

    kind: Literal["asha"] = "asha"
    reduction: Annotated[float, Field(gt=1.0)] = 3.0
    """One trial in this many goes on at each rung."""


class MedianScheduler(Scheduler):
    """Stops a trial whose best value so far is worse than the median of the other trials' running means."""

    kind: Literal["median"] = "median"
    min_trials: PositiveInt = 3
    """Trials that must have come as far before one is stopped."""


def _no_pbt(value: Any) -> Any:
    if isinstance(value, dict) and value.get("kind") == "pbt":
        message = "population-based training changes a trial's values while it trains"
        help = (
            "such a trial is no cell of the plan: no line of overrides gives it again, and nothing could share or "
            "resume it; sweep rl.schedule, rl.warmup and curriculum, which change what is trained over time"
        )
        raise refusal(message, at=("kind",), allowed=("none", "asha", "median"), help=help)
    return value


AnyScheduler = Annotated[
    Annotated[NoScheduler | AshaScheduler | MedianScheduler, Field(discriminator="kind")], BeforeValidator(_no_pbt)
]


# ---------------------------------------------------------------- the whole


class Sweep(Section):
    """One sweep: trials of a spec, or of several, that differ in the keys of a space."""

    sweep_version: Literal[1]
    """Version of the language of sweeps."""
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]*$", max_length=90)]
    """Name of the sweep; its folder in the store."""
    description: str = ""
    """One or two sentences, shown in the report."""
    spec: str | None = None
    """The spec: a file, relative to this one, or the name of one in specs/."""
    specs: list[str] = []
    """Several specs instead; every trial is made of each of them."""
    variant: str | None = None
    """The variant that trials run; default: the spec's first that is not its baseline."""
    set: dict[str, Any] = {}
    """Dotted keys of the spec that have these values in every trial."""
    space: dict[str, Annotated[AnyDimension, Field(discriminator="kind")]] = Field(min_length=1)
    """Dotted keys of the spec, and what each may become."""
    metric: Metric
    trials: Annotated[int, Field(ge=1, le=LIMIT_TRIALS)] | None = None
    """How many different trials; a grid has as many as it has combinations."""
    budget: Budget | None = None
    """What the sweep may use; with trials, whichever ends first."""
    seeds: list[NonNegativeInt] | None = Field(default=None, min_length=1)
    """Seeds of each trial, whose metric is the mean over them; default: the spec's."""
    search: Annotated[GridSearch | RandomSearch | OptunaSearch, Field(discriminator="kind")]
    scheduler: AnyScheduler = NoScheduler()

    @property
    def names(self) -> tuple[str, ...]:
        """The specs as they are written."""
        return tuple(self.specs) if self.spec is None else (self.spec,)

    @model_validator(mode="after")
    def _one_spec(self) -> Self:
        if (self.spec is None) == (not self.specs):
            help = "spec: NAME for one, specs: [A, B] for several"
            raise refusal("either spec or specs says what is swept", at=("specs",) if self.specs else (), help=help)
        _refuse_twice(self.specs, "specs")
        _refuse_twice(self.seeds or [], "seeds")
        return self

    @model_validator(mode="after")
    def _overlaps(self) -> Self:
        names = sorted(self.space, key=lambda key: f"{key}.")
        for outer, inner in pairwise(names):
            if f"{inner}.".startswith(f"{outer}."):
                message = f"'{outer}' holds '{inner}', which is in the space too"
                raise refusal(message, at=("space", inner), help="sweep one of them")
        return self

    @model_validator(mode="after")
    def _conditions(self) -> Self:
        for key, dimension in self.space.items():
            for parent, value in dimension.when.items():
                at = ("space", key, "when", parent)
                _refuse_condition(self.space, key, dimension, parent, value, at)
        in_order(self.space)
        return self

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        kinds = {key: dimension.kind for key, dimension in self.space.items()}
        if self.search.kind == "grid":
            _refuse_kinds(kinds, ("grid",), "search grid tries listed values", "kind: grid, or search: {kind: random}")
        if self.search.kind == "optuna":
            others = tuple(kind for kind in dict.fromkeys(kinds.values()) if kind != "grid")
            _refuse_kinds(kinds, others, "search optuna chooses each value itself", "kind: choice")
            if len(self.specs) > 1:
                raise refusal("search optuna learns from one spec", at=("specs",), help="write one sweep per spec")
        if self.search.kind == "random" and set(kinds.values()) == {"grid"}:
            raise refusal("there is nothing to draw: every key is a grid", at=("search",), help="search: {kind: grid}")
        return self

    @model_validator(mode="after")
    def _finite(self) -> Self:
        if self.search.kind == "grid":
            if self.trials is not None:
                message = "a grid has as many trials as combinations"
                raise refusal(message, at=("trials",), help="leave trials out, or search: {kind: random}")
        elif self.trials is None and self.budget is None:
            raise refusal("nothing ends the sweep", help="trials: N, or budget: {time_s: S}")
        return self


def in_order(space: Mapping[str, Dimension]) -> tuple[str, ...]:
    """The keys, each after those that its condition names. Raises a refusal where conditions form a circle."""
    done: list[str] = []
    while len(done) < len(space):
        ready = [key for key in space if key not in done and set(space[key].when) <= set(done)]
        if not ready:
            key = next(key for key in space if key not in done)
            raise refusal(f"the conditions of '{key}' lead back to it", at=("space", key, "when"))
        done += ready
    return tuple(done)


def _refuse_twice(values: Sequence[Any], key: str) -> None:
    for index, value in enumerate(values):
        if value in values[:index]:
            raise refusal(f"{value} is listed twice", at=(key, index), help="every one may be listed once")


def _refuse_condition(
    space: Mapping[str, Dimension], key: str, dimension: Dimension, parent: str, value: Any, at: tuple[str, ...]
) -> None:
    if parent not in space:
        help = f"a condition names a key of the space; what the spec says of '{parent}' is the same in every trial"
        raise refusal(f"'{parent}' is not in the space", at=at, allowed=tuple(space), help=help)
    if parent == key:
        raise refusal(f"'{key}' depends on itself", at=at)
    on = space[parent]
    if isinstance(on, Uniform | LogUniform | QUniform):
        message, help = f"'{parent}' has no single value to wait for", "a condition names a grid, choice or randint key"
        raise refusal(message, at=at, help=help)
    if isinstance(dimension, Grid) and not isinstance(on, Grid):
        raise refusal("a grid key can only depend on grid keys", at=at, help=f"kind: choice for '{key}'")
    if isinstance(on, _Listed) and not any(equal(value, one) for one in on.values):
        allowed = tuple(map(str, on.values))
        raise refusal(f"'{parent}' never has this value", at=at, allowed=allowed)
    if isinstance(on, RandInt) and not any(equal(value, on.low + on.step * k) for k in range(on.last + 1)):
        raise refusal(f"'{parent}' never has this value", at=at, allowed=(f"{on.low} to {on.high}",))


def _refuse_kinds(kinds: Mapping[str, str], allowed: Sequence[str], message: str, help: str) -> None:
    for key, kind in kinds.items():
        if kind not in allowed:
            raise refusal(f"{message}, and '{key}' is of kind {kind}", at=("space", key, "kind"), help=help)
