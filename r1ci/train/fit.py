"""Running a train function in Ray Train: in this process (``compute.workers: 0``) or on Ray workers.

In local mode Ray Train calls the function here and no Ray cluster is started. On workers the function's folders must
be on a file system that all of them see. When a worker dies, Ray Train starts all of them again, up to
``compute.max_restarts`` times, and the function resumes from its checkpoints. An error of ours would only come again:
it is left in the folder and ends the next attempt at once.
"""

from __future__ import annotations

import functools
import logging
import os
import pickle
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from r1ci import cluster
from r1ci.errors import EnvironmentMissing, R1ciError, StepFailed
from r1ci.plan.context import Progress, StepContext, Stopped
from r1ci.spec.models import Compute
from r1ci.train import checkpoints
from r1ci.train import progress as told
from r1ci.train.shared import require_shared

POLL_S = 0.5

FAILED = "failed.pickle"
"""The error that ended an attempt, for the next one to raise."""

TrainFunction = Callable[[Mapping[str, Any]], None]


def fit(train_function: TrainFunction, context: StepContext) -> None:
    """Run a train function for a step to its end.

    Raises:
        StepFailed: a worker failed; the message carries its error.
        EnvironmentMissing: the cluster cannot give what the spec asks for.
        Stopped: it was asked to stop, and did.
    """
    compute = Compute.model_validate(context.step.runtime["compute"])
    config = {
        "folder": str(context.folder.resolve()),
        "inputs": dict(context.step.inputs),
        "reads": {role: str(path.resolve()) for role, path in context.reads.items()},
        "runtime": dict(context.step.runtime),
    }
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(context, stop), daemon=True)
    watcher.start()
    try:
        _run(train_function, config, compute, context.step.id)
    finally:
        stop.set()
        watcher.join()
        (context.folder / FAILED).unlink(missing_ok=True)
    if told.heard_stopped(context.folder):
        raise Stopped(f"{context.step.id} was asked to stop")
    (context.folder / told.FILE).unlink(missing_ok=True)


def _guarded(train_function: TrainFunction, config: Mapping[str, Any]) -> None:
    """Run the train function on a worker, and an error that it is sure to meet again only once."""
    failed = Path(config["folder"]) / FAILED
    if failed.exists():
        raise pickle.loads(failed.read_bytes())
    try:
        train_function(config)
    except R1ciError as error:
        part = failed.with_name(f".{FAILED}.{os.getpid()}")
        part.write_bytes(pickle.dumps(error))
        part.replace(failed)
        raise


def _run(train_function: TrainFunction, config: Mapping[str, Any], compute: Compute, name: str) -> None:
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    logging.getLogger("ray").setLevel(logging.ERROR)
    if compute.workers:
        _connect(compute)
        require_shared(Path(config["folder"]))
    resources = {"CPU": float(compute.cpus_per_worker), "GPU": float(compute.gpus_per_worker)}
    trainer = TorchTrainer(
        functools.partial(_guarded, train_function),
        train_loop_config=dict(config),
        torch_config=TorchConfig(
            backend="cpu:gloo,cuda:nccl" if compute.gpus_per_worker else "gloo",
            timeout_s=int(compute.step_budget_s) + 60,
        ),
        scaling_config=ScalingConfig(
            num_workers=compute.workers,
            use_gpu=compute.gpus_per_worker > 0,
            resources_per_worker=resources if compute.workers else None,
        ),
        run_config=RunConfig(
            name=name,
            storage_path=str(Path(config["folder"]) / checkpoints.FOLDER / "ray"),
            failure_config=FailureConfig(max_failures=compute.max_restarts if compute.workers else 0),
        ),
    )
    try:
        trainer.fit()
    except Exception as error:
        raise _cause(error, name) from error


def _connect(compute: Compute) -> None:
    """Join the cluster, or start one here, and see that it can ever hold the workers."""
    import ray

    cluster.connect()
    have = ray.cluster_resources()
    for resource, each in (("CPU", compute.cpus_per_worker), ("GPU", compute.gpus_per_worker)):
        need = compute.workers * each
        if need > have.get(resource, 0):
            raise EnvironmentMissing(
                f"the Ray cluster has {have.get(resource, 0):g} {resource}, the spec asks for {need}",
                f"lower compute.workers ({compute.workers}) or compute.{resource.lower()}s_per_worker ({each}), "
                "or run on a larger cluster",
            )


def _cause(error: Exception, name: str) -> R1ciError:
    """The error that a worker raised, out of Ray's wrapping."""
    inner: BaseException | None = error
    while inner is not None:
        failures = getattr(inner, "worker_failures", None)
        if failures:
            first = min(failures)
            inner = failures[first]
            if not isinstance(inner, R1ciError):
                return StepFailed(f"{name}: worker {first} failed: {type(inner).__name__}: {inner}".strip())
        if isinstance(inner, R1ciError):
            return inner
        following = inner.__cause__ or inner.__context__
        if following is None:
            return StepFailed(f"{name}: {type(inner).__name__}: {inner}")
        inner = following
    return StepFailed(f"{name}: {error}")


def _watch(context: StepContext, stop: threading.Event) -> None:
    last = None
    while not stop.wait(POLL_S):
        now = told.heard(context.folder)
        if now is not None and now != last:
            last = now
            context.progress(Progress(*now))
