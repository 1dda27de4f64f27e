"""The ray executor around nodes that fail, on actors that are played here: no Ray is started."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from r1ci.errors import EnvironmentMissing
from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.ray.cluster import Machine, NodeLost, Place
from r1ci.executors.ray.executor import Patience, RayExecutor
from r1ci.executors.ray.node import Health, Piece
from r1ci.executors.ray.routing import QuarantinePolicy
from r1ci.spec.models import LocalExecutor as LocalSpec
from r1ci.spec.models import RayExecutor as Spec

OK = Execution(Status.OK, stdout="done\n")
HEALTHY = Health("first")
BROKEN = Execution(Status.INFRASTRUCTURE, reason="fork failed")


@dataclass
class Actor:
    """Answers every program the same way."""

    answer: Execution | NodeLost | None = OK
    """None: never."""
    health: Health = HEALTHY
    seen: list[str] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    killed: list[bool] = field(default_factory=list)
    """One entry per kill: whether it was to be restarted."""
    busy: int = 0
    most: int = 0

    def first_health(self, wait_s: float) -> Health | None:
        return self.health

    async def probe(self) -> Health:
        return self.health

    async def run_many(self, incarnation: str, programs: Sequence[Program]) -> AsyncGenerator[Piece, None]:
        self.seen += [program.code for program in programs]
        self.batches.append(len(programs))
        self.busy += len(programs)
        self.most = max(self.most, self.busy)
        if self.answer is None:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        if isinstance(self.answer, NodeLost):
            raise self.answer
        assert self.answer is not None
        self.busy -= len(programs)
        yield Piece(tuple((n, self.answer) for n in range(len(programs))), Snapshot(events={"restart/zygote": 1}))

    async def end(self, session: str) -> None:
        self.seen.append(f"end {session}")

    async def close(self) -> None: ...

    def kill(self, restart: bool) -> None:
        self.killed.append(restart)


class Machines:
    """A cluster of played actors."""

    def __init__(self, **actors: Actor) -> None:
        self.actors = actors

    def machines(self) -> list[Machine]:
        return [Machine(name, "host", 2, 2, 0) for name in self.actors]

    def start(self, place: Place, spec: LocalSpec) -> Actor:
        return self.actors[place.node]


PATIENCE = Patience(poll_s=0.01, no_node_s=0.05, grace_s=0.05, jitter_s=0.0, close_s=0.05)
POLICY = QuarantinePolicy(errors=3, window_s=1000, first_probe_s=0.01, longest_probe_s=0.02)


def use(cluster: Machines, work: Callable[[RayExecutor], Awaitable[None]], **spec: Any) -> None:
    async def main() -> None:
        given = Spec.model_validate({"timeout_s": 0.05, **spec})
        executor = RayExecutor(given, cluster, PATIENCE, POLICY, random.Random(0))
        try:
            await work(executor)
        finally:
            await executor.close()

    asyncio.run(main())


async def many(executor: RayExecutor, count: int, session: str = "") -> list[Execution]:
    return await asyncio.gather(*[executor.run(Program(f"p{n}", session=session)) for n in range(count)])


@pytest.mark.parametrize("failure", [BROKEN, NodeLost("ActorUnavailableError", "gone", False)])
def test_what_fails_on_one_node_runs_on_the_other(failure: Execution | NodeLost) -> None:
    bad, good = Actor(failure), Actor()

    async def work(executor: RayExecutor) -> None:
        done = await many(executor, 40)
        assert {execution.status for execution in done} == {Status.OK}
        assert {execution.node for execution in done} == {"host-good"}
        assert {execution.attempts for execution in done} == {1, 2}
        assert sum(executor.metrics().runs.values()) == 40
        assert executor.metrics().gauges["in_flight"] == 0

    use(Machines(bad=bad, good=good), work)


def test_a_program_is_tried_three_times_at_most_and_the_reason_is_kept() -> None:
    async def work(executor: RayExecutor) -> None:
        (done,) = await many(executor, 1)
        assert (done.status, done.attempts, done.reason) == (Status.INFRASTRUCTURE, 3, "fork failed")
        assert executor.metrics().events["retry/infrastructure"] == 2

    use(Machines(a=Actor(BROKEN), b=Actor(BROKEN), c=Actor(BROKEN)), work)


def test_a_bad_node_is_quarantined_and_admitted_again_after_a_probe() -> None:
    bad = Actor(BROKEN)

    async def work(executor: RayExecutor) -> None:
        await many(executor, 40)
        assert executor.metrics().events["quarantine"] >= 1
        bad.answer = OK
        while executor.metrics().gauges["nodes"] < 2:
            await asyncio.sleep(0)
        assert {execution.node for execution in await many(executor, 40)} == {"host-bad", "host-good"}

    use(Machines(bad=bad, good=Actor()), work)


def test_a_program_of_a_session_is_never_run_twice() -> None:
    actor = Actor(NodeLost("ActorDiedError", "gone", False))

    async def work(executor: RayExecutor) -> None:
        (done,) = await many(executor, 1, session="s")
        assert (done.status, done.session_lost, done.attempts) == (Status.INFRASTRUCTURE, True, 1)
        assert actor.seen == ["p0"]
        actor.answer = OK
        assert (await executor.run(Program("p", session="s"))).status is Status.OK
        await executor.end("s")
        assert actor.seen[-1] == "end s"

    use(Machines(a=actor), work, sessions=True)


def test_a_result_that_never_comes_ends_as_infrastructure_and_the_actor_is_restarted() -> None:
    actor = Actor(None)

    async def work(executor: RayExecutor) -> None:
        (done,) = await many(executor, 1)
        assert (done.status, done.attempts) == (Status.INFRASTRUCTURE, 1)
        assert "no result" in done.reason
        assert actor.killed == [True]

    use(Machines(a=actor), work)


def test_without_a_node_programs_end_after_a_while_and_say_why() -> None:
    cluster = Machines(a=Actor(health=Health("first", failed="no space left")))

    async def work(executor: RayExecutor) -> None:
        (done,) = await many(executor, 1)
        assert done.status is Status.INFRASTRUCTURE
        assert "host-a: no space left" in done.reason
        cluster.actors.clear()
        while executor.metrics().events.get("restart/node_left", 0) == 0:
            await asyncio.sleep(0)
        (done,) = await many(executor, 1)
        assert "none is left" in done.reason

    use(cluster, work)


def test_a_cluster_that_can_never_run_programs_is_refused() -> None:
    async def work(executor: RayExecutor) -> None: ...

    with pytest.raises(EnvironmentMissing, match="64 CPU"):
        use(Machines(a=Actor()), work, cpus_per_node=64)
    with pytest.raises(EnvironmentMissing, match="no namespaces here"):
        use(Machines(a=Actor(health=Health("first", refused="no namespaces here"))), work)


def test_programs_are_batched_and_what_is_outstanding_is_bounded() -> None:
    wide, narrow = Actor(), Actor()

    async def work(executor: RayExecutor) -> None:
        await many(executor, 50)
        assert max(wide.batches) > 1
        assert max(wide.most, narrow.most) <= 4

    use(Machines(a=wide, b=narrow), work)
    narrow = Actor()
    use(Machines(a=narrow), lambda executor: many(executor, 50), workers=1)  # type: ignore[arg-type,return-value]
    assert narrow.most == 1


def test_closing_ends_what_runs_and_a_closed_executor_says_so() -> None:
    actor = Actor(None)

    async def work(executor: RayExecutor) -> None:
        running = asyncio.ensure_future(many(executor, 9))
        while not actor.seen:
            await asyncio.sleep(0)
        await executor.close()
        assert {execution.status for execution in await running} == {Status.INFRASTRUCTURE}
        assert (await executor.run(Program("late"))).reason == "the executor is closed"
        assert actor.killed[-1] is False

    use(Machines(a=actor), work, timeout_s=60)


def test_a_cancelled_call_frees_its_place() -> None:
    actor = Actor()

    async def work(executor: RayExecutor) -> None:
        call = asyncio.ensure_future(executor.run(Program("p")))
        await asyncio.sleep(0)
        call.cancel()
        assert (await many(executor, 3))[0].status is Status.OK

    use(Machines(a=actor), work, workers=1)
