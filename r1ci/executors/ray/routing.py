"""Which node gets the next program: power of two choices, and quarantine of nodes that fail. Pure.

Of two nodes drawn at random the less loaded one is taken: nearly as even as asking all, and many clients that decide
at once do not all pick the same node. A node whose own machinery fails ``QuarantinePolicy.errors`` times within
``window_s`` gets no new programs until a probe succeeds there; between failed probes the wait doubles.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Whether a node takes new programs."""

    STARTING = "starting"
    """Its actor has not answered yet."""
    UP = "up"
    QUARANTINED = "quarantined"
    """It failed; a probe must succeed first."""


@dataclass(frozen=True)
class QuarantinePolicy:
    """When a node is bad, and how soon it is tried again."""

    errors: int = 3
    """Infrastructure errors within the window that make a node bad."""
    window_s: float = 30.0
    first_probe_s: float = 0.5
    """Wait before the first probe."""
    longest_probe_s: float = 30.0
    """The wait doubles with every failed probe, up to this."""


@dataclass
class _Node:
    slots: int
    state: State = State.STARTING
    outstanding: int = 0
    errors: deque[float] = field(default_factory=deque)
    probes_failed: int = 0


class Router:
    """Counts what is outstanding on each node and chooses nodes. Not thread-safe."""

    def __init__(self, policy: QuarantinePolicy, clock: Callable[[], float], draw: random.Random) -> None:
        self._policy, self._clock, self._random = policy, clock, draw
        self._nodes: dict[str, _Node] = {}

    def add(self, name: str, slots: int) -> None:
        """A new node, of which nothing is heard yet. ``slots`` bounds what is outstanding there."""
        self._nodes[name] = _Node(slots)

    def remove(self, name: str) -> None:
        """Forget a node."""
        self._nodes.pop(name, None)

    def states(self) -> dict[str, State]:
        """The nodes' states by name."""
        return {name: node.state for name, node in self._nodes.items()}

    def up(self) -> int:
        """How many nodes take new programs."""
        return sum(node.state is State.UP for node in self._nodes.values())

    def outstanding(self) -> int:
        """Programs that were sent and have not ended."""
        return sum(node.outstanding for node in self._nodes.values())

    def has_room(self, name: str) -> bool:
        """Whether a node can take one more program of a session that lives there; bad nodes keep their sessions."""
        node = self._nodes.get(name)
        return node is not None and node.outstanding < node.slots

    def choose(self, avoid: Collection[str] = ()) -> str | None:
        """A node with room for a new program; None if there is none now.

        Nodes in ``avoid`` are taken only if no other node is up at all.
        """
        up = [name for name, node in self._nodes.items() if node.state is State.UP]
        wanted = [name for name in up if name not in avoid] or up
        free = [name for name in wanted if self.has_room(name)]
        if not free:
            return None
        drawn = self._random.sample(free, min(2, len(free)))
        return min(drawn, key=lambda name: self._nodes[name].outstanding / self._nodes[name].slots)

    def take(self, name: str) -> None:
        """A program is sent to a node."""
        self._nodes[name].outstanding += 1

    def release(self, name: str) -> None:
        """A program that was sent there has ended, or is given up."""
        if name in self._nodes:
            self._nodes[name].outstanding -= 1

    def failed(self, name: str) -> bool:
        """Count an infrastructure error of a node. True if the node is up and should be quarantined."""
        node = self._nodes.get(name)
        if node is None:
            return False
        now = self._clock()
        node.errors.append(now)
        while node.errors[0] < now - self._policy.window_s:
            node.errors.popleft()
        return node.state is State.UP and len(node.errors) >= self._policy.errors

    def quarantine(self, name: str) -> None:
        """Give a node no new programs until a probe succeeds."""
        if name in self._nodes:
            self._nodes[name].state = State.QUARANTINED

    def admit(self, name: str) -> None:
        """A probe succeeded: new programs may go there, and its errors are forgotten."""
        node = self._nodes[name]
        node.state, node.probes_failed = State.UP, 0
        node.errors.clear()

    def probe_failed(self, name: str) -> None:
        """A probe failed: wait longer for the next one."""
        if name in self._nodes:
            self._nodes[name].probes_failed += 1

    def probe_wait_s(self, name: str) -> float:
        """How long to wait before the next probe of a node that is not up: not at all if it is only starting."""
        node = self._nodes[name]
        if node.state is State.STARTING and not node.probes_failed:
            return 0.0
        # The exponent is bounded: 2.0 ** 1100 overflows.
        return min(self._policy.longest_probe_s, self._policy.first_probe_s * 2.0 ** min(node.probes_failed, 30))
