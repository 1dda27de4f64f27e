"""The live region: one bar for the whole run, one for the step in hand, finished steps above them."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

from r1ci.cli.progress import Clock, Pace, facts, some_cells
from r1ci.launch.events import Event, StepBlocked, StepDone, StepFailedEvent, StepProgress, StepStarted, StepWaiting
from r1ci.plan.render import duration


class LiveRegion:
    """Draws the events of a run on a terminal's stderr; the only thing that redraws there."""

    def __init__(self, *, color: bool, console: Console | None = None, clock: Clock = time.monotonic) -> None:
        console = console or Console(stderr=True, no_color=not color, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[facts]}"))
        self._bars = Bars(*columns, console=console, transient=True, refresh_per_second=4)
        self._run = self._bars.add_task("steps", total=None, facts="", visible=False)
        self._step = self._bars.add_task("", total=None, facts="", visible=False)
        self._pace = Pace(clock)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Draw what happened."""
        match event:
            case StepStarted(step_id, _, cells, index, total):
                self._pace.start()
                counted = f"{index - 1}/{total}"
                self._bars.update(self._run, total=total, completed=index - 1, facts=counted, visible=True)
                self._bars.reset(self._step, description=step_id, facts=some_cells(cells), visible=True)
            case StepProgress(_, _, progress):
                words = facts(progress, self._pace.eta_s(progress))
                self._bars.update(self._step, total=progress.total, completed=progress.done, facts=words)
            case StepDone(step_id, _, seconds):
                self._say(f"{step_id}  done in {duration(seconds)}")
            case StepWaiting(step_id):
                self._say(f"{step_id}  another process runs it: waiting")
            case StepFailedEvent(step_id, _, failure):
                self._say(f"{step_id}  FAILED: {failure.message.splitlines()[0] if failure.message else failure.type}")
            case StepBlocked(step_id, _, by):
                self._say(f"{step_id}  not run: {by} failed")

    def _say(self, line: str) -> None:
        self._bars.console.print(line, markup=False)
