"""r1ci env: what a bug report needs to know about this machine."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

import click

from r1ci import __version__
from r1ci.cli.output import print_json
from r1ci.cli.settings import Settings, Verb, pass_settings

PACKAGES = (
    "click", "pydantic", "omegaconf", "polars", "torch", "transformers", "tokenizers", "ray", "reasoning-gym",
    "tensorboard", "plotly", "gguf", "accelerate", "peft", "openai", "vllm",
)  # fmt: skip


@click.command(cls=Verb)
@pass_settings
def command(settings: Settings) -> None:
    """Show versions and devices, and run one program in the sandbox."""
    facts = {
        "r1ci": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "gpus": _gpus(),
        "sandbox": _sandbox(),
        "store": str(settings.root.absolute()),
    }
    if settings.json:
        print_json(facts)
        return
    for line in _lines(facts):
        click.echo(line)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _gpus() -> list[str]:
    try:
        import torch
    except ImportError:
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]


def _sandbox() -> dict[str, Any]:
    """One program through the local executor: its status, the isolation that held, and the layers that did not."""
    import asyncio

    from r1ci.errors import R1ciError
    from r1ci.executors.local import LocalExecutor
    from r1ci.executors.protocol import Execution, Program, Status
    from r1ci.spec.models import LocalExecutor as LocalExecutorSpec

    async def once() -> Execution:
        executor = LocalExecutor(LocalExecutorSpec(timeout_s=10.0, isolation="rlimits"))
        try:
            return await executor.run(Program("print(6 * 7)"))
        finally:
            await executor.close()

    try:
        execution = asyncio.run(once())
    except R1ciError as error:
        execution = Execution(Status.INFRASTRUCTURE, reason=str(error))
    return {
        "ok": execution.status is Status.OK and execution.stdout.strip() == "42",
        "status": execution.status.value,
        "isolation": execution.isolation,
        "missing": list(execution.missing),
        "wall_s": round(execution.wall_s, 3),
        "reason": execution.reason,
    }


def _lines(facts: dict[str, Any]) -> list[str]:
    packages = [f"  {name:<14}{version or '-'}" for name, version in facts["packages"].items()]
    sandbox = facts["sandbox"]
    verdict = "works" if sandbox["ok"] else f"FAILS ({sandbox['status']}: {sandbox['reason']})"
    plain = [f"{key:<10}{facts[key]}" for key in ("r1ci", "python", "platform", "cpus", "store")]
    gpus = f"{'gpus':<10}{', '.join(facts['gpus']) or 'none'}"
    held = f"{'sandbox':<10}{verdict}, isolation {sandbox['isolation'] or '-'}"
    return [*plain, gpus, held, *(f"  {layer}" for layer in sandbox["missing"]), "packages", *packages]
