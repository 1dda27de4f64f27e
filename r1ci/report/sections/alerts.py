"""What went wrong or should be known before a number is believed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from r1ci.report.contenders import SET_TITLES, Comparison, Family, families
from r1ci.report.data import Json, StepRecord
from r1ci.report.render import render
from r1ci.report.stats import difference
from r1ci.report.tables import filled, logged
from r1ci.report.text import number, percent, plural, points

if TYPE_CHECKING:
    import polars as pl

TIMEOUT_SHARE = 0.05
"""Share of calls stopped by a limit above which results depend on the limits."""
TRUNCATED_SHARE = 0.05
"""Share of episodes that ran out of tokens above which accuracies depend on the token limits."""
KL, CLIPPED, MISMATCH, SIGNAL = 0.5, 0.2, 1.05, 0.1
"""Means over the last quarter of training: KL to the start and clipped share of ratios above, exp of the absolute
log-ratio between engine and trainer above, share of groups with signal below which training deserves a look."""
FALL = 0.02
"""Change of reward and of held-out accuracy, in opposite directions, that looks like a reward that was gamed."""
COMPUTE = 1.1
"""Ratio of compute between variants above which they were not given the same."""
_LIMITS = ("timeout", "cpu", "memory", "output")
_OUT_OF_TOKENS = ("turn_length", "context_length")
_FINITE = ("loss", "grad_norm", "reward", "kl", "entropy")


@dataclass(frozen=True)
class Alert:
    """One thing to know."""

    level: str
    """error: something is missing; warning: something makes numbers doubtful."""
    title: str
    detail: str


@dataclass(frozen=True)
class Alerts:
    """Errors first."""

    alerts: tuple[Alert, ...]


def alerts_data(comparison: Comparison) -> Alerts:
    """Trials, steps and seeds that are missing, damaged files, questions on both sides of a split, dirty code,
    executions lost or stopped, training that diverged or gamed its reward, unequal compute."""
    found = [
        *_trials(comparison),
        *_steps(comparison),
        *(Alert("error", f"{p.where} {p.message}", "") for p in comparison.findings.problems),
        *_splits(comparison),
        *_dirty(comparison),
        *_seeds(comparison),
        *_executions(comparison),
        *_diverged(comparison),
        *_training(comparison),
        *_compute(comparison),
    ]
    return Alerts(tuple(sorted(found, key=lambda alert: alert.level)))


def alerts_html(data: Alerts) -> Markup:
    """A list, or one line that says there is nothing."""
    return render("alerts.html", data=data)


def _trials(comparison: Comparison) -> Iterator[Alert]:
    """Trials of sweeps that gave nothing; why, their section says."""
    for sweep in comparison.findings.sweeps:
        failed = [str(record.number) for record in sweep.records if record.state == "failed"]
        if failed:
            title = f"{len(failed)} of {plural(len(sweep.records), 'trial')} of the sweep {sweep.name} failed"
            yield Alert("error", title, f"trials {', '.join(failed)}")


def _steps(comparison: Comparison) -> Iterator[Alert]:
    """One alert per failed or damaged step, one for all that wait in the same state."""
    waiting: dict[str, list[StepRecord]] = {}
    for step in comparison.findings.steps.values():
        if step.state in ("failed", "damaged"):
            yield Alert("error", f"{step.kind} {step.state}: {_users(comparison, step.id)}", step.error or step.id)
        elif not step.done:
            waiting.setdefault(step.state, []).append(step)
    for state, steps in waiting.items():
        why = dict.fromkeys(step.error for step in steps if step.error)
        detail = "; ".join([_counts([step.kind for step in steps]), *why])
        yield Alert("error", f"{plural(len(steps), 'step')} {'is' if len(steps) == 1 else 'are'} {state}", detail)


def _counts(kinds: Sequence[str]) -> str:
    return ", ".join(f"{count} x {kind}" for kind, count in Counter(kinds).items())


def _users(comparison: Comparison, id: str) -> str:
    """The cells that need a step, for people."""
    names = [f"{c.variant}/{c.model}/{c.seed}" for c in comparison.findings.cells if id in c.steps.values()]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _dirty(comparison: Comparison) -> Iterator[Alert]:
    steps = comparison.findings.steps.values()
    dirty = [step.kind for step in steps if _git(step).get("dirty")]
    if dirty:
        yield Alert("warning", f"{plural(len(dirty), 'step')} ran with uncommitted changes", _counts(dirty))
    commits = {_git(step).get("commit") for step in steps} - {None}
    if len(commits) > 1:
        yield Alert("warning", "Steps ran at different commits", ", ".join(sorted(c[:12] for c in commits if c)))


def _git(step: StepRecord) -> Json:
    """What provenance says of the checkout; nothing where r1ci was installed."""
    return step.provenance.get("git") or {}


def _executions(comparison: Comparison) -> Iterator[Alert]:
    for contender in comparison.contenders:
        attempts = comparison.attempts(contender)
        lost = sum(not attempt.scored for attempt in attempts)
        if lost:
            text = f"{contender.label}: {plural(lost, 'attempt')} lost to failures that are not the model's, not scored"
            yield Alert("warning", text, f"of {len(attempts)}")
        statuses = Counter(status for attempt in attempts for status in attempt.statuses)
        stopped = sum(statuses[limit] for limit in _LIMITS)
        yield from _truncated(contender.label, Counter(attempt.stop_reason for attempt in attempts))
        if stopped > TIMEOUT_SHARE * max(1, statuses.total()):
            share = percent(stopped / statuses.total())
            counts = ", ".join(f"{statuses[limit]} x {limit}" for limit in _LIMITS if statuses[limit])
            yield Alert("warning", f"{contender.label}: {share}% of programs were stopped by a limit", counts)


def _truncated(label: str, stops: Counter[str]) -> Iterator[Alert]:
    cut = sum(stops[reason] for reason in _OUT_OF_TOKENS)
    if cut > TRUNCATED_SHARE * max(1, stops.total()):
        counts = ", ".join(f"{stops[reason]} x {reason}" for reason in _OUT_OF_TOKENS if stops[reason])
        yield Alert("warning", f"{label}: {percent(cut / stops.total())}% of episodes ran out of tokens", counts)


def _splits(comparison: Comparison) -> Iterator[Alert]:
    """Held-out questions that are trained on."""
    for id, split in comparison.findings.splits.items():
        for name, shared in split.shared.items():
            title = f"{shared} of {split.sizes[name]} {SET_TITLES.get(name, name)} are trained on, too"
            yield Alert("error", title, f"the same text stands in a training set of {id}: {_users(comparison, id)}")


def _seeds(comparison: Comparison) -> Iterator[Alert]:
    """Contenders of which only some seeds are finished."""
    for contender in comparison.contenders:
        done = [seed for seed, step in contender.evaluations.items() if comparison.findings.attempts.get(step)]
        missing = sorted(contender.evaluations.keys() - set(done))
        if done and missing:
            names = ", ".join(map(str, missing))
            title = f"{contender.label}: {len(done)} of {plural(len(contender.evaluations), 'seed')} evaluated"
            yield Alert("warning", title, f"missing: {names}")


def _diverged(comparison: Comparison) -> Iterator[Alert]:
    for id, log in comparison.findings.metrics.items():
        bad = {key: ~np.isfinite(filled(log, key)) for key in _FINITE if key in log.columns}
        somewhere = np.any(list(bad.values()), axis=0)
        if somewhere.any():
            at = int(somewhere.argmax())
            row = log.row(at, named=True)
            names = " and ".join(f"{key} became {_infinite(row[key])}" for key, of in bad.items() if of[at])
            yield Alert("error", f"{names} at step {row.get('step')}: {_users(comparison, id)}", id)


def _infinite(value: float) -> str:
    return "NaN" if math.isnan(value) else "infinite"


def _training(comparison: Comparison) -> Iterator[Alert]:
    """What the metrics of RL say at the end of training, run by run and seed by seed."""
    for family in families(comparison.findings.cells, "rl"):
        for seed, step in family.steps.items():
            log = comparison.findings.log(step)
            name = f"{', '.join(family.variants)}, {family.model}, seed {seed}"
            yield from (Alert("warning", f"{name}: {title}", detail) for title, detail in _ending(log))
        yield from _gamed(comparison, family)


def _ending(log: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Titles and details of what is wrong in the last quarter of a run."""
    values = {key: _quarters(log, key) for key in ("kl", "clip_fraction", "mismatch", "signal", "status/timeout")}
    last = {key: pair[1] for key, pair in values.items() if pair is not None}
    if last.get("kl", 0.0) > KL:
        yield f"KL to the start is {number(last['kl'])}", f"mean of the last quarter; above {KL}"
    if last.get("clip_fraction", 0.0) > CLIPPED:
        yield (
            f"{percent(last['clip_fraction'])}% of ratios are clipped",
            f"mean of the last quarter; above {CLIPPED:.0%}",
        )
    if last.get("mismatch", 1.0) > MISMATCH:
        detail = f"mean of exp(|log-ratio|) over the last quarter; above {MISMATCH}, where 1 is agreement"
        yield f"engine and trainer disagree by {number(last['mismatch'])}", detail
    if last.get("signal", 1.0) < SIGNAL:
        detail = "mean of the last quarter: the rewards within the other groups are all equal, so they teach nothing"
        yield f"only {percent(last['signal'])}% of groups have signal", detail
    if last.get("status/timeout", 0.0) > TIMEOUT_SHARE:
        yield f"{percent(last['status/timeout'])}% of training programs timed out", "mean of the last quarter"


