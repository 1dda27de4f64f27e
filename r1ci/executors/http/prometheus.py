"""A snapshot of metrics as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from r1ci.executors.metrics import BOUNDS_S, TIMES, Histogram, Snapshot

_PREFIX = "r1ci_executor"
_MEANINGS = {
    "queue_s": "Waiting for a free place",
    "setup_s": "From the free place to the program's first line",
    "wall_s": "From the program's first line to its end",
    "cpu_s": "CPU time of the program",
}


def exposition(snapshot: Snapshot, requests: Mapping[tuple[str, int], int]) -> bytes:
    """The text that a Prometheus scrapes: what the executor did, and requests by (endpoint, HTTP status)."""
    registry = CollectorRegistry()
    registry.register(_Once([*_families(snapshot), _requests(requests)]))
    return generate_latest(registry)


class _Once(Collector):
    def __init__(self, families: list[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _families(snapshot: Snapshot) -> Iterator[Metric]:
    runs = CounterMetricFamily(f"{_PREFIX}_runs", "Programs run", labels=["status", "tier", "isolation"])
    for labels, count in sorted(snapshot.runs.items()):
        runs.add_metric(labels, count)
    yield runs
    for name in TIMES:
        family = HistogramMetricFamily(f"{_PREFIX}_{name.removesuffix('_s')}_seconds", _MEANINGS[name], labels=[])
        family.add_metric([], _buckets(snapshot.times[name]), sum_value=snapshot.times[name].total_s)
        yield family
    events = CounterMetricFamily(f"{_PREFIX}_events", "What else happened, by name", labels=["event"])
    for event, count in sorted(snapshot.events.items()):
        events.add_metric([event], count)
    yield events
    for gauge, value in sorted(snapshot.gauges.items()):
        yield GaugeMetricFamily(f"{_PREFIX}_{gauge}", f"Now: {gauge.replace('_', ' ')}", value=value)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    bounds = [*map(str, BOUNDS_S), "+Inf"]
    return list(zip(bounds, accumulate(histogram.counts), strict=True))


def _requests(requests: Mapping[tuple[str, int], int]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}_requests", "HTTP requests answered", labels=["endpoint", "code"])
    for (endpoint, code), count in sorted(requests.items()):
        family.add_metric([endpoint, str(code)], count)
    return family
