"""Other ways to run a program, behind one call each, for ``executor.py``.

None of them is a dependency of r1ci. Those that are found are measured, the others are named with what is missing:

    apt-get install bubblewrap firejail
    python -m venv peers
    peers/bin/pip install -c constraints.txt smolagents jupyter_client ipykernel pydantic-monty sandlock numpy sympy
    python benchmarks/executor.py --peers peers

What each protects against is its own business and says little: subprocess, smolagents and Jupyter isolate nothing.
smolagents interprets in this process, on one core. A Jupyter kernel keeps the names and caches of earlier programs;
monty has no third-party packages.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

Run = Callable[[str], Awaitable[str]]
"""Runs a program and gives what it printed."""
Open = Callable[[AsyncExitStack, int], Awaitable[Run]]
"""Makes ready for so many programs at once; what must be closed later goes onto the stack. Raises Missing."""

ENVIRONMENT = {"PATH": os.defpath, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
BWRAP = ("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--unshare-all")
FIREJAIL = ("--quiet", "--noprofile", "--seccomp", "--net=none")


class Missing(Exception):
    """A peer is not on this machine, or cannot run here."""


def add_packages(environment: Path) -> None:
    """Let packages and commands of another virtual environment be found, after ours."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sys.path.append(str(environment / "lib" / version / "site-packages"))
    os.environ["PATH"] += f":{environment / 'bin'}"


def _package(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing(f"{name} is not installed") from error


def _command(*prefix: str) -> Open:
    """A new Python process per program, behind the words of a command."""

    async def open_(stack: AsyncExitStack, in_flight: int) -> Run:
        if prefix and shutil.which(prefix[0]) is None:
            raise Missing(f"{prefix[0]} is not installed")
        return run

    async def run(code: str) -> str:
        process = await asyncio.create_subprocess_exec(
            *(*prefix, sys.executable, "-I", "-c", code),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=ENVIRONMENT,
        )
        stdout, stderr = await process.communicate()
        if process.returncode:
            raise Missing(f"exit code {process.returncode}: {_last_line(stderr.decode(errors='replace'))}")
        return stdout.decode()

    return open_


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "nothing on stderr"


async def _sandlock(stack: AsyncExitStack, in_flight: int) -> Run:
    package = _package("sandlock")
    readable = sorted({"/usr", "/lib", "/lib64", "/bin", "/etc", "/dev", "/proc", sys.prefix, sys.base_prefix})

    def once(code: str) -> str:
        box = package.Sandbox(
            fs_readable=[path for path in readable if os.path.exists(path)],
            fs_writable=["/tmp"],
            max_memory="1G",
            clean_env=True,
            env=ENVIRONMENT,
        )
        result = box.run([sys.executable, "-I", "-c", code])
        if not result.success:
            raise Missing(_last_line(result.error or result.stderr.decode(errors="replace")))
        return str(result.stdout.decode())

    return await _threaded(once, stack, in_flight)


async def _smolagents(stack: AsyncExitStack, in_flight: int) -> Run:
    package = _package("smolagents.local_python_executor")

    def once(code: str) -> str:
        interpreter = package.LocalPythonExecutor(additional_authorized_imports=["numpy", "numpy.*", "sympy"])
        interpreter.send_tools({})
        return str(interpreter(code).logs)

    return await _threaded(once, stack, in_flight)


async def _threaded(once: Callable[[str], str], stack: AsyncExitStack, in_flight: int) -> Run:
    from concurrent.futures import ThreadPoolExecutor

    pool = stack.enter_context(ThreadPoolExecutor(in_flight))

    async def run(code: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(pool, once, code)

    return run


async def _jupyter(stack: AsyncExitStack, in_flight: int) -> Run:
    """One warm kernel per program in flight."""
    package = _package("jupyter_client")
    kernels: asyncio.Queue[Any] = asyncio.Queue()
    place = Path(_package("ipykernel").__path__[0]).parent
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    for _ in range(in_flight):
        manager = package.AsyncKernelManager()
        manager.kernel_spec.argv[:] = words
        await manager.start_kernel(
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(place)}, stderr=asyncio.subprocess.DEVNULL
        )
        stack.push_async_callback(manager.shutdown_kernel, now=True)
        client = manager.client()
        client.start_channels()
        stack.callback(client.stop_channels)
        await client.wait_for_ready(timeout=60)
        kernels.put_nowait(client)

    async def run(code: str) -> str:
        client = await kernels.get()
        printed: list[str] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = await client.execute_interactive(code, output_hook=take, store_history=False)
        kernels.put_nowait(client)
        if reply["content"]["status"] != "ok":
            raise Missing(reply["content"].get("ename", "error"))
        return "".join(printed)

    return run


async def _monty(stack: AsyncExitStack, in_flight: int) -> Run:
    package = _package("pydantic_monty")
    pool = await stack.enter_async_context(
        package.AsyncMonty(binary_path=shutil.which("monty"), min_processes=in_flight, max_processes=in_flight)
    )

    async def run(code: str) -> str:
        printed = package.CollectString()
        try:
            async with pool.checkout() as session:
                await session.feed_run(code, print_callback=printed)
        except package.MontyError as error:
            raise Missing(_last_line(str(error))) from error
        return str(printed.output)

    return run


PEERS: Sequence[tuple[str, Open]] = (
    ("subprocess", _command()),
    ("bubblewrap", _command("bwrap", *BWRAP)),
    ("firejail", _command("firejail", *FIREJAIL)),
    ("sandlock", _sandlock),
    ("smolagents", _smolagents),
    ("jupyter", _jupyter),
    ("monty", _monty),
)
