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
        executor = RayExecutor(Spec.model_validate({"timeout_s": 30, "isolation": "rlimits", **spec}), patience=PATIENCE)
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
