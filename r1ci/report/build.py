"""From the store to two files: a page for people, and its JSON twin for programs, made from the same objects."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

import r1ci
from r1ci.errors import R1ciError, UsageError
from r1ci.report.contenders import Comparison, compare
from r1ci.report.data import Findings
from r1ci.report.markdown import markdown
from r1ci.report.page import Head, Part, page
from r1ci.report.sections import SECTIONS
from r1ci.report.sweeps import best_variant, descriptions_of, names_of, read_runs
from r1ci.report.text import plural
from r1ci.spec.report import TOP, Layout, SectionId

JSON_VERSION = 1
"""Version of the JSON twin's layout."""

WITHOUT_EXPERIMENTS = ("sweep", "alerts", "paper", "methods")
"""Sections that have something to say of a sweep no trial of which has finished."""


@dataclass(frozen=True)
class Twin:
    """What index.json holds."""

    version: int
    head: Head
    notes: Mapping[str, str]
    """Markdown as declared, by section or top."""
    sections: Mapping[str, Any]
    """By id: the frozen objects that the page's sections were drawn from."""


@dataclass(frozen=True)
class Report:
    """A report before it is written."""

    comparison: Comparison
    twin: Twin
    parts: tuple[Part, ...]
    """The drawn sections."""


@dataclass(frozen=True)
class ReportFiles:
    """Where a report was written, and what it holds."""

    html: Path
    json: Path
    report: Report


def build(
    root: Path,
    experiments: Sequence[str],
    out: Path,
    *,
    baseline: str | None = None,
    layout: Layout | None = None,
    now: datetime,
    reload_s: int | None = None,
) -> ReportFiles:
    """Write ``out`` (a folder: index.html and index.json in it; a path ending in .html: that file and its twin).

    Experiments are names of experiments and sweeps, or patterns of them. ``baseline`` comes before the layout's. With
    ``reload_s`` an open page reads itself again every so many seconds. The same store, arguments and ``now`` give the
    same bytes.

    Raises:
        UsageError: no experiment was named or found, or no variant is called like the baseline.
        StoreError: an experiment's plan cannot be read.
        R1ciError: the files cannot be written.
    """
    if not experiments:
        raise UsageError("a report needs at least one experiment", "see `r1ci ls runs` for those in the store")
    layout = layout or Layout()
    findings = read_runs(root, experiments)
    compared = compare(findings, baseline or layout.baseline or best_variant(findings))
    comparison = dataclasses.replace(compared, trajectories=layout.trajectories)
    by_id = {section.id: section for section in SECTIONS}
    data: dict[str, Any] = {id: by_id[id].data(comparison) for id in _shown(layout, findings)}
    notes = {place: markdown(text) for place, text in layout.notes.items()}
    parts = tuple(Part(id, by_id[id].title, by_id[id].html(data[id]), notes.get(id, Markup(""))) for id in data)
    twin = Twin(version=JSON_VERSION, head=_head(comparison, layout, now), notes=layout.notes, sections=data)
    charts = "curves" in data and bool(data["curves"].rl or data["curves"].sft)
    html = page(twin.head, parts, note=notes.get(TOP, Markup("")), charts=charts, reload_s=reload_s)
    files = _files(out, Report(comparison, twin, parts))
    try:
        files.html.parent.mkdir(parents=True, exist_ok=True)
        _write(files.html, html)
        _write(files.json, json.dumps(plain(twin), sort_keys=True, allow_nan=False) + "\n")
    except OSError as error:
        raise R1ciError(f"the report cannot be written to {out}: {error}", "choose another folder with --out") from None
    return files


def _shown(layout: Layout, findings: Findings) -> list[SectionId]:
    """The sections of the page: that of sweeps where there is one or where it is listed, few where nothing was run."""
    shown = [id for id in layout.shown if id != "sweep" or findings.sweeps or layout.sections]
    return shown if findings.experiments else [id for id in shown if id in WITHOUT_EXPERIMENTS]


def plain(value: Any) -> Any:
    """Dataclasses, tuples and numbers as plain JSON; what is not a finite number becomes null.

    An object with a ``for_json`` method says itself what to keep.
    """
    if hasattr(value, "for_json"):
        return plain(value.for_json())
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _head(comparison: Comparison, layout: Layout, now: datetime) -> Head:
    findings = comparison.findings
    cells = comparison.findings.cells
    counts = (
        (len(comparison.variants), "variant"),
        (len({cell.model for cell in cells}), "model"),
        (len({cell.seed for cell in cells}), "seed"),
    )
    steps = comparison.findings.steps.values()
    made = now.isoformat(timespec="seconds")
    return Head(
        title=layout.title or ", ".join(names_of(findings)),
        description=layout.description or " ".join(descriptions_of(findings)),
        facts=(
            *(plural(len(sweep.records), "trial") for sweep in findings.sweeps),
            *(plural(count, one) for count, one in counts if findings.experiments),
            f"{sum(step.done for step in steps)} of {plural(len(steps), 'step')} done",
            made,
        ),
        version=r1ci.__version__,
        made=made,
    )


def _files(out: Path, report: Report) -> ReportFiles:
    html = out if out.suffix == ".html" else out / "index.html"
    return ReportFiles(html, html.with_suffix(".json"), report)


def _write(path: Path, text: str) -> None:
    """Write by rename, so that an open page is never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(text.encode("utf-8", errors="replace"))
    temporary.replace(path)
