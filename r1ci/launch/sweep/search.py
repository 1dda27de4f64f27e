"""Where a sweep's trials come from: its own draws, which are a function of number and seed, or Optuna."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from r1ci.errors import EnvironmentMissing
from r1ci.launch.sweep.desk import Proposal, Propose
from r1ci.spec.sweep.models import (
    AnyDimension,
    Choice,
    Grid,
    OptunaSearch,
    QUniform,
    RandInt,
    Sweep,
    equal,
)
from r1ci.spec.sweep.trials import Trial, choose, proposals, settle
from r1ci.store.sweeps import TrialRecord


def proposer(sweep: Sweep) -> Propose:
    """What gives the trials of a sweep. Raises EnvironmentMissing where its search needs a package that is missing."""
    search = sweep.search
    if isinstance(search, OptunaSearch):
        _require_optuna()
        return lambda number, records: suggested(sweep, search, number, records)
    drawn: list[Trial] = []
    rest = proposals(sweep)

    def propose(number: int, records: Sequence[TrialRecord]) -> Proposal | None:
        drawn.extend(itertools.islice(rest, max(0, number + 1 - len(drawn))))
        return Proposal(drawn[number]) if number < len(drawn) else None

    return propose


def known_total(sweep: Sweep) -> int | None:
    """How many trials a sweep has; None where only its budget ends it."""
    if sweep.trials is None and sweep.search.kind != "grid":
        return None
    return sweep.trials if isinstance(sweep.search, OptunaSearch) else sum(1 for _ in proposals(sweep))


# ---------------------------------------------------------------- Optuna


def suggested(sweep: Sweep, search: OptunaSearch, number: int, records: Sequence[TrialRecord]) -> Proposal | None:
    """Optuna's trial with a number: a function of seed, number and the results recorded so far, whoever asks.

    Done trials count with their metric, stopped ones with the last value of their curve, failed ones not at all. What
    others do at the same time is not waited for, so with several trials at once the order in which they end matters;
    ``informed_by`` keeps what was known.
    """
    if sweep.trials is not None and number >= sweep.trials:
        return None
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    known = [record for record in records if _result(record) is not None]
    sampler = optuna.samplers.TPESampler(seed=_seed(search.seed, number), n_startup_trials=search.startup)
    study = optuna.create_study(direction="maximize" if sweep.metric.mode == "max" else "minimize", sampler=sampler)
    study.add_trials([_past(sweep, record) for record in sorted(known, key=lambda record: record.number)])
    asked = study.ask()
    values = choose(sweep.space, lambda key, dimension: _pick(asked, key, dimension))
    return Proposal(Trial(number, sweep.names[0], values), tuple(sorted(record.number for record in known)))


def _seed(seed: int, number: int) -> int:
    """One seed per trial: a sampler that is made anew for each must not draw the same again."""
    return (seed * 1_000_003 + number) % 2**32


def _result(record: TrialRecord) -> float | None:
    if record.state == "done":
        return record.metric
    return record.curve[-1][1] if record.state == "stopped" and record.curve else None


def _past(sweep: Sweep, record: TrialRecord) -> Any:
    import optuna

    distributions = {key: _distribution(sweep.space[key]) for key in record.values}
    params = {key: _internal(sweep.space[key], value) for key, value in record.values.items()}
    if record.state == "done":
        return optuna.trial.create_trial(params=params, distributions=distributions, value=_result(record))
    return optuna.trial.create_trial(
        params=params,
        distributions=distributions,
        state=optuna.trial.TrialState.PRUNED,
        intermediate_values={int(resource): value for resource, value in record.curve},
    )


def _distribution(dimension: AnyDimension) -> Any:
    """Listed values are known to Optuna by their index, since they may be anything a spec can hold."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Grid | Choice):
        return CategoricalDistribution(list(range(len(dimension.values))))
    if isinstance(dimension, RandInt):
        return IntDistribution(0, dimension.last)
    if isinstance(dimension, QUniform):
        return IntDistribution(0, dimension.last)
    return FloatDistribution(dimension.low, dimension.high, log=dimension.kind == "loguniform")


def _internal(dimension: AnyDimension, value: Any) -> Any:
    """A spec's value as Optuna's parameter."""
    if isinstance(dimension, Grid | Choice):
        return next(index for index, one in enumerate(dimension.values) if equal(one, value))
    if isinstance(dimension, RandInt):
        return (value - dimension.low) // dimension.step
    if isinstance(dimension, QUniform):
        return round((value - dimension.low) / dimension.q)
    return value


def _pick(asked: Any, key: str, dimension: AnyDimension) -> Any:
    """Optuna's parameter as a spec's value."""
    if isinstance(dimension, Grid | Choice):
        return dimension.values[asked.suggest_categorical(key, list(range(len(dimension.values))))]
    if isinstance(dimension, RandInt):
        return dimension.low + dimension.step * asked.suggest_int(key, 0, dimension.last)
    if isinstance(dimension, QUniform):
        return settle(dimension, dimension.low + dimension.q * asked.suggest_int(key, 0, dimension.last))
    return settle(
        dimension, asked.suggest_float(key, dimension.low, dimension.high, log=dimension.kind == "loguniform")
    )


def _require_optuna() -> None:
    try:
        import optuna  # noqa: F401
    except ImportError:
        raise EnvironmentMissing("search optuna needs the package optuna", "pip install 'r1ci[optuna]'") from None
