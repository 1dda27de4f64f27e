"""The curriculum at work: what was trained on when, what each stage changed, and what was forgotten.

Everything is computed from the episodes of training; only the accuracy on held-out
questions comes from the metrics. Seeds of a run are pooled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from r1ci.report.areas import Layer, Span, flow, stacked, timeline
from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.render import render
from r1ci.report.svg import Mark
from r1ci.report.tables import Visit

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
        Strip(f"{label(comparison, family)}, seed {seed}", spans)
        for family in runs
        for seed, step in family.steps.items()
        if (spans := tuple(_spans(comparison.findings.metrics.get(step, ()))))
    )
    found = tuple(run for family in runs if (run := _run(comparison, family)) is not None)
    return Curriculum(found, strips, bool(runs))


def curriculum_html(data: Curriculum) -> Markup:
    """Strips, then per run the mix, the signal, a flow per stage and the tables."""

    def strips() -> Markup:
        drawn = [
            (strip.title, [Span(s.first, s.last + 1, f"stage {s.stage}", _kind(s.stage)) for s in strip.spans])
            for strip in data.strips
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
        "curriculum.html", data=data, states=STATES, strips=strips, areas=areas, change=change, ribbons=ribbons
    )


def label(comparison: Comparison, family: Family) -> str:
    """The variants of a run, and its model where there are several."""
    several = len({cell.model for cell in comparison.findings.cells}) > 1
    return " / ".join([", ".join(family.variants)] + [family.model] * several)


def state(p: float) -> int:
    """Index in ``STATES``."""
    return 0 if p == 0 else 3 if p == 1 else 1 if p < 0.5 else 2


def _kind(index: int) -> str:
    return f"g{min(index, 8)}"


def _spans(rows: Sequence[Mapping[str, float]]) -> Iterator[StageSpan]:
    staged = [row for row in rows if "stage" in row and "step" in row]
    for stage in dict.fromkeys(int(row["stage"]) for row in staged):
        of = [row for row in staged if int(row["stage"]) == stage]
        seconds = sum(row.get("rollout_s", 0.0) + row.get("update_s", 0.0) for row in of)
        yield StageSpan(stage, int(of[0]["step"]), int(of[-1]["step"]), seconds)


def _run(comparison: Comparison, family: Family) -> Run | None:
    findings = comparison.findings
    by_seed = {seed: found for seed, step in family.steps.items() if (found := findings.visits.get(step))}
    if not by_seed:
        return None
    visits = [visit for of in by_seed.values() for visit in of]
    groups = {seed: _groups(comparison, family.model, seed) for seed in by_seed}
    grouped = [
        (groups[seed][v.question_id], v) for seed, of in by_seed.items() for v in of if v.question_id in groups[seed]
    ]
    stages = sorted({visit.stage for visit in visits})
    first = {stage: min(visit.step for visit in visits if visit.stage == stage) for stage in stages}
    names = sorted({group for group, _ in grouped})
    return Run(
        label=label(comparison, family),
        colour=comparison.colour(family.variants[0]),
        visits=len(visits),
        stages=tuple(_flow(comparison, family, by_seed, stage) for stage in stages),
        learning=_shares([(v.step, 0 if v.p == 0 else 2 if v.p == 1 else 1) for v in visits], SIGNALS),
        mix=_shares([(v.step, names.index(g)) for g, v in grouped], [f"group {g}" for g in names]) if names else None,
        groups=tuple(_history(name, [v for g, v in grouped if g == name], stages) for name in names),
        boundaries=tuple((float(first[stage]), stage) for stage in stages[1:]),
    )


def _groups(comparison: Comparison, model: str, seed: int) -> dict[str, int]:
    """Group of every question: the partition of any variant with this model and seed, for runs that used none too."""
    for cell in comparison.findings.cells:
        rows = comparison.findings.partitions.get(cell.steps.get("partition", ""), ())
        if rows and (cell.model, cell.seed) == (model, seed):
            return {row["question_id"]: int(row["group"]) for row in rows}
    return {}


def _shares(classes: Sequence[tuple[int, int]], names: Sequence[str]) -> Shares:
    """Share of each class among (step, class), over at most ``POINTS`` runs of steps."""
    last = max(step for step, _ in classes)
    width = math.ceil((last + 1) / POINTS)
    counts: dict[int, Counter[int]] = {}
    for step, of in classes:
        counts.setdefault(step // width, Counter())[of] += 1
    bins = sorted(counts)
    return Shares(
        names=tuple(names),
        steps=tuple(at * width + (width - 1) / 2 for at in bins),
        values=tuple(tuple(counts[at][i] / counts[at].total() for at in bins) for i in range(len(names))),
    )


def _flow(comparison: Comparison, family: Family, by_seed: Mapping[int, Sequence[Visit]], stage: int) -> StageFlow:
    pairs = [
        pair for seed, visits in by_seed.items() for pair in _pairs(visits, stage, _measured(comparison, family, seed))
    ]
    counts = Counter((state(before), state(after)) for before, after in pairs)
    changes = [after - before for before, after in pairs]
    gain = fmean(changes) if changes else 0.0
    spread = sum((change - gain) ** 2 for change in changes)
    size = range(len(STATES))
    of_stage = [visit for visits in by_seed.values() for visit in visits if visit.stage == stage]
    return StageFlow(
        stage=stage,
        questions=len(pairs),
        counts=tuple(tuple(counts[i, j] for j in size) for i in size),
        gain=gain,
        error=math.sqrt(spread / (len(pairs) - 1) / len(pairs)) if len(pairs) > 1 else None,
        improved=sum(change > 0 for change in changes),
        worsened=sum(change < 0 for change in changes),
        signal=fmean(visit.signal for visit in of_stage),
        held_out=_held_out([comparison.findings.metrics.get(family.steps[seed], ()) for seed in by_seed], stage),
    )


def _measured(comparison: Comparison, family: Family, seed: int) -> dict[str, float]:
    """What the potential step measured on the SFT model."""
    for cell in comparison.findings.cells:
        if (cell.variant, cell.model, cell.seed) == (family.variants[0], family.model, seed):
            rows = comparison.findings.potentials.get(cell.steps.get("potential", ""), ())
            return {row["question_id"]: row["p"] for row in rows}
    return {}


def _pairs(visits: Iterable[Visit], stage: int, measured: Mapping[str, float]) -> list[tuple[float, float]]:
    """(before, after) of the stage's questions. Before: the last visit before the stage, else the measured potential,
    else the first visit in it. After: the last visit in it, another one than that of before."""
    before: dict[str, float] = {}
    during: dict[str, list[float]] = {}
    for visit in visits:
        if visit.stage < stage:
            before[visit.question_id] = visit.p
        elif visit.stage == stage:
            during.setdefault(visit.question_id, []).append(visit.p)
    pairs = []
    for question, shares in during.items():
        known = before.get(question, measured.get(question))
        if known is not None:
            pairs.append((known, shares[-1]))
        elif len(shares) > 1:
            pairs.append((shares[0], shares[-1]))
    return pairs


def _held_out(logs: Sequence[Sequence[Mapping[str, float]]], stage: int) -> float | None:
    last = [
        [row["new_accuracy"] for row in rows if "new_accuracy" in row and int(row.get("stage", 0)) == stage]
        for rows in logs
    ]
    found = [values[-1] for values in last if values]
    return fmean(found) if found else None


def _history(group: int, visits: Sequence[Visit], stages: Sequence[int]) -> GroupHistory:
    means = [[visit.p for visit in visits if visit.stage == stage] for stage in stages]
    accuracies = tuple(fmean(of) if of else None for of in means)
    earlier = [value for value in accuracies[:-1] if value is not None]
    last = accuracies[-1]
    return GroupHistory(group, accuracies, max(earlier) - last if earlier and last is not None else None)
