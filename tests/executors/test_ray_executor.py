"""The ray executor on a real cluster of two nodes on this machine: right results whatever is lost."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.ray.executor import Patience, RayExecutor
from r1ci.spec.models import RayExecutor as Spec

pytestmark = [pytest.mark.ray, pytest.mark.slow]

PATIENCE = Patience(poll_s=0.5, no_node_s=30.0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU each."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.second = made.add_node(num_cpus=1)
    ray.init(address=made.address, log_to_driver=False, logging_level=logging.ERROR)
    yield made
    ray.shutdown()
    made.shutdown()


def use(work: Callable[[RayExecutor], Awaitable[None]], **spec: Any) -> None:
    async def main() -> None:
        executor = RayExecutor(
            Spec.model_validate({"timeout_s": 30, "isolation": "rlimits", **spec}), patience=PATIENCE
        )
        try:
            await work(executor)
        finally:
            await executor.close()

    asyncio.run(main())


async def squares(executor: RayExecutor, count: int, code: str = "") -> list[Execution]:
    done = await asyncio.gather(*[executor.run(Program(f"{code}\nprint({n} ** 2)")) for n in range(count)])
    assert [execution.stdout for execution in done] == [f"{n**2}\n" for n in range(count)], done
    return done


@pytest.mark.usefixtures("cluster")
def test_every_program_gets_its_own_output_and_both_nodes_work() -> None:
    async def work(executor: RayExecutor) -> None:
        done = await squares(executor, 200)
        assert {execution.status for execution in done} == {Status.OK}
        assert len({execution.node for execution in done}) == 2
        assert {execution.attempts for execution in done} == {1}
        snapshot = executor.metrics()
        assert sum(snapshot.runs.values()) == 200
        assert snapshot.gauges["nodes"] == 2
        assert snapshot.gauges["in_flight"] == 0

    use(work)


@pytest.mark.usefixtures("cluster")
def test_no_program_is_lost_when_actors_are_killed() -> None:
    async def work(executor: RayExecutor) -> None:
        running = asyncio.create_task(squares(executor, 60, "import time; time.sleep(0.1)"))
        while executor.metrics().gauges["in_flight"] == 0:
            await asyncio.sleep(0.01)
        for node in executor._nodes.values():
            node.remote.kill(restart=True)
        done = await running
        assert max(execution.attempts for execution in done) > 1
        events = executor.metrics().events
        assert sum(count for name, count in events.items() if name.startswith("restart/")) >= 1
        assert sum(count for name, count in events.items() if name.startswith("retry/")) >= 1

    use(work)


@pytest.mark.usefixtures("cluster")
def test_a_session_stays_on_its_node_and_says_so_once_when_that_is_lost() -> None:
    async def work(executor: RayExecutor) -> None:
        for name in ("a", "b", "c"):
            done = [await executor.run(Program("print(1)", session=name)) for _ in range(4)]
            assert len({execution.node for execution in done}) == 1
        node, _ = executor._sessions["a"]
        executor._nodes[node].remote.kill(restart=True)
        lost = await executor.run(Program("print(1)", session="a"))
        assert (lost.status, lost.session_lost, lost.attempts) == (Status.INFRASTRUCTURE, True, 1)
        again = await executor.run(Program("print(1)", session="a"))
        assert (again.status, again.session_lost) == (Status.OK, False)
        await executor.end("a")
        await executor.end("a")

    use(work, sessions=True)


def test_a_node_that_leaves_costs_no_program_and_one_that_joins_is_used(cluster: Any) -> None:
    async def work(executor: RayExecutor) -> None:
        running = asyncio.create_task(squares(executor, 60, "import time; time.sleep(0.1)"))
        while executor.metrics().gauges["in_flight"] == 0:
            await asyncio.sleep(0.01)
        cluster.remove_node(cluster.second, allow_graceful=False)
        await running
        while executor.metrics().events.get("restart/node_left", 0) == 0:
            await asyncio.sleep(0.05)
        cluster.add_node(num_cpus=1)
        while executor.metrics().gauges["nodes"] < 2:
            await asyncio.sleep(0.05)
        assert len({execution.node for execution in await squares(executor, 40)}) == 2

    use(work)
