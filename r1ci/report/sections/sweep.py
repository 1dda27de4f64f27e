"""A sweep: every trial, which keys matter, the best trials with the line that gives each again, what was stopped."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from r1ci.report import svg, trials
from r1ci.report.contenders import Comparison
from r1ci.report.data import SweepRecord, SweptSpec
from r1ci.report.importance import MIN_TRIALS, Importance, importances, is_number
from r1ci.report.render import render
from r1ci.report.stats import spread
from r1ci.report.sweeps import ranking
from r1ci.report.text import number, plural
from r1ci.spec.sweep.models import AshaScheduler, LogUniform, NoScheduler
from r1ci.spec.sweep.trials import written
from r1ci.store.sweeps import TrialRecord

TOP = 10
"""Trials of the table of the best."""
SLICES = 4
"""Keys that are drawn on their own."""
SPEC = "spec"
"""The key that stands for the spec of a trial where a sweep has several."""


@dataclass(frozen=True)
class TrialRow:
    """One trial."""

    number: int
    state: str
    values: Mapping[str, Any]
    """By dotted key; the spec is one of them where the sweep has several."""
    overrides: tuple[str, ...]
    metric: float | None
    best: float | None
    """Of all trials up to this number."""
    stopped_at: float | None
    last: float | None
    """Its last intermediate value."""
    reason: str
    """Why it was stopped or failed; empty for others."""
    help: str
    seconds: float


@dataclass(frozen=True)
class TopTrial:
    """One of the best trials."""

    number: int
    metric: float
    by_seed: Mapping[int, float]
    low: float | None
    """Of the 95% interval over seeds; None with one seed."""
    high: float | None
    overrides: tuple[str, ...]
    command: str
    """Runs it again on its own."""


@dataclass(frozen=True)
class Course:
    """The intermediate values of a trial's first seed."""

    number: int
    state: str
    resource: tuple[float, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Rung:
    """A place where the scheduler looks at trials, and what was spent since the one before."""

    at: float
    reached: int
    stopped: int
    """Trials that were stopped at it, before the next."""
    spent: float
    """Resource that first seeds used between the place before it and this one."""


@dataclass(frozen=True)
class Usage:
    """What the trials of one state took."""

    state: str
    trials: int
    seconds: float
    steps: float
    tokens: float
    gpu_hours: float


@dataclass(frozen=True)
class SweepView:
    """What the page says of one sweep."""

    name: str
    description: str
    state: str
    metric: str
    mode: str
    search: str
    scheduler: str
    resource: str
    watched: str
    """The column of the RL log that the scheduler watches."""
    variant: str
    total: int | None
    """Trials that there are to be; None where a budget says it."""
    keys: tuple[str, ...]
    rows: tuple[TrialRow, ...]
    importance: tuple[Importance, ...]
    axes: tuple[trials.Axis, ...]
    """Of the keys, then of the metric; empty where no trial has one."""
    top: tuple[TopTrial, ...]
    paths: tuple[Course, ...]
    rungs: tuple[Rung, ...]
    spared: float | None
    """Resource that stopped trials did not use of what the longest finished one did."""
    usage: tuple[Usage, ...]
    computed: int
    reused: int
    saved_s: float
    shown: tuple[str, ...]
    """The experiments that other sections compare."""

    def count(self, *states: str) -> int:
        """Trials in any of these states."""
        return sum(row.state in states for row in self.rows)

    @property
    def finished(self) -> tuple[TrialRow, ...]:
        """Trials with a metric, by number."""
        return tuple(row for row in self.rows if row.metric is not None)

    @property
    def slices(self) -> tuple[Importance, ...]:
        """The keys that are drawn on their own: those that matter most."""
        return self.importance[:SLICES]


@dataclass(frozen=True)
class Sweeps:
    """All sweeps of the report."""

    sweeps: tuple[SweepView, ...]
    min_trials: int


def sweep_data(comparison: Comparison) -> Sweeps:
    """Everything is made from the records that the sweep left, so it is there while trials still run."""
    return Sweeps(tuple(_view(found) for found in comparison.findings.sweeps), MIN_TRIALS)


def _view(found: SweepRecord) -> SweepView:
    sweep, records = found.sweep, found.records
    keys = (*([SPEC] if len(found.specs) > 1 else []), *sweep.space)
    rows = _rows(found)
    finished = [row for row in rows if row.metric is not None]
    scheduler = sweep.scheduler
    idle = isinstance(scheduler, NoScheduler)
    return SweepView(
        name=found.name,
        description=sweep.description,
        state=str(found.status.get("state", "new")),
        metric=sweep.metric.name,
        mode=sweep.metric.mode,
        search=sweep.search.kind,
        scheduler=scheduler.kind,
        resource="steps" if isinstance(scheduler, NoScheduler) else scheduler.resource,
        watched=sweep.metric.curve,
        variant=", ".join(dict.fromkeys(spec.variant for spec in found.specs.values())),
        total=found.status.get("total"),
        keys=keys,
        rows=rows,
        importance=importances(
            [row.values for row in finished],
            [row.metric or 0.0 for row in finished],
            keys=keys,
            maximise=sweep.metric.mode == "max",
        ),
        axes=_axes(found, keys, finished),
        top=tuple(_top(found, record) for record in ranking(records, sweep)[:TOP]),
        paths=tuple(_course(record) for record in records if record.curve),
        rungs=() if idle else _rungs(found),
        spared=None if idle else _spared(records),
        usage=_usage(records),
        computed=sum(record.computed for record in records),
        reused=sum(record.reused for record in records),
        saved_s=math.fsum(record.saved_s for record in records),
        shown=found.shown,
    )


def _rows(found: SweepRecord) -> tuple[TrialRow, ...]:
    better = max if found.sweep.metric.mode == "max" else min
    best: float | None = None
    rows = []
    for record in found.records:
        if record.metric is not None:
            best = record.metric if best is None else better(best, record.metric)
        rows.append(
            TrialRow(
                number=record.number,
                state=record.state,
                values={**({SPEC: record.spec} if len(found.specs) > 1 else {}), **record.values},
                overrides=record.overrides,
                metric=record.metric,
                best=best,
                stopped_at=record.stopped_at,
                last=record.curve[-1][1] if record.curve else None,
                reason=f"{record.error.type}: {record.error.message}" if record.error else record.reason,
                help=record.error.help if record.error else "",
                seconds=record.seconds,
            )
        )
    return tuple(rows)


def _axes(found: SweepRecord, keys: Sequence[str], finished: Sequence[TrialRow]) -> tuple[trials.Axis, ...]:
    """Of the keys that finished trials differ in, and of the metric."""
    if not finished:
        return ()
    axes = []
    for key in keys:
        values = [row.values[key] for row in finished if key in row.values]
        if len({str(value) for value in values}) > 1:
            axes.append(trials.axis_of(key, values, log=_is_log(found, key, values)))
    return (*axes, trials.axis_of(found.sweep.metric.name, [row.metric for row in finished], log=False))


def _is_log(found: SweepRecord, key: str, values: Sequence[Any]) -> bool:
    """Drawn from a logarithmic range, or listed over more than a factor of ten."""
    if isinstance(found.sweep.space.get(key), LogUniform):
        return True
    numbers = [value for value in values if is_number(value)]
    return len(numbers) == len(values) and min(numbers) > 0 and max(numbers) / min(numbers) >= 10


def _top(found: SweepRecord, record: TrialRecord) -> TopTrial:
    assert record.metric is not None
    low, high = _seed_interval(tuple(record.by_seed.values()), share=found.sweep.metric.name.startswith("accuracy/"))
    return TopTrial(record.number, record.metric, record.by_seed, low, high, record.overrides, _command(found, record))


def _seed_interval(values: Sequence[float], *, share: bool) -> tuple[float | None, float | None]:
    """Student's t over seeds; accuracies stay between 0 and 1."""
    around = spread(np.array([[value] for value in values], dtype=np.float64)) if values else None
    if around is None:
        return None, None
    mean = math.fsum(values) / len(values)
    low, high = mean - around.margin, mean + around.margin
    return (max(0.0, low), min(1.0, high)) if share else (low, high)


def _command(found: SweepRecord, record: TrialRecord) -> str:
    spec = found.specs.get(record.spec, SweptSpec(record.spec, "", ()))
    fixed = [f"{key}={written(value)}" for key, value in found.sweep.set.items() if key not in record.values]
    seeds = ",".join(map(str, record.by_seed))
    name = f"{found.name}-{record.name}-again"
    return shlex.join(
        ["r1ci", "run", spec.path, *spec.alone, *fixed, *record.overrides, "--seeds", seeds, "--name", name]
    )


def _course(record: TrialRecord) -> Course:
    return Course(record.number, record.state, tuple(at for at, _ in record.curve), tuple(v for _, v in record.curve))


def _rungs(found: SweepRecord) -> tuple[Rung, ...]:
    """The rungs of asha, grace x reduction^k; otherwise the grace and the furthest that a trial came."""
    scheduler = found.sweep.scheduler
    reach = [_reach(record) for record in found.records if record.curve or record.stopped_at is not None]
    if isinstance(scheduler, NoScheduler) or not reach:
        return ()
    furthest, at = max(reach), float(scheduler.grace)
    places = [at]
    while isinstance(scheduler, AshaScheduler) and places[-1] * scheduler.reduction <= furthest:
        places.append(places[-1] * scheduler.reduction)
    if furthest > places[-1]:
        places.append(furthest)
    stops = [record.stopped_at for record in found.records if record.stopped_at is not None]
    rungs, before = [], 0.0
    for place, following in zip(places, [*places[1:], math.inf], strict=True):
        rungs.append(
            Rung(
                at=place,
                reached=sum(end >= place for end in reach),
                stopped=sum(place <= stop < following for stop in stops),
                spent=math.fsum(max(0.0, min(end, place) - before) for end in reach),
            )
        )
        before = place
    return tuple(rungs)


def _reach(record: TrialRecord) -> float:
    """How far the first seed came, in the scheduler's resource."""
    return max(record.stopped_at or 0.0, record.curve[-1][0] if record.curve else 0.0)


def _spared(records: Sequence[TrialRecord]) -> float | None:
    whole = [record.curve[-1][0] for record in records if record.state == "done" and record.curve]
    stopped = [record.stopped_at for record in records if record.stopped_at is not None]
    return math.fsum(max(0.0, max(whole) - at) for at in stopped) if whole and stopped else None


def _usage(records: Sequence[TrialRecord]) -> tuple[Usage, ...]:
    """By state, in the order in which states first occur."""
    return tuple(
        Usage(
            state=state,
            trials=len(of),
            seconds=math.fsum(record.seconds for record in of),
            steps=math.fsum(record.totals.get("steps", 0.0) for record in of),
            tokens=math.fsum(record.totals.get("tokens", 0.0) for record in of),
            gpu_hours=math.fsum(record.totals.get("gpu_hours", 0.0) for record in of),
        )
        for state in dict.fromkeys(record.state for record in records)
        if (of := [record for record in records if record.state == state])
    )


# ---------------------------------------------------------------- drawing


def sweep_html(data: Sweeps) -> Markup:
    """Charts as static drawings, each with its numbers in a table; the page's script brushes the axes."""
    return render("sweep.html", data=data, draw=_Drawing(), slices=SLICES, top=TOP)


class _Drawing:
    """The charts of a view, for the template."""

    def finding(self, view: SweepView) -> str:
        """How the best trial stands among all."""
        if not view.top:
            return "No trial has finished."
        best = view.top[0]
        values = sorted(row.metric for row in view.finished if row.metric is not None)
        middle = values[len(values) // 2] if len(values) % 2 else math.fsum(values[len(values) // 2 - 1 :][:2]) / 2
        return (
            f"Best of {plural(len(values), 'finished trial')}: trial {best.number} with {view.metric} "
            f"{number(best.metric)}; the median is {number(middle)}."
        )

    def history(self, view: SweepView) -> Markup:
        points = [self._point(view, row, float(row.number)) for row in view.rows]
        steps = [(row.number, row.best) for row in view.rows if row.best is not None]
        shown = [(at, value) for index, (at, value) in enumerate(steps) if not index or value != steps[index - 1][1]]
        stopped, failed = view.count("stopped"), view.count("failed")
        label = f"{view.metric} by trial. {self.finding(view)} {stopped} were stopped early, {failed} failed."
        return trials.history(points, shown, label)

    def parallel(self, view: SweepView) -> Markup:
        best = {trial.number for trial in view.top[: max(1, len(view.finished) // 10)]}
        rows = sorted(view.finished, key=lambda row: row.number in best)
        strands = [
            trials.Strand(
                row.number,
                (
                    *(axis.share(row.values[axis.key]) if axis.key in row.values else None for axis in view.axes[:-1]),
                    view.axes[-1].share(row.metric),
                ),
                row.number in best,
                f"trial {row.number}, {number(row.metric)}: {' '.join(row.overrides)}",
            )
            for row in rows
        ]
        label = f"Every finished trial across its values and {view.metric}. {self.finding(view)}"
        return trials.parallel(view.axes, strands, label)

    def shares(self, view: SweepView) -> Markup:
        found = [each for each in view.importance if each.share is not None]
        told = "; ".join(f"{each.key} {100 * (each.share or 0):.0f}" for each in found)
        return trials.shares(found, f"Share of the trials' ranks by key, in percent: {told}.")

    def slice(self, view: SweepView, each: Importance) -> Markup:
        axis = next(axis for axis in view.axes if axis.key == each.key)
        having = [row for row in view.rows if each.key in row.values and self._on(axis, row.values[each.key])]
        points = [self._point(view, row, axis.share(row.values[each.key])) for row in having]
        means = "; ".join(f"{group.label}: mean {number(group.mean)}" for group in each.groups)
        return trials.slices(axis, points, f"{view.metric} by {each.key}. {means}.")

    def paths(self, view: SweepView) -> Markup:
        best = view.top[0].number if view.top else None
        drawn = [
            svg.Polyline(
                path.resource,
                path.values,
                3 if path.number == best else 2 if path.state == "done" else 0,
                bold=path.number == best,
            )
            for path in sorted(view.paths, key=lambda path: path.number == best)
        ]
        end = max(path.resource[-1] for path in view.paths)
        marks = [svg.Mark(rung.at, number(rung.at), 0) for rung in view.rungs if rung.at < end]
        stopped = [row for row in view.rows if row.stopped_at is not None]
        label = f"{view.watched} of first seeds over {view.resource} of RL; {plural(len(stopped), 'trial')} stopped."
        return svg.lines(drawn, marks, label)

    def _point(self, view: SweepView, row: TrialRow, at: float) -> trials.Point:
        best = bool(view.top) and row.number == view.top[0].number
        return trials.Point(row.number, row.state, at, row.metric, best)

    def _on(self, axis: trials.Axis, value: Any) -> bool:
        """Whether a value of a trial without a metric has a place on the axis of those that have one."""
        if axis.labels:
            return trials.label_of(value) in axis.labels
        return is_number(value) and axis.low <= value <= axis.high
