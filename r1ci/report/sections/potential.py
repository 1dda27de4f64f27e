"""The potential: how it is distributed over the RL questions, where the groups were cut, and whether training found the
signal that was promised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from markupsafe import Markup

from r1ci.report import svg
from r1ci.report.contenders import Comparison, families
from r1ci.report.render import render

BINS = 20


@dataclass(frozen=True)
class Group:
    """One group of a partition; bounds are None where no potential was measured."""

    group: int
    size: int
    lowest: float | None
    highest: float | None
    mean_p: float | None
    """Mean share of correct attempts."""
    promised: float | None
    """Share of visits with both right and wrong episodes that the measured p lead to expect at the group size of
    training: the mean of 1 - p^G - (1-p)^G. None where nothing was measured or trained."""
    found: float | None
    """That share among the first visits of the group's questions in training; None where there were none."""
    visited: int
    """Questions with such a visit, over the runs that trained on these groups."""


@dataclass(frozen=True)
class Histogram:
    """The questions of one seed, by potential and group."""

    title: str
    questions: int
    unsolved: int
    """Questions that no attempt solved (p = 0)."""
    solved: int
    """Questions that every attempt solved (p = 1)."""
    counts: dict[int, tuple[int, ...]]
    """Questions per bin of width 1/20, by group; group 0 where there is no partition."""
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class TaskPotential:
    """One task, over its questions and seeds."""

    task: str
    questions: int
    p: float
    potential: float


@dataclass(frozen=True)
class Potential:
    """One histogram per run that measured or cut anything."""

    histograms: tuple[Histogram, ...]
    tasks: tuple[TaskPotential, ...]
    """Highest mean potential first."""
    planned: bool
    """Whether any cell has such a step, done or not."""


def potential_data(comparison: Comparison) -> Potential:
    """Histograms by partition where there is one, by potential where not."""
    findings = comparison.findings
    tables = {**findings.potentials, **findings.partitions}
    covered = {findings.steps[step].reads.get("potential") for step in findings.partitions}
    found = [
        _histogram(
            f"{', '.join(family.variants)}, {family.model}, seed {seed}", tables[step], _trained(comparison, step)
        )
        for role in ("partition", "potential")
        for family in families(findings.cells, role)
        for seed, step in family.steps.items()
        if tables.get(step) and step not in covered
    ]
    planned = any("partition" in cell.steps or "potential" in cell.steps for cell in findings.cells)
    return Potential(tuple(found), _tasks(comparison), planned)


def potential_html(data: Potential) -> Markup:
    """Histograms with the group edges, a table of the groups, a table of the tasks."""

    def chart(histogram: Histogram) -> Markup:
        at: dict[float, list[str]] = {}
        for group in histogram.groups[:-1]:
            if group.lowest is not None:
                at.setdefault(group.lowest, []).append(str(group.group))
        edges = [(edge, f"group {', '.join(names)}") for edge, names in at.items()]
        finding = ", ".join(f"group {g.group}: {g.size} questions" for g in histogram.groups)
        return svg.histogram(histogram.counts, edges, f"Potential of {histogram.title}. {finding}")

    return render("potential.html", data=data, chart=chart, bins=BINS)


@dataclass(frozen=True)
class _Training:
    """What training on a partition asked."""

    group_size: int | None
    first: Mapping[str, tuple[bool, ...]]
    """By question, whether its first visit had both right and wrong episodes, in every run that asked it."""


def _trained(comparison: Comparison, partition: str) -> _Training:
    """The runs that trained on the groups of a partition step."""
    runs = [step for step in comparison.findings.steps.values() if step.reads.get("partition") == partition]
    sizes = {size for run in runs if (size := (run.inputs.get("rl") or {}).get("group_size"))}
    first: dict[str, tuple[bool, ...]] = {}
    for run in runs:
        if (visits := comparison.findings.visits.get(run.id)) is not None:
            once = visits.unique("question_id", keep="first", maintain_order=True)
            for question, scored, correct in once.select("question_id", "scored", "correct").iter_rows():
                first[question] = (*first.get(question, ()), 0 < correct < scored)
    return _Training(sizes.pop() if len(sizes) == 1 else None, first)


def _histogram(title: str, rows: tuple[Mapping[str, Any], ...], training: _Training) -> Histogram:
    by_group: dict[int, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_group.setdefault(int(row.get("group") or 0), []).append(row)
    shares = [row["p"] for row in rows if row.get("p") is not None]
    return Histogram(
        title=title,
        questions=len(rows),
        unsolved=sum(p == 0 for p in shares),
        solved=sum(p == 1 for p in shares),
        counts={group: _bins(of) for group, of in sorted(by_group.items())},
        groups=tuple(_group(group, of, training) for group, of in sorted(by_group.items()) if group),
    )


def _bins(rows: list[Mapping[str, Any]]) -> tuple[int, ...]:
    counts = [0] * BINS
    for row in rows:
        if row.get("potential") is not None:
            counts[min(BINS - 1, int(row["potential"] * BINS + 1e-9))] += 1
    return tuple(counts)


def _group(group: int, rows: list[Mapping[str, Any]], training: _Training) -> Group:
    potentials = [row["potential"] for row in rows if row.get("potential") is not None]
    shares = [row["p"] for row in rows if row.get("p") is not None]
    size = training.group_size
    promised = [1 - p**size - (1 - p) ** size for p in shares] if size else []
    names = dict.fromkeys(row["question_id"] for row in rows)
    visits = [mixed for name in names for mixed in training.first.get(name, ())]
    return Group(
        group=group,
        size=len(rows),
        lowest=min(potentials, default=None),
        highest=max(potentials, default=None),
        mean_p=fmean(shares) if shares else None,
        promised=fmean(promised) if promised else None,
        found=fmean(visits) if visits else None,
        visited=len(visits),
    )


def _tasks(comparison: Comparison) -> tuple[TaskPotential, ...]:
    of: dict[str, list[Mapping[str, Any]]] = {}
    for rows in comparison.findings.potentials.values():
        for row in rows:
            of.setdefault(row["task"], []).append(row)
    tasks = [
        TaskPotential(task, len({r["question_id"] for r in rows}), _mean(rows, "p"), _mean(rows, "potential"))
        for task, rows in of.items()
    ]
    return tuple(sorted(tasks, key=lambda task: (-task.potential, task.task)))


def _mean(rows: list[Mapping[str, Any]], key: str) -> float:
    return float(sum(row[key] for row in rows)) / len(rows)
