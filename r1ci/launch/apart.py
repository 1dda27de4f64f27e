"""Run each step where a cluster has room for it: in a Ray task that asks for what the plan says.

The task of a training step with workers starts those and holds nothing itself. A step whose process or node is lost is
begun again, from its checkpoints where it has some. The calling process stays light: it imports no torch.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from r1ci import cluster
from r1ci.errors import R1ciError, StepFailed
from r1ci.launch.sweep.demand import NOTHING, Bundle, Demand, apart, process, refusal
from r1ci.launch.sweep.driver import cluster_nodes
from r1ci.plan.context import Progress, StepContext
from r1ci.plan.steps import Plan, Step
from r1ci.steps import run_step
from r1ci.store.files import read_json, write_json
from r1ci.store.store import CHECKPOINTS, PROVENANCE, STEP
from r1ci.train.shared import require_shared

RESTARTS = 3
"""How often a step is begun again after its process was lost."""
POLL_S = 1.0
PROGRESS = ".apart.json"
"""Where a task tells its progress, in the attempt's folder; gone before the step is published."""


def join_cluster(plan: Plan, root: Path) -> None:
    """Connect to the cluster, and see that it can ever run every step and that its nodes share the store.

    Raises:
        EnvironmentMissing: it is too small, or a node does not see the store.
    """
    cluster.connect()
    nodes = cluster_nodes()
    asked = {step.kind: (within(process(step), nodes), *apart(step)) for step in plan.steps.values()}
    held = tuple(tuple(one for one in bundles if one != NOTHING) for bundles in asked.values())
    refused = refusal(Demand(actor=NOTHING, steps=held), nodes)
    if refused is not None:
        raise refused
    root.mkdir(parents=True, exist_ok=True)
    require_shared(root)


def within(needed: Bundle, nodes: Sequence[Bundle]) -> Bundle:
    """What a process asks for, with no more CPUs than the largest node with its GPUs has: it only works slower then."""
    able = [node.cpus for node in nodes if node.gpus >= needed.gpus]
    return Bundle(min(needed.cpus, max(able, default=needed.cpus)), needed.gpus)


def step_apart(context: StepContext) -> None:
    """Run a step in a Ray task that asks for what its process needs; nothing where workers do the step's work."""
    try:
        _run(context, process(context.step))
    finally:
        (context.folder / PROGRESS).unlink(missing_ok=True)


def _run(context: StepContext, needed: Bundle) -> None:
    import ray

    needed = within(needed, cluster_nodes())
    task = ray.remote(_task).options(
        num_cpus=needed.cpus,
        num_gpus=needed.gpus,
        max_retries=0,  # the folder must be cleared first
        scheduling_strategy="DEFAULT",  # not in the placement group of this process, which holds nothing
    )
    reads = {role: path.resolve() for role, path in context.reads.items()}
    for restart in range(RESTARTS + 1):
        if restart:
            _clear(context.folder)
        try:
            _wait(task.remote(context.step, context.folder.resolve(), reads), context)
            return
        except ray.exceptions.RayTaskError as error:
            cause = error.cause
            if isinstance(cause, R1ciError | OSError):
                raise cause from None
            raise StepFailed(f"{context.step.id}: {type(cause).__name__}: {cause}") from error
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as it:
            lost = it
    first = (str(lost).strip().splitlines() or [""])[0]
    raise StepFailed(
        f"{context.step.id}: its process was lost {RESTARTS + 1} times, last: {type(lost).__name__}: {first}",
        "look at the memory of the node that it ran on; r1ci resume goes on from its last checkpoint",
    )


def _wait(task: object, context: StepContext) -> None:
    """Wait for a task, passing its progress on."""
    import ray

    last = None
    while True:
        ready, _ = ray.wait([task], timeout=POLL_S)
        told = _told(context.folder)
        if told is not None and told != last:
            last = told
            context.progress(told)
        if ready:
            ray.get(task)
            return


def _told(folder: Path) -> Progress | None:
    try:
        return Progress(**read_json(folder / PROGRESS))
    except FileNotFoundError:
        return None


def _clear(folder: Path) -> None:
    """Take away what a lost process left half done; a step with checkpoints goes on from them."""
    if (folder / CHECKPOINTS).is_dir():
        return
    for path in folder.iterdir():
        if path.name not in (STEP, PROVENANCE):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _task(step: Step, folder: Path, reads: Mapping[str, Path]) -> None:
    run_step(StepContext(step, folder, reads, _teller(folder / PROGRESS)))


def _teller(path: Path) -> Callable[[Progress], None]:
    return lambda progress: write_json(path, asdict(progress))
