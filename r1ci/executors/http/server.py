"""The HTTP server around an executor.

Everything but /health wants a token (unless the server was started without one). It speaks plain HTTP: on a network
that others share, put a proxy with TLS in front. Programs are as isolated as the executor makes them; the server adds
nothing to that.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from r1ci import __version__
from r1ci.executors.http import prometheus, sandboxfusion, wire
from r1ci.executors.http.gate import RETRY_AFTER_S, Client, Gate, Refusal, client_of, session_key
from r1ci.executors.protocol import Execution, Executor, Program, Status

_log = logging.getLogger(__name__)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REFUSED = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


@dataclass(frozen=True)
class Rules:
    """What a server grants."""

    tokens: tuple[str, ...] = ()
    """Any of these; empty: nobody is asked for one."""
    timeout_s: float = 60.0
    """Longest time limit that a program may ask for."""
    memory_mb: int = 1024
    """Largest memory limit that a program may ask for."""
    per_client: int = 256
    """Programs of one client that run or wait."""
    in_all: int = 1024
    """Programs that run or wait."""
    max_body_bytes: int = 32 * 2**20
    """Largest request."""


@dataclass(frozen=True)
class About:
    """What /health tells."""

    isolation: str = ""
    missing: tuple[str, ...] = ()
    workers: int = 0
    node: str = ""
    kind: str = ""


@dataclass
class Server:
    """The endpoints over one executor. It closes the executor when the application shuts down."""

    executor: Executor
    rules: Rules = Rules()
    about: About = About()
    _requests: Counter[tuple[str, int]] = field(default_factory=Counter, init=False)
    _stopping: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self._gate = Gate(self.rules.per_client, self.rules.in_all)

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(middlewares=[self._answer], client_max_size=self.rules.max_body_bytes)
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/metrics", self._metrics),
                web.post("/run", self._run),
                web.post("/run_many", self._run_many),
                web.post("/run_code", self._run_code),
                web.delete("/sessions/{session:.+}", self._end),
            ]
        )
        app.on_shutdown.append(self._shut_down)
        return app

    # ------------------------------------------------------------ endpoints

    async def _health(self, request: web.Request) -> web.Response:
        about, ok = self.about, not self._stopping
        facts = {
            "ok": ok,
            "version": __version__,
            "kind": about.kind,
            "isolation": about.isolation,
            "missing": about.missing,
            "workers": about.workers,
            "node": about.node,
            "programs": self._gate.held,
        }
        return _json(facts, 200 if ok else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        self._client(request)
        text = prometheus.exposition(self.executor.metrics(), self._requests)
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _run(self, request: web.Request) -> web.Response:
        client = self._client(request)
        with self._gate.places(client, 1):
            program = wire.read_program(await self._object(request))
            return _json(wire.execution_json(await self._execute(request, client, program)))

    async def _run_many(self, request: web.Request) -> web.Response:
        client = self._client(request)
        with self._gate.places(client, 1):
            programs = wire.read_programs(await self._object(request))
            most = min(self.rules.per_client, self.rules.in_all)
            if len(programs) > most:
                raise wire.FieldError("programs", f"{len(programs)} programs; at most {most} at once")
        with self._gate.places(client, len(programs)):
            for place, program in enumerate(programs):
                self._grant(program, f"programs[{place}].")
            runs = [self._execute(request, client, program) for program in programs]
            executions = await asyncio.gather(*runs)
            return _json({"executions": [wire.execution_json(execution) for execution in executions]})

    async def _run_code(self, request: web.Request) -> web.Response:
        client = self._client(request)
        try:
            with self._gate.places(client, 1):
                program = sandboxfusion.read_request(await self._object(request))
                self._grant(program, names=("run_timeout", "memory_limit_MB"))
                return _json(sandboxfusion.response(await self._execute(request, client, program)))
        except wire.FieldError as error:
            # SandboxFusion's own form for a request that is wrong.
            kind = "literal_error" if isinstance(error, sandboxfusion.UnsupportedLanguage) else "value_error"
            where = ["body", *([error.field] if error.field else [])]
            return _json({"detail": [{"type": kind, "loc": where, "msg": error.message}]}, 422)

    async def _end(self, request: web.Request) -> web.Response:
        client = self._client(request)
        session = request.match_info["session"]
        await self.executor.end(session_key(client, request.headers.get(wire.INSTANCE_HEADER, ""), session))
        return _json({"ended": session})

    # ------------------------------------------------------------ what they share

    def _client(self, request: web.Request) -> Client:
        if self._stopping:
            raise Refusal(503, "stopping", "the server is shutting down")
        if not self.rules.tokens and "Origin" in request.headers:
            raise Refusal(403, "browser", "a server without a token takes no requests from web pages")
        return client_of(request.headers.get("Authorization", ""), request.remote or "", self.rules.tokens)

    async def _object(self, request: web.Request) -> dict[str, Any]:
        if (request.content_length or 0) > self.rules.max_body_bytes:
            raise self._too_large()
        try:
            return wire.read_object(await request.read())
        except web.HTTPRequestEntityTooLarge:
            raise self._too_large() from None

    def _too_large(self) -> Refusal:
        return Refusal(413, _REFUSED[413], f"the request has more than {self.rules.max_body_bytes} bytes")

    def _grant(self, program: Program, path: str = "", names: tuple[str, str] = ("timeout_s", "memory_mb")) -> None:
        """Raises FieldError for a program that asks for more than this server gives."""
        if program.timeout_s is not None and program.timeout_s > self.rules.timeout_s:
            given = f"{program.timeout_s:g} s is more than this server gives ({self.rules.timeout_s:g} s)"
            raise wire.FieldError(path + names[0], given)
        if program.memory_mb is not None and program.memory_mb > self.rules.memory_mb:
            given = f"{program.memory_mb} MB is more than this server gives ({self.rules.memory_mb} MB)"
            raise wire.FieldError(path + names[1], given)

    async def _execute(self, request: web.Request, client: Client, program: Program) -> Execution:
        self._grant(program)
        session = session_key(client, request.headers.get(wire.INSTANCE_HEADER, ""), program.session)
        execution = await self.executor.run(replace(program, session=session))
        if self._stopping and execution.status is Status.INFRASTRUCTURE:
            raise Refusal(503, "stopping", "the server is shutting down")
        return execution if execution.node else replace(execution, node=self.about.node)

    @web.middleware
    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Whatever happens becomes one JSON answer, and is counted."""
        try:
            response = await handler(request)
        except Refusal as refusal:
            response = _error(refusal.code, refusal.name, refusal.message)
        except wire.FieldError as error:
            response = _error(400, "bad_request", error.message, error.field)
        except web.HTTPException as error:
            response = _error(error.status, _REFUSED.get(error.status, "http"), error.reason)
        except Exception as error:
            _log.error("%s %s failed: %s: %s", request.method, request.path, type(error).__name__, error)
            response = _error(500, "internal", f"the executor failed: {type(error).__name__}: {error}")
        resource = request.match_info.route.resource
        self._requests[resource.canonical if resource else "other", response.status] += 1
        return response

    async def _shut_down(self, app: web.Application) -> None:
        self._stopping = True
        await self.executor.close()


def _json(value: Mapping[str, Any], code: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    # Only ASCII leaves: what UTF-8 cannot hold is escaped.
    return web.Response(text=json.dumps(value) + "\n", status=code, content_type="application/json", headers=headers)


def _error(code: int, name: str, message: str, field: str = "") -> web.Response:
    headers = {}
    if code in (429, 503):
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if code == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="r1ci"'
    error = {"name": name, "message": message} | ({"field": field} if field else {})
    return _json({"error": error}, code, headers)
