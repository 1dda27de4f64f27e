"""The steps of an experiment, one file per kind: the only place where rooms meet."""

from __future__ import annotations

from r1ci.plan.context import StepContext


def run_step(context: StepContext) -> None:
    """Do the work of a step in its attempt's folder."""
    from importlib import import_module

    from r1ci.tasks.registry import load_plugins

    load_plugins(context.step.runtime["plugins"])
    import_module(f"r1ci.steps.{context.step.kind}").run(context)
