"""The ray executor: programs go to LocalExecutors on the nodes of a Ray cluster, apart from the GPUs.

One actor per node. What waits is sent in batches, results come back as programs end. An infrastructure error or the
loss of an actor or node is no result: the program runs again on another node, twice at most. A program of a session
goes to the node that holds the session and is never run twice: if that node is lost, so is the session, and the
result says so.

What this does NOT protect against: a program is as isolated as the local executor of its node makes it, no more. Ray
itself has no authentication worth the name: whoever reaches its ports runs code on every node. A stateless program may
run more than once, on two nodes, if the first one is lost while it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import time
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from r1ci.errors import EnvironmentMissing
from r1ci.executors.metrics import OF_EXECUTIONS, Metrics, Snapshot, total
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.ray.cluster import Cluster, Machine, NodeLost, Place, RayCluster, Remote, local_spec, places
from r1ci.executors.ray.node import LARGEST_BATCH, Piece
from r1ci.executors.ray.routing import QuarantinePolicy, Router, State
from r1ci.spec.models import RayExecutor as RaySpec

RETRIES = 2
"""How often a program is run again after infrastructure errors."""


@dataclass(frozen=True)
class Patience:
    """How long things are waited for, in seconds."""

    first_node_s: float = 10.0
    """For the first actor, when the executor is made; what is not there then is waited for in ``run``."""
    probe_s: float = 30.0
    """For an actor to start and to answer a probe; doubles with each failure."""
    no_node_s: float = 60.0
    """A program waits this long while no node is up."""
    grace_s: float = 30.0
    """For a result after the program's own time limit."""
    poll_s: float = 5.0
    """Between looks for nodes that joined or left."""
    jitter_s: float = 0.01
    """Longest pause before a program is run again."""
    close_s: float = 5.0
    """For an actor to end its programs."""


@dataclass(eq=False)
class _Item:
    """A program on its way."""

    program: Program
    result: asyncio.Future[Execution]
    submitted: float
    session: str
    """Empty if the spec has no sessions."""
    opens: bool = False
    """It is the first program of its session on its node."""
    sent: float = 0.0
    tried: list[str] = field(default_factory=list)
    """Nodes it was sent to."""


@dataclass
class _Node:
    place: Place
    remote: Remote
    life: int = 0
    """Goes up when an actor is lost: what was sent before, and sessions from before, belong to an earlier life."""
    incarnation: str = ""
    trouble: str = "its actor has not started yet"
    """Why it is not up."""


