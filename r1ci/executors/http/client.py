"""The http executor: programs run behind a server, ours or a SandboxFusion.

Whatever goes wrong on the way is Status.INFRASTRUCTURE, never an error of the program. Does not protect against the
server: whoever runs it decides what comes back. Over plain HTTP the token and the programs can be read on the way.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from r1ci.errors import EnvironmentMissing, UsageError

try:
    import aiohttp
    from yarl import URL
except ModuleNotFoundError as error:
    raise EnvironmentMissing(
        f"executor.kind http needs the package {error.name}", "pip install 'r1ci[server]' brings it"
    ) from error

from r1ci.executors.http import sandboxfusion, wire
from r1ci.executors.limits import objection
from r1ci.executors.metrics import Metrics, Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.sandbox.probe import LEVELS
from r1ci.spec.models import HttpExecutor as HttpExecutorSpec

TOKEN_VARIABLE = "R1CI_EXECUTOR_TOKEN"
ATTEMPTS = 6
"""Times a program is sent at most."""
PATIENCE_S = 300.0
"""How long a program may wait on the server, beyond its own time limit."""
_CONNECT_S = 10.0
_END_S = 5.0
"""For the server's word that a session is forgotten."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 10.0


@dataclass(frozen=True)
class _Failure:
    """Why one attempt gave no execution."""

    cause: str
    reason: str
    again: bool = False
    """Whether another attempt may help."""
    unsure: bool = False
    """Whether the program may have run all the same."""
    wait_s: float = 0.0
    """What the server asks to wait."""


