"""The server over a fake executor, and the client against it and against servers that fail: real connections."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from r1ci.errors import UsageError
from r1ci.executors.http import wire
from r1ci.executors.http.client import ATTEMPTS, TOKEN_VARIABLE, HttpExecutor
from r1ci.executors.http.server import About, Rules, Server
from r1ci.executors.limits import objection
from r1ci.executors.metrics import Metrics, Snapshot
from r1ci.executors.protocol import MAX_CODE_BYTES, Execution, Program, Status
from r1ci.executors.registry import make_executor
from r1ci.spec.models import HttpExecutor as Spec


class Echo:
    """An executor that prints the code it is given, and can be held up."""

    def __init__(self, *, held: bool = False, answer: Execution | None = None) -> None:
        self.programs: list[Program] = []
        self.ended: list[str] = []
        self.started, self.free, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.closed = False
        self._answer = answer
        self._metrics = Metrics()
        if not held:
            self.free.set()

    async def run(self, program: Program) -> Execution:
        if reason := objection(program):
            return Execution(Status.REJECTED, reason=reason)
        self.programs.append(program)
        self.started.set()
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if self.closed:
            return Execution(Status.INFRASTRUCTURE, reason="the executor is closed")
        execution = self._answer or Execution(Status.OK, stdout=program.code, isolation="strict")
        self._metrics.record(execution)
        return execution

    async def end(self, session: str) -> None:
        self.ended.append(session)

    def metrics(self) -> Snapshot:
        return self._metrics.snapshot({"in_flight": 0.0})

    async def close(self) -> None:
        self.closed = True
        self.free.set()


@asynccontextmanager
async def listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=5.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def served(executor: Echo, **rules: Any) -> AsyncIterator[str]:
    server = Server(executor, Rules(**rules), About("strict", (), 4, "node-1", "local"))
    async with listening(server.application()) as url:
        yield url


@asynccontextmanager
async def client(url: str, pauses: list[float] | None = None, **spec: Any) -> AsyncIterator[HttpExecutor]:
    async def pause(seconds: float) -> None:
        if pauses is not None:
            pauses.append(seconds)

    executor = HttpExecutor(Spec(url=url, **spec), pause=pause)
    try:
        yield executor
    finally:
        await executor.close()


async def ask(url: str, body: Any = None, method: str = "POST", **headers: str) -> tuple[int, Any, Any]:
    """Status, body as JSON (or text) and headers of one raw request."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    async with aiohttp.ClientSession() as http, http.request(method, url, data=data, headers=headers) as answer:
        text = await answer.text()
        is_json = answer.content_type == "application/json"
        return answer.status, json.loads(text) if is_json else text, answer.headers


def lasting(main: Callable[[], Coroutine[Any, Any, Any]]) -> Callable[[], None]:
    """A test that is a coroutine."""

    def test() -> None:
        asyncio.run(asyncio.wait_for(main(), 60))

    test.__name__ = main.__name__
    return test


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


# ---------------------------------------------------------------- the server


@lasting
async def test_run_takes_a_program_and_gives_its_execution() -> None:
    echo = Echo()
    async with served(echo) as url:
        files = {"a.txt": base64.b64encode(b"\xff").decode()}
        body = {"code": "print('\0\ud800')", "stdin": "in", "files": files, "timeout_s": 5, "memory_mb": 64}
        code, answer, _ = await ask(f"{url}/run", body)
    assert (code, answer["status"], answer["stdout"], answer["node"]) == (200, "ok", "print('\0\ud800')", "node-1")
    assert echo.programs == [Program("print('\0\ud800')", "in", {"a.txt": b"\xff"}, "", 5.0, 64)]
    assert echo.closed


@lasting
async def test_run_many_gives_the_executions_in_order() -> None:
    async with served(Echo()) as url:
        code, answer, _ = await ask(f"{url}/run_many", {"programs": [{"code": "1"}, {"code": "2"}]})
        assert (code, [execution["stdout"] for execution in answer["executions"]]) == (200, ["1", "2"])
        assert (await ask(f"{url}/run_many", {"programs": []}))[1] == {"executions": []}


