"""What to test: a kind, a URL, a plug-in's name or an executor's section of a spec, made into executors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from r1ci.errors import UsageError
from r1ci.executors.conformance.case import DISK_MB, MEMORY_MB, TIMEOUT_S, Setting
from r1ci.executors.protocol import Executor
from r1ci.executors.registry import make_executor, plugins
from r1ci.spec.models import ExecutorSpec, HttpExecutor, LocalExecutor

_LIMITS: dict[str, Any] = {"timeout_s": TIMEOUT_S, "cpu_s": None, "memory_mb": MEMORY_MB, "disk_mb": DISK_MB}
_LIMITS |= {"max_output_bytes": 65_536}
"""The limits that the cases are written for."""


@dataclass(frozen=True)
class Target:
    """An executor to test: its spec with the suite's limits."""

    name: str
    spec: ExecutorSpec
    ceiling: str = ""
    """For a local executor: the level to give and no more; empty: what the machine can."""

    @property
    def local(self) -> bool:
        """Whether its processes are below this one."""
        return isinstance(self.spec, LocalExecutor)

    def make(self, setting: Setting) -> Executor | None:
        """The executor for a setting; None for a server, whose settings are not ours to choose.

        Raises EnvironmentMissing for what this machine cannot give.
        """
        if isinstance(self.spec, HttpExecutor) and setting is not Setting.PLAIN:
            return None
        chosen = {"subprocesses": setting is Setting.SUBPROCESSES, "sessions": setting is Setting.SESSIONS}
        spec = self.spec.model_copy(update=chosen)
        if self.ceiling and isinstance(spec, LocalExecutor):
            from r1ci.executors import local

            return local.LocalExecutor(spec, ceiling=self.ceiling)
        return make_executor(spec)


def target(name: str, spec: ExecutorSpec, isolation: str | None = None) -> Target:
    """An executor's spec with the limits that the cases are written for, at one level if one is asked for."""
    changed = _LIMITS | ({"isolation": isolation} if isolation else {})
    return Target(name, spec.model_copy(update=changed), isolation or "")


def named(name: str) -> ExecutorSpec | None:
    """The executor that a kind, a URL or a plug-in's name means; None for anything else.

    It accepts any level: what it gives is what is tested. Raises UsageError for a kind that needs more than its name.
    """
    if name.startswith(("http://", "https://")):
        return HttpExecutor(url=name, isolation="rlimits")
    if name in ("http", "plugin"):
        raise UsageError(f"executor test {name}: which one?", "give the URL of a server, or the name of a plug-in")
    fields = {"kind": name} if name in ("local", "ray", "docker") else {"kind": "plugin", "name": name}
    if fields["kind"] == "plugin" and name not in plugins():
        return None
    spec: ExecutorSpec = TypeAdapter(ExecutorSpec).validate_python(fields | {"isolation": "rlimits"})
    return spec
