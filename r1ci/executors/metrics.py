"""What an executor has done so far: counts and histograms that add up over processes and nodes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from r1ci.executors.protocol import Execution

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the histograms' buckets, in seconds; one more bucket takes what is above."""
TIMES = ("queue_s", "setup_s", "wall_s", "cpu_s")
"""The times of an execution that are counted."""
OF_EXECUTIONS = ("truncated", "missing_layers")
"""Events that are counted from executions, so that whoever records an execution again counts them again."""


@dataclass(frozen=True)
class Histogram:
    """Values by bucket of ``BOUNDS_S``, and their sum."""

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    total_s: float = 0.0

    def quantile(self, share: float) -> float:
        """Upper bound of the bucket that holds this share of the values; infinite above the last bound, 0 if empty."""
        wanted, seen = share * sum(self.counts), 0
        for bound, count in zip((*BOUNDS_S, float("inf")), self.counts, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0

    def __add__(self, other: Histogram) -> Histogram:
        counts = tuple(a + b for a, b in zip(self.counts, other.counts, strict=True))
        return Histogram(counts, self.total_s + other.total_s)

    def __sub__(self, earlier: Histogram) -> Histogram:
        counts = tuple(a - b for a, b in zip(self.counts, earlier.counts, strict=True))
        return Histogram(counts, self.total_s - earlier.total_s)


@dataclass(frozen=True)
class Snapshot:
    """The counts at one moment. Snapshots of several executors add up."""

    runs: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    """Executions by (status, tier, isolation level)."""
    times: Mapping[str, Histogram] = field(default_factory=lambda: dict.fromkeys(TIMES, Histogram()))
    events: Mapping[str, int] = field(default_factory=dict)
    """What else happened, by name: ``restart/<cause>`` of a zygote or node, ``retry/<cause>``, ``truncated``,
    ``missing_layers`` (a program that ran without every layer of isolation)."""
    gauges: Mapping[str, float] = field(default_factory=dict)
    """States, not counts: ``in_flight``, ``queued``, ``sessions``, ``nodes``."""

    def __add__(self, other: Snapshot) -> Snapshot:
        return Snapshot(
            runs=Counter(self.runs) + Counter(other.runs),
            times={name: self.times[name] + other.times[name] for name in TIMES},
            events=Counter(self.events) + Counter(other.events),
            gauges={
                name: self.gauges.get(name, 0.0) + other.gauges.get(name, 0.0)
                for name in sorted({*self.gauges, *other.gauges})
            },
        )

    def __sub__(self, earlier: Snapshot) -> Snapshot:
        """What was counted since an earlier snapshot of the same executor; the gauges are the later one's."""
        return Snapshot(
            runs=Counter(self.runs) - Counter(earlier.runs),
            times={name: self.times[name] - earlier.times[name] for name in TIMES},
            events=Counter(self.events) - Counter(earlier.events),
            gauges=self.gauges,
        )

    def rows(self, step: int = 0) -> list[dict[str, Any]]:
        """The counts as a long table that adds up: what was counted (a status, a tier, an event, a bucket of a time by
        its upper bound), under which measure, how often. A run is named ``status/tier/isolation``."""
        found: list[tuple[str, str, int]] = [("runs", "/".join(key), count) for key, count in sorted(self.runs.items())]
        for measure, histogram in self.times.items():
            bounds = zip((*BOUNDS_S, float("inf")), histogram.counts, strict=True)
            found += [(measure, f"{bound:g}", count) for bound, count in bounds if count]
        found += [("events", name, count) for name, count in sorted(self.events.items())]
        return [{"step": step, "measure": measure, "name": name, "count": count} for measure, name, count in found]

    def flat(self) -> dict[str, float]:
        """Named numbers for a step's metric log."""
        values: dict[str, float] = {}
        for place, name in enumerate(("status", "tier", "isolation")):
            for key, count in sorted(self.runs.items()):
                values[f"{name}/{key[place] or 'none'}"] = values.get(f"{name}/{key[place] or 'none'}", 0.0) + count
        for name, histogram in self.times.items():
            values[f"{name}/total"] = histogram.total_s
            values[f"{name}/p50"] = histogram.quantile(0.5)
            values[f"{name}/p99"] = histogram.quantile(0.99)
        return values | {f"events/{name}": float(count) for name, count in sorted(self.events.items())}


class Metrics:
    """Counts executions as they end. Not thread-safe: record from one thread."""

    def __init__(self) -> None:
        self._runs: Counter[tuple[str, str, str]] = Counter()
        self._times = {name: [0] * (len(BOUNDS_S) + 1) for name in TIMES}
        self._totals = dict.fromkeys(TIMES, 0.0)
        self._events: Counter[str] = Counter()

    def record(self, execution: Execution) -> None:
        """Count one execution."""
        self._runs[execution.status.value, execution.tier, execution.isolation] += 1
        for name in TIMES:
            value = getattr(execution, name)
            self._times[name][bisect_left(BOUNDS_S, value)] += 1
            self._totals[name] += value
        if execution.stdout_truncated or execution.stderr_truncated:
            self._events["truncated"] += 1
        if execution.missing:
            self._events["missing_layers"] += 1

    def event(self, name: str) -> None:
        """Count something else that happened, for example ``restart/fork_failed``."""
        self._events[name] += 1

    def snapshot(self, gauges: Mapping[str, float] | None = None) -> Snapshot:
        """The counts so far."""
        times = {name: Histogram(tuple(self._times[name]), self._totals[name]) for name in TIMES}
        return Snapshot(dict(self._runs), times, dict(self._events), dict(gauges or {}))


def total(snapshots: Iterable[Snapshot]) -> Snapshot:
    """The sum of several executors' snapshots."""
    return sum(snapshots, start=Snapshot())
