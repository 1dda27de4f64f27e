"""What a report is made of, as files for papers and programs: tables, metrics, trajectories and figures."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from r1ci.errors import R1ciError
from r1ci.report.contenders import Comparison, families
from r1ci.report.figures import figures, rasterize
from r1ci.report.sections.board import Cell, board
from r1ci.report.sections.leaderboard import Leaderboard, Row, SetScore, leaderboard_data
from r1ci.report.sections.trajectories import entries

if TYPE_CHECKING:
    import polars as pl

    from r1ci.report.build import Report

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "\u2212": "$-$", "\u2013": "--",
    "\u25b2": r"$\uparrow$", "\u25bc": r"$\downarrow$",
}  # fmt: skip


@dataclass(frozen=True)
class Exported:
    """What was written."""

    paths: tuple[Path, ...]
    left_out: str
    """What could not be made, and why; empty where all was."""


def export(report: Report, folder: Path) -> Exported:
    """Write leaderboard.{md,tex,csv}, metrics.{csv,parquet}, trajectories.jsonl.gz and figures/*.{svg,png}.

    Raises:
        R1ciError: the files cannot be written.
    """
    data = leaderboard_data(report.comparison)
    table = written(data)
    metrics = metric_table(report.comparison)
    drawn = figures([(part.id, part.body) for part in report.parts])
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        (folder / "leaderboard.md").write_text(markdown(table), encoding="utf-8")
        (folder / "leaderboard.tex").write_text(latex(table), encoding="utf-8")
        (folder / "leaderboard.csv").write_text(leaderboard_table(data).write_csv(), encoding="utf-8")
        metrics.write_csv(folder / "metrics.csv")
        metrics.write_parquet(folder / "metrics.parquet")
        _trajectories(report.comparison, folder / "trajectories.jsonl.gz")
        for name, svg in drawn.items():
            (folder / "figures" / f"{name}.svg").write_text(svg, encoding="utf-8")
        pictures = rasterize(drawn)
        for name, png in (pictures or {}).items():
            (folder / "figures" / f"{name}.png").write_bytes(png)
    except OSError as error:
        raise R1ciError(f"nothing can be exported to {folder}: {error}", "choose another folder") from None
    missing = "" if pictures is not None else "figures are SVG only: PNG needs a Chromium or Chrome on this machine"
    return Exported(tuple(sorted(path for path in folder.rglob("*") if path.is_file())), missing)


# ---------------------------------------------------------------- the leaderboard


def written(data: Leaderboard) -> list[list[str]]:
    """Rows of the columns that the page shows, as text; the first is the heading."""
    columns = [column for column in board(data) if column.shown and column.kind != "bar"]
    several = len({column.group for column in columns}) > 1
    heads = [f"{column.group}: {column.title}" if several else column.title for column in columns]
    rows = [
        [*([row.model] if data.models else []), row.name, *(_text(column.cell(row)) for column in columns)]
        for row in data.rows
    ]
    return [[*(["Model"] if data.models else []), "Checkpoint", *heads], *rows]


def markdown(table: list[list[str]]) -> str:
    """A table of GitHub's Markdown."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |" for cells in table]
    rule = f"|{'|'.join(['---', *['---:'] * (len(table[0]) - 1)])}|"
    return "\n".join([lines[0], rule, *lines[1:], ""])


def latex(table: list[list[str]]) -> str:
    """A tabular environment."""
    lines = [" & ".join("".join(_TEX.get(char, char) for char in cell) for cell in cells) + r" \\" for cells in table]
    begin = rf"\begin{{tabular}}{{l{'r' * (len(table[0]) - 1)}}}"
    return "\n".join([begin, r"\hline", lines[0], r"\hline", *lines[1:], r"\hline", r"\end{tabular}", ""])


def leaderboard_table(data: Leaderboard) -> pl.DataFrame:
    """A line per row and set of questions, shares between 0 and 1."""
    import polars as pl

    lines = [_numbers(row, set, score) for row in data.rows for set, score in row.scores.items()]
    return pl.DataFrame(lines, infer_schema_length=None)


def _text(cell: Cell) -> str:
    plain = cell.text.striptags() if isinstance(cell.text, Markup) else cell.text
    return f"{plain} ({', '.join(cell.details)})" if cell.details else plain


def _numbers(row: Row, set: str, score: SetScore) -> dict[str, Any]:
    accuracy = score.accuracy
    line: dict[str, Any] = {
        "model": row.model, "agent": row.agent, "checkpoint": row.checkpoint, "name": row.name, "set": set,
        "baseline": row.baseline, "seeds": len(row.seeds), "seeds_missing": len(row.missing),
        "accuracy": accuracy and accuracy.value, "low": accuracy and accuracy.low, "high": accuracy and accuracy.high,
        "iqm": accuracy and accuracy.interquartile, "tasks": accuracy and accuracy.tasks,
        "questions": accuracy and accuracy.questions,
    }  # fmt: skip
    for against, contrast in (("baseline", score.to_baseline), ("start", score.to_start)):
        estimate = contrast and contrast.estimate
        line |= {f"vs_{against}{end}": estimate and value(estimate) for end, value in _ENDS.items()}
        line |= {f"vs_{against}_p_holm": contrast and contrast.holm, f"vs_{against}_claim": contrast and contrast.claim}
    line["chance_of_first"] = score.ranks[0] if score.ranks else None
    line |= {f"pass@{k}": of and of.value for k, of in score.pass_at.items()}
    line |= {f"maj@{k}": of and of.value for k, of in score.majority.items()}
    use = row.use
    line |= {
        "tool_use": use and use.tool_use, "calls": use and use.calls, "code_errors": use and use.code_errors,
        "tokens": use and use.tokens, "wall_s": row.effort.wall_s, "gpu_hours": row.effort.gpu_hours,
        "cost": row.effort.cost, "trained_tokens": row.effort.tokens,
    }  # fmt: skip
    return line


_ENDS: Mapping[str, Any] = {"": lambda of: of.value, "_low": lambda of: of.low, "_high": lambda of: of.high}


# ---------------------------------------------------------------- metrics and trajectories


def metric_table(comparison: Comparison) -> pl.DataFrame:
    """All that training logged, a line per run, seed and training step."""
    import polars as pl

    frames = [
        log.select(
            pl.lit(kind).alias("kind"), pl.lit(", ".join(family.variants)).alias("variants"),
            pl.lit(family.model).alias("model"), pl.lit(seed).alias("seed"), pl.lit(step).alias("step_id"), pl.all(),
        )
        for kind in ("sft", "rl")
        for family in families(comparison.findings.cells, kind)
        for seed, step in family.steps.items()
        if not (log := comparison.findings.log(step)).is_empty()
    ]  # fmt: skip
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()


def _trajectories(comparison: Comparison, path: Path) -> None:
    """Every trajectory that the store has the text of, a line each, whether the page has it or not."""
    with gzip.GzipFile(path, "wb", mtime=0) as file:
        for line in _lines(comparison):
            file.write(line.encode("utf-8", errors="replace"))


def _lines(comparison: Comparison) -> Iterator[str]:
    for entry in entries(comparison):
        yield json.dumps({**entry.index, "record": entry.record}, sort_keys=True, default=str) + "\n"
