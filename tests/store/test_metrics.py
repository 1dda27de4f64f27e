"""The metric log, through kills and resumes."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from r1ci.errors import StoreError
from r1ci.store.metrics import MetricLog, read_rows

LINES = "metrics.jsonl"


def steps(folder: Path) -> list[int]:
    """The steps logged so far."""
    return [row["step"] for row in read_rows(folder / LINES)]


def fill(folder: Path, count: int) -> None:
    """A finished log of some steps."""
    with MetricLog(folder) as log:
        for step in range(count):
            log.log(step, {"loss": 1 / (step + 1)})


def test_each_row_can_be_read_while_the_log_is_open(tmp_path: Path) -> None:
    with MetricLog(tmp_path) as log:
        log.log(0, {"loss": 1.0})
        assert steps(tmp_path) == [0]
        assert not (tmp_path / "metrics.parquet").exists()


def test_closing_writes_a_table_with_null_where_a_row_has_no_value(tmp_path: Path) -> None:
    with MetricLog(tmp_path) as log:
        log.log(0, {"loss": 1.0, "stage": 1})
        log.log(1, {"loss": 0.5, "new_accuracy": 0.25})
    table = pl.read_parquet(tmp_path / "metrics.parquet")
    assert table.columns == ["step", "loss", "stage", "new_accuracy"]
    assert table.rows() == [(0, 1.0, 1.0, None), (1, 0.5, None, 0.25)]


def test_the_table_does_not_depend_on_the_clock(tmp_path: Path) -> None:
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3)
    assert (tmp_path / "a" / "metrics.parquet").read_bytes() == (tmp_path / "b" / "metrics.parquet").read_bytes()


def test_a_log_without_rows_closes_to_an_empty_table(tmp_path: Path) -> None:
    fill(tmp_path, 0)
    assert pl.read_parquet(tmp_path / "metrics.parquet").columns == ["step"]


def test_tensorboard_reads_the_same_values(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fill(tmp_path, 3)
    fill(tmp_path, 0)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, round(event.value, 4)) for event in events.Scalars("loss")] == [
        (0, 1.0),
        (1, 0.5),
        (2, 0.3333),
    ]
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1


def test_leaving_by_an_exception_keeps_the_rows_and_writes_no_table(tmp_path: Path) -> None:
    def interrupted() -> None:
        with MetricLog(tmp_path) as log:
            log.log(0, {"loss": 1.0})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert steps(tmp_path) == [0]
    assert not (tmp_path / "metrics.parquet").exists()


def test_a_resumed_log_rewinds_and_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    with MetricLog(tmp_path) as log:
        log.rewind(3)
        log.log(3, {"loss": 9.0})
    table = pl.read_parquet(tmp_path / "metrics.parquet")
    assert table["step"].to_list() == [0, 1, 2, 3]
    assert table["loss"][3] == 9.0


@settings(max_examples=30, deadline=None)
@given(torn=st.integers(min_value=1, max_value=60))
def test_a_log_torn_anywhere_in_its_last_row_loses_that_row_only(
    tmp_path_factory: pytest.TempPathFactory, torn: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    with MetricLog(folder) as log:
        for step in range(3):
            log.log(step, {"loss": 0.5, "a_metric_with_a_long_name": 1.25})
    path = folder / LINES
    path.write_bytes(path.read_bytes()[:-torn])
    with MetricLog(folder) as log:
        log.log(2, {"loss": 7.0})
    assert [(row["step"], row["loss"]) for row in read_rows(path)] == [(0, 0.5), (1, 0.5), (2, 7.0)]


def test_a_row_of_zeros_after_a_power_cut_is_dropped(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    with (tmp_path / LINES).open("ab") as file:
        file.write(b"\0" * 40 + b"\n")
    assert steps(tmp_path) == [0, 1]


def test_damage_before_the_last_row_is_one_clear_error(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    lines = (tmp_path / LINES).read_text().splitlines()
    (tmp_path / LINES).write_text("\n".join([lines[0], "{", lines[2]]) + "\n")
    with pytest.raises(StoreError, match=r"metrics\.jsonl:2 is damaged"):
        read_rows(tmp_path / LINES)


def test_numbers_of_a_diverged_run_read_back(tmp_path: Path) -> None:
    with MetricLog(tmp_path) as log:
        log.log(0, {"loss": math.nan, "grad_norm": math.inf})
    assert "NaN" not in (tmp_path / LINES).read_text()
    row = pl.read_parquet(tmp_path / "metrics.parquet").row(0, named=True)
    assert math.isnan(row["loss"])
    assert row["grad_norm"] == math.inf


def test_logging_outside_the_block_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        MetricLog(tmp_path).log(0, {})


def test_a_disabled_log_touches_nothing(tmp_path: Path) -> None:
    with MetricLog(tmp_path / "run", enabled=False) as log:
        log.rewind(0)
        log.log(0, {"loss": 1.0})
    assert not (tmp_path / "run").exists()
