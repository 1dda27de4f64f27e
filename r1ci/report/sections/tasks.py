"""Task by task: accuracy of every contender on every task as a heat map that is also a table; what changed most; which
tasks gave training a signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from r1ci.report.areas import share_bar
from r1ci.report.contenders import SET_TITLES, Comparison, families
from r1ci.report.render import render
from r1ci.report.sections.curriculum import SIGNALS, label, signal_kinds, visits_of
from r1ci.report.stats import Scores

SOURCES = {"symbench": "SymBench", "bbh": "BIG-Bench Hard", "rg": "Reasoning Gym"}
"""What the first part of a task's id stands for; a plug-in's tasks have its namespace."""
MOST = 5
"""Tasks listed as most improved and as most regressed."""


@dataclass(frozen=True)
class TaskRow:
    """One task of one set; accuracies in the order of the contenders."""

    set: str
    source: str
    task: str
    accuracies: tuple[float | None, ...]


@dataclass(frozen=True)
class Signal:
    """A task's visits in training."""

    task: str
    shares: tuple[tuple[float, ...] | None, ...]
    """By run in the order of ``Tasks.runs``, of ``SIGNALS``; None where a run did not ask the task."""
    visits: int


@dataclass(frozen=True)
class Change:
    """A task that a variant changed most against the baseline (or against what RL started from)."""

    contender: str
    against: str
    set: str
    task: str
    change: float
    won: int
    """Questions, over seeds, that the contender answered better."""
    lost: int


@dataclass(frozen=True)
class Tasks:
    """Hardest tasks last within each set and source."""

    contenders: tuple[str, ...]
    columns: tuple[int, ...]
    """Places of the contenders that the page shows: see ``contenders.MOST_DRAWN``."""
    sets: dict[str, str]
    rows: tuple[TaskRow, ...]
    improved: tuple[Change, ...]
    regressed: tuple[Change, ...]
    runs: tuple[str, ...]
    """Training runs that finished."""
    run_columns: tuple[int, ...]
    """Places of the runs that the page shows."""
    signals: tuple[Signal, ...]
    """Tasks whose visits were most often neither all right nor all wrong first; the first row is all tasks."""


def tasks_data(comparison: Comparison) -> Tasks:
    """Mean over seeds and questions of each task, and the largest paired changes."""
    shown = [c for c in comparison.contenders if comparison.attempts(c)]
    rows: list[TaskRow] = []
    for set in comparison.sets():
        scores = [comparison.scores(contender, set) for contender in shown]
        names = sorted({task for of in scores for tasks in of.values() for task in tasks})
        of_set = [TaskRow(set, _source(name), name, tuple(_task_mean(of, name) for of in scores)) for name in names]
        rows += sorted(of_set, key=_order)
    runs, run_columns, signals = _signals(comparison)
    changes = sorted(_changes(comparison), key=lambda c: (c.change, c.set, c.task, c.contender))
    return Tasks(
        contenders=tuple(contender.label for contender in shown),
        columns=tuple(at for at, contender in enumerate(shown) if comparison.draws(contender.variants)),
        sets={set: SET_TITLES[set] for set in comparison.sets()},
        rows=tuple(rows),
        improved=tuple(c for c in reversed(changes) if c.change > 0)[:MOST],
        regressed=tuple(c for c in changes if c.change < 0)[:MOST],
        runs=runs,
        run_columns=run_columns,
        signals=signals,
    )


def tasks_html(data: Tasks) -> Markup:
    """A table whose cells carry number and shade; a cell leads to its trajectories."""

    def shade(value: float | None) -> str:
        return "none" if value is None else str(round(10 * value))

    def bar(signal: Signal, run: int) -> Markup:
        shares = signal.shares[run]
        assert shares is not None
        words = ", ".join(f"{name} {100 * share:.0f}%" for name, share in zip(SIGNALS, shares, strict=True))
        return share_bar(shares, f"{signal.task}, {data.runs[run]}: {words}")

    groups = {
        set: [
            (source, list(rows)) for source, rows in groupby((r for r in data.rows if r.set == set), lambda r: r.source)
        ]
        for set in data.sets
    }
    return render("tasks.html", data=data, groups=groups, shade=shade, bar=bar, names=SIGNALS)


def _source(task: str) -> str:
    suite = task.partition("/")[0]
    return SOURCES.get(suite, suite)


def _order(row: TaskRow) -> tuple[str, float, str]:
    return row.source, -max(accuracy for accuracy in row.accuracies if accuracy is not None), row.task


def _signals(comparison: Comparison) -> tuple[tuple[str, ...], tuple[int, ...], tuple[Signal, ...]]:
    import polars as pl

    runs = {
        label(comparison, family): (visits, comparison.draws(family.variants))
        for family in families(comparison.findings.cells, "rl")
        if (visits := visits_of(comparison, family)) is not None
    }
    counts: dict[str, dict[str, list[int]]] = {}
    for run, (visits, _) in runs.items():
        kinds = visits.select("task", kind=pl.Series(signal_kinds(visits)))
        of_tasks = kinds.group_by("task").agg((pl.col("kind") == kind).sum().alias(str(kind)) for kind in range(3))
        counts.setdefault("all tasks", {})[run] = [int(of_tasks[str(kind)].sum()) for kind in range(3)]
        for task, *of in of_tasks.iter_rows():
            counts.setdefault(task, {})[run] = of
    signals = [_signal(task, of, tuple(runs)) for task, of in counts.items()]
    columns = tuple(at for at, (_, drawn) in enumerate(runs.values()) if drawn)
    return tuple(runs), columns, tuple(sorted(signals, key=lambda s: (s.task != "all tasks", -_mixed(s), s.task)))


def _signal(task: str, counts: Mapping[str, Sequence[int]], runs: Sequence[str]) -> Signal:
    shares = tuple(tuple(n / sum(counts[run]) for n in counts[run]) if run in counts else None for run in runs)
    return Signal(task, shares, sum(map(sum, counts.values())))


def _mixed(signal: Signal) -> float:
    """Mean share over the runs that asked the task."""
    shares = [of[1] for of in signal.shares if of is not None]
    return sum(shares) / len(shares)


def _task_mean(scores: Scores, task: str) -> float | None:
    seeds = [tasks[task] for tasks in scores.values() if task in tasks]
    if not seeds:
        return None
    return sum(sum(questions.values()) / len(questions) for questions in seeds) / len(seeds)


def _changes(comparison: Comparison) -> list[Change]:
    changes = []
    for contender in comparison.contenders:
        other = comparison.baseline_of(contender) or (
            comparison.before_rl(contender) if comparison.baseline is None else None
        )
        if other is None:
            continue
        for set in comparison.sets():
            pairs = _pairs(comparison.scores(contender, set), comparison.scores(other, set))
            for task, values in pairs.items():
                won, lost = sum(v > 0 for v in values), sum(v < 0 for v in values)
                change = sum(values) / len(values)
                changes.append(Change(contender.label, other.label, set, task, change, won, lost))
    return changes


def _pairs(left: Scores, right: Scores) -> dict[str, list[float]]:
    """Per task, the difference on every question and seed that both sides share."""
    found: dict[str, list[float]] = {}
    for seed in sorted(left.keys() & right.keys()):
        for task in sorted(left[seed].keys() & right[seed].keys()):
            a, b = left[seed][task], right[seed][task]
            found.setdefault(task, []).extend(a[q] - b[q] for q in sorted(a.keys() & b.keys()))
    return {task: values for task, values in found.items() if values}
