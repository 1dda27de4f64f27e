"""r1ci executor serve as people start it: a process of its own, the real local executor, requests without any SDK."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from r1ci.cli.executor_serve import command
from r1ci.cli.settings import Settings
from r1ci.errors import UsageError
from r1ci.executors.http import serving as serving_module
from r1ci.executors.http.client import TOKEN_VARIABLE, HttpExecutor
from r1ci.executors.http.server import Rules
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.spec.models import HttpExecutor as Spec
from r1ci.spec.models import LocalExecutor

SERVE = (sys.executable, "-m", "r1ci", "executor", "serve", "--port", "0", "--isolation", "rlimits", "--workers", "2")
TOKEN = "a-token-of-the-tests"


@contextmanager
def serving(*options: str, token: str | None = TOKEN) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A running server and what it said when it was up."""
    environ = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    environ |= {TOKEN_VARIABLE: token} if token else {}
    process = subprocess.Popen(
        [*SERVE, "--json", *options], env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


def post(url: str, body: Any, token: str = TOKEN) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def test_bad_and_odd_programs_have_their_named_results_over_the_whole_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(url: str, programs: Sequence[Program]) -> list[Execution]:
        executor = HttpExecutor(Spec(url=url, isolation="rlimits", timeout_s=20, sessions=True))
        try:
            return [await executor.run(program) for program in programs]
        finally:
            await executor.close()

    monkeypatch.setenv(TOKEN_VARIABLE, TOKEN)
    programs = [
        (Program("print(input())", "hello"), Status.OK),
        (Program("print(open('a.bin', 'rb').read())", files={"a.bin": b"\xff\0"}), Status.OK),
        (Program(""), Status.OK),
        (Program("1 / 0"), Status.ERROR),
        (Program("print('\0')"), Status.ERROR),
        (Program("print('\ud800')"), Status.ERROR),
        (Program("while True: pass", timeout_s=0.3), Status.TIMEOUT),
        (Program("print(1)", timeout_s=0.0), Status.REJECTED),
        (Program("#" + "x" * 10_000_000), Status.REJECTED),
        (Program("a = 41", session="s"), Status.OK),
        (Program("print(a + 1)", session="s"), Status.OK),
    ]
    with serving("--sessions") as (_, said):
        executions = asyncio.run(main(said["url"], [program for program, _ in programs]))
    assert [execution.status for execution in executions] == [status for _, status in programs]
    assert [executions[0].stdout, executions[1].stdout, executions[-1].stdout] == ["hello\n", "b'\\xff\\x00'\n", "42\n"]
    assert executions[0].node == socket.gethostname()


def test_raw_requests_are_answered_and_the_server_stops_with_its_programs() -> None:
    with serving() as (process, said):
        url = said["url"]
        health = get(f"{url}/health")
        assert (health["ok"], health["workers"], health["isolation"]) == (True, 2, said["isolation"])
        assert post(f"{url}/run", {"code": "print(6 * 7)"})[1]["stdout"] == "42\n"
        assert post(f"{url}/run", {"code": "1"}, token="wrong")[0] == 401
        code, answer = post(f"{url}/run_code", {"code": "import sys; sys.exit(3)", "language": "python"})
        assert (code, answer["status"], answer["run_result"]["return_code"]) == (200, "Failed", 3)
        code, answer = post(f"{url}/run", {"code": "x" * 10_000_000})
        assert (code, answer["status"]) == (200, "rejected")
        code, answer = post(f"{url}/run", {"code": "x" * 40_000_000})
        assert (code, answer["error"]["name"]) == (413, "body_too_large")
        answers: list[Any] = []
        endless = {"code": "while True: pass", "timeout_s": 50}
        asking = threading.Thread(target=lambda: answers.append(post(f"{url}/run", endless)))
        asking.start()
        while not get(f"{url}/health")["programs"]:
            pass
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
        asking.join(30)
        assert (process.returncode, out, err) == (0, "", "")
        assert [(code, answer["error"]["name"]) for code, answer in answers] == [(503, "stopping")]


def test_an_interrupt_ends_it_with_130_and_a_new_token_is_said_once() -> None:
    with serving(token=None) as (process, said):
        assert post(f"{said['url']}/run", {"code": "1"}, token=said["token"])[0] == 200
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "interrupted\n")


def test_a_taken_port_is_said_in_one_message() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*SERVE, "--port", port], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_executor_of_a_spec_is_served_with_the_options_laid_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []

    async def serve(executor: Any, rules: Rules, host: str, port: int, announce: Any) -> signal.Signals:
        served.extend([executor, rules, host, port])
        return signal.SIGTERM

    monkeypatch.setattr(serving_module, "serve", serve)
    text = resources.files("r1ci.cli").joinpath("template.yaml").read_text(encoding="utf-8")
    tokens, spec = tmp_path / "tokens", tmp_path / "spec.yaml"
    tokens.write_text("# users\none\n\ntwo\n")
    section = "executor: {timeout_s: 7, memory_mb: 300, disk_mb: 3}"
    spec.write_text(re.sub(r"^executor: .*", section, text, flags=re.MULTILINE))
    options = ["--spec", str(spec), "--memory", "400", "--sessions", "--token-file", str(tokens), "--max-body", "2"]
    result = CliRunner().invoke(command, options, obj=Settings(), standalone_mode=False)
    assert (result.exception, result.return_value) == (None, 0)
    executor, rules, host, port = served
    assert executor == LocalExecutor(timeout_s=7, memory_mb=400, disk_mb=3, sessions=True)
    assert rules == Rules(("one", "two"), 7.0, 400, max_body_bytes=2 * 2**20)
    assert (host, port) == ("127.0.0.1", 8650)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no-token", "--host", "0.0.0.0"], "--no-token with --host 0.0.0.0"),
        (["--no-token", "--token-file", "empty"], "exclude each other"),
        (["--token", "two words"], "printable ASCII"),
        (["--token-file", "empty"], "holds no token"),
        (["--token-file", "absent"], "No such file"),
        (["--timeout", "0"], "--timeout: "),
        (["--timeout", "nan"], "--timeout: "),
        (["--memory", "-1"], "--memory: "),
        (["--workers", "0"], "--workers: "),
        (["--host", "no such host"], "--host no such host"),
    ],
)
def test_wrong_options_are_named(
    options: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)
    Path("empty").write_text("# none yet\n\n")
    result = CliRunner().invoke(command, options, obj=Settings())
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)


@pytest.mark.parametrize("package", ["aiohttp", "prometheus_client"])
def test_a_missing_package_is_named(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; from r1ci.cli.main import main; main(['executor', 'serve'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert f"needs the package {package}" in done.stderr
    assert "r1ci[server]" in done.stderr


def test_the_client_names_a_missing_package() -> None:
    code = (
        "import sys; sys.modules['aiohttp'] = None\n"
        "from r1ci.executors.registry import make_executor; from r1ci.spec.models import HttpExecutor\n"
        "try: make_executor(HttpExecutor(url='http://host'))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("EnvironmentMissing executor.kind http needs the package aiohttp")
