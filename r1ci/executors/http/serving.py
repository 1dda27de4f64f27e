"""A server's life: start the executor, prove that it runs programs, listen, stop on a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.executors.http.server import About, Rules, Server
from r1ci.executors.protocol import Execution, Executor, Program, Status
from r1ci.executors.registry import make_executor
from r1ci.spec.models import ExecutorSpec

_SHUTDOWN_S = 5.0
"""For answers that are on their way when the server stops."""


@dataclass(frozen=True)
class Listening:
    """Where a server is reached, and what it gives."""

    url: str
    about: About


async def serve(
    spec: ExecutorSpec, rules: Rules, host: str, port: int, announce: Callable[[Listening], None]
) -> signal.Signals:
    """Serve until SIGINT or SIGTERM; gives back which it was. Programs that still run then are ended.

    Raises UsageError if the address cannot be listened on, EnvironmentMissing if no program can be run.
    """
    stopped: asyncio.Future[signal.Signals] = asyncio.get_running_loop().create_future()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, _settle, stopped, name)
    listener = _bind(host, port)
    executor: Executor | None = None
    runner: web.AppRunner | None = None
    try:
        executor = make_executor(spec)
        about = _about(spec, await _prove(executor))
        app = Server(executor, rules, about).application()
        runner = web.AppRunner(
            app, access_log=None, logger=_quiet(), handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S
        )
        await runner.setup()
        await web.SockSite(runner, listener).start()
        if not stopped.done():
            announce(Listening(_url(host, listener.getsockname()[1]), about))
        return await stopped
    finally:
        if runner is not None:
            await runner.cleanup()  # closes the executor too
        elif executor is not None:
            await executor.close()
        listener.close()


def _settle(stopped: asyncio.Future[signal.Signals], name: signal.Signals) -> None:
    if not stopped.done():
        stopped.set_result(name)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--host {host}: {error}", "name an address of this machine, for example 127.0.0.1") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {host} port {port}: {error.strerror or error}"
        raise UsageError(reason, "choose another with --port; --port 0 takes a free one") from None
    return listener


async def _prove(executor: Executor) -> Execution:
    """The execution of one trivial program: a server that cannot run anything does not start."""
    execution = await executor.run(Program("print(6 * 7)"))
    if execution.status is not Status.OK or execution.stdout.strip() != "42":
        reason = execution.reason or execution.stderr.strip()
        raise EnvironmentMissing(
            f"the executor cannot run a trivial program: {execution.status.value}: {reason}", "see r1ci env"
        )
    return execution


def _about(spec: ExecutorSpec, execution: Execution) -> About:
    workers = spec.workers or 2 * len(os.sched_getaffinity(0))
    return About(execution.isolation, execution.missing, workers, socket.gethostname(), spec.kind)


def _quiet() -> logging.Logger:
    """aiohttp tells of broken requests with tracebacks; their senders are answered, which is enough."""
    logger = logging.getLogger(f"{__name__}.aiohttp")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
