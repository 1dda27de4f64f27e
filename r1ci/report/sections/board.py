"""The columns of the leaderboard: how each figure is written, sorted and copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from r1ci.report import svg
from r1ci.report.contrasts import Contrast
from r1ci.report.effort import Reach
from r1ci.report.stats import Estimate
from r1ci.report.text import NONE, bounds, duration, number, p_value, percent, plural, points

if TYPE_CHECKING:
    from r1ci.report.sections.leaderboard import Leaderboard, Row, SetScore, Use


@dataclass(frozen=True)
class Cell:
    """A figure in the table."""

    text: str | Markup
    details: tuple[str, ...] = ()
    """Lines in small letters below; copied in brackets."""
    order: float | str | None = None
    """What rows are sorted by; None comes last."""
    kind: str = ""
    """CSS classes."""


@dataclass(frozen=True)
class Column:
    """One column, drawn row by row."""

    id: str
    title: str
    group: str
    cell: Callable[[Row], Cell]
    shown: bool = True
    """Before the reader picks others."""
    kind: str = "num"
    help: str = ""
    """What the heading says when pointed at."""


def board(data: Leaderboard) -> tuple[Column, ...]:
    """The columns that the rows have something for, in order, those of one group together."""
    columns = [*_names(data)]
    for set, title in data.sets.items():
        columns += _of_set(data, set, title.capitalize())
    columns += [*_use(data), *_effort(data)]
    return tuple(columns)


def _names(data: Leaderboard) -> Iterator[Column]:
    if data.agents:
        yield Column("agent", "agent", "Rows", lambda row: Cell(row.agent, order=row.agent), kind="")


def _of_set(data: Leaderboard, set: str, group: str) -> Iterator[Column]:
    def of(draw: Callable[[SetScore], Cell]) -> Callable[[Row], Cell]:
        return lambda row: draw(row.scores[set])

    def bar(row: Row) -> Cell:
        estimate = row.scores[set].accuracy
        label = f"{row.label}, {data.sets[set]}"
        return Cell("" if estimate is None else svg.interval(estimate, row.colour, label), kind="bar")

    yield Column(f"{set}-accuracy", "%", group, of(lambda s: _share(s.accuracy, strong=True)), help="pass@1")
    yield Column(f"{set}-bar", "", group, bar, kind="bar")
    if data.baseline:
        yield Column(f"{set}-baseline", f"vs {data.baseline}", group, of(lambda s: _delta(s.to_baseline)))
    yield Column(f"{set}-start", "vs start of RL", group, of(lambda s: _delta(s.to_start)))
    first = "Chance of being the best of its model's rows when seeds and tasks are drawn anew"
    yield Column(f"{set}-first", "P(first) %", group, of(_first), help=first)
    scores = [row.scores[set] for row in data.rows]
    sizes = dict.fromkeys(k for score in scores for k in score.pass_at)
    for k in sizes:
        yield Column(f"{set}-pass{k}", f"pass@{k} %", group, of(partial(_pass_at, k)), shown=k == max(sizes))
    for k in dict.fromkeys(k for score in scores for k in score.majority):
        yield Column(f"{set}-maj{k}", f"maj@{k} %", group, of(partial(_majority, k)), shown=k == max(sizes))
    middle = "Mean of the middle half of all seed and task means"
    yield Column(f"{set}-iqm", "IQM %", group, of(_interquartile), shown=False, help=middle)
    if data.baseline:
        better = "Probability of improvement: chance that a run does better on a task than a run of the baseline"
        yield Column(f"{set}-improvement", "P(better) %", group, of(_improvement), shown=False, help=better)


def _use(data: Leaderboard) -> Iterator[Column]:
    def of(draw: Callable[[Use], Cell]) -> Callable[[Row], Cell]:
        return lambda row: Cell(NONE) if row.use is None else draw(row.use)

    group = "Per episode"
    yield Column("tool-use", "ran code %", group, of(lambda use: _percent(use.tool_use)))
    yield Column("calls", "calls", group, of(lambda use: _number(use.calls)))
    yield Column("code-errors", "code errors %", group, of(lambda use: _percent(use.code_errors)))
    yield Column("tokens", "tokens", group, of(lambda use: _number(use.tokens)))


def _effort(data: Leaderboard) -> Iterator[Column]:
    group = "Per seed, to make it"
    rows = data.rows
    yield Column("wall", "wall time", group, lambda row: _seconds(row.effort.wall_s), shown=False)
    yield Column("trained-tokens", "tokens", group, lambda row: _number(row.effort.tokens), shown=False)
    if any(row.effort.gpu_hours for row in rows):
        yield Column("gpu-hours", "GPU-hours", group, lambda row: _number(row.effort.gpu_hours))
    currency = next((row.effort.currency for row in rows if row.effort.currency), "")
    if currency:
        yield Column("cost", currency, group, lambda row: _number(row.effort.cost))
    if any(row.reach for row in rows):
        help = "When held-out accuracy during RL first was where the baseline's ended; seeds that got there"
        yield Column("reach-tokens", "tokens to baseline", group, _reach_tokens, shown=False, help=help)
        yield Column("reach-time", "time to baseline", group, _reach_time, shown=False, help=help)


def _share(estimate: Estimate | None, *, strong: bool = False) -> Cell:
    if estimate is None:
        return Cell(NONE)
    text = percent(estimate.value)
    return Cell(Markup("<b>{}</b>").format(text) if strong else text, (bounds(estimate),), estimate.value)


def _pass_at(k: int, score: SetScore) -> Cell:
    return _share(score.pass_at.get(k))


def _majority(k: int, score: SetScore) -> Cell:
    return _share(score.majority.get(k))


def _delta(contrast: Contrast | None) -> Cell:
    if contrast is None or contrast.estimate is None:
        return Cell(NONE, kind="quiet")
    value = contrast.estimate.value
    kind = f"sure {'up' if value > 0 else 'down'}" if contrast.sure else ""
    arrow = "" if not contrast.sure else "\u25b2 " if value > 0 else "\u25bc "
    details = (bounds(contrast.estimate, signed=True), p_value(contrast.holm))
    return Cell(f"{arrow}{points(value)}", details, value, kind)


def _first(score: SetScore) -> Cell:
    return _percent(score.ranks[0] if score.ranks else None, digits=0)


def _interquartile(score: SetScore) -> Cell:
    return _percent(None if score.accuracy is None else score.accuracy.interquartile)


def _improvement(score: SetScore) -> Cell:
    return _percent(None if score.to_baseline is None else score.to_baseline.improvement)


def _reach_tokens(row: Row) -> Cell:
    return Cell(NONE) if row.reach is None else Cell(number(row.reach.tokens), _reached(row.reach), row.reach.tokens)


def _reach_time(row: Row) -> Cell:
    return (
        Cell(NONE) if row.reach is None else Cell(duration(row.reach.seconds), _reached(row.reach), row.reach.seconds)
    )


def _reached(reach: Reach) -> tuple[str, ...]:
    return (f"{reach.reached} of {plural(reach.seeds, 'seed')}",)


def _percent(value: float | None, digits: int = 1) -> Cell:
    return Cell(NONE if value is None else f"{100 * value:.{digits}f}", order=value)


def _number(value: float | None) -> Cell:
    return Cell(number(value), order=value)


def _seconds(value: float | None) -> Cell:
    return Cell(duration(value), order=value)
