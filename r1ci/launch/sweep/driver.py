"""Run a sweep: from its folder to its records, with Ray Tune in between where something is to be computed."""

from __future__ import annotations

from collections.abc import Sequence

from r1ci.launch.sweep.demand import Bundle
from r1ci.launch.sweep.desk import Desk, Listener, Prepared
from r1ci.launch.sweep.events import Summary
from r1ci.launch.sweep.measure import Measure
from r1ci.launch.sweep.search import known_total, proposer
from r1ci.plan.compile import compile_plan
from r1ci.spec.sweep.models import Scheduler
from r1ci.spec.sweep.resolved import ResolvedSweep, resolve
from r1ci.spec.sweep.trials import Trial
from r1ci.spec.vocabulary import Vocabulary
from r1ci.store.store import Store
from r1ci.store.sweeps import SweepFolder


def run_sweep(
    resolved: ResolvedSweep, store: Store, known: Vocabulary, listener: Listener, *, retry_failed: bool = False
) -> Summary:
    """Run what is left of a sweep whose folder is written, and say how it went.

    Where nothing is left to compute, Ray is not started. Ctrl-C passes through; the sweep can be continued then, as
    after a kill.

    Raises:
        UsageError: another process is running this sweep.
        EnvironmentMissing: the search needs a package that is not installed.
        StoreUnwritable: the store can no longer be written.
    """
    sweep = resolved.sweep
    folder = SweepFolder(store.root, sweep.name)
    with folder.drive():
        desk = Desk(
            sweep,
            folder,
            store,
            proposer(sweep),
            lambda trial: prepared(resolved, trial, known),
            cluster_nodes,
            listener,
            total=known_total(sweep),
            retry_failed=retry_failed,
        )
        state = "interrupted"
        try:
            if desk.waiting():
                from r1ci.launch.sweep.tuning import tune_trials

                tune_trials(desk, sweep.name, store.root.resolve())
            state = "failed" if desk.summary().failed else "done"
        finally:
            desk.interrupt()
            summary = desk.close(state)
        return summary


def prepared(resolved: ResolvedSweep, trial: Trial, known: Vocabulary) -> Prepared:
    """A trial's plan, what is measured of it, and its spec. Raises what ``resolve`` and ``compile_plan`` do."""
    spec, scheduler = resolve(resolved, trial), resolved.sweep.scheduler
    resource = scheduler.resource if isinstance(scheduler, Scheduler) else "steps"
    measure = Measure(resolved.sweep.metric, resource, spec.experiment.agent.kind)
    return Prepared(compile_plan(spec, known), measure, spec.text, spec.data)


def cluster_nodes() -> Sequence[Bundle]:
    """The CPUs and GPUs of every live node."""
    import ray

    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return [Bundle(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in alive]
