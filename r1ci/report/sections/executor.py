"""What the executor did over all steps: how programs ended, in which tier and how isolated, times, restarts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from r1ci.report.contenders import Comparison
from r1ci.report.data import Json
from r1ci.report.text import plural

TIMES = ("queue_s", "setup_s", "wall_s")
LEVELS = ("rlimits", "landlock", "namespaces", "strict")
"""Isolation, from the weakest."""
_NEVER_RAN = ("infrastructure", "rejected")
_REASONS = 6
"""Reasons for missing layers that are listed."""


@dataclass(frozen=True)
class Share:
    """Programs that have something in common."""

    name: str
    programs: int
    share: float


@dataclass(frozen=True)
class StepUse:
    """The programs of all steps of one kind."""

    kind: str
    programs: int
    times: tuple[tuple[float | None, float | None], ...]
    """Median and 99th percentile in seconds, of queue, set-up and wall: bounds from above, None if over the last."""


@dataclass(frozen=True)
class ExecutorUse:
    """Of every finished step that ran programs."""

    steps: tuple[StepUse, ...]
    statuses: tuple[Share, ...]
    tiers: tuple[Share, ...]
    levels: tuple[Share, ...]
    restarts: tuple[tuple[str, int], ...]
    """Cause and number; retries too."""
    warnings: tuple[str, ...]


def executor_use(comparison: Comparison) -> ExecutorUse:
    """Counts of all steps added up, and what in them makes the isolation doubtful."""
    findings = comparison.findings
    by_kind: dict[str, Counter[tuple[str, str]]] = {}
    for id, rows in findings.executions.items():
        counts = by_kind.setdefault(findings.steps[id].kind, Counter())
        for row in rows:
            counts[row["measure"], row["name"]] += row["count"]
    every: Counter[tuple[str, str]] = Counter()
    for counts in by_kind.values():
        every.update(counts)
    runs = {tuple(name.split("/")): count for (measure, name), count in every.items() if measure == "runs"}
    events = {name: count for (measure, name), count in every.items() if measure == "events"}
    return ExecutorUse(
        steps=tuple(_step(kind, counts) for kind, counts in by_kind.items()),
        statuses=_shares((status, count) for (status, _, _), count in runs.items()),
        tiers=_shares((tier, count) for (_, tier, _), count in runs.items()),
        levels=_shares((level, count) for (_, _, level), count in runs.items()),
        restarts=tuple((n, c) for n, c in sorted(events.items()) if n.startswith(("restart/", "retry/"))),
        warnings=(
            *_weaker(runs, _wanted(comparison)),
            *_missing(events.get("missing_layers", 0), _reasons(comparison)),
        ),
    )


def quantile(counts: Sequence[tuple[float, int]], share: float) -> float | None:
    """Upper bound of the bucket, of (upper bound, count), that holds this share of the values; 0 if there are none,
    None if that bucket has no bound."""
    wanted, seen = share * sum(count for _, count in counts), 0
    for bound, count in sorted(counts):
        seen += count
        if count and seen >= wanted:
            return bound if isfinite(bound) else None
    return 0.0


def _step(kind: str, counts: Counter[tuple[str, str]]) -> StepUse:
    buckets = {
        time: [(float(name), count) for (measure, name), count in counts.items() if measure == time] for time in TIMES
    }
    programs = sum(count for (measure, _), count in counts.items() if measure == "runs")
    return StepUse(kind, programs, tuple((quantile(buckets[t], 0.5), quantile(buckets[t], 0.99)) for t in TIMES))


def _shares(named: Iterable[tuple[str, int]]) -> tuple[Share, ...]:
    counts: Counter[str] = Counter()
    for name, count in named:
        counts[name or "none"] += count
    return tuple(Share(name, count, count / counts.total()) for name, count in counts.most_common())


def _wanted(comparison: Comparison) -> str:
    """The strictest isolation that a spec asks for."""
    asked = {(experiment.spec.get("executor") or {}).get("isolation") for experiment in comparison.findings.experiments}
    return max((level for level in asked if level in LEVELS), key=LEVELS.index, default=LEVELS[0])


def _weaker(runs: dict[tuple[str, ...], int], wanted: str) -> list[str]:
    enough = LEVELS[LEVELS.index(wanted) :]
    weaker = sum(
        count for (status, _, level), count in runs.items() if level not in enough and status not in _NEVER_RAN
    )
    return [f"{plural(weaker, 'program')} ran with less isolation than the spec's {wanted}"] if weaker else []


def _missing(programs: int, reasons: Sequence[str]) -> list[str]:
    if not programs:
        return []
    why = f": {'; '.join(reasons)}" if reasons else "; r1ci env says which"
    return [f"{plural(programs, 'program')} ran without every layer of isolation{why}"]


def _reasons(comparison: Comparison) -> list[str]:
    """Of the executions in the trajectories kept."""
    found: Counter[str] = Counter(
        reason
        for lines in comparison.findings.trajectories.values()
        for line in lines
        for turn in line["trajectory"].get("turns", ())
        for reason in _layers(turn.get("execution"))
    )
    return [reason for reason, _ in found.most_common(_REASONS)]


def _layers(execution: Json | None) -> list[str]:
    return list((execution or {}).get("missing") or ())
