"""What the interpreter was used for: calls, how they ended, which errors, and whether episodes recovered."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from r1ci.report.contenders import Comparison, Contender
from r1ci.report.data import Attempt
from r1ci.report.render import render
from r1ci.report.sections.executor import ExecutorUse, executor_use

MANY = 4
"""Episodes with this many calls or more are counted together."""
CLASSES = 12
"""Error classes listed; rarer ones are summed."""
_ERROR = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning|Iteration|Expired))\b")


@dataclass(frozen=True)
class CallCount:
    """The episodes with a number of calls."""

    calls: str
    share: float
    accuracy: float | None
    """Of those episodes; None where there are none."""


@dataclass(frozen=True)
class Use:
    """How one contender used the interpreter."""

    label: str
    colour: int
    episodes: int
    calls: int
    by_calls: tuple[CallCount, ...]
    statuses: dict[str, float]
    """Share of calls by how they ended."""
    stops: dict[str, float]
    """Share of episodes by why they ended."""
    with_error: int
    """Episodes in which a call did not end ok."""
    retried: int
    """Of those, episodes in which a later call ended ok."""
    recovered: int
    """Of those with an error, episodes that ended in a correct answer."""
    sampled: int
    """Failed calls in the trajectories kept, from which the classes are counted."""
    classes: dict[str, int]


@dataclass(frozen=True)
class Interpreter:
    """One entry per contender that was evaluated."""

    uses: tuple[Use, ...]
    statuses: tuple[str, ...]
    """Those that occurred, ok first."""
    stops: tuple[str, ...]
    classes: tuple[str, ...]
    """Most frequent first."""
    executor: ExecutorUse


def interpreter_data(comparison: Comparison) -> Interpreter:
    """Counts over all attempts of all seeds and both sets; error classes over the trajectories kept."""
    most = min(MANY, max((a.calls for c in comparison.contenders for a in comparison.attempts(c)), default=0))
    uses = tuple(
        _use(comparison, contender, attempts, most)
        for contender in comparison.contenders
        if (attempts := comparison.attempts(contender))
    )
    totals: Counter[str] = Counter()
    for use in uses:
        totals.update(use.classes)
    statuses = {status for use in uses for status in use.statuses}
    stops = {stop for use in uses for stop in use.stops}
    return Interpreter(
        uses=uses,
        statuses=tuple(sorted(statuses, key=lambda status: (status != "ok", status))),
        stops=tuple(sorted(stops, key=lambda stop: (stop != "answer", stop))),
        classes=tuple(name for name, _ in sorted(totals.items(), key=lambda kv: (-kv[1], kv[0])))[:CLASSES],
        executor=executor_use(comparison),
    )


def interpreter_html(data: Interpreter) -> Markup:
    """Tables with a bar in every share, and those of the executor."""
    counts = [count.calls for count in data.uses[0].by_calls] if data.uses else []
    return render("interpreter.html", data=data, counts=counts)


def error_class(execution: Mapping[str, Any]) -> str:
    """Class of a failed execution: the exception named by the last line of stderr, else the status."""
    lines = [line for line in str(execution.get("stderr") or "").splitlines() if line.strip()]
    match = _ERROR.match(lines[-1].strip()) if lines else None
    return match.group(1) if match else str(execution.get("status"))


def _use(comparison: Comparison, contender: Contender, attempts: tuple[Attempt, ...], most: int) -> Use:
    calls = sum(len(attempt.statuses) for attempt in attempts)
    statuses = Counter(status for attempt in attempts for status in attempt.statuses)
    stops = Counter(attempt.stop_reason for attempt in attempts)
    with_error = [attempt for attempt in attempts if any(status != "ok" for status in attempt.statuses)]
    classes = Counter(
        error_class(turn["execution"])
        for step in contender.evaluations.values()
        for line in comparison.findings.trajectories.get(step, ())
        for turn in line["trajectory"].get("turns", ())
        if turn.get("execution") and turn["execution"].get("status") != "ok"
    )
    return Use(
        label=contender.label,
        colour=contender.colour,
        episodes=len(attempts),
        calls=calls,
        by_calls=_by_calls(attempts, most),
        statuses={status: count / calls for status, count in sorted(statuses.items())},
        stops={stop: count / len(attempts) for stop, count in sorted(stops.items())},
        with_error=len(with_error),
        retried=sum(_retried(attempt.statuses) for attempt in with_error),
        recovered=sum(attempt.correct for attempt in with_error),
        sampled=classes.total(),
        classes=dict(sorted(classes.items())),
    )


def _by_calls(attempts: tuple[Attempt, ...], most: int) -> tuple[CallCount, ...]:
    found = []
    for calls in range(most + 1):
        of = [a for a in attempts if (a.calls >= MANY if calls == MANY else a.calls == calls)]
        accuracy = sum(a.correct for a in of) / len(of) if of else None
        found.append(CallCount(f"{calls} or more" if calls == MANY else str(calls), len(of) / len(attempts), accuracy))
    return tuple(found)


def _retried(statuses: tuple[str, ...]) -> bool:
    """Whether a call ended ok after one that did not."""
    first = next(i for i, status in enumerate(statuses) if status != "ok")
    return "ok" in statuses[first:]
