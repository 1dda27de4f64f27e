"""The curriculum at work: what was trained on when, what each stage changed, and what was forgotten.

Everything is computed from the episodes of training; only the accuracy on held-out
questions comes from the metrics. Seeds of a run are pooled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from r1ci.report.areas import Layer, Span, flow, stacked, timeline
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.data import Json
from r1ci.report.render import render
from r1ci.report.svg import Mark
from r1ci.report.tables import filled, logged

if TYPE_CHECKING:
    import polars as pl

STATES = ("none", "under half", "half or more", "all")
"""What share of a question's episodes was right, from worst to best."""
SIGNALS = ("none right", "some right", "all right")
POINTS = 24
"""Most points of a curve over training; neighbouring steps are taken together."""


@dataclass(frozen=True)
class StageSpan:
    """A stage of one seed's run."""

    stage: int
    first: int
    """Training step, from 0."""
    last: int
    seconds: float
    """Rollouts and updates together."""


@dataclass(frozen=True)
class Strip:
    """The stages of one run."""

    title: str
    spans: tuple[StageSpan, ...]
    drawn: bool


@dataclass(frozen=True)
class Shares:
    """Parts that add up to 1 at every point."""

    names: tuple[str, ...]
    steps: tuple[float, ...]
    """Middle of the steps taken together."""
    values: tuple[tuple[float, ...], ...]
    """By name."""


@dataclass(frozen=True)
class StageFlow:
    """How questions did before and after a stage."""

    stage: int
    questions: int
    """With both measurements, over seeds."""
    counts: tuple[tuple[int, ...], ...]
    """Before (rows) and after (columns), in the order of ``STATES``."""
    gain: float
    """Mean change of the share of right episodes."""
    error: float | None
    """Its standard error over questions; None with one question."""
    improved: int
    worsened: int
    signal: float
    """Share of the stage's visits whose rewards differ."""
    held_out: float | None
    """Accuracy on new questions when it was last measured in the stage, mean over seeds; None if never."""


@dataclass(frozen=True)
class GroupHistory:
    """One group of the partition over the stages."""

    group: int
    accuracies: tuple[float | None, ...]
    """Of the training episodes, by stage; None where the stage did not ask the group."""
    forgotten: float | None
    """Best accuracy in an earlier stage minus that in the last stage; None where it was seen in one stage only."""


@dataclass(frozen=True)
class Run:
    """One variant and model, its seeds pooled."""

    label: str
    colour: int
    drawn: bool
    """Whether the page shows it: see ``contenders.MOST_DRAWN``."""
    visits: int
    stages: tuple[StageFlow, ...]
    learning: Shares
    """Visits by ``SIGNALS``."""
    mix: Shares | None
    """Visits by group of the partition; None without one."""
    groups: tuple[GroupHistory, ...]
    boundaries: tuple[tuple[float, int], ...]
    """Step at which a stage begins, and its number; without the first."""


@dataclass(frozen=True)
class Curriculum:
    """Runs that have finished; strips also of those that have not."""

    runs: tuple[Run, ...]
    strips: tuple[Strip, ...]
    planned: bool
    """Whether any cell trains by RL."""


def curriculum_data(comparison: Comparison) -> Curriculum:
    """From the visits of every finished run and the metrics of every run."""
    runs = families(comparison.findings.cells, "rl")
    strips = tuple(
        Strip(f"{label(comparison, family)}, seed {seed}", spans, comparison.draws(family.variants))
        for family in runs
        for seed, step in family.steps.items()
        if (spans := tuple(_spans(comparison.findings.log(step))))
    )
    found = tuple(run for family in runs if (run := _run(comparison, family)) is not None)
    return Curriculum(found, strips, bool(runs))


