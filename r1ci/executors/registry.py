"""Which class runs programs for which kind of executor: ours, and those that other packages register."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable

from r1ci.errors import UsageError
from r1ci.executors.protocol import Executor
from r1ci.spec.models import DockerExecutor, ExecutorSpec, HttpExecutor, LocalExecutor, PluginExecutor, RayExecutor

GROUP = "r1ci.executors"
"""Entry points that packages register executors under; each loads to a ``Factory``."""

SUMMARIES = {
    "local": "a fork of its own for each program on this machine, isolated as strictly as the kernel allows",
    "ray": "local executors on the CPU nodes of a Ray cluster, apart from the GPUs",
    "http": "a server that runs programs: r1ci executor serve, or a SandboxFusion",
    "docker": "a container of its own for each program",
    "plugin": "an executor that a plug-in registered under a name",
}
"""One line per kind, for ``r1ci ls``."""

Factory = Callable[[PluginExecutor], Executor]

_registered: dict[str, Factory] = {}


def register(name: str, factory: Factory) -> None:
    """Add an executor; called by plugins when they are imported. Raises UsageError for a taken name."""
    if _registered.get(name, factory) is not factory:
        raise UsageError(f"executor {name} is already registered", "give it another name")
    _registered[name] = factory


def make_executor(spec: ExecutorSpec) -> Executor:
    """The executor a spec names.

    Raises EnvironmentMissing for what this machine cannot give, UsageError for an unknown plug-in.
    """
    match spec:
        case LocalExecutor():
            from r1ci.executors import local

            return local.LocalExecutor(spec)
        case RayExecutor():
            from r1ci.executors.ray import executor

            return executor.RayExecutor(spec)
        case HttpExecutor():
            from r1ci.executors.http import client

            return client.HttpExecutor(spec)
        case DockerExecutor():
            from r1ci.executors import docker

            return docker.DockerExecutor(spec)
        case PluginExecutor():
            return _plugin(spec.name)(spec)


def plugins() -> tuple[str, ...]:
    """Names that can be given to ``kind: plugin``."""
    return tuple(sorted({*_registered, *(point.name for point in importlib.metadata.entry_points(group=GROUP))}))


def _plugin(name: str) -> Factory:
    if name in _registered:
        return _registered[name]
    for point in importlib.metadata.entry_points(group=GROUP, name=name):
        factory: Factory = point.load()
        return factory
    raise UsageError(
        f"executor.name: no executor is registered as {name!r}",
        f"registered: {', '.join(plugins()) or 'none'}; a plug-in module that registers one is named under plugins:",
    )
