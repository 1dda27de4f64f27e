"""What trials ask of a cluster, and how many of them fit into it at once. Pure: asks no cluster.

A trial's own process holds ``Demand.actor`` from its start to its end; what its steps ask for beside it (training
workers, engines that are actors) each step takes and gives back. Tune reserves only the former, so two trials could
each hold a part of what both wait for. Nobody waits for ever where a trial is only started when the hungriest steps of
all running trials fit at once, and the process of a trial with workers holds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from r1ci.errors import EnvironmentMissing
from r1ci.plan.steps import Plan, Step


class Bundle(NamedTuple):
    """CPUs and GPUs that must be on one node."""

    cpus: float
    gpus: float

    def __str__(self) -> str:
        cpus = f"{self.cpus:g} CPU{'s' * (self.cpus != 1)}"
        return f"{cpus} and {self.gpus:g} GPU{'s' * (self.gpus != 1)}" if self.gpus else cpus


NOTHING = Bundle(0, 0)


@dataclass(frozen=True)
class Demand:
    """What one trial asks for."""

    actor: Bundle
    """Held by the trial's own process as long as it runs."""
    steps: tuple[tuple[Bundle, ...], ...]
    """What each step takes beside it, each kind of step once."""
    each_node: int = 0
    """CPUs that programs get on every node."""
    alone: bool = False
    """Programs get whatever CPUs are free: no second trial would find any."""

    @property
    def most(self) -> tuple[Bundle, ...]:
        """What the trial holds in its hungriest step, by GPUs, then CPUs."""
        return (self.actor, *max(self.steps, key=total, default=()))


def total(bundles: Sequence[Bundle]) -> tuple[float, float]:
    """GPUs and CPUs together."""
    return sum(bundle.gpus for bundle in bundles), sum(bundle.cpus for bundle in bundles)


def demand(plan: Plan) -> Demand:
    """What a trial with this plan asks for.

    Where no step starts workers or engines of its own, the trial's process holds what its hungriest step needs and runs
    them all. Where one does, the process holds nothing and every step asks for itself.
    """
    steps = list(plan.steps.values())
    workers = any(step.resources.workers or _engines(step) for step in steps)
    held = [process(step) for step in steps]
    actor = NOTHING if workers else Bundle(max(own.cpus for own in held), max(own.gpus for own in held))
    asked = dict.fromkeys((process(step), *apart(step)) if workers else apart(step) for step in steps)
    executors = [step.runtime["executor"] for step in steps if step.runtime.get("executor", {}).get("kind") == "ray"]
    each_node = [executor["cpus_per_node"] for executor in executors]
    return Demand(
        actor=actor,
        steps=tuple(tuple(bundle for bundle in bundles if bundle != NOTHING) for bundles in asked),
        each_node=max((cpus or 0 for cpus in each_node), default=0),
        alone=None in each_node,
    )


def process(step: Step) -> Bundle:
    """What the process needs that runs a step; nothing where Ray workers do its work."""
    asked = step.resources
    if asked.workers:
        return NOTHING
    engines = sum(bundle.gpus for bundle in _engines(step))
    return Bundle(asked.cpus, asked.gpus - engines)


def apart(step: Step) -> tuple[Bundle, ...]:
    """What a step asks of Ray beside the process that runs it: training workers and engines."""
    asked, engines = step.resources, _engines(step)
    if not asked.workers:
        return engines
    gpus = asked.gpus - sum(bundle.gpus for bundle in engines)
    return (Bundle(asked.cpus / asked.workers, gpus / asked.workers),) * asked.workers + engines


def _engines(step: Step) -> tuple[Bundle, ...]:
    """vLLM engines that are actors of their own: those of every worker that samples."""
    engine: Mapping[str, Any] = step.inputs.get("engine", {})
    if engine.get("kind") != "vllm" or engine.get("placement") != "actors":
        return ()
    gpus: int = engine["tensor_parallel"] if step.resources.gpus else 0
    engines: int = engine["engines"] * max(1, step.resources.workers)
    return (Bundle(1, gpus),) * engines


# ---------------------------------------------------------------- what fits


def fits(demands: Sequence[Demand], nodes: Sequence[Bundle]) -> bool:
    """Whether these trials can run at once, each in its hungriest step."""
    if len(demands) > 1 and any(asked.alone for asked in demands):
        return False
    programs = sum(asked.each_node for asked in demands)
    left = [Bundle(max(0, node.cpus - programs), node.gpus) for node in nodes]
    return _packs([bundle for asked in demands for bundle in asked.most], left)


def at_once(asked: Demand, nodes: Sequence[Bundle], limit: int) -> int:
    """How many trials with this demand can run at once, up to a limit."""
    count = 0
    while count < limit and fits([asked] * (count + 1), nodes):
        count += 1
    return count


def refusal(asked: Demand, nodes: Sequence[Bundle]) -> EnvironmentMissing | None:
    """Why a trial can never run on an empty cluster, with the numbers; None if it can."""
    programs = [Bundle(max(0, node.cpus - asked.each_node), node.gpus) for node in nodes]
    for bundles in asked.steps or ((),):
        if not _packs([asked.actor, *bundles], programs):
            return EnvironmentMissing(
                f"it asks for {_words([asked.actor, *bundles], asked.each_node)}; the cluster has {_nodes(nodes)}",
                "lower compute.workers, compute.cpus_per_worker or compute.gpus_per_worker, or use a larger cluster",
            )
    return None


def _packs(bundles: Sequence[Bundle], nodes: Sequence[Bundle]) -> bool:
    """Whether every bundle finds a node: the largest first, each on the fullest node that has room for it."""
    left = list(nodes)
    for bundle in sorted(bundles, key=lambda one: (one.gpus, one.cpus), reverse=True):
        rooms = [i for i, node in enumerate(left) if node.cpus >= bundle.cpus and node.gpus >= bundle.gpus]
        if not rooms:
            return False
        best = min(rooms, key=lambda i: (left[i].gpus, left[i].cpus))
        left[best] = Bundle(left[best].cpus - bundle.cpus, left[best].gpus - bundle.gpus)
    return True


def _words(bundles: Sequence[Bundle], each_node: int) -> str:
    """A demand as text: 2 times 1 CPU and 1 GPU, and 4 CPUs for programs on every node."""
    counts: dict[Bundle, int] = {}
    for bundle in bundles:
        counts[bundle] = counts.get(bundle, 0) + 1
    counts.pop(NOTHING, None)
    parts = [f"{count} times {bundle}" if count > 1 else str(bundle) for bundle, count in counts.items()]
    if each_node:
        parts.append(f"{each_node} CPUs for programs on every node")
    return ", ".join(parts) + (" at once" if sum(counts.values()) > 1 else "")


def _nodes(nodes: Sequence[Bundle]) -> str:
    if len(nodes) == 1:
        return str(nodes[0])
    gpus, cpus = total(nodes)
    return f"{Bundle(cpus, gpus)} on {len(nodes)} nodes, the largest with {max(nodes, key=lambda n: (n.gpus, n.cpus))}"
