"""How code was used: against answers in text, how long and how fast programs were, whether their output was believed,
and whether they checked themselves.

Code against text is counted over all attempts. What needs the text of an episode is counted over the trajectories kept,
a sample in which right and wrong episodes of every task take turns: its shares compare checkpoints, they are not those
of all episodes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from markupsafe import Markup

from r1ci.report.areas import bars
from r1ci.report.contenders import Comparison, Contender, families
from r1ci.report.data import Attempt, Json
from r1ci.report.render import render
from r1ci.report.sections.curriculum import label, visits_of
from r1ci.report.selfcheck import PRECISION, RECALL, checks_itself

LATENCY_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
OUTPUT_BYTES = (0, 10, 100, 1000, 10_000)
CODE_LINES = (2, 5, 10, 20, 40)
"""Upper bounds of the classes of a histogram; one more is above the last."""
_STATED = re.compile(r"<<<.+?>{3}", re.DOTALL)


@dataclass(frozen=True)
class Histogram:
    """Programs by a measure."""

    title: str
    names: tuple[str, ...]
    shares: tuple[float, ...]
    median: float
    unit: str


@dataclass(frozen=True)
class Answers:
    """Accuracy of a kind of episode."""

    episodes: int
    accuracy: float | None


@dataclass(frozen=True)
class CodeAgainstText:
    """Episodes that ran a program, and those that ran none."""

    code: Answers
    text: Answers
    tasks: int
    """Tasks in which both kinds occur."""
    paired: float | None
    """Mean over those tasks of the accuracy with code minus that without; None where there are none."""


@dataclass(frozen=True)
class TaskUse:
    """One task."""

    task: str
    calls: float
    """Programs per episode."""
    code: float
    """Share of episodes that ran a program."""
    errors: float | None
    """Share of programs that did not end ok; None without programs."""
    accuracy: float
    checked: float | None
    """Share of the kept programs that check themselves; None without any."""


@dataclass(frozen=True)
class Kept:
    """What the kept trajectories of a contender say."""

    episodes: int
    programs: int
    histograms: tuple[Histogram, ...]
    truncated: float
    """Share of programs whose output was cut."""
    checked: float
    """Share of programs that check themselves."""
    checking: Answers
    """Episodes with a program that checks itself."""
    unchecked: Answers
    """Episodes with programs of which none does."""
    stated: int
    """Episodes that gave an answer in the text before a program ran."""
    changed: int
    """Of those, episodes that ended with another answer."""
    repeated: int
    """Episodes in which two programs or more ended ok."""
    revised: int
    """Of those, episodes whose last program printed another last line than the first."""
    answered: int
    """Episodes with a program that ended ok, and an answer."""
    taken: int
    """Of those, episodes whose answer is the last line that the last such program printed."""


@dataclass(frozen=True)
class Behaviour:
    """One contender."""

    label: str
    colour: int
    drawn: bool
    """Whether the page shows its histograms and tasks: see ``contenders.MOST_DRAWN``."""
    against: CodeAgainstText
    kept: Kept | None
    """None where no kept trajectory ran a program."""
    tasks: tuple[TaskUse, ...]


@dataclass(frozen=True)
class StageUse:
    """Programs per training episode, by stage of a run."""

    label: str
    calls: Mapping[int, float]


@dataclass(frozen=True)
class Behaviours:
    """Contenders in the order of the leaderboard, then training runs."""

    contenders: tuple[Behaviour, ...]
    stages: tuple[StageUse, ...]
    precision: float
    recall: float


def behaviour_data(comparison: Comparison) -> Behaviours:
    """Counts over attempts, kept trajectories and training visits."""
    found = tuple(
        _behaviour(comparison, contender, attempts)
        for contender in comparison.contenders
        if (attempts := [attempt for attempt in comparison.attempts(contender) if attempt.scored])
    )
    return Behaviours(found, tuple(_stages(comparison)), PRECISION, RECALL)


def behaviour_html(data: Behaviours) -> Markup:
    """Tables of all contenders; histograms of each."""

    def chart(who: Behaviour, histogram: Histogram) -> Markup:
        return bars(histogram.names, histogram.shares, f"c{who.colour}", f"{who.label}: {finding(histogram)}")

    def finding(histogram: Histogram) -> str:
        parts = (f"{name} {100 * share:.0f}%" for name, share in zip(histogram.names, histogram.shares, strict=True))
        return f"{histogram.title}, {', '.join(parts)}"

    stages = sorted({stage for run in data.stages for stage in run.calls})
    detailed = [who for who in data.contenders if who.drawn]
    return render("behaviour.html", data=data, detailed=detailed, chart=chart, finding=finding, stages=stages)


def _behaviour(comparison: Comparison, contender: Contender, attempts: Sequence[Attempt]) -> Behaviour:
    lines = [
        line["trajectory"]
        for step in contender.evaluations.values()
        for line in comparison.findings.trajectories.get(step, ())
    ]
    return Behaviour(
        label=contender.label,
        colour=contender.colour,
        drawn=comparison.draws(contender.variants),
        against=_against(attempts),
        kept=_kept(lines),
        tasks=tuple(_tasks(attempts, lines)),
    )


def _answers(correct: Sequence[bool]) -> Answers:
    return Answers(len(correct), fmean(correct) if correct else None)


def _against(attempts: Sequence[Attempt]) -> CodeAgainstText:
    by_task: dict[str, tuple[list[bool], list[bool]]] = {}
    for attempt in attempts:
        by_task.setdefault(attempt.task, ([], []))[attempt.calls > 0].append(attempt.correct)
    both = [fmean(code) - fmean(text) for text, code in by_task.values() if text and code]
    return CodeAgainstText(
        code=_answers([attempt.correct for attempt in attempts if attempt.calls]),
        text=_answers([attempt.correct for attempt in attempts if not attempt.calls]),
        tasks=len(both),
        paired=fmean(both) if both else None,
    )


def _tasks(attempts: Sequence[Attempt], lines: Sequence[Json]) -> Iterator[TaskUse]:
    checked: dict[str, list[bool]] = {}
    for line in lines:
        checked.setdefault(str(line.get("task")), []).extend(checks_itself(turn["code"]) for turn in _runs(line))
    by_task: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_task.setdefault(attempt.task, []).append(attempt)
    for task, of in sorted(by_task.items()):
        calls = sum(attempt.calls for attempt in of)
        programs = checked.get(task)
        yield TaskUse(
            task=task,
            calls=calls / len(of),
            code=fmean(attempt.calls > 0 for attempt in of),
            errors=sum(attempt.code_errors for attempt in of) / calls if calls else None,
            accuracy=fmean(attempt.correct for attempt in of),
            checked=fmean(programs) if programs else None,
        )


def _runs(line: Json) -> list[Mapping[str, Any]]:
    """The turns that ran a program."""
    return [turn for turn in line.get("turns", ()) if turn.get("execution") and turn.get("code")]


def _kept(lines: Sequence[Json]) -> Kept | None:
    runs = [(line, turns) for line in lines if (turns := _runs(line))]
    if not runs:
        return None
    programs = [turn for _, turns in runs for turn in turns]
    executions = [turn["execution"] for turn in programs]
    checks = [[checks_itself(turn["code"]) for turn in turns] for _, turns in runs]
    flags = [(any(flag), bool(line.get("correct"))) for (line, _), flag in zip(runs, checks, strict=True)]
    stated = [line for line, turns in runs if (before := _stated(turns)) is not None and before != line.get("answer")]
    printed = [(line, outputs) for line, turns in runs if (outputs := _outputs(turns))]
    answered = [(line, outputs[-1]) for line, outputs in printed if line.get("answer") is not None]
    repeated = [outputs for _, outputs in printed if len(outputs) > 1]
    cut = [bool(e.get("stdout_truncated") or e.get("stderr_truncated")) for e in executions]
    return Kept(
        episodes=len(lines),
        programs=len(programs),
        histograms=tuple(_histograms(programs)),
        truncated=fmean(cut),
        checked=fmean(flag for flags_of in checks for flag in flags_of),
        checking=_answers([correct for flag, correct in flags if flag]),
        unchecked=_answers([correct for flag, correct in flags if not flag]),
        stated=sum(_stated(turns) is not None for _, turns in runs),
        changed=len(stated),
        repeated=len(repeated),
        revised=sum(outputs[0] != outputs[-1] for outputs in repeated),
        answered=len(answered),
        taken=sum(str(line["answer"]).strip() == output for line, output in answered),
    )


def _stated(turns: Sequence[Mapping[str, Any]]) -> str | None:
    """The first answer that stands in the text before a program; None without."""
    for turn in turns:
        if match := _STATED.search(str(turn.get("text") or "").partition("```")[0]):
            return match.group()[3:-3].strip()
    return None


def _outputs(turns: Sequence[Mapping[str, Any]]) -> list[str]:
    """The last line that each program that ended ok printed; none for one that printed nothing."""
    ended = [str(t["execution"].get("stdout") or "").strip() for t in turns if t["execution"].get("status") == "ok"]
    return [text.splitlines()[-1].strip() for text in ended if text]


def _histograms(programs: Sequence[Mapping[str, Any]]) -> Iterator[Histogram]:
    executions = [turn["execution"] for turn in programs]
    lines = [len([line for line in turn["code"].splitlines() if line.strip()]) for turn in programs]
    output = [len(str(e.get("stdout") or "").encode("utf-8", errors="replace")) for e in executions]
    yield _histogram("Lines of code", lines, CODE_LINES, "lines")
    yield _histogram("Seconds per program", [float(e.get("wall_s") or 0.0) for e in executions], LATENCY_S, "s")
    yield _histogram("Bytes printed", output, OUTPUT_BYTES, "bytes")


def _histogram(title: str, values: Sequence[float], bounds: Sequence[float], unit: str) -> Histogram:
    counts = Counter(sum(value > bound for bound in bounds) for value in values)
    names = (*(f"\u2264 {bound:g}" for bound in bounds), "more")
    shares = tuple(counts[i] / len(values) for i in range(len(names)))
    return Histogram(title, names, shares, float(median(values)), unit)


def _stages(comparison: Comparison) -> Iterator[StageUse]:
    import polars as pl

    for family in families(comparison.findings.cells, "rl"):
        visits = visits_of(comparison, family)
        if visits is not None:
            sums = visits.group_by("stage").agg(pl.col("calls").sum(), pl.col("scored").sum()).sort("stage")
            calls = {stage: calls / scored for stage, calls, scored in sums.iter_rows()}
            yield StageUse(label(comparison, family), calls)
