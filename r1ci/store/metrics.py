"""The metric log: one row per training step, as JSON lines while running, as Parquet and TensorBoard at the end."""

from __future__ import annotations

import json
import math
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from r1ci.errors import StoreError
from r1ci.store.files import write_text

LINES, TABLE, EVENTS = "metrics.jsonl", "metrics.parquet", "tensorboard"
TIME = "time"
"""Column of the JSON lines with the wall-clock time of a row, unix seconds; left out of the Parquet table."""

Row = dict[str, Any]


class MetricLog:
    """Rows of named numbers by step. Each is handed to the system before ``log`` returns, so a kill loses none.

    Opening a folder that has a log continues it; a last line torn by a kill is dropped. Leaving the block writes
    ``metrics.parquet`` and the TensorBoard events, made anew from all rows; leaving it by an exception only closes.
    With ``enabled=False`` nothing is read or written: for all workers of a training step but the first.
    """

    def __init__(self, folder: Path, *, enabled: bool = True) -> None:
        self.folder, self.enabled = folder, enabled
        self._path = folder / LINES
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self.enabled:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._rewrite(read_rows(self._path))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if kind is None and self.enabled:
            rows = read_rows(self._path)
            _write_table(self.folder / TABLE, rows)
            _write_events(self.folder / EVENTS, rows)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one row."""
        if not self.enabled:
            return
        if self._file is None:
            raise RuntimeError("the metric log is not open: use it as a context manager")
        self._file.write(_line({"step": step, TIME: time.time(), **values}).encode())
        self._file.flush()

    def rewind(self, step: int) -> None:
        """Drop the rows of this step and later ones, which a resumed run is about to make again."""
        if not self.enabled:
            return
        self._close()
        self._rewrite([row for row in read_rows(self._path) if row["step"] < step])

    def _rewrite(self, rows: list[Row]) -> None:
        write_text(self._path, "".join(_line(row) for row in rows))
        self._file = self._path.open("ab")

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def read_rows(path: Path) -> list[Row]:
    """The rows of a ``metrics.jsonl``, also of one that is being written; none if there is no file.

    A last line that is torn is left out. Raises StoreError where another line is.
    """
    if not path.exists():
        return []
    *lines, rest = path.read_bytes().split(b"\n")
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(_row(line))
        except (ValueError, TypeError, KeyError):
            if number == len(lines) and not rest:
                break
            raise StoreError(
                f"{path}:{number} is damaged: not a row of metrics", "delete the step's folder to compute it again"
            ) from None
    return rows


def _line(row: Row) -> str:
    """JSON has no form for the numbers of a diverged run: they are written as the strings nan, inf, -inf."""
    plain = {key: _plain(value) for key, value in row.items()}
    return json.dumps(plain, separators=(",", ":")) + "\n"


def _plain(value: float) -> int | float | str:
    if isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else str(float(value))


def _row(line: bytes) -> Row:
    row = {key: float(value) if isinstance(value, str) else value for key, value in json.loads(line).items()}
    return {**row, "step": int(row["step"])}


def _write_table(path: Path, rows: list[Row]) -> None:
    """One column per metric, in order of appearance; a row without a metric has null there."""
    import polars as pl

    names = dict.fromkeys(key for row in rows for key in row if key not in ("step", TIME))
    columns: dict[str, pl.Series] = {"step": pl.Series([row["step"] for row in rows], dtype=pl.Int64)}
    for name in names:
        columns[name] = pl.Series([row.get(name) for row in rows], dtype=pl.Float64, strict=False)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    pl.DataFrame(columns).write_parquet(temporary)
    temporary.replace(path)


def _write_events(folder: Path, rows: list[Row]) -> None:
    """One event file with every metric as a scalar, in place of those of earlier attempts."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(exist_ok=True)
    for old in folder.glob("events.out.tfevents.*"):
        old.unlink()
    start = rows[0][TIME] if rows else time.time()
    with (folder / f"events.out.tfevents.{start:.0f}.{socket.gethostname()}").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=start, file_version="brain.Event:2").SerializeToString())
        for row in rows:
            values = [Summary.Value(tag=key, simple_value=row[key]) for key in row if key not in ("step", TIME)]
            event = Event(wall_time=row[TIME], step=row["step"], summary=Summary(value=values))
            writer.write(event.SerializeToString())