class RayExecutor:
    """Runs programs on the nodes of a Ray cluster; any number of concurrent calls on one event loop.

    Raises EnvironmentMissing if no node of the cluster can ever run programs, or none gives the isolation asked for.
    """

    def __init__(
        self,
        spec: RaySpec,
        cluster: Cluster | None = None,
        patience: Patience = Patience(),
        policy: QuarantinePolicy = QuarantinePolicy(),
        draw: random.Random | None = None,
    ) -> None:
        self._spec, self._patience = spec, patience
        self._cluster: Cluster = cluster or RayCluster()
        self._random = draw or random.Random()
        self._router = Router(policy, time.monotonic, self._random)
        self._nodes: dict[str, _Node] = {}
        self._sessions: dict[str, tuple[str, int]] = {}
        self._waiting: deque[_Item] = deque()
        self._open: set[_Item] = set()
        self._room = asyncio.Semaphore(spec.workers)
        self._metrics = Metrics()
        self._snapshots: dict[str, Snapshot] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._alone_since: float | None = time.monotonic()
        self._woken = self._started = self._closed = False
        found = self._places(self._cluster.machines())
        if not found:
            raise EnvironmentMissing(
                "no node of the Ray cluster can run programs: executor.kind ray needs nodes with "
                f"{spec.cpus_per_node or 1} CPU" + (f" and the resource {spec.resource!r}" if spec.resource else ""),
                "lower executor.cpus_per_node, change executor.resource, or start such nodes",
            )
        for place in found:
            self._add(place)
        self._require_one()

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program or the cluster did.

        Waits while ``workers`` programs are on their way already. Cancelling the call gives its result up; a program
        that was sent by then runs on to its end on its node.
        """
        submitted = time.monotonic()
        async with self._room:
            if self._closed:
                return Execution(Status.INFRASTRUCTURE, reason="the executor is closed")
            self._start()
            result: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
            session = program.session if self._spec.sessions else ""
            item = _Item(program, result, submitted, session)
            self._open.add(item)
            self._queue(item)
            try:
                execution = await result
            finally:
                self._open.discard(item)
        self._metrics.record(execution)
        return execution

    async def end(self, session: str) -> None:
        """Forget a session; one that does not exist, or whose node is lost, is no error."""
        name, _ = self._sessions.pop(session, ("", 0))
        if node := self._nodes.get(name):
            try:
                await asyncio.wait_for(node.remote.end(session), self._patience.close_s)
            except (NodeLost, TimeoutError):
                return

    def metrics(self) -> Snapshot:
        """What has been run, each program once however often it was tried, and what the nodes say happened there.

        The nodes' part is as of the last results that came from each.
        """
        own = self._metrics.snapshot(
            {
                "nodes": self._router.up(),
                "in_flight": self._router.outstanding(),
                "queued": len(self._waiting),
                "sessions": len(self._sessions),
            }
        )
        # What comes with the execution is counted here already.
        return total(
            [
                own,
                *(
                    Snapshot(events={name: count for name, count in there.events.items() if name not in OF_EXECUTIONS})
                    for there in self._snapshots.values()
                ),
            ]
        )

    async def close(self) -> None:
        """End what runs and this executor's own actors; Ray and everything else in the cluster stay."""
        self._closed = True
        nodes = list(self._nodes.values())
        self._nodes.clear()
        closing = [asyncio.wait_for(node.remote.close(), self._patience.close_s) for node in nodes]
        await asyncio.gather(*closing, return_exceptions=True)
        for node in nodes:
            node.remote.kill(restart=False)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for item in self._open:
            self._give_up(item, "the executor was closed")

    # ------------------------------------------------------------ nodes

    def _places(self, machines: Sequence[Machine]) -> list[Place]:
        return places(machines, self._spec.cpus_per_node, self._spec.resource)

    def _add(self, place: Place) -> _Node:
        node = _Node(place, self._cluster.start(place, local_spec(self._spec, place)))
        self._nodes[place.node] = node
        self._router.add(place.node, place.slots)
        return node

    def _require_one(self) -> None:
        """Wait a little for the first node; refuse the spec if every node does."""
        until = time.monotonic() + self._patience.first_node_s
        refused = ""
        for node in self._nodes.values():
            health = node.remote.first_health(max(0.0, until - time.monotonic()))
            if health is None:
                node.trouble = "its actor did not start in time"
            elif health.refused:
                refused = node.trouble = health.refused
            else:
                return
        if refused and all(node.trouble == refused for node in self._nodes.values()):
            raise EnvironmentMissing(
                f"no node of the Ray cluster can run programs as the spec asks: {refused}",
                "lower executor.isolation, or run on nodes that can give it",
            )

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._spawn(self._watch())
            for node in self._nodes.values():
                self._spawn(self._revive(node))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self) -> None:
        """Take in nodes that joined, drop those that left, and give up programs that have waited too long for one."""
        while True:
            await asyncio.sleep(self._patience.poll_s)
            try:
                machines = await asyncio.to_thread(self._cluster.machines)
            except NodeLost as lost:
                self._metrics.event(f"poll/{lost.cause}")
            else:
                self._take_in(machines)
            self._give_up_hopeless()

    def _take_in(self, machines: Sequence[Machine]) -> None:
        for name in self._nodes.keys() - {machine.id for machine in machines}:
            self._drop(self._nodes[name])
        for place in self._places(machines):
            if place.node not in self._nodes:
                self._spawn(self._revive(self._add(place)))

    def _drop(self, node: _Node) -> None:
        """The node is gone from the cluster. Its batches fail by themselves."""
        del self._nodes[node.place.node]
        self._router.remove(node.place.node)
        self._metrics.event("restart/node_left")
        node.remote.kill(restart=False)
        self._note_if_alone()

    async def _revive(self, node: _Node) -> None:
        """Probe a node that is starting, lost or quarantined until it answers well, replacing its actor if need be."""
        failures = 0
        while self._current(node):
            await asyncio.sleep(self._router.probe_wait_s(node.place.node))
            if not self._current(node):
                return
            try:
                health = await asyncio.wait_for(node.remote.probe(), self._patience.probe_s * 2.0**failures)
                node.trouble = health.refused or health.failed
            except NodeLost as lost:
                node.trouble = lost.text
                if lost.final:
                    self._replace(node)
            except TimeoutError:
                node.trouble = "its actor did not answer a probe in time"
                self._replace(node)
            if not self._current(node):
                return
            if not node.trouble:
                return self._admit(node, health.incarnation)
            failures = min(failures + 1, 3)
            self._router.probe_failed(node.place.node)

    def _current(self, node: _Node) -> bool:
        return self._nodes.get(node.place.node) is node

    def _admit(self, node: _Node, incarnation: str) -> None:
        if node.incarnation != incarnation:
            node.life += 1
            node.incarnation = incarnation
        self._router.admit(node.place.node)
        self._alone_since = None
        self._wake()

    def _replace(self, node: _Node) -> None:
        """A new actor instead of one that never comes; without a reservation unless the spec asks for it, since
        somebody else may have taken the CPUs."""
        node.remote.kill(restart=False)
        if not node.place.strict:
            node.place = dataclasses.replace(node.place, reserve=0)
        node.remote = self._cluster.start(node.place, local_spec(self._spec, node.place))
        self._metrics.event("restart/replaced")

    def _lose(self, node: _Node, life: int, cause: str, text: str) -> None:
        """Something sent in one life of a node never came back: begin the next life, once."""
        if not self._current(node) or node.life != life:
            return
        node.life += 1
        node.trouble = text
        self._metrics.event(f"restart/{cause}")
        self._quarantine(node)

    def _quarantine(self, node: _Node) -> None:
        was_up = self._router.states()[node.place.node] is State.UP
        self._router.quarantine(node.place.node)
        self._note_if_alone()
        if was_up:  # else a revival is under way
            self._spawn(self._revive(node))
        self._wake()

    def _note_if_alone(self) -> None:
        if not self._router.up() and self._alone_since is None:
            self._alone_since = time.monotonic()

    # ------------------------------------------------------------ programs

    def _queue(self, item: _Item) -> None:
        self._waiting.append(item)
        self._wake()

    def _wake(self) -> None:
        """Have what waits sent once everything that is ready now has run: calls made together make one batch."""
        if not self._woken and not self._closed:
            self._woken = True
            asyncio.get_running_loop().call_soon(self._send_waiting)

    def _send_waiting(self) -> None:
        self._woken = False
        batches: dict[str, list[_Item]] = {}
        kept: deque[_Item] = deque()
        for item in self._waiting:
            if item.result.done():
                continue
            name = self._node_for(item)
            if name is None:
                if not item.result.done():
                    kept.append(item)
                continue
            self._router.take(name)
            item.tried.append(name)
            batches.setdefault(name, []).append(item)
        self._waiting = kept
        for name, items in batches.items():
            for first in range(0, len(items), LARGEST_BATCH):
                self._spawn(self._run_batch(self._nodes[name], items[first : first + LARGEST_BATCH]))

    def _node_for(self, item: _Item) -> str | None:
        """The node to send a program to now; None if it must wait, or if its session was found to be lost."""
        if item.session in self._sessions:
            name, life = self._sessions[item.session]
            node = self._nodes.get(name)
            if node is None or node.life != life:
                self._give_up(item, "the node that held the session was lost", lost=True)
                return None
            return name if self._router.has_room(name) else None
        chosen = self._router.choose(item.tried)
        if chosen is not None and item.session:
            self._sessions[item.session] = chosen, self._nodes[chosen].life
            item.opens = True
        return chosen

    async def _run_batch(self, node: _Node, batch: list[_Item]) -> None:
        """Send a batch to a node and settle each of its programs, whatever happens to the node."""
        life, left = node.life, dict(enumerate(batch))
        sent = time.monotonic()
        for item in batch:
            item.sent = sent
        never_started = False
        try:
            await self._receive(node, left)
            if not left:
                return
            cause, text = "incarnation", "its actor was restarted"
            never_started = True
        except NodeLost as lost:
            cause, text = lost.cause, lost.text
        except TimeoutError:
            cause, text = "overdue", "it gave no result within the time limit and its grace"
            self._settle_overdue(node, left, text)
            if self._current(node) and node.life == life:
                node.remote.kill(restart=True)
        self._lose(node, life, cause, text)
        for item in left.values():
            self._router.release(node.place.node)
            if never_started and item.opens and len(item.tried) <= RETRIES:
                self._sessions.pop(item.session, None)
                self._again(item, cause)
            else:
                reason = f"node {node.place.name} was lost: {text}"
                self._failed(item, Execution(Status.INFRASTRUCTURE, reason=reason), cause, session_lost=True)
        self._wake()

    async def _receive(self, node: _Node, left: dict[int, _Item]) -> None:
        """Settle programs as their results come; ``left`` holds those without one. Raises TimeoutError, NodeLost."""
        programs = [item.program for item in left.values()]
        async with contextlib.aclosing(node.remote.run_many(node.incarnation, programs)) as pieces:
            while left:
                until = min(self._deadline(item) for item in left.values())
                piece = await asyncio.wait_for(anext(pieces, None), max(0.0, until - time.monotonic()))
                if piece is None:
                    return
                self._settle(node, left, piece)

    def _deadline(self, item: _Item) -> float:
        limit = item.program.timeout_s if item.program.timeout_s is not None else self._spec.timeout_s
        return item.sent + limit + self._patience.grace_s

    def _settle(self, node: _Node, left: dict[int, _Item], piece: Piece) -> None:
        self._snapshots[node.incarnation] = piece.snapshot
        for index, execution in piece.results:
            item = left.pop(index)
            self._router.release(node.place.node)
            if execution.status is Status.INFRASTRUCTURE:
                if self._router.failed(node.place.node):
                    node.trouble = execution.reason
                    self._metrics.event("quarantine")
                    self._quarantine(node)
                self._failed(item, execution, "infrastructure", session_lost=execution.session_lost)
            else:
                self._finish(item, execution)
        self._wake()

    def _settle_overdue(self, node: _Node, left: dict[int, _Item], text: str) -> None:
        """Programs whose own deadline is over end here; the others of the batch are run again elsewhere."""
        now = time.monotonic()
        for index in [index for index, item in left.items() if self._deadline(item) <= now]:
            item = left.pop(index)
            self._router.release(node.place.node)
            self._sessions.pop(item.session, None)
            reason = f"node {node.place.name} was lost: {text}"
            self._finish(item, Execution(Status.INFRASTRUCTURE, reason=reason, session_lost=bool(item.session)))

    def _failed(self, item: _Item, execution: Execution, cause: str, session_lost: bool) -> None:
        """Run a program again, unless it was tried often enough or belongs to a session and may have started."""
        if item.session:
            if session_lost:
                self._sessions.pop(item.session, None)
            self._finish(item, dataclasses.replace(execution, session_lost=session_lost))
        elif len(item.tried) > RETRIES or self._closed:
            self._finish(item, execution)
        else:
            self._again(item, cause)

    def _again(self, item: _Item, cause: str) -> None:
        self._metrics.event(f"retry/{cause}")
        self._spawn(self._queue_later(item))

    async def _queue_later(self, item: _Item) -> None:
        await asyncio.sleep(self._random.uniform(0.0, self._patience.jitter_s))
        self._queue(item)

    def _finish(self, item: _Item, execution: Execution) -> None:
        if not item.result.done():
            last = item.tried[-1] if item.tried else ""
            name = self._nodes[last].place.name if last in self._nodes else last
            queue_s = execution.queue_s + (item.sent or time.monotonic()) - item.submitted
            item.result.set_result(
                dataclasses.replace(execution, node=name, attempts=max(1, len(item.tried)), queue_s=queue_s)
            )

    def _give_up(self, item: _Item, reason: str, lost: bool = False) -> None:
        if lost:
            self._sessions.pop(item.session, None)
        self._finish(item, Execution(Status.INFRASTRUCTURE, reason=reason, session_lost=lost))

    def _give_up_hopeless(self) -> None:
        """End the programs that have waited long enough while no node was up."""
        if self._alone_since is None:
            return
        now = time.monotonic()
        reason = f"no node of the Ray cluster runs programs: {_troubles(self._nodes.values())}"
        for item in list(self._waiting):
            if now - max(self._alone_since, item.submitted) >= self._patience.no_node_s:
                self._give_up(item, reason)
        self._wake()


def _troubles(nodes: Iterable[_Node]) -> str:
    return "; ".join(f"{node.place.name}: {node.trouble}" for node in nodes) or "none is left"