class HttpExecutor:
    """Runs programs behind the server at ``spec.url``. For one event loop.

    The server's token is read from the environment variable R1CI_EXECUTOR_TOKEN. Raises UsageError for a URL or a token
    that cannot be one.
    """

    def __init__(self, spec: HttpExecutorSpec, *, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._spec = spec
        self._base = _base(spec)
        self._pause = pause
        self._headers = {"Content-Type": "application/json", wire.INSTANCE_HEADER: uuid.uuid4().hex}
        if token := _token(os.environ):
            self._headers["Authorization"] = f"Bearer {token}"
        self._metrics = Metrics()
        self._places = asyncio.Semaphore(spec.workers)
        self._http: aiohttp.ClientSession | None = None
        self._sessions: dict[str, int] = {}
        """Sessions that the server may hold, and how often each was lost."""
        self._jitter = random.Random()
        self._inside = 0
        self._closed = False

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program, the network or the server did."""
        self._inside += 1
        try:
            execution = await self._run(program)
        finally:
            self._inside -= 1
        self._metrics.record(execution)
        return execution

    async def end(self, session: str) -> None:
        """Forget a session, here and on the server; one that does not exist is no error."""
        if session in self._sessions and not self._closed:
            key = self._key(session)
            del self._sessions[session]
            await self._forget(key)

    def metrics(self) -> Snapshot:
        """What has been run so far, as seen from here."""
        running = min(self._inside, self._spec.workers)
        gauges = {"in_flight": running, "queued": self._inside - running, "sessions": len(self._sessions)}
        return self._metrics.snapshot(gauges)

    async def close(self) -> None:
        """End the sessions, give up what is on its way and close the connections."""
        if self._closed:
            return
        self._closed = True
        await asyncio.gather(*[self._forget(self._key(session)) for session in self._sessions])
        self._sessions.clear()
        if self._http is not None:
            await self._http.close()

    # ------------------------------------------------------------ one program

    async def _run(self, program: Program) -> Execution:
        reason = self._objection(program)
        if reason is not None:
            return Execution(Status.REJECTED, reason=reason)
        if program.session:
            self._sessions.setdefault(program.session, 0)
        begun = time.monotonic()
        async with self._places:
            waited = time.monotonic() - begun
            execution = await self._attempts(program)
        return replace(execution, queue_s=execution.queue_s + waited, node=execution.node or self._base.host or "")

    def _objection(self, program: Program) -> str | None:
        if program.session and not self._spec.sessions:
            return "a program of a session, but executor.sessions is false"
        reason = objection(program)
        if reason is None and self._spec.dialect == "sandboxfusion":
            reason = sandboxfusion.unsendable(program)
        return reason

    async def _attempts(self, program: Program) -> Execution:
        for attempt in range(1, ATTEMPTS + 1):
            if self._closed:
                return Execution(Status.INFRASTRUCTURE, attempts=attempt, reason="the executor is closed")
            outcome = await self._once(program)
            if isinstance(outcome, Execution):
                return replace(outcome, attempts=outcome.attempts + attempt - 1)
            lost = bool(program.session) and outcome.unsure
            if lost and program.session in self._sessions:
                # What the server holds under the old name may or may not have seen this program.
                self._sessions[program.session] += 1
            if lost or not outcome.again or attempt == ATTEMPTS or self._closed:
                break
            self._metrics.event(f"retry/{outcome.cause}")
            await self._pause(max(min(outcome.wait_s, _LONGEST_PAUSE_S), self._backoff(attempt)))
        return Execution(Status.INFRASTRUCTURE, attempts=attempt, reason=outcome.reason, session_lost=lost)

    def _backoff(self, attempt: int) -> float:
        """Doubling, and spread so that clients turned away together do not come back together."""
        return min(_FIRST_PAUSE_S * 2.0 ** (attempt - 1), _LONGEST_PAUSE_S) * self._jitter.uniform(0.5, 1.0)

    async def _once(self, program: Program) -> Execution | _Failure:
        timeout_s = self._spec.timeout_s if program.timeout_s is None else program.timeout_s
        memory_mb = self._spec.memory_mb if program.memory_mb is None else program.memory_mb
        if self._spec.dialect == "sandboxfusion":
            path, form = "run_code", sandboxfusion.request(program, timeout_s, memory_mb)
        else:
            session = self._key(program.session) if program.session else ""
            asked = replace(program, session=session, timeout_s=timeout_s, memory_mb=memory_mb)
            path, form = "run", wire.program_json(asked)
        patience = aiohttp.ClientTimeout(total=timeout_s + PATIENCE_S, sock_connect=_CONNECT_S)
        try:
            async with self._open().post(
                self._base / path, data=json.dumps(form).encode(), timeout=patience, allow_redirects=False
            ) as answer:
                return self._read(answer.status, answer.headers.get("Retry-After", ""), await answer.read())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return _Failure("unreachable", f"no server answers at {self._base}: {_said(error)}", again=True)
        except TimeoutError:
            reason = f"{self._base} gave no answer within {timeout_s + PATIENCE_S:g} s"
            return _Failure("no_answer", reason, unsure=True)
        except (aiohttp.ClientError, OSError) as error:
            reason = f"the connection to {self._base} broke: {_said(error)}"
            return _Failure("broken", reason, again=True, unsure=True)

    def _read(self, code: int, retry_after: str, body: bytes) -> Execution | _Failure:
        """What an HTTP answer says."""
        if code != 200:
            return _refused(self._base, code, retry_after, body)
        try:
            data = wire.read_object(body)
            if self._spec.dialect == "sandboxfusion":
                return sandboxfusion.read_response(data, self._spec.max_output_bytes)
            execution = wire.read_execution(data)
        except ValueError as error:
            reason = f"{self._base} does not speak {self._spec.dialect}: {error}"
            return _Failure("nonsense", reason, unsure=True)
        if execution.status in (Status.INFRASTRUCTURE, Status.REJECTED) or self._suffices(execution.isolation):
            return execution
        reason = (
            f"{self._base} isolates programs by {execution.isolation or 'nothing known'} only, "
            f"executor.isolation asks for {self._spec.isolation}"
        )
        return _Failure("isolation", reason)

    def _suffices(self, level: str) -> bool:
        strength = {name: place for place, name in enumerate(LEVELS)}
        return strength.get(level, 0) >= strength[self._spec.isolation]

    # ------------------------------------------------------------ connections and sessions

    def _open(self) -> aiohttp.ClientSession:
        if self._http is None:
            connector = aiohttp.TCPConnector(limit=self._spec.workers)
            self._http = aiohttp.ClientSession(connector=connector, headers=self._headers)
        return self._http

    def _key(self, session: str) -> str:
        """The name that the server is told: any text becomes one that a URL can hold, and a lost session's changes."""
        named = json.dumps([session, self._sessions.get(session, 0)])
        return hashlib.sha256(named.encode()).hexdigest()

    async def _forget(self, key: str) -> None:
        try:
            async with self._open().delete(
                self._base / "sessions" / key, timeout=aiohttp.ClientTimeout(total=_END_S), allow_redirects=False
            ):
                pass
        except (aiohttp.ClientError, OSError):
            pass  # the server forgets it by itself after its time to live


def _base(spec: HttpExecutorSpec) -> URL:
    """The server's base URL."""
    example = "for example http://10.0.0.5:8650"
    try:
        url = URL(spec.url)
    except ValueError as error:
        raise UsageError(f"executor.url: {spec.url!r} is no URL: {error}", example) from None
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError(f"executor.url: {spec.url!r} is no URL of a server", example)
    if url.user is not None or url.password is not None:
        raise UsageError("executor.url holds a password", f"put the token into the variable {TOKEN_VARIABLE}")
    path = url.path.removesuffix("/").removesuffix("/run_code" if spec.dialect == "sandboxfusion" else "/")
    return url.with_path(path)


def _token(environ: Mapping[str, str]) -> str:
    token = environ.get(TOKEN_VARIABLE, "").strip()
    if not (token.isascii() and token.isprintable()):
        raise UsageError(f"the variable {TOKEN_VARIABLE} holds what no token has", "a token is printable ASCII")
    return token


def _refused(base: URL, code: int, retry_after: str, body: bytes) -> _Failure:
    said = _message(body)
    match code:
        case 401 | 403:
            return _Failure("token", f"{base} refuses the token in {TOKEN_VARIABLE}: {said}")
        case 404 | 405:
            return _Failure("not_found", f"{base} is no executor server (HTTP {code}); see executor.url")
        case 429:
            wait_s = float(retry_after) if retry_after.isdecimal() else 0.0
            return _Failure("queue_full", f"the queue of {base} is full: {said}", again=True, wait_s=wait_s)
        case 503:
            wait_s = float(retry_after) if retry_after.isdecimal() else 0.0
            return _Failure("unavailable", f"{base} is unavailable: {said}", again=True, unsure=True, wait_s=wait_s)
        case 502 | 504:
            return _Failure("gateway", f"{base} failed with HTTP {code}: {said}", again=True, unsure=True)
        case _:
            return _Failure("refused", f"{base} refused the request with HTTP {code}: {said}", unsure=code >= 500)


def _message(body: bytes) -> str:
    """What an error's body says, in one line."""
    try:
        data: Any = json.loads(body)
        error = data["error"]
        return f"{error['field']}: {error['message']}" if error.get("field") else str(error["message"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return " ".join(body[:300].decode("utf-8", "replace").split()) or "no reason given"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
