"""Counts of executions that add up and can be taken apart again."""

from hypothesis import given
from hypothesis import strategies as st

from r1ci.executors.metrics import TIMES, Metrics, Snapshot
from r1ci.executors.protocol import Execution, Status

executions = st.builds(
    Execution,
    st.sampled_from(Status),
    tier=st.sampled_from(["std", "numpy", ""]),
    isolation=st.sampled_from(["strict", "landlock"]),
    missing=st.sampled_from([(), ("seccomp: not built",)]),
    wall_s=st.floats(0, 200),
    queue_s=st.floats(0, 1),
    stdout_truncated=st.booleans(),
)


def counted(*some: Execution) -> Snapshot:
    metrics = Metrics()
    for execution in some:
        metrics.record(execution)
    return metrics.snapshot()


@given(st.lists(executions), st.lists(executions))
def test_what_came_since_a_snapshot_is_what_was_recorded_since(first: list[Execution], later: list[Execution]) -> None:
    since = counted(*first, *later) - counted(*first)
    assert since.rows() == counted(*later).rows()
    assert (counted(*first) + since).rows() == counted(*first, *later).rows()


@given(st.lists(executions))
def test_rows_name_every_execution_once_per_measure(some: list[Execution]) -> None:
    rows = counted(*some).rows(step=3)
    assert all(row["step"] == 3 and row["count"] > 0 for row in rows)
    for measure in ("runs", *TIMES):
        assert sum(row["count"] for row in rows if row["measure"] == measure) == len(some)
    lacking = sum(bool(each.missing) for each in some)
    assert [row["count"] for row in rows if row["name"] == "missing_layers"] == [lacking] * bool(lacking)


def test_a_time_above_every_bound_is_kept_apart() -> None:
    rows = counted(Execution(Status.OK, tier="std", isolation="strict", wall_s=1000.0)).rows()
    assert {"step": 0, "measure": "runs", "name": "ok/std/strict", "count": 1} in rows
    assert {"step": 0, "measure": "wall_s", "name": "inf", "count": 1} in rows
