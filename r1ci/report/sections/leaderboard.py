"""The leaderboard: one row per checkpoint and agent, its seeds grouped, with intervals over seeds and tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report import svg
from r1ci.report.contenders import SET_TITLES, Comparison, Contender
from r1ci.report.contrasts import Contrast, contrasts
from r1ci.report.data import Attempt
from r1ci.report.effort import Effort, Reach, effort, reach
from r1ci.report.render import render
from r1ci.report.scores import Measure, majority_of, pass_at
from r1ci.report.sections.board import board
from r1ci.report.stats import Estimate, accuracy, rank_probabilities
from r1ci.report.text import plural


@dataclass(frozen=True)
class SetScore:
    """How a contender did on one set of questions."""

    accuracy: Estimate | None
    """pass@1."""
    to_baseline: Contrast | None
    """Against the baseline variant; None for rows without one."""
    to_start: Contrast | None
    """Of an RL row against the SFT model (or base model) that it started from."""
    ranks: tuple[float, ...]
    """Chance of being first, second, ... among the rows of the same model; empty where they share no seed and task."""
    pass_at: Mapping[int, Estimate | None]
    """Chance of one correct attempt in k, by k; empty with one attempt per question."""
    majority: Mapping[int, Estimate | None]
    """Accuracy of the answer that most of k attempts give, by k."""


@dataclass(frozen=True)
class Use:
    """How the interpreter was used, means over scored episodes."""

    tool_use: float
    """Share of episodes that ran a program."""
    calls: float
    """Programs run per episode."""
    code_errors: float | None
    """Share of programs that did not end ok."""
    tokens: float
    """Tokens generated per episode."""


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
    use: Use | None
    effort: Effort
    reach: Reach | None
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
    """Accuracies, paired differences, ranks, how the interpreter was used, and what it took."""
    made = contrasts(comparison)
    ranks = {set: _ranks(comparison, set) for set in comparison.sets()}
    rows = tuple(_row(comparison, contender, made, ranks) for contender in comparison.contenders)
    return Leaderboard(
        baseline=comparison.baseline,
        sets={set: SET_TITLES[set] for set in comparison.sets()},
        models=len({row.model for row in rows}) > 1,
        agents=len({row.agent for row in rows}) > 1,
        rows=rows,
        caption=_caption(rows, sum(contrast.holm is not None for contrast in made)),
    )


def leaderboard_html(data: Leaderboard) -> Markup:
    """The table, every accuracy with its interval drawn; a body per model."""
    columns = board(data)
    bodies = {model: [row for row in data.rows if row.model == model] for model in [row.model for row in data.rows]}
    groups = {group: [c for c in columns if c.group == group] for group in [c.group for c in columns]}
    return render("leaderboard.html", data=data, bodies=bodies, columns=columns, groups=groups, axis=svg.axis())


def _row(
    comparison: Comparison,
    contender: Contender,
    made: Sequence[Contrast],
    ranks: Mapping[str, Mapping[str, tuple[float, ...]]],
) -> Row:
    return Row(
        label=contender.label,
        name=contender.name,
        checkpoint=contender.checkpoint,
        model=contender.model,
        agent=contender.agent,
        colour=contender.colour,
        baseline=contender.checkpoint == "rl" and comparison.baseline in contender.variants,
        scores={
            set: _score(comparison, contender, set, made, ranks[set].get(contender.label, ()))
            for set in comparison.sets()
        },
        use=_use([attempt for attempt in comparison.attempts(contender) if attempt.scored]),
        effort=effort(comparison, contender),
        reach=reach(comparison, contender),
        seeds=tuple(seed for seed, id in contender.evaluations.items() if comparison.findings.attempts.get(id)),
        missing=tuple(_missing(comparison, contender)),
    )


def _score(
    comparison: Comparison, contender: Contender, set: str, made: Sequence[Contrast], ranks: tuple[float, ...]
) -> SetScore:
    own = {c.against: c for c in made if (c.left, c.set) == (contender.label, set)}
    sizes = comparison.sample_sizes(set)

    def scored(measure: Measure) -> Estimate | None:
        return accuracy(comparison.scores(contender, set, measure))

    return SetScore(
        accuracy=accuracy(comparison.scores(contender, set)),
        to_baseline=own.get("baseline"),
        to_start=own.get("start"),
        ranks=ranks,
        pass_at={k: scored(pass_at(k)) for k in sizes},
        majority={k: scored(majority_of(k)) for k in sizes if k > 2},
    )


def _ranks(comparison: Comparison, set: str) -> dict[str, tuple[float, ...]]:
    """By label, among the contenders of each model that were evaluated on a set."""
    found: dict[str, tuple[float, ...]] = {}
    for model in dict.fromkeys(contender.model for contender in comparison.contenders):
        rows = {c.label: comparison.scores(c, set) for c in comparison.contenders if c.model == model}
        rows = {label: scores for label, scores in rows.items() if scores}
        chances = rank_probabilities(list(rows.values())) if len(rows) > 1 else []
        found |= {label: tuple(of) for label, of in zip(rows, chances, strict=False)}
    return found


def _use(attempts: Sequence[Attempt]) -> Use | None:
    if not attempts:
        return None
    calls = sum(attempt.calls for attempt in attempts)
    return Use(
        tool_use=sum(attempt.calls > 0 for attempt in attempts) / len(attempts),
        calls=calls / len(attempts),
        code_errors=sum(attempt.code_errors for attempt in attempts) / calls if calls else None,
        tokens=sum(attempt.generated_tokens for attempt in attempts) / len(attempts),
    )


def _missing(comparison: Comparison, contender: Contender) -> list[str]:
    findings = comparison.findings
    gone = [(seed, id) for seed, id in contender.evaluations.items() if not findings.attempts.get(id)]
    return [f"seed {seed}: {findings.steps[id].state if id in findings.steps else 'missing'}" for seed, id in gone]


def _caption(rows: Sequence[Row], family: int) -> str:
    estimates = [score.accuracy for row in rows for score in row.scores.values() if score.accuracy is not None]
    if not estimates:
        return "Nothing has been evaluated yet."
    seeds = max(estimate.seeds for estimate in estimates)
    resampled = " or ".join(sorted({estimate.unit for estimate in estimates}))
    text = (
        "Accuracy in percent, mean over seeds and tasks. Bar: 95% interval; dots: every seed. "
        f"Resampled: {resampled}. Differences are in points, paired on the same questions and seeds, with p corrected "
        f"for {plural(family, 'comparison')} (Holm); those in bold have an interval that excludes zero and p < 0.05."
    )
    if seeds == 1:
        return f"{text} One seed: nothing can be said about the variance between seeds."
    return f"{text} At most {plural(seeds, 'seed')} per row."