def _quarters(log: pl.DataFrame, key: str) -> tuple[float, float] | None:
    """Means of the first and the last quarter of a metric's finite values; None without any."""
    values = logged(log, key)[0]
    values = values[np.isfinite(values)]
    size = max(1, len(values) // 4)
    return (fmean(values[:size].tolist()), fmean(values[-size:].tolist())) if len(values) else None


def _gamed(comparison: Comparison, family: Family) -> Iterator[Alert]:
    """Reward up while held-out accuracy fell: as logged while training, else from SFT to RL on new questions."""
    logs = [comparison.findings.log(step) for step in family.steps.values()]
    rewards = [pair[1] - pair[0] for log in logs if (pair := _quarters(log, "reward")) is not None]
    if not rewards or fmean(rewards) < FALL:
        return
    measured = [float(held[-1] - held[0]) for log in logs if len(held := logged(log, "new_accuracy")[0]) > 1]
    evaluated = [
        estimate.value
        for contender in comparison.contenders
        if contender.checkpoint == "rl" and contender.model == family.model and contender.variants == family.variants
        if (start := comparison.before_rl(contender)) is not None
        if (estimate := difference(comparison.scores(contender, "new"), comparison.scores(start, "new"))) is not None
    ]
    held_out = measured or evaluated
    if held_out and fmean(held_out) < -FALL:
        title = f"{', '.join(family.variants)}: the reward rose while accuracy on new questions fell"
        detail = (
            f"reward by {number(fmean(rewards))}, accuracy by {points(fmean(held_out))} points: was the reward gamed?"
        )
        yield Alert("warning", title, detail)


def _compute(comparison: Comparison) -> Iterator[Alert]:
    """Variants of one model that trained on more steps or more tokens than others, per finished seed."""
    given: dict[tuple[str, str], dict[str, float]] = {}
    for family in families(comparison.findings.cells, "rl"):
        done = [step for step in family.steps.values() if comparison.findings.steps[step].done]
        logs = [comparison.findings.log(step) for step in done]
        if trained := sum(log.height for log in logs):
            name, tokens = (
                ", ".join(family.variants),
                math.fsum(value for log in logs for value in filled(log, "tokens")),
            )
            given.setdefault((family.model, "training steps"), {})[name] = trained / len(done)
            given.setdefault((family.model, "sampled tokens"), {})[name] = tokens / len(done)
    for (model, words), amounts in given.items():
        least, most = min(amounts, key=amounts.__getitem__), max(amounts, key=amounts.__getitem__)
        if amounts[most] > COMPUTE * amounts[least]:
            each = ", ".join(f"{name} {number(amount)}" for name, amount in amounts.items())
            yield Alert("warning", f"{model}: {most} was given more {words} than {least}", f"per seed: {each}")