@lasting
async def test_run_code_answers_as_a_sandboxfusion_does() -> None:
    async with served(Echo()) as url:
        code, answer, _ = await ask(f"{url}/run_code", {"code": "1", "language": "python"})
        assert (code, answer["status"], answer["run_result"]["stdout"]) == (200, "Success", "1")
        code, answer, _ = await ask(f"{url}/run_code", {"code": "1", "language": "cpp"})
        assert (code, answer["detail"][0]["type"], answer["detail"][0]["loc"]) == (
            422,
            "literal_error",
            ["body", "language"],
        )
        body = {"code": "1", "language": "python", "memory_limit_MB": 10**6}
        code, answer, _ = await ask(f"{url}/run_code", body)
        assert (code, answer["detail"][0]["loc"]) == (422, ["body", "memory_limit_MB"])


@lasting
async def test_health_needs_no_token_and_everything_else_does() -> None:
    async with served(Echo(), tokens=("secret",)) as url:
        code, health, _ = await ask(f"{url}/health", method="GET")
        assert (code, health["ok"], health["isolation"], health["workers"]) == (200, True, "strict", 4)
        for method, path in (
            ("POST", "run"), ("POST", "run_many"), ("POST", "run_code"), ("GET", "metrics"), ("DELETE", "sessions/s"),
        ):  # fmt: skip
            code, answer, headers = await ask(f"{url}/{path}", b"{}" if method == "POST" else None, method)
            assert (code, answer["error"]["name"]) == (401, "token_missing")
            assert headers["WWW-Authenticate"].startswith("Bearer")
        code, answer, _ = await ask(f"{url}/run", {"code": ""}, Authorization="Bearer other")
        assert (code, answer["error"]["name"]) == (401, "token_wrong")
        assert (await ask(f"{url}/run", {"code": ""}, Authorization="Bearer secret"))[0] == 200


@lasting
async def test_without_a_token_web_pages_are_refused() -> None:
    echo = Echo()
    async with served(echo) as url:
        code, answer, _ = await ask(f"{url}/run", {"code": ""}, Origin="http://example.org")
    assert (code, answer["error"]["name"], echo.programs) == (403, "browser", [])


@lasting
async def test_wrong_requests_have_named_errors() -> None:
    async with served(Echo(), max_body_bytes=2000, timeout_s=10, memory_mb=100, per_client=3) as url:
        for path, body, wanted in (
            ("run", b"{", (400, "bad_request", None)),
            ("run", b'{"code": "\xff"}', (400, "bad_request", None)),
            ("run", {"code": 1}, (400, "bad_request", "code")),
            ("run", {"code": "", "timeout_s": 11}, (400, "bad_request", "timeout_s")),
            ("run", {"code": "", "memory_mb": 101}, (400, "bad_request", "memory_mb")),
            ("run_many", {"programs": [{"code": "", "timeout_s": 11}]}, (400, "bad_request", "programs[0].timeout_s")),
            ("run_many", {"programs": [{"code": ""}] * 4}, (400, "bad_request", "programs")),
            ("run", {"code": "x" * 3000}, (413, "body_too_large", None)),
            ("nothing", {}, (404, "not_found", None)),
            ("health", {}, (405, "method_not_allowed", None)),
        ):
            code, answer, _ = await ask(f"{url}/{path}", body)
            error = answer["error"]
            assert (code, error["name"], error.get("field")) == wanted
            assert error["message"]


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" " * 100


@lasting
async def test_a_body_without_a_length_is_bounded_too() -> None:
    async with (
        served(Echo(), max_body_bytes=2000) as url,
        aiohttp.ClientSession() as http,
        http.post(f"{url}/run", data=_chunks()) as answer,
    ):
        assert answer.status == 413


@lasting
async def test_a_program_that_is_rejected_is_no_wrong_request() -> None:
    async with served(Echo()) as url:
        for body in ({"code": "x" * (MAX_CODE_BYTES + 1)}, {"code": "", "timeout_s": 0}, {"code": "", "memory_mb": -1}):
            code, answer, _ = await ask(f"{url}/run", body)
            assert (code, answer["status"]) == (200, "rejected")
            assert answer["reason"]


