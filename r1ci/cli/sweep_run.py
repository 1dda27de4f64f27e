"""Run a sweep, show how it goes, and say how it ended: what sweep and resume share."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.execute import PAGE, REPORTS, silence_libraries
from r1ci.cli.failure import SCHEMA_VERSION
from r1ci.cli.output import note
from r1ci.cli.run import Exists
from r1ci.cli.runs import bring_here
from r1ci.cli.settings import Settings
from r1ci.errors import UsageError
from r1ci.store.sweeps import ENDED, SweepFolder, TrialRecord, best

if TYPE_CHECKING:
    from r1ci.launch.sweep.events import Summary
    from r1ci.spec.sweep.models import Sweep
    from r1ci.spec.sweep.resolved import ResolvedSweep


def start(resolved: ResolvedSweep, settings: Settings, *, exists: Exists, report: bool) -> int:
    """Begin a sweep, or go on with the same one where ``exists`` says so. Returns the exit code.

    Raises:
        UsageError: there is a sweep of that name, unfinished or another one, and ``exists`` does not say what to do.
    """
    folder = SweepFolder(settings.root, resolved.sweep.name)
    if (folder.folder / "resolved.json").exists() and exists != "overwrite":
        if folder.resolved() != resolved.data:
            help = "choose another name with --name, or --exists overwrite (finished steps are kept and shared)"
            raise UsageError(f"{folder.folder} was made from another sweep", help)
        if exists == "fail" and not is_finished(folder):
            help = f"continue it with r1ci resume {folder.folder}, or start over with --exists overwrite"
            raise UsageError(f"{folder.folder} is unfinished", help)
    else:
        with folder.drive():
            folder.clear()
            folder.create(text=resolved.text, resolved=resolved.data)
    return execute(resolved, folder, settings, retry_failed=False, report=report)


def resume(folder: SweepFolder, settings: Settings, *, dry_run: bool, retry_failed: bool, report: bool) -> int:
    """Continue a sweep from its folder alone. Returns the exit code."""
    from r1ci.spec.sweep.load import load_resolved_sweep

    text = (folder.folder / "sweep.yaml").read_text(encoding="utf-8")
    resolved = load_resolved_sweep(folder.folder / "resolved.json", text=text, environ=os.environ)
    if dry_run:
        from r1ci.cli.sweep import planned, print_plan

        settings.root = folder.root
        print_plan(resolved, planned(resolved, settings), settings)
        return 0
    return execute(resolved, folder, settings, retry_failed=retry_failed, report=report)


def is_finished(folder: SweepFolder) -> bool:
    """Whether every trial has ended and no more are to come."""
    return folder.status()["state"] in ("done", "failed")


def execute(
    resolved: ResolvedSweep, folder: SweepFolder, settings: Settings, *, retry_failed: bool, report: bool
) -> int:
    """Run what is left of a sweep and say how it ended."""
    if is_finished(folder) and not (retry_failed and folder.status()["state"] == "failed"):
        return _nothing_to_do(resolved.sweep, folder, settings, report=report)
    if settings.json:
        _emit({"event": "launch", "schema_version": SCHEMA_VERSION, **_names(folder)})
    try:
        summary = _run(resolved, folder, settings, retry_failed=retry_failed)
    except KeyboardInterrupt:
        return _finish(resolved.sweep, folder, settings, code=130)
    code = exit_code(folder.records())
    page = write_report(folder) if report else None
    return _finish(resolved.sweep, folder, settings, code=code, summary=summary, page=page)


def exit_code(records: Sequence[TrialRecord]) -> int:
    """0 if no trial failed, 4 if some gave something, else 1."""
    states = {record.state for record in records}
    if "failed" not in states:
        return 0
    return 4 if len(states) > 1 else 1


def _nothing_to_do(sweep: Sweep, folder: SweepFolder, settings: Settings, *, report: bool) -> int:
    note(f"{folder.name} is finished: nothing to do", settings)
    page = REPORTS / folder.name / PAGE
    if report and not page.is_file():
        page = write_report(folder)
    code = exit_code(folder.records())
    return _finish(sweep, folder, settings, code=code, page=page if report and page.is_file() else None)


def _run(resolved: ResolvedSweep, folder: SweepFolder, settings: Settings, *, retry_failed: bool) -> Summary:
    from r1ci.cli.specs import known_names
    from r1ci.cli.sweep_progress import sweep_display
    from r1ci.launch.sweep.driver import run_sweep
    from r1ci.store.store import Store

    silence_libraries()
    with sweep_display(resolved.sweep, settings) as listener:
        return run_sweep(resolved, Store(folder.root), known_names(), listener, retry_failed=retry_failed)


def write_report(folder: SweepFolder) -> Path:
    """Show the sweep and compare its best trials in one page."""
    from r1ci.report.build import build

    bring_here(folder.root, [folder.name])
    return build(folder.root, [folder.name], REPORTS / folder.name / PAGE, now=datetime.now(UTC)).html


def _finish(
    sweep: Sweep,
    folder: SweepFolder,
    settings: Settings,
    *,
    code: int,
    summary: Summary | None = None,
    page: Path | None = None,
) -> int:
    records = folder.records()
    leader = best(records, sweep.metric.mode)
    if settings.json:
        _emit_end(folder, records, leader, code, page)
        return code
    if summary is not None:
        from r1ci.cli.sweep_progress import counts

        note(counts(summary), settings)
    if code != 0:
        word = {130: "interrupted", 4: "some trials failed; the others' results are usable"}.get(code, "failed")
        again = " --retry-failed" if code in (1, 4) else ""
        click.echo(f"{folder.name}: {word}\nhelp: continue with r1ci resume {folder.folder}{again}", err=True)
    if leader is not None:
        click.echo(
            f"best: trial {leader.number}, {sweep.metric.name} {leader.metric:.4g}: {shlex.join(leader.overrides)}"
        )
    if page is not None:
        click.echo(page)
    return code


def _emit_end(
    folder: SweepFolder, records: tuple[TrialRecord, ...], leader: TrialRecord | None, code: int, page: Path | None
) -> None:
    states = {state: sum(record.state == state for record in records) for state in (*ENDED, "interrupted")}
    _emit(
        {
            "event": "done",
            "ok": code == 0,
            "code": code,
            "state": folder.status()["state"],
            **_names(folder),
            "trials": states,
            "best": None if leader is None else {"trial": leader.number, "metric": leader.metric},
            "report": None if page is None else str(page),
        }
    )


def _names(folder: SweepFolder) -> dict[str, str]:
    return {"sweep": folder.name, "folder": str(folder.folder)}


def _emit(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))
