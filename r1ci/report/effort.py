"""What it took to make a checkpoint: time, GPU-hours, money and tokens, and how soon it was as good as another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from r1ci.report.contenders import Comparison, Contender
from r1ci.report.data import StepRecord
from r1ci.report.tables import filled, logged

if TYPE_CHECKING:
    import polars as pl

HELD_OUT = "new_accuracy"
"""The metric that RL logs where ``rl.evaluate_every`` is set: accuracy on new questions."""


@dataclass(frozen=True)
class Effort:
    """Of one seed, the mean over those that are finished: all steps that the checkpoint rests on, shared or not."""

    wall_s: float | None
    gpu_hours: float | None
    """GPUs held times hours; 0 on CPUs."""
    cost: float | None
    """GPU-hours at compute.hardware.price_per_gpu_hour."""
    currency: str
    tokens: float | None
    """Read by SFT and sampled by RL."""


@dataclass(frozen=True)
class Reach:
    """When an RL run's held-out accuracy first was at or above a threshold; means over the seeds that got there."""

    threshold: float
    seeds: int
    reached: int
    tokens: float | None
    """Sampled by RL until then."""
    seconds: float | None
    """Of rollouts and updates until then."""


def effort(comparison: Comparison, contender: Contender) -> Effort:
    """Time is from provenance: start to end of each step's last attempt."""
    chains = [chain for step in contender.evaluations.values() if (chain := _chain(comparison, step))]
    priced = [step.compute["hardware"] for chain in chains for step in chain if step.gpus and step.compute]
    return Effort(
        wall_s=_mean(chains, step_seconds),
        gpu_hours=_mean(chains, _gpu_hours),
        cost=_mean(chains, _cost) if priced else None,
        currency=priced[0]["currency"] if priced else "",
        tokens=_mean(chains, lambda step: float(step_tokens(comparison, step) or 0)),
    )


def threshold(comparison: Comparison, model: str) -> float | None:
    """Where the baseline's RL runs of a model ended on new questions; None where that was not logged."""
    runs = [
        float(measured[-1])
        for contender in comparison.contenders
        if contender.checkpoint == "rl" and contender.model == model and comparison.baseline in contender.variants
        for step in contender.evaluations.values()
        if len(measured := logged(_rl_log(comparison, step), HELD_OUT)[0])
    ]
    return math.fsum(runs) / len(runs) if runs else None


def reach(comparison: Comparison, contender: Contender) -> Reach | None:
    """None where there is no threshold, or the run logged no held-out accuracy."""
    goal = threshold(comparison, contender.model)
    logs = [_rl_log(comparison, step) for step in contender.evaluations.values() if contender.checkpoint == "rl"]
    logs = [log for log in logs if len(logged(log, HELD_OUT)[0])]
    if goal is None or not logs:
        return None
    found = []
    for log in logs:
        good = (log[HELD_OUT].fill_null(-1.0) >= goal).to_numpy()
        if good.any():
            until = log.head(int(good.argmax()) + 1)
            seconds = math.fsum(filled(until, "rollout_s") + filled(until, "update_s"))
            found.append((math.fsum(filled(until, "tokens")), seconds))
    return Reach(
        threshold=goal,
        seeds=len(logs),
        reached=len(found),
        tokens=math.fsum(tokens for tokens, _ in found) / len(found) if found else None,
        seconds=math.fsum(seconds for _, seconds in found) / len(found) if found else None,
    )


def step_seconds(step: StepRecord) -> float | None:
    """Wall time of a step's last attempt."""
    started, ended = step.provenance.get("started"), step.provenance.get("ended")
    if not isinstance(started, str) or not isinstance(ended, str):
        return None
    try:
        return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return None


def step_tokens(comparison: Comparison, step: StepRecord) -> int | None:
    """Tokens that a step sampled (rl, evaluation) or trained on (sft); None where its kind has none."""
    if attempts := comparison.findings.attempts.get(step.id):
        return sum(attempt.generated_tokens for attempt in attempts)
    log = comparison.findings.log(step.id)
    return None if log.is_empty() else int(math.fsum(filled(log, "tokens")))


def _chain(comparison: Comparison, evaluation: str) -> tuple[StepRecord, ...]:
    """The steps that an evaluation's policy rests on, itself included; empty where one is not done."""
    steps = comparison.findings.steps
    wanted = [steps[evaluation].reads.get("policy", "")] if evaluation in steps else []
    chain: dict[str, StepRecord] = {}
    while wanted:
        id = wanted.pop()
        if id not in steps or not steps[id].done:
            return ()
        if id not in chain:
            chain[id] = steps[id]
            wanted += steps[id].reads.values()
    return tuple(chain.values())


def _mean(chains: Sequence[tuple[StepRecord, ...]], measure: Callable[[StepRecord], float | None]) -> float | None:
    """Over chains, of the sum over steps; None where any step lacks its figure."""
    figures = [[measure(step) for step in chain] for chain in chains]
    known = [figure for chain in figures for figure in chain if figure is not None]
    if not chains or len(known) < sum(map(len, figures)):
        return None
    return math.fsum(known) / len(chains)


def _gpu_hours(step: StepRecord) -> float | None:
    seconds = step_seconds(step)
    return 0.0 if not step.gpus else None if seconds is None else step.gpus * seconds / 3600


def _cost(step: StepRecord) -> float | None:
    hours = _gpu_hours(step)
    price = step.compute.get("hardware", {}).get("price_per_gpu_hour")
    return 0.0 if not step.gpus else None if hours is None or price is None else hours * price


def _rl_log(comparison: Comparison, evaluation: str) -> pl.DataFrame:
    """What the RL step that an evaluation scored has logged."""
    step = comparison.findings.steps.get(evaluation)
    return comparison.findings.log(step.reads.get("policy", "") if step is not None else "")