@lasting
async def test_a_full_queue_turns_a_client_away_and_says_when_to_come_again() -> None:
    echo = Echo(held=True)
    async with served(echo, per_client=1) as url:
        first = asyncio.create_task(ask(f"{url}/run", {"code": "1"}))
        await echo.started.wait()
        code, answer, headers = await ask(f"{url}/run", {"code": "2"})
        assert (code, answer["error"]["name"], headers["Retry-After"]) == (429, "queue_full", "1")
        echo.free.set()
        assert (await first)[0] == 200
        assert (await ask(f"{url}/run", {"code": "3"}))[0] == 200


@lasting
async def test_a_client_that_goes_away_takes_its_program_along() -> None:
    echo = Echo(held=True)
    async with served(echo, per_client=1) as url:
        going = asyncio.create_task(ask(f"{url}/run", {"code": "1"}))
        await echo.started.wait()
        going.cancel()
        await echo.cancelled.wait()
        echo.free.set()
        assert (await ask(f"{url}/run", {"code": "2"}))[0] == 200


@lasting
async def test_programs_that_run_when_the_server_stops_are_ended_and_not_blamed() -> None:
    echo = Echo(held=True)
    async with served(echo) as url:
        running = asyncio.create_task(ask(f"{url}/run", {"code": "1"}))
        await echo.started.wait()
    code, answer, _ = await running
    assert (code, answer["error"]["name"], echo.closed) == (503, "stopping", True)


@lasting
async def test_an_executor_that_raises_is_an_internal_error_in_one_line() -> None:
    echo = Echo()
    echo.programs = None  # type: ignore[assignment]
    async with served(echo) as url:
        code, answer, _ = await ask(f"{url}/run", {"code": "1"})
    assert (code, answer["error"]["name"]) == (500, "internal")


@lasting
async def test_metrics_count_programs_and_requests() -> None:
    async with served(Echo(), tokens=("secret",)) as url:
        await ask(f"{url}/run", {"code": "1"}, Authorization="Bearer secret")
        await ask(f"{url}/run", {"code": "1"})
        code, text, headers = await ask(f"{url}/metrics", method="GET", Authorization="Bearer secret")
    assert code == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert 'r1ci_executor_runs_total{isolation="strict",status="ok",tier=""} 1.0' in text
    assert 'r1ci_executor_requests_total{code="401",endpoint="/run"} 1.0' in text


# ---------------------------------------------------------------- the client against it


@lasting
async def test_a_program_goes_to_the_server_and_back() -> None:
    echo = Echo()
    async with served(echo) as url, client(url, timeout_s=7, memory_mb=70) as executor:
        execution = await executor.run(Program("'\0\ud800'", "\udfff", {"d/a": b"\0\xff"}))
        assert (execution.status, execution.stdout, execution.attempts) == (Status.OK, "'\0\ud800'", 1)
        assert execution.node == "node-1"
        assert echo.programs == [Program("'\0\ud800'", "\udfff", {"d/a": b"\0\xff"}, "", 7.0, 70)]
        assert executor.metrics().runs == {("ok", "", "strict"): 1}


@pytest.mark.parametrize("dialect", ["r1ci", "sandboxfusion"])
@pytest.mark.parametrize(
    ("program", "said"),
    [
        (Program("x" * 10_000_000), "10000000 bytes"),
        (Program("", timeout_s=0.0), "time limit of 0"),
        (Program("", timeout_s=float("inf")), "time limit of inf"),
        (Program("", files={"../a": b""}), "relative path"),
        (Program("", session="s"), "session"),
    ],
)
def test_what_cannot_be_run_is_rejected_before_it_is_sent(dialect: str, program: Program, said: str) -> None:
    async def main() -> Execution:
        async with client("http://127.0.0.1:9", dialect=dialect) as executor:
            return await executor.run(program)

    execution = asyncio.run(main())
    assert execution.status is Status.REJECTED
    assert said in execution.reason


