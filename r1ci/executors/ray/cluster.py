"""The Ray side of the ray executor: which machines there are, where an actor goes, and talking to it.

All of Ray is behind ``Cluster`` and ``Remote``; what fails there comes out as ``NodeLost``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from r1ci import cluster
from r1ci.executors.protocol import Program
from r1ci.executors.ray.node import Health, Node, Piece
from r1ci.spec.models import ExecutorLimits
from r1ci.spec.models import LocalExecutor as LocalSpec
from r1ci.spec.models import RayExecutor as RaySpec

SLOTS_PER_CORE = 2
"""Programs outstanding on a node per core: one runs while the next one is on its way."""


class NodeLost(Exception):
    """An actor did not do what it was asked to. ``final``: it will never answer again."""

    def __init__(self, cause: str, text: str, final: bool) -> None:
        super().__init__(cause, text, final)
        self.cause, self.text, self.final = cause, text, final


@dataclass(frozen=True)
class Machine:
    """A live node of the cluster."""

    id: str
    host: str
    cpus: float
    free_cpus: float
    """CPUs that nothing has reserved now."""
    gpus: float
    resources: frozenset[str] = frozenset()
    """Names of everything it has."""


@dataclass(frozen=True)
class Place:
    """Where an actor is to run and what it reserves."""

    node: str
    """Id of the node."""
    name: str
    """For people: the host, and the beginning of the id, since one host may carry several nodes."""
    cores: int
    reserve: int
    """CPUs reserved in Ray's books."""
    strict: bool
    """The spec asks for this reservation: wait for it rather than run without."""

    @property
    def slots(self) -> int:
        """Programs outstanding there at most."""
        return SLOTS_PER_CORE * self.cores


def places(machines: Sequence[Machine], cpus_per_node: int | None, resource: str | None) -> list[Place]:
    """One place on each machine that is to run programs. Pure.

    Machines without GPUs are taken if there are any, else all. CPUs are reserved where the spec says so; on machines
    that are apart from GPU work (no GPU, in a cluster that has some, or named by ``resource``) all that are free; and
    elsewhere none, since training workers and trials may still want them and would wait for ever.
    """
    able = [m for m in machines if m.cpus >= (cpus_per_node or 1) and (resource is None or resource in m.resources)]
    apart = [m for m in able if not m.gpus]
    dedicated = resource is not None or any(m.gpus for m in machines)
    found = []
    for machine in apart or able:
        free = int(machine.free_cpus) if dedicated and not machine.gpus else 0
        found.append(
            Place(
                machine.id,
                f"{machine.host}-{machine.id[:8]}",
                cores=cpus_per_node or int(machine.cpus),
                reserve=cpus_per_node or free,
                strict=cpus_per_node is not None,
            )
        )
    return found


def local_spec(spec: RaySpec, place: Place) -> LocalSpec:
    """The executor on one node: the same limits, as many programs at once as are sent there."""
    limits = {name: getattr(spec, name) for name in ExecutorLimits.model_fields}
    return LocalSpec(**limits, workers=place.slots, warm_caches=spec.warm_caches)


class Remote(Protocol):
    """One actor. The asynchronous calls raise NodeLost."""

    def first_health(self, wait_s: float) -> Health | None: ...

    async def probe(self) -> Health: ...

    def run_many(self, incarnation: str, programs: Sequence[Program]) -> AsyncGenerator[Piece, None]: ...

    async def end(self, session: str) -> None: ...

    async def close(self) -> None: ...

    def kill(self, restart: bool) -> None: ...


class Cluster(Protocol):
    """Machines, and actors on them."""

    def machines(self) -> list[Machine]: ...

    def start(self, place: Place, spec: LocalSpec) -> Remote: ...


class RayCluster:
    """The cluster this process is connected to; joins one or starts one on this machine if it is not."""

    def __init__(self) -> None:
        cluster.connect()

    def machines(self) -> list[Machine]:
        """Live nodes. Raises NodeLost if the cluster's head does not answer."""
        import ray
        from ray._private import state

        try:
            nodes, free = ray.nodes(), state.available_resources_per_node()
        except ray.exceptions.RayError as error:
            raise _lost(error) from error
        return [
            Machine(
                node["NodeID"],
                node["NodeManagerHostname"],
                node["Resources"].get("CPU", 0.0),
                free.get(node["NodeID"], {}).get("CPU", 0.0),
                node["Resources"].get("GPU", 0.0),
                frozenset(node["Resources"]),
            )
            for node in nodes
            if node["Alive"]
        ]

    def start(self, place: Place, spec: LocalSpec) -> Remote:
        """Ask for an actor at a place; does not wait for it."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        actor = ray.remote(Node).options(
            num_cpus=place.reserve,
            num_gpus=0,
            max_restarts=-1,
            max_task_retries=0,
            scheduling_strategy=NodeAffinitySchedulingStrategy(place.node, soft=False),
        )
        return RayRemote(actor.remote(spec))


class RayRemote:
    """An actor of Ray."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._first = actor.probe.remote()

    def first_health(self, wait_s: float) -> Health | None:
        """What the probe found that was sent at the start; None if it has not come back well in time."""
        import ray

        try:
            health: Health = ray.get(self._first, timeout=wait_s)
        except (ray.exceptions.RayError, TimeoutError):
            return None
        return health

    async def probe(self) -> Health:
        """See ``Node.probe``."""
        health: Health = await self._ask(self._actor.probe)
        return health

    async def run_many(self, incarnation: str, programs: Sequence[Program]) -> AsyncGenerator[Piece, None]:
        """See ``Node.run_many``."""
        import ray

        try:
            async for reference in self._actor.run_many.remote(incarnation, programs):
                yield await reference
        except ray.exceptions.RayError as error:
            raise _lost(error) from error

    async def end(self, session: str) -> None:
        """See ``Node.end``."""
        await self._ask(self._actor.end, session)

    async def close(self) -> None:
        """See ``Node.close``."""
        await self._ask(self._actor.close)

    def kill(self, restart: bool) -> None:
        """End the actor's process, and its programs with it."""
        import ray

        ray.kill(self._actor, no_restart=not restart)

    async def _ask(self, method: Any, *arguments: object) -> Any:
        import ray

        try:
            return await method.remote(*arguments)
        except ray.exceptions.RayError as error:
            raise _lost(error) from error


def _lost(error: Exception) -> NodeLost:
    import ray

    final = isinstance(error, ray.exceptions.ActorDiedError | ray.exceptions.ActorUnschedulableError)
    text = " ".join(str(error).split())
    return NodeLost(type(error).__name__, text[:300], final)
