"""Where a result comes from: code, packages, machine, seed, command line, time. Gathered once per process."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import platform
import re
import shlex
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import r1ci
from r1ci.plan.steps import Step
from r1ci.store.files import read_json

DIFF_BYTES = 200_000
"""Longest dirty diff kept; a longer one is cut and flagged."""
UNTRACKED = 100
"""Most untracked files named."""
CARRIED = "git.json"
"""Beside r1ci's code where that was sent to a cluster: what git said of the checkout it was sent from."""


def provenance(step: Step, attempt: int) -> dict[str, Any]:
    """What is known when an attempt starts; the store adds its end."""
    return {
        "step": step.id,
        "attempt": attempt,
        "started": now(),
        "ended": None,
        "outcome": "running",
        "command": shlex.join(sys.argv),
        "seed": step.inputs.get("seed"),
        "git": git(),
        "packages": packages(),
        "python": platform.python_version(),
        "machine": {**machine(), "gpus": gpus(), **drivers()},
        "process": {"host": socket.gethostname(), "pid": os.getpid(), "ray_job": os.environ.get("RAY_JOB_ID")},
    }


def now() -> str:
    """The time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@functools.cache
def git() -> dict[str, Any] | None:
    """Commit, whether it is dirty, and the diff of the checkout that r1ci runs from; None where it is installed."""
    folder = Path(r1ci.__file__).parent
    if (folder / CARRIED).is_file():
        return read_json(folder / CARRIED)
    tracked = _git(folder, "ls-files", "--error-unmatch", "__init__.py")
    commit = _git(folder, "rev-parse", "HEAD")
    if tracked is None or commit is None:
        return None
    diff = (_git(folder, "diff", "HEAD", "--no-color", "--no-ext-diff") or "").encode()
    top = Path((_git(folder, "rev-parse", "--show-toplevel") or str(folder)).strip())
    untracked = (_git(top, "ls-files", "--others", "--exclude-standard") or "").splitlines()
    return {
        "commit": commit.strip(),
        "branch": (_git(folder, "branch", "--show-current") or "").strip(),
        "dirty": bool(diff or untracked),
        "diff": diff[:DIFF_BYTES].decode(errors="replace"),
        "diff_bytes": len(diff),
        "diff_truncated": len(diff) > DIFF_BYTES,
        "untracked": untracked[:UNTRACKED],
        "untracked_count": len(untracked),
    }


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        run = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, errors="replace", timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout if run.returncode == 0 else None


@functools.cache
def packages() -> dict[str, str]:
    """Versions of r1ci and of those of its direct dependencies, optional ones too, that are installed."""
    found = {"r1ci": r1ci.__version__}
    try:
        requirements = importlib.metadata.requires("r1ci") or []
    except importlib.metadata.PackageNotFoundError:
        requirements = []
    names = {match.group() for line in requirements if (match := re.match(r"[A-Za-z0-9._-]+", line))}
    for name in sorted(names):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def machine() -> dict[str, Any]:
    """Platform, processor, cores this process may use, memory."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "platform": platform.platform(),
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_usable": usable,
        "memory_mb": _memory_mb(),
    }


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match.group(1).strip() if match else platform.processor()


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    except (ValueError, OSError, AttributeError):
        return None


def gpus() -> list[dict[str, Any]]:
    """The GPUs that torch sees, if this process has torch loaded and CUDA started; else what the driver lists.

    Never starts CUDA itself: that would take memory on the GPU and forbid forked workers.
    """
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
        return [{"name": gpu.name, "memory_mb": gpu.total_memory // 1_000_000} for gpu in found]
    names = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        match = re.search(r"^Model:\s*(.+)$", path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE)
        names.append({"name": match.group(1).strip() if match else "unknown"})
    return names


def drivers() -> dict[str, str | None]:
    """Version of the GPU driver, and of the CUDA that torch was built for if torch is loaded; None without."""
    torch: Any = sys.modules.get("torch")
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    match = re.search(r"Kernel Module\D*(\d+(?:\.\d+)+)", text)
    return {"driver": match.group(1) if match else None, "cuda": torch.version.cuda if torch is not None else None}