@lasting
async def test_an_empty_program_runs() -> None:
    async with served(Echo()) as url, client(url) as executor:
        assert (await executor.run(Program(""))).status is Status.OK


@lasting
async def test_a_dead_server_is_infrastructure_after_several_attempts() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        pauses: list[float] = []
        async with client(url, pauses) as executor:
            execution = await executor.run(Program("1"))
            assert executor.metrics().events == {"retry/unreachable": ATTEMPTS - 1}
    assert (execution.status, execution.attempts) == (Status.INFRASTRUCTURE, ATTEMPTS)
    assert f"no server answers at {url}" in execution.reason
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 < pause <= 10 for pause in pauses)
    assert pauses[-1] > pauses[0]


def test_a_wrong_token_is_infrastructure_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Execution:
        async with served(Echo(), tokens=("right",)) as url, client(url) as executor:
            return await executor.run(Program("1"))

    monkeypatch.setenv(TOKEN_VARIABLE, "wrong")
    execution = asyncio.run(main())
    assert (execution.status, execution.attempts) == (Status.INFRASTRUCTURE, 1)
    assert "refuses the token in R1CI_EXECUTOR_TOKEN: the token is not one of this server's" in execution.reason
    monkeypatch.setenv(TOKEN_VARIABLE, "right")
    assert asyncio.run(main()).status is Status.OK


@lasting
async def test_a_full_queue_is_waited_for_and_infrastructure_in_the_end() -> None:
    echo, pauses = Echo(held=True), list[float]()
    async with served(echo, per_client=1) as url, client(url, pauses) as executor:
        first = asyncio.create_task(executor.run(Program("1")))
        await echo.started.wait()
        turned_away = await executor.run(Program("2"))
        assert (turned_away.status, turned_away.attempts) == (Status.INFRASTRUCTURE, ATTEMPTS)
        assert "the queue of" in turned_away.reason
        assert min(pauses) >= 1.0
        echo.free.set()
        assert (await first).status is Status.OK


@lasting
async def test_the_client_bounds_its_requests_and_counts_the_wait() -> None:
    echo = Echo(held=True)
    async with served(echo) as url, client(url, workers=1) as executor:
        runs = [asyncio.create_task(executor.run(Program(str(number)))) for number in range(3)]
        await echo.started.wait()
        assert len(echo.programs) == 1
        assert executor.metrics().gauges == {"in_flight": 1, "queued": 2, "sessions": 0}
        echo.free.set()
        executions = await asyncio.gather(*runs)
        assert [execution.stdout for execution in executions] == ["0", "1", "2"]
        assert executions[2].queue_s > 0


@lasting
async def test_sessions_of_two_clients_do_not_meet_and_are_ended() -> None:
    echo = Echo()
    async with served(echo) as url:
        async with client(url, sessions=True) as one, client(url, sessions=True) as other:
            for executor in (one, one, other):
                await executor.run(Program("1", session="episode/1 \ud800"))
            first, second, third = (program.session for program in echo.programs)
            assert first == second != third
            await one.end("episode/1 \ud800")
            assert echo.ended == [first]
            await one.end("never there")
        assert echo.ended == [first, third]


@lasting
async def test_less_isolation_than_asked_for_is_refused() -> None:
    echo = Echo(answer=Execution(Status.OK, isolation="rlimits"))
    async with served(echo) as url:
        async with client(url) as executor:
            execution = await executor.run(Program("1"))
            assert execution.status is Status.INFRASTRUCTURE
            assert "rlimits only, executor.isolation asks for landlock" in execution.reason
        async with client(url, isolation="rlimits") as executor:
            assert (await executor.run(Program("1"))).status is Status.OK


@lasting
async def test_limits_above_the_servers_are_no_error_of_the_program() -> None:
    async with served(Echo(), timeout_s=5) as url, client(url, timeout_s=6) as executor:
        execution = await executor.run(Program("1"))
    assert (execution.status, execution.attempts) == (Status.INFRASTRUCTURE, 1)
    assert "timeout_s: 6 s is more than this server gives (5 s)" in execution.reason


