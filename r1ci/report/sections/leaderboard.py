"""The leaderboard: one row per checkpoint and agent, its seeds grouped, with intervals over seeds and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report import svg
from r1ci.report.contenders import SET_TITLES, Comparison, Contender
from r1ci.report.render import render
from r1ci.report.stats import Estimate, accuracy, difference
from r1ci.report.text import plural


@dataclass(frozen=True)
class SetScore:
    """How a contender did on one set of questions."""

    accuracy: Estimate | None
    to_baseline: Estimate | None
    """Paired difference to the baseline variant; None for rows without one."""
    to_start: Estimate | None
    """Paired difference of an RL row to the SFT model (or base model) it started from."""


@dataclass(frozen=True)
class Row:
    """One contender."""

    label: str
    name: str
    """Without model and agent, which have columns of their own."""
    checkpoint: str
    model: str
    agent: str
    colour: int
    baseline: bool
    scores: dict[str, SetScore]
    """By set."""
    calls: float | None
    """Programs run per episode."""
    code_errors: float | None
    """Share of programs that did not end ok."""
    tokens: float | None
    """Tokens generated per episode."""
    seeds: tuple[int, ...]
    missing: tuple[str, ...]
    """Seeds without scores, with the reason."""


@dataclass(frozen=True)
class Leaderboard:
    """Rows in the order base, SFT, variants, within model and agent."""

    baseline: str | None
    sets: dict[str, str]
    """Title by set."""
    models: bool
    """Whether there is more than one model."""
    agents: bool
    rows: tuple[Row, ...]
    caption: str


def leaderboard_data(comparison: Comparison) -> Leaderboard:
    """Accuracies, paired differences and how the interpreter was used."""
    rows = tuple(_row(comparison, contender) for contender in comparison.contenders)
    return Leaderboard(
        baseline=comparison.baseline,
        sets={set: SET_TITLES[set] for set in comparison.sets()},
        models=len({row.model for row in rows}) > 1,
        agents=len({row.agent for row in rows}) > 1,
        rows=rows,
        caption=_caption(rows),
    )


def leaderboard_html(data: Leaderboard) -> Markup:
    """The table, every accuracy with its interval drawn."""

    def bar(row: Row, set: str) -> Markup:
        estimate = row.scores[set].accuracy
        return Markup("") if estimate is None else svg.interval(estimate, row.colour, f"{row.label}, {data.sets[set]}")

    return render("leaderboard.html", data=data, bar=bar, axis=svg.axis())


def _row(comparison: Comparison, contender: Contender) -> Row:
    attempts = [a for a in comparison.attempts(contender) if a.scored]
    calls = sum(attempt.calls for attempt in attempts)
    return Row(
        label=contender.label,
        name=contender.name,
        checkpoint=contender.checkpoint,
        model=contender.model,
        agent=contender.agent,
        colour=contender.colour,
        baseline=contender.checkpoint == "rl" and comparison.baseline in contender.variants,
        scores={set: _score(comparison, contender, set) for set in comparison.sets()},
        calls=calls / len(attempts) if attempts else None,
        code_errors=sum(attempt.code_errors for attempt in attempts) / calls if calls else None,
        tokens=sum(attempt.generated_tokens for attempt in attempts) / len(attempts) if attempts else None,
        seeds=tuple(seed for seed, id in contender.evaluations.items() if comparison.findings.attempts.get(id)),
        missing=tuple(_missing(comparison, contender)),
    )


def _score(comparison: Comparison, contender: Contender, set: str) -> SetScore:
    own = comparison.scores(contender, set)

    def to(other: Contender | None) -> Estimate | None:
        return None if other is None else difference(own, comparison.scores(other, set))

    return SetScore(accuracy(own), to(comparison.baseline_of(contender)), to(comparison.before_rl(contender)))


def _missing(comparison: Comparison, contender: Contender) -> list[str]:
    findings = comparison.findings
    gone = [(seed, id) for seed, id in contender.evaluations.items() if not findings.attempts.get(id)]
    return [f"seed {seed}: {findings.steps[id].state if id in findings.steps else 'missing'}" for seed, id in gone]


def _caption(rows: Sequence[Row]) -> str:
    estimates = [score.accuracy for row in rows for score in row.scores.values() if score.accuracy is not None]
    if not estimates:
        return "Nothing has been evaluated yet."
    seeds = max(estimate.seeds for estimate in estimates)
    resampled = " or ".join(sorted({estimate.unit for estimate in estimates}))
    text = (
        "Accuracy in percent, mean over seeds and tasks. Bar: 95% interval; dots: every seed. "
        f"Resampled: {resampled}. Differences are in points, paired on the same questions and seeds; "
        "those in bold have an interval that excludes zero."
    )
    if seeds == 1:
        return f"{text} One seed: nothing can be said about the variance between seeds."
    return f"{text} At most {plural(seeds, 'seed')} per row."
