"""Task by task: accuracy of every contender on every task, as a heat map that is also a table."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import SET_TITLES, Comparison
from r1ci.report.render import render
from r1ci.report.stats import Scores

MOST = 5
"""Tasks listed as most improved and as most regressed."""


@dataclass(frozen=True)
class TaskRow:
    """One task of one set; accuracies in the order of the contenders."""

    set: str
    task: str
    accuracies: tuple[float | None, ...]


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
    """Hardest tasks last within each set."""

    contenders: tuple[str, ...]
    sets: dict[str, str]
    rows: tuple[TaskRow, ...]
    improved: tuple[Change, ...]
    regressed: tuple[Change, ...]


def tasks_data(comparison: Comparison) -> Tasks:
    """Mean over seeds and questions of each task, and the largest paired changes."""
    shown = [c for c in comparison.contenders if comparison.attempts(c)]
    rows: list[TaskRow] = []
    for set in comparison.sets():
        scores = [comparison.scores(contender, set) for contender in shown]
        names = sorted({task for of in scores for tasks in of.values() for task in tasks})
        of_set = [TaskRow(set, name, tuple(_task_mean(of, name) for of in scores)) for name in names]
        rows += sorted(of_set, key=lambda row: (-max(a for a in row.accuracies if a is not None), row.task))
    changes = sorted(_changes(comparison), key=lambda c: (c.change, c.set, c.task, c.contender))
    return Tasks(
        contenders=tuple(contender.label for contender in shown),
        sets={set: SET_TITLES[set] for set in comparison.sets()},
        rows=tuple(rows),
        improved=tuple(c for c in reversed(changes) if c.change > 0)[:MOST],
        regressed=tuple(c for c in changes if c.change < 0)[:MOST],
    )


def tasks_html(data: Tasks) -> Markup:
    """A table whose cells carry number and shade; a cell leads to its trajectories."""

    def shade(value: float | None) -> str:
        return "none" if value is None else str(round(10 * value))

    return render("tasks.html", data=data, shade=shade)


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