@lasting
async def test_a_closed_executor_runs_nothing() -> None:
    echo = Echo(held=True)
    async with served(echo) as url, client(url) as executor:
        running = asyncio.create_task(executor.run(Program("1")))
        await echo.started.wait()
        await executor.close()
        assert (await running).status is Status.INFRASTRUCTURE
        execution = await executor.run(Program("2"))
        assert (execution.status, execution.reason) == (Status.INFRASTRUCTURE, "the executor is closed")
        await echo.cancelled.wait()


@lasting
async def test_our_client_and_our_server_meet_in_the_other_dialect() -> None:
    echo = Echo()
    async with served(echo) as url:
        for suffix in ("", "/", "/run_code"):
            async with client(url + suffix, dialect="sandboxfusion", timeout_s=3, memory_mb=30) as executor:
                execution = await executor.run(Program("1", files={"a": b"\xff"}))
            assert (execution.status, execution.stdout, execution.node) == (Status.OK, "1", "node-1")
            assert echo.programs[-1] == Program("1", files={"a": b"\xff"}, timeout_s=3.0, memory_mb=30)


# ---------------------------------------------------------------- the client against servers that fail


@asynccontextmanager
async def failing(answers: list[Any]) -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """A server that gives these answers in turn (a status, or bytes for 200, or None to hang up), then works."""
    seen: list[dict[str, Any]] = []

    async def run(request: web.Request) -> web.Response:
        seen.append(await request.json())
        answer = (
            answers.pop(0)
            if answers
            else json.dumps(wire.execution_json(Execution(Status.OK, isolation="strict"))).encode()
        )
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(body=answer) if isinstance(answer, bytes) else web.Response(status=answer, text="why not")

    app = web.Application()
    app.router.add_post("/run", run)
    async with listening(app) as url:
        yield url, seen


def outcome(answers: list[Any], *programs: Program) -> tuple[list[Execution], list[dict[str, Any]]]:
    async def main() -> tuple[list[Execution], list[dict[str, Any]]]:
        async with failing(answers) as (url, seen), client(url, sessions=True) as executor:
            return [await executor.run(program) for program in programs or (Program("1"),)], seen

    return asyncio.run(main())


@pytest.mark.parametrize("answer", [429, 502, 503, 504, None])
def test_passing_failures_are_tried_again(answer: Any) -> None:
    (execution,), seen = outcome([answer])
    assert (execution.status, execution.attempts, len(seen)) == (Status.OK, 2, 2)


@pytest.mark.parametrize("answer", [302, 400, 401, 403, 404, 413, 422, 500, b"", b"[]", b"{}", b'{"status": "ok"}'])
def test_lasting_failures_are_infrastructure_at_once(answer: Any) -> None:
    (execution,), seen = outcome([answer])
    assert (execution.status, execution.attempts, len(seen)) == (Status.INFRASTRUCTURE, 1, 1)
    assert execution.reason


@pytest.mark.parametrize("answer", [502, 503, 504, None, b"{}"])
def test_a_program_of_a_session_is_never_run_twice(answer: Any) -> None:
    cells = [Program("a = 1", session="s"), Program("a", session="s")]
    (lost, after), seen = outcome([answer], *cells)
    assert (lost.status, lost.session_lost, lost.attempts) == (Status.INFRASTRUCTURE, True, 1)
    assert (after.status, after.session_lost) == (Status.OK, False)
    assert seen[0]["session"] != seen[1]["session"]


def test_a_session_that_was_turned_away_goes_on() -> None:
    (execution,), seen = outcome([429], Program("a = 1", session="s"))
    assert (execution.status, execution.session_lost) == (Status.OK, False)
    assert seen[0]["session"] == seen[1]["session"]


@pytest.mark.parametrize(
    "url", ["", "host:8650", "ftp://host", "http://", "http://[", "http://x:y@host", "http://h:99999"]
)
def test_a_url_of_no_server_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"executor\.url"):
        make_executor(Spec(url=url))


def test_a_token_that_no_header_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "two\nlines")
    with pytest.raises(UsageError, match=TOKEN_VARIABLE):
        make_executor(Spec(url="http://host"))
