"""Which class runs programs for which kind of executor."""

from __future__ import annotations

from r1ci.errors import UsageError
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Executor
from r1ci.spec.models import ExecutorSpec
from r1ci.spec.models import LocalExecutor as LocalExecutorSpec

SUMMARIES = {"local": "each program in its own limited process on this machine (isolation: rlimits)"}
"""One line per kind that can run, for ``r1ci ls``."""


def make_executor(spec: ExecutorSpec) -> Executor:
    """The executor a spec names.

    Raises UsageError for a kind that this version cannot run, EnvironmentMissing for an isolation level that this
    machine cannot give.
    """
    if isinstance(spec, LocalExecutorSpec):
        return LocalExecutor(spec)
    raise UsageError(
        f"executor.kind {spec.kind!r} is part of the language, but this version runs programs with kind local only",
        "set executor.kind to local",
    )