def curriculum_html(data: Curriculum) -> Markup:
    """Strips, then per run the mix, the signal, a flow per stage and the tables."""

    runs = [run for run in data.runs if run.drawn]
    strips_drawn = [strip for strip in data.strips if strip.drawn]

    def strips() -> Markup:
        drawn = [
            (strip.title, [Span(s.first, s.last + 1, f"stage {s.stage}", _kind(s.stage)) for s in strip.spans])
            for strip in strips_drawn
        ]
        return timeline(drawn, "Stages of every run over training steps, as in the table below.")

    def areas(run: Run, shares: Shares, title: str) -> Markup:
        kinds = [_kind(i + 1) for i in range(len(shares.names))]
        layers = [Layer(n, v, kind) for n, v, kind in zip(shares.names, shares.values, kinds, strict=True)]
        marks = [Mark(step, f"stage {stage}", run.colour) for step, stage in run.boundaries]
        return stacked(shares.steps, layers, marks, f"{title}, {run.label}. {change(shares)}")

    def change(shares: Shares) -> str:
        parts = zip(shares.names, shares.values, strict=True)
        return "; ".join(f"{name}: {100 * v[0]:.0f} to {100 * v[-1]:.0f} percent" for name, v in parts) + "."

    def ribbons(run: Run, stage: StageFlow) -> Markup:
        finding = f"{stage.improved} of {stage.questions} questions moved up, {stage.worsened} down"
        return flow(STATES, stage.counts, ("before", "after"), f"Stage {stage.stage} of {run.label}: {finding}.")

    return render(
        "curriculum.html",
        data=data,
        runs=runs,
        strips_drawn=strips_drawn,
        states=STATES,
        strips=strips,
        areas=areas,
        change=change,
        ribbons=ribbons,
    )


def label(comparison: Comparison, family: Family) -> str:
    """The variants of a run, and its model where there are several."""
    return " / ".join([", ".join(family.variants)] + [family.model] * comparison.several_models)


def _kind(index: int) -> str:
    return f"g{min(index, 8)}"


def _spans(log: pl.DataFrame) -> Iterator[StageSpan]:
    if not {"stage", "step"} <= set(log.columns):
        return
    staged = log.drop_nulls(["stage", "step"])
    for of in staged.partition_by("stage", maintain_order=True):
        seconds = math.fsum(filled(of, "rollout_s")) + math.fsum(filled(of, "update_s"))
        yield StageSpan(int(of["stage"][0]), int(of["step"][0]), int(of["step"][-1]), seconds)


def visits_of(comparison: Comparison, family: Family) -> pl.DataFrame | None:
    """The visits of a run's finished seeds, with the column seed; None where no seed has any."""
    import polars as pl

    found = [
        table.with_columns(seed=pl.lit(seed))
        for seed, step in family.steps.items()
        if (table := comparison.findings.visits.get(step)) is not None and not table.is_empty()
    ]
    return pl.concat(found) if found else None


def signal_kinds(visits: pl.DataFrame) -> NDArray[np.int64]:
    """Index in ``SIGNALS`` of every visit."""
    scored, correct = visits["scored"].to_numpy(), visits["correct"].to_numpy()
    return np.where(correct == 0, 0, np.where(correct == scored, 2, 1))


def _run(comparison: Comparison, family: Family) -> Run | None:
    import polars as pl

    visits = visits_of(comparison, family)
    if visits is None:
        return None
    visits = visits.with_columns(p=pl.col("correct") / pl.col("scored"))
    grouped = visits.join(_groups(comparison, family, visits), on=("seed", "question_id"), maintain_order="left")
    names = grouped["group"].cast(pl.Int64).unique().sort().to_list()
    first = visits.group_by("stage").agg(pl.col("step").min()).sort("stage").rows()
    stages = [stage for stage, _ in first]
    changes = _changes(visits, _measured(comparison, family, visits))
    mix = np.searchsorted(np.array(names), grouped["group"].to_numpy()) if names else None
    return Run(
        label=label(comparison, family),
        colour=comparison.colour(family.variants[0]),
        drawn=comparison.draws(family.variants),
        visits=visits.height,
        stages=tuple(_flow(comparison, family, visits, changes, stage) for stage in stages),
        learning=_shares(visits["step"].to_numpy(), signal_kinds(visits), SIGNALS),
        mix=None if mix is None else _shares(grouped["step"].to_numpy(), mix, [f"group {g}" for g in names]),
        groups=tuple(_history(name, grouped.filter(pl.col("group") == name), stages) for name in names),
        boundaries=tuple((float(step), stage) for stage, step in first[1:]),
    )


def _groups(comparison: Comparison, family: Family, visits: pl.DataFrame) -> pl.DataFrame:
    """Group of every question, by seed: the partition of any variant with this model and seed, for runs that used none
    too."""
    found: dict[int, Sequence[Json]] = {}
    for cell in comparison.findings.cells:
        rows = comparison.findings.partitions.get(cell.steps.get("partition", ""), ())
        if rows and cell.model == family.model:
            found.setdefault(cell.seed, rows)
    return _by_question(visits, found, "group")


def _measured(comparison: Comparison, family: Family, visits: pl.DataFrame) -> pl.DataFrame:
    """What the potential step measured on the SFT model, by seed."""
    of_run = (c for c in comparison.findings.cells if (c.variant, c.model) == (family.variants[0], family.model))
    tables = {c.seed: comparison.findings.potentials.get(c.steps.get("potential", ""), ()) for c in of_run}
    return _by_question(visits, tables, "p").rename({"p": "measured"})


