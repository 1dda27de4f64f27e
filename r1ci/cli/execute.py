"""Run a plan, show how it goes, write its report, and say how it ended: what run, resume and eval share."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from r1ci.cli.compile import done_steps
from r1ci.cli.failure import SCHEMA_VERSION, print_error
from r1ci.cli.output import note
from r1ci.cli.runs import Run
from r1ci.cli.settings import Settings
from r1ci.errors import R1ciError
from r1ci.launch.events import Failure, Outcome
from r1ci.plan.context import StepContext
from r1ci.plan.steps import Plan

REPORTS = Path("reports") / "out"
"""Where reports go, relative to the working directory."""
PAGE = "index.html"
"""The page's name in a report's folder; its JSON twin lies beside it."""

report_option = click.option("--report/--no-report", default=True, help="Write the report at the end (default).")


apart_option = click.option(
    "--apart/--here", default=False, help="Run every step where a Ray cluster has room for it, or here (default)."
)


def execute(plan: Plan, run: Run, settings: Settings, *, report: bool, apart: bool = False) -> int:
    """Run what is not done of a plan whose experiment is written, and return the exit code."""
    done = done_steps(plan, run.root)
    if settings.json:
        counts = {"cells": len(plan.cells), "steps": len(plan.steps), "done": len(done)}
        _emit({"event": "launch", "schema_version": SCHEMA_VERSION, **_names(run), **counts})
    try:
        outcome = _run(plan, run, settings, apart=apart)
    except KeyboardInterrupt:
        return _finish(run, settings, code=130, state="interrupted")
    for failure in outcome.failed:
        _print_failure(failure, run, settings)
    code = exit_code(plan, outcome)
    page = write_report(run) if report and code in (0, 4) else None
    return _finish(run, settings, code=code, state="done" if code == 0 else "failed", page=page)


def exit_code(plan: Plan, outcome: Outcome) -> int:
    """0 if every step is done; 4 if some cell is whole; else what the failures ask for where they agree, or 1."""
    if outcome.complete:
        return 0
    lost = {failure.step_id for failure in outcome.failed} | set(outcome.blocked)
    if any(lost.isdisjoint(cell.steps.values()) for cell in plan.cells):
        return 4
    asked = {failure.exit_code for failure in outcome.failed}
    return asked.pop() if len(asked) == 1 else 1


def write_report(run: Run) -> Path:
    """Build the report of one run and return its page."""
    from r1ci.report.build import build

    run.fetched()
    return build(run.root, [run.name], REPORTS / run.name / PAGE, now=datetime.now(UTC)).html


def finished(run: Run, settings: Settings, *, report: bool) -> int:
    """Nothing is left to do: say so, and where the report is; write it if it is not there."""
    page = REPORTS / run.name / PAGE
    if report and not page.is_file():
        page = write_report(run)
    note(f"{run.name} is finished: nothing to do", settings)
    return _finish(run, settings, code=0, state="done", page=page if report else None)


def silence_libraries() -> None:
    """Keep other packages from drawing progress bars of their own; to be called before they are imported."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def _run(plan: Plan, run: Run, settings: Settings, *, apart: bool) -> Outcome:
    from r1ci.cli.progress import display
    from r1ci.launch.run import run_plan
    from r1ci.store.store import Store

    silence_libraries()
    with display(settings) as on_event:
        return run_plan(plan, Store(run.root), _step_runner(plan, run.root, apart=apart), on_event)


def _step_runner(plan: Plan, root: Path, *, apart: bool) -> Callable[[StepContext], None]:
    if apart:
        from r1ci.launch.apart import join_cluster, step_apart

        join_cluster(plan, root)
        return step_apart
    from r1ci.steps import run_step

    return run_step


def _finish(run: Run, settings: Settings, *, code: int, state: str, page: Path | None = None) -> int:
    if settings.json:
        where = None if page is None else str(page)
        _emit({"event": "done", "ok": code == 0, "code": code, "state": state, **_names(run), "report": where})
        return code
    if code != 0:
        word = {130: "interrupted", 4: "some cells failed; the others' results are usable"}.get(code, "failed")
        click.echo(f"{run.name}: {word}\nhelp: continue with r1ci resume {run.folder}", err=True)
    if page is not None:
        click.echo(page)
    return code


def _print_failure(failure: Failure, run: Run, settings: Settings) -> None:
    if settings.json:
        return
    trace = f"the traceback is in {run.root / 'steps' / failure.step_id / 'error.txt'}"
    cause = failure.message if failure.help or not failure.type else f"{failure.type}: {failure.message}"
    print_error(R1ciError(f"{failure.step_id} failed: {cause}", failure.help or trace), settings)


def _names(run: Run) -> dict[str, str]:
    return {"run": run.name, "folder": str(run.folder)}


def _emit(document: dict[str, Any]) -> None:
    click.echo(json.dumps(document, ensure_ascii=False))
