"""The zygotes of a supervisor: one of each tier, several on many cores; started on demand, replaced when worn or dead.

How the first one came up decides how all are started: as root, in a user namespace, or without namespaces. Every zygote
has to prove what it holds (probe.py) before it serves.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

from r1ci.executors.limits import Sizes
from r1ci.executors.metrics import Metrics
from r1ci.executors.sandbox.probe import Isolation
from r1ci.executors.sandbox.spawn import Ways, Zygote, spawn
from r1ci.executors.sandbox.tiers import LIGHTEST, TIERS

WORN = 20_000
"""Programs after which a zygote is replaced."""
FAILURES = 3
"""Zygotes of a tier that fail in a row before the tier is given up."""
CORES_EACH = 4
"""Cores that one zygote keeps busy: forking is serial within it."""
BUSY = 8
"""Programs below every zygote of a tier at which another one is started."""
START_S = 60.0
"""Longest start of a zygote; importing everything on a busy machine takes its time."""


class Nursery:
    """Which zygote serves which tier. Used by the supervisor's thread alone.

    ``listen`` is called with a zygote that was started, ``forget`` with one that is to be closed, ``give_up`` with a
    reason when programs cannot be run. A tier that does not come up is replaced by the lightest.
    """

    def __init__(
        self,
        found: Ways,
        wanted: str,
        metrics: Metrics,
        listen: Callable[[Zygote], None],
        forget: Callable[[Zygote], None],
        give_up: Callable[[str], None],
        *,
        keep_caches: bool,
    ) -> None:
        self._ways, self._wanted, self._keep_caches = found, wanted, keep_caches
        self._metrics, self._listen, self._forget, self._give_up = metrics, listen, forget, give_up
        self._modes = list(found.modes)
        self._reasons: dict[str, str] = {"seccomp": found.seccomp} if found.seccomp else {}
        self._serving: dict[str, list[Zygote]] = {tier: [] for tier in TIERS}
        self._most = max(1, len(os.sched_getaffinity(0)) // CORES_EACH)
        self._coming: dict[str, Zygote] = {}
        self._retired: list[Zygote] = []
        self._failures = dict.fromkeys(TIERS, 0)
        self._broken: set[str] = set()
        self._proven = False

    def all(self) -> list[Zygote]:
        """Every zygote that was not closed."""
        return [*itertools.chain(*self._serving.values()), *self._coming.values(), *self._retired]

    def starting(self) -> list[Zygote]:
        """Those that do not serve yet."""
        return list(self._coming.values())

    def serving(self, tier: str) -> Zygote | None:
        """The least busy zygote for a tier; None while there is none, and one is on its way then."""
        tier = LIGHTEST if tier in self._broken else tier
        live = self._serving[tier]
        best = min(live, key=lambda zygote: zygote.in_flight, default=None)
        if best is None or (best.in_flight >= BUSY and len(live) < self._most):
            self.start(tier)
        return best

    def start(self, tier: str) -> None:
        """Start a zygote for a tier, unless one is on its way."""
        if tier in self._coming:
            return
        try:
            zygote = spawn(tier, self._modes[0], self._ways, keep_caches=self._keep_caches)
        except OSError as error:
            self._count_failure(tier, f"no process could be started: {error}")
            return
        self._coming[tier] = zygote
        self._listen(zygote)

    def ready(self, zygote: Zygote, facts: dict[str, Any], reasons: dict[str, str]) -> None:
        """A zygote came up; what it holds is still to be proved."""
        zygote.sizes = Sizes(facts["virtual"], facts["resident"], facts["data"])
        zygote.reasons = self._reasons | facts["missing"] | reasons

    def proved(self, zygote: Zygote, isolation: Isolation) -> bool:
        """A zygote has shown what it holds: it serves from now on if that is enough; whether it does."""
        zygote.isolation = isolation
        if not isolation.suffices(self._wanted):
            why = "; ".join(isolation.missing) or "unknown why"
            self.failed(zygote, f"this machine gives isolation '{isolation.level}', not '{self._wanted}' ({why})")
            return False
        self._proven = True
        self._failures[zygote.tier] = 0
        self._coming.pop(zygote.tier, None)
        worn = [other for other in self._serving[zygote.tier] if other.worn]
        self._serving[zygote.tier] = [zygote, *(other for other in self._serving[zygote.tier] if not other.worn)]
        self._retired += worn
        for other in worn:
            self.left(other)
        return True

    def died(self, zygote: Zygote, reason: str, cause: str) -> None:
        """A zygote is gone or has to go. Another one comes when it is needed."""
        if zygote in self.starting():
            self.failed(zygote, reason)
        elif zygote in self.all():
            self._metrics.event(f"restart/{cause}")
            self.close(zygote)

    def failed(self, zygote: Zygote, reason: str) -> None:
        """A zygote did not come up: another way is tried, or the same again, until its programs are told."""
        self.close(zygote)
        if not self._proven and len(self._modes) > 1:
            self._reasons["namespaces"] = "; ".join(filter(None, (self._reasons.get("namespaces"), reason)))
            del self._modes[0]
            self.start(zygote.tier)
        else:
            self._count_failure(zygote.tier, reason)

    def _count_failure(self, tier: str, reason: str) -> None:
        self._failures[tier] += 1
        self._metrics.event("restart/did_not_start")
        if self._failures[tier] < FAILURES:
            self.start(tier)
        elif self._serving[tier]:
            self._most = len(self._serving[tier])
        elif tier == LIGHTEST:
            self._failures[tier] = 0
            self._give_up(reason)
        else:
            self._broken.add(tier)
            self._metrics.event(f"broken_tier/{tier}")

    def served(self, zygote: Zygote) -> None:
        """One more program was given to a zygote; a worn one gets a successor."""
        zygote.served += 1
        zygote.in_flight += 1
        if zygote.served == WORN:
            self.replace(zygote, "worn")

    def replace(self, zygote: Zygote, cause: str) -> None:
        """Start the successor of a zygote that serves until the successor does."""
        if zygote in self._serving[zygote.tier] and not zygote.worn:
            zygote.worn = True
            self._metrics.event(f"restart/{cause}")
            self.start(zygote.tier)

    def left(self, zygote: Zygote) -> None:
        """A retired zygote is closed when its last program has ended."""
        if zygote in self._retired and not zygote.in_flight:
            self.close(zygote)

    def close(self, zygote: Zygote) -> None:
        """End a zygote and whatever runs below it."""
        if self._coming.get(zygote.tier) is zygote:
            del self._coming[zygote.tier]
        for place in (self._serving[zygote.tier], self._retired):
            if zygote in place:
                place.remove(zygote)
        self._forget(zygote)
        zygote.close()
