"""How far a sweep is: counts over its records, and ``status.json``.

``status.json``: ``state`` (running, done, failed where trials failed, interrupted), ``started``, ``updated``,
``ended``, ``host``, ``pid``, ``command``, ``elapsed_s`` (over all sessions), ``trials`` (how many, by state),
``total``, ``best`` (number and metric), ``steps`` (computed, reused, saved_s).
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
from collections import Counter
from collections.abc import Callable, Collection

from r1ci.launch.sweep.events import Summary
from r1ci.store.provenance import now
from r1ci.store.sweeps import SweepFolder, TrialRecord

STATUS_EVERY_S = 2.0
"""Shortest time between two writes of status.json."""


class Books:
    """The status of a sweep: what is in ``status.json`` beside the trials themselves."""

    def __init__(self, folder: SweepFolder, total: int | None, clock: Callable[[], float]) -> None:
        self._folder, self._total, self._clock = folder, total, clock
        before = folder.status()
        self._elapsed_s, self._start = float(before.get("elapsed_s", 0.0)), clock()
        self._written = float("-inf")
        self._head = {
            "name": folder.name,
            "started": before.get("started", now()),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "command": shlex.join(sys.argv),
        }

    def elapsed_s(self) -> float:
        """Wall-clock seconds over all sessions."""
        return self._elapsed_s + self._clock() - self._start

    def due(self) -> bool:
        """Whether it is time to write again."""
        return self._clock() - self._written >= STATUS_EVERY_S

    def summary(self, records: Collection[TrialRecord], leader: TrialRecord | None) -> Summary:
        """Counts over records."""
        states = Counter(record.state for record in records)
        return Summary(
            total=self._total,
            running=states["running"],
            done=states["done"],
            stopped=states["stopped"],
            failed=states["failed"],
            interrupted=states["interrupted"],
            best=leader,
            computed=sum(record.computed for record in records),
            reused=sum(record.reused for record in records),
            saved_s=sum(record.saved_s for record in records),
        )

    def write(self, state: str, summary: Summary) -> None:
        """Replace status.json."""
        self._written = self._clock()
        counts = ("running", "done", "stopped", "failed", "interrupted")
        leader = summary.best
        self._folder.write_status(
            {
                "state": state,
                **self._head,
                "updated": now(),
                "ended": None if state == "running" else now(),
                "elapsed_s": round(self.elapsed_s(), 3),
                "total": summary.total,
                "trials": {name: getattr(summary, name) for name in counts},
                "best": None if leader is None else {"number": leader.number, "metric": leader.metric},
                "steps": {"computed": summary.computed, "reused": summary.reused, "saved_s": summary.saved_s},
            }
        )