def _by_question(visits: pl.DataFrame, tables: Mapping[int, Sequence[Json]], column: str) -> pl.DataFrame:
    """A column of tables with a row per question, by seed and question."""
    import polars as pl

    rows = [(seed, row["question_id"], row[column]) for seed, table in tables.items() for row in table]
    found = pl.DataFrame(rows, schema=("seed", "question_id", column), orient="row")
    typed = found.cast({"seed": visits.schema["seed"], "question_id": visits.schema["question_id"], column: pl.Float64})
    return typed.unique(("seed", "question_id"), keep="last")


def _shares(steps: NDArray[Any], classes: NDArray[Any], names: Sequence[str]) -> Shares:
    """Share of each class among visits at those steps, over at most ``POINTS`` runs of steps."""
    width = math.ceil((int(steps.max()) + 1) / POINTS)
    bins, at = np.unique(steps // width, return_inverse=True)
    counts = np.bincount(at * len(names) + classes, minlength=len(bins) * len(names)).reshape(len(bins), len(names))
    return Shares(
        names=tuple(names),
        steps=tuple(bin * width + (width - 1) / 2 for bin in bins.tolist()),
        values=tuple(tuple(shares) for shares in (counts / counts.sum(axis=1, keepdims=True)).T.tolist()),
    )


def _changes(visits: pl.DataFrame, measured: pl.DataFrame) -> pl.DataFrame:
    """(stage, before, after) of every question of every stage. Before: the last visit before the stage, else the
    measured potential, else the first visit in it. After: the last visit in it, another one than that of before."""
    import polars as pl

    question = ("seed", "question_id")
    within = visits.group_by(*question, "stage", maintain_order=True).agg(
        pl.col("p").first().alias("first"), pl.col("p").last().alias("after"), pl.len().alias("visits")
    )
    known = within.sort("stage", maintain_order=True).join(measured, on=question, how="left", maintain_order="left")
    again = pl.when(pl.col("visits") > 1).then(pl.col("first"))
    earlier = pl.col("after").shift(1).over(question)
    before = pl.coalesce(earlier, pl.col("measured"), again).alias("before")
    return known.select("stage", before, "after").drop_nulls("before")


def _flow(comparison: Comparison, family: Family, visits: pl.DataFrame, changes: pl.DataFrame, stage: int) -> StageFlow:
    import polars as pl

    of = changes.filter(pl.col("stage") == stage)
    before, after = of["before"].to_numpy(), of["after"].to_numpy()
    moved = after - before
    gain = math.fsum(moved) / len(moved) if len(moved) else 0.0
    size = len(STATES)
    counts = np.bincount(states(before) * size + states(after), minlength=size * size).reshape(size, size)
    signal = visits.filter(pl.col("stage") == stage)["signal"]
    seeds = visits["seed"].unique(maintain_order=True)
    return StageFlow(
        stage=stage,
        questions=len(moved),
        counts=tuple(tuple(row) for row in counts.tolist()),
        gain=gain,
        error=math.sqrt(math.fsum((moved - gain) ** 2) / (len(moved) - 1) / len(moved)) if len(moved) > 1 else None,
        improved=int((moved > 0).sum()),
        worsened=int((moved < 0).sum()),
        signal=int(signal.sum()) / len(signal),
        held_out=_held_out([comparison.findings.log(family.steps[seed]) for seed in seeds], stage),
    )


def states(shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Index in ``STATES`` of every share."""
    return np.where(shares == 0, 0, np.where(shares == 1, 3, np.where(shares < 0.5, 1, 2)))


def _held_out(logs: Sequence[pl.DataFrame], stage: int) -> float | None:
    measured = (logged(log, "new_accuracy", "stage") for log in logs)
    last = [values[of] for values, stages in measured if (of := stages == stage).any()]
    return fmean(values[-1] for values in last) if last else None


def _history(group: int, visits: pl.DataFrame, stages: Sequence[int]) -> GroupHistory:
    p, at = visits["p"].to_numpy(), visits["stage"].to_numpy()
    means = [p[at == stage] for stage in stages]
    accuracies = tuple(math.fsum(of) / len(of) if len(of) else None for of in means)
    earlier = [value for value in accuracies[:-1] if value is not None]
    last = accuracies[-1]
    return GroupHistory(group, accuracies, max(earlier) - last if earlier and last is not None else None)
