"""What trials ask for, and how many fit at once."""

from __future__ import annotations

import random

import pytest

from r1ci.launch.sweep.demand import Bundle, Demand, at_once, demand, fits, refusal
from r1ci.plan.steps import Plan, Resources, Step

ONE_CPU = Demand(Bundle(1, 0), ((),))


def plan(*steps: Step) -> Plan:
    return Plan("demo", {step.id: step for step in steps}, ())


def step(of: str, resources: Resources, **engine: object) -> Step:
    inputs = {"n": repr(resources), **({"engine": engine} if engine else {})}
    return Step(of, inputs, {}, resources, runtime={"executor": {"kind": "local"}})


def test_a_trial_without_workers_holds_what_its_hungriest_step_needs() -> None:
    asked = demand(plan(step("questions", Resources(0, 1)), step("evaluation", Resources(0, 4, 1))))
    assert asked.actor == Bundle(4, 1)
    assert asked.most == (Bundle(4, 1),)


def test_a_trial_with_workers_holds_nothing_itself() -> None:
    asked = demand(plan(step("questions", Resources(0, 1)), step("rl", Resources(2, 4, 2))))
    assert asked.actor == Bundle(0, 0)
    assert asked.most == (Bundle(0, 0), Bundle(2, 1), Bundle(2, 1))
    assert (Bundle(1, 0),) in asked.steps


def test_engines_that_are_actors_are_asked_for_beside_the_workers() -> None:
    engine = {"kind": "vllm", "placement": "actors", "engines": 2, "tensor_parallel": 2}
    asked = demand(plan(step("rl", Resources(1, 1, 1 + 4), **engine), step("potential", Resources(0, 1, 4), **engine)))
    assert asked.actor == Bundle(0, 0)
    assert sorted(asked.most) == [Bundle(0, 0), Bundle(1, 1), Bundle(1, 2), Bundle(1, 2)]
    assert (Bundle(1, 0), Bundle(1, 2), Bundle(1, 2)) in asked.steps


@pytest.mark.parametrize(
    ("asked", "nodes", "count"),
    [
        (ONE_CPU, [Bundle(2, 0)], 2),
        (Demand(Bundle(0, 0), ((Bundle(1, 0),) * 2,)), [Bundle(2, 0)], 1),
        (Demand(Bundle(0, 0), ((Bundle(2, 0),) * 2,)), [Bundle(3, 0)] * 4, 2),
        (Demand(Bundle(0, 0), ((Bundle(1, 1),) * 4,)), [Bundle(64, 8)], 2),
        (Demand(Bundle(2, 0), ((),), each_node=1), [Bundle(6, 0)], 2),
        (Demand(Bundle(1, 0), ((),), alone=True), [Bundle(64, 0)], 1),
        (Demand(Bundle(4, 0), ((),)), [Bundle(2, 0), Bundle(2, 0)], 0),
    ],
)
def test_so_many_fit_at_once(asked: Demand, nodes: list[Bundle], count: int) -> None:
    assert at_once(asked, nodes, limit=16) == count
    assert (refusal(asked, nodes) is None) == (count > 0)


def test_a_refusal_has_the_numbers() -> None:
    refused = refusal(Demand(Bundle(0, 0), ((Bundle(2, 1),) * 4,)), [Bundle(8, 2)])
    assert refused is not None
    assert "4 times 2 CPUs and 1 GPU at once; the cluster has 8 CPUs and 2 GPUs" in refused.message
    assert "compute.workers" in refused.help


def test_what_fits_leaves_every_bundle_on_one_node() -> None:
    """Against all ways to place them: a small search finds a place whenever the packing claims one."""
    draws = random.Random(0)
    for _ in range(300):
        nodes = [Bundle(draws.randint(1, 4), draws.randint(0, 2)) for _ in range(draws.randint(1, 3))]
        bundles = tuple(Bundle(draws.randint(0, 3), draws.randint(0, 1)) for _ in range(draws.randint(1, 4)))
        if fits([Demand(Bundle(0, 0), (bundles,))], nodes):
            assert _placeable(list(bundles), nodes)


def _placeable(bundles: list[Bundle], nodes: list[Bundle]) -> bool:
    if not bundles:
        return True
    first, *rest = bundles
    return any(
        node.cpus >= first.cpus
        and node.gpus >= first.gpus
        and _placeable(rest, [*nodes[:i], Bundle(node.cpus - first.cpus, node.gpus - first.gpus), *nodes[i + 1 :]])
        for i, node in enumerate(nodes)
    )
