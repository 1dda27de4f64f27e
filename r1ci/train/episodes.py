"""Tables that an RL run makes step by step: JSON lines while running, Parquet at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class StepTable:
    """Rows with a ``step``; ``rewind`` drops those that a resumed run is about to make again.

    ``name``.jsonl in the folder becomes ``name``.parquet.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{name}.jsonl"
        self._table = folder / f"{name}.parquet"

    def __enter__(self) -> Self:
        self._path.touch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            import polars as pl

            pl.DataFrame(self._rows(), infer_schema_length=None).write_parquet(self._table)
            self._path.unlink()

    def log(self, step: int, rows: Sequence[dict[str, Any]]) -> None:
        """Append the rows of a step as one write."""
        with self._path.open("a") as stream:
            stream.write("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))

    def rewind(self, step: int) -> None:
        """Drop the rows of this step and later ones."""
        kept = [row for row in self._rows() if row["step"] < step]
        part = self._path.with_suffix(".part")
        part.write_text("".join(json.dumps(row, separators=(",", ":")) + "\n" for row in kept))
        part.replace(self._path)

    def _rows(self) -> list[dict[str, Any]]:
        rows = []
        for line in self._path.read_text().splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:  # torn by a kill; its step is made again
                continue
        return rows
