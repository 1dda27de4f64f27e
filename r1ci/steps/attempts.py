"""Attempts of the policy that a step reads, with the step's engine and executor, telling of progress."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from r1ci.agents.actor import Actor, sections
from r1ci.agents.episode import Attempt
from r1ci.agents.trajectory import Trajectory
from r1ci.executors.metrics import Snapshot
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.plan.context import Progress, StepContext
from r1ci.tasks.storage import tasks_of


def sampled_policy(context: StepContext) -> Policy:
    """The policy that a step reads, in its precision; in the host's memory for an engine with weights of its own."""
    inputs = context.inputs
    on = load.device() if inputs["engine"]["kind"] == "hf" else "cpu"
    return load.load_folder(context.reads["policy"] / "model", inputs.get("precision", "fp32"), on=on)


def run_attempts(context: StepContext, policy: Policy, attempts: Sequence[Attempt]) -> list[Trajectory]:
    """Run the attempts, checked, in their order, and write executor.parquet."""
    engine, agent, executor = sections({"inputs": context.inputs, "runtime": context.step.runtime})
    tasks = tasks_of([attempt.question for attempt in attempts], context.inputs["params"])
    done = 0

    def count(trajectory: Trajectory) -> None:
        nonlocal done
        done += 1
        context.progress(Progress(done, len(attempts)))

    with Actor(policy, engine, agent, executor) as actor:
        actor.sync(0)
        trajectories = actor.attempt(attempts, tasks, count)
        write_executions(context.folder, actor.executed())
    return trajectories


def write_executions(folder: Path, executed: Snapshot) -> None:
    """Write executor.parquet: what the step's executor did, as counts that add up."""
    import polars as pl

    schema = {"step": pl.Int64, "measure": pl.String, "name": pl.String, "count": pl.Int64}
    pl.DataFrame(executed.rows(), schema=schema).write_parquet(folder / "executor.parquet")
