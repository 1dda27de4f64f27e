"""The docker executor against a small daemon that speaks the Engine API and runs containers as plain processes.

What the kernel would hold of a container is not tried here; the last test tries it where there is a daemon.
"""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Event, Lock, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.executors import docker
from r1ci.executors.docker import DockerExecutor, Frames
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.registry import make_executor
from r1ci.executors.sandbox import probe
from r1ci.spec.models import DockerExecutor as Spec

IMAGE = "python:3.11-slim"
HELD = dict.fromkeys((*probe._FILES, *probe._CALLS, "process namespace"), True) | {
    "tracing": False,
    "anonymous files": False,
    "starting processes": False,
}
"""What the probe finds in a container of Docker's default profile."""


@dataclass(eq=False)
class Box:
    """A container: a process of this machine."""

    id: str
    config: dict[str, Any]
    stream: socket.socket | None = None
    process: "subprocess.Popen[bytes] | None" = None
    ended: Event = field(default_factory=Event)
    exit_code: int = 0


class Daemon(ThreadingMixIn, UnixStreamServer):
    """Answers the calls that the executor makes."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.boxes: dict[str, Box] = {}
        self.made: list[Box] = []
        self.most = 0
        self.findings: dict[str, bool] | None = HELD
        self.oom_killed = False
        self.failures: list[str] = []
        """Messages with which the next containers are refused."""
        self.drop = 0
        """Containers whose stream is cut when they have written something."""
        self.started = Event()
        """A container's program has written something."""
        self.lock = Lock()
        super().__init__(str(folder / "docker.sock"), Api)

    @property
    def programs(self) -> list[Box]:
        """Containers made, without the probe's."""
        return [box for box in self.made if box.config["HostConfig"]["Init"]]

    def create(self, config: dict[str, Any]) -> Box:
        with self.lock:
            box = Box(f"{len(self.made):064x}", config)
            self.boxes[box.id] = box
            self.made.append(box)
            self.most = max(self.most, len(self.boxes))
            return box

    def start(self, box: Box) -> None:
        home = self.folder / box.id
        home.mkdir()
        entry, command = box.config["Entrypoint"], box.config["Cmd"]
        assert entry == ["python3"]
        if not box.config["HostConfig"]["Init"]:  # the probe: what holds here is not what holds in a container
            command = ["-c", f"print(); print({json.dumps(self.findings)!r})"] if self.findings else ["-c", "nonsense"]
        box.process = subprocess.Popen(
            [sys.executable, *command],
            cwd=home,
            env=dict(pair.split("=", 1) for pair in box.config["Env"]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,
        )
        for limit in box.config["HostConfig"]["Ulimits"]:
            if limit["Name"] == "cpu":
                resource.prlimit(box.process.pid, resource.RLIMIT_CPU, (limit["Soft"], limit["Hard"]))
        Thread(target=self._supervise, args=(box, box.process), daemon=True).start()

    def remove(self, box: Box) -> None:
        self.boxes.pop(box.id, None)
        if box.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(box.process.pid, signal.SIGKILL)

    def _supervise(self, box: Box, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout
        assert process.stderr
        pumps = [
            Thread(target=self._pump, args=(box, kind, stream), daemon=True)
            for kind, stream in ((1, process.stdout), (2, process.stderr))
        ]
        Thread(target=self._feed, args=(box, process), daemon=True).start()
        for pump in pumps:
            pump.start()
        code = process.wait()
        for pump in pumps:
            pump.join()
        box.exit_code = 128 - code if code < 0 else code
        box.ended.set()
        if box.stream is not None:
            with contextlib.suppress(OSError):
                box.stream.shutdown(socket.SHUT_RDWR)

    def _feed(self, box: Box, process: "subprocess.Popen[bytes]") -> None:
        assert box.stream is not None
        assert process.stdin
        with contextlib.suppress(OSError), process.stdin as stdin:
            while data := box.stream.recv(65_536):
                stdin.write(data)
                stdin.flush()

    def _pump(self, box: Box, kind: int, stream: Any) -> None:
        with stream:
            while data := stream.read1(65_536):
                if box.stream is not None:
                    with contextlib.suppress(OSError):
                        box.stream.sendall(struct.pack(">BxxxL", kind, len(data)) + data)
                if len(data) > 1 or kind == 2:
                    self.started.set()
                    if self.drop and box.stream is not None:
                        self.drop -= 1
                        box.stream.shutdown(socket.SHUT_RDWR)


class Api(BaseHTTPRequestHandler):
    """The paths of the Engine API that are used, answered as its reference describes."""

    protocol_version = "HTTP/1.1"
    server: Daemon

    def log_message(self, *arguments: object) -> None:
        pass

    def _route(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        _, *parts = unquote(url.path).split("/")
        if parts[0].startswith("v1."):
            parts = parts[1:]
        match self.command, parts:
            case "GET", ["version"]:
                self._json(200, {"ApiVersion": "1.50", "MinAPIVersion": "1.24", "Version": "28.2.2"})
            case "GET", ["images", *name, "json"]:
                known = "/".join(name) == IMAGE
                self._json(200 if known else 404, {"message": f"No such image: {'/'.join(name)}"})
            case "GET", ["containers", "json"]:
                self._list(json.loads(parse_qs(url.query)["filters"][0])["label"])
            case "POST", ["containers", "create"]:
                if self.server.failures:
                    return self._json(500, {"message": self.server.failures.pop()})
                self._json(201, {"Id": self.server.create(json.loads(body)).id, "Warnings": []})
            case _, ["containers", name, *action]:
                box = self.server.boxes.get(name)
                if box is None:
                    return self._json(404, {"message": f"No such container: {name}"})
                self._container(box, action)
            case _:
                self._json(404, {"message": "page not found"})

    do_GET = do_POST = do_DELETE = _route

    def _list(self, labels: list[str]) -> None:
        found = [
            {"Id": box.id, "Labels": box.config["Labels"]}
            for box in list(self.server.boxes.values())
            if all(box.config["Labels"].get(label.split("=")[0]) == label.split("=")[1] for label in labels)
        ]
        self._json(200, found)

    def _container(self, box: Box, action: list[str]) -> None:
        match self.command, action:
            case "POST", ["attach"]:
                self._attach(box)
            case "POST", ["start"]:
                self.server.start(box)
                self._json(204)
            case "POST", ["wait"]:  # the headers come at once, the body when the container has ended
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.flush()
                box.ended.wait()
                text = json.dumps({"StatusCode": box.exit_code}).encode()
                with contextlib.suppress(OSError):
                    self.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(text), text))
            case "GET", ["json"]:
                self._json(200, {"Id": box.id, "State": {"OOMKilled": self.server.oom_killed}})
            case "DELETE", []:
                self.server.remove(box)
                self._json(204)

    def _attach(self, box: Box) -> None:
        box.stream = self.connection
        head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
        self.connection.sendall(f"{head}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        self.close_connection = True
        box.ended.wait()

    def _json(self, status: int, value: object = None) -> None:
        text = b"" if status == 204 else json.dumps(value).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """A daemon that DOCKER_HOST names; every container must be gone at the end."""
    folder = Path("/tmp") / f"r1ci-docker-{os.getpid()}-{id(tmp_path)}"  # the path of a socket must be short
    folder.mkdir()
    server = Daemon(folder)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
    yield server
    left = list(server.boxes.values())
    for box in left:
        server.remove(box)
    server.shutdown()
    server.server_close()
    shutil.rmtree(folder)
    assert not left


def run(*programs: Program | str, **spec: Any) -> list[Execution]:
    async def main() -> list[Execution]:
        executor = DockerExecutor(Spec(**{"timeout_s": 20.0, "workers": 2, **spec}))
        try:
            asked = [Program(textwrap.dedent(each)) if isinstance(each, str) else each for each in programs]
            return list(await asyncio.gather(*[executor.run(program) for program in asked]))
        finally:
            await executor.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("code", "status", "stdout", "stderr", "exit_code"),
    [
        ("print('hello')", Status.OK, "hello\n", "", 0),
        ("", Status.OK, "", "", 0),
        ("import sys; print(1); print(2, file=sys.stderr); sys.exit(3)", Status.ERROR, "1\n", "2\n", 3),
        ("print(1)\nraise ValueError('no')", Status.ERROR, "1\n", "ValueError: no\n", 1),
        ("import os; os.abort()", Status.SIGNAL, "", "", -signal.SIGABRT),
        ("raise MemoryError", Status.MEMORY, "", "MemoryError\n", 1),
        ("while True: pass", Status.CPU, "", "", -signal.SIGXCPU),
        ("import time; print('before', flush=True); time.sleep(60)", Status.TIMEOUT, "before\n", "", None),
        ("import os; os.close(1); os.close(2)\nwhile True: os.sched_yield()", Status.TIMEOUT, "", "", None),
        ("while True: print('x' * 1000)", Status.OUTPUT, None, "", None),
        ("import os; os.write(1, b'\\xff\\x00')", Status.OK, "\ufffd\x00", "", 0),
        ("print(repr(\ud800))", Status.ERROR, "", None, 1),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, Status) else None,
)
def test_a_program_ends_as_it_would_anywhere(
    daemon: Daemon, code: str, status: Status, stdout: str | None, stderr: str | None, exit_code: int | None
) -> None:
    timeout_s = 0.5 if status is Status.TIMEOUT else 20.0
    (execution,) = run(Program(code, timeout_s=timeout_s), cpu_s=1.0 if status is Status.CPU else None)
    assert (execution.status, execution.exit_code) == (status, exit_code), execution
    assert stdout is None or execution.stdout == stdout
    assert stderr is None or execution.stderr.endswith(stderr)
    assert execution.isolation == "namespaces"
    assert "starting processes" in execution.missing[0]


def test_a_program_gets_its_files_and_its_stdin(daemon: Daemon) -> None:
    code = "import os, helper\nprint(helper.X, input(), open('data/n.txt').read(), sorted(os.listdir()))"
    files = {"helper.py": b"X = 1", "data/n.txt": b"two"}
    (execution,) = run(Program(code, stdin="three\n", files=files))
    assert execution.stdout == "1 three two ['__pycache__', 'data', 'helper.py']\n", execution


def test_tracebacks_show_the_programs_lines_only(daemon: Daemon) -> None:
    (execution,) = run("def f():\n    1 / 0\nf()\n")
    assert execution.stderr.count("File") == execution.stderr.count('"main.py"') == 2


def test_long_output_keeps_head_and_tail(daemon: Daemon) -> None:
    (execution,) = run("for i in range(20000): print(i)", max_output_bytes=1000)
    assert execution.stdout.startswith("0\n1\n")
    assert execution.stdout.endswith("19999\n")
    assert (execution.stdout_truncated, execution.stdout_bytes) == (True, 108_890)


def test_the_kernels_oom_killer_is_told_from_other_signals(daemon: Daemon) -> None:
    kill = "import os; os.kill(os.getpid(), 9)"
    assert run(kill)[0].status is Status.SIGNAL
    daemon.oom_killed = True
    assert run(kill)[0].status is Status.MEMORY
    assert run("print(1)")[0].status is Status.OK


def test_what_cannot_be_run_is_rejected_before_a_container_is_made(daemon: Daemon) -> None:
    programs = [Program("", timeout_s=0.0), Program("x" * 2**21), Program("", files={"a": bytes(2**20 + 1)})]
    programs.append(Program("", session="s"))
    assert [each.status for each in run(*programs, disk_mb=1)] == [Status.REJECTED] * 4
    assert not daemon.programs


def test_containers_are_locked_down(daemon: Daemon) -> None:
    run(Program("", memory_mb=100), memory_mb=512, disk_mb=7)
    config = daemon.programs[0].config
    host = config["HostConfig"]
    assert config["User"] == "65534:65534"
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] == host["MemorySwap"] == 100 * 2**20
    assert (host["PidsLimit"], host["NanoCpus"], host["LogConfig"]["Type"]) == (64, 10**9, "none")
    assert host["Tmpfs"]["/tmp"].endswith("size=7m")
    assert not {"Binds", "Devices", "CapAdd", "Privileged"} & {name for name, value in host.items() if value}


def test_at_most_so_many_containers_at_once(daemon: Daemon) -> None:
    executions = run(*(f"print({number})" for number in range(6)), workers=2)
    assert [each.stdout for each in executions] == [f"{number}\n" for number in range(6)]
    assert daemon.most == 2


def test_a_cancelled_call_removes_its_container(daemon: Daemon) -> None:
    async def main() -> None:
        executor = DockerExecutor(Spec())
        daemon.started.clear()
        running = asyncio.create_task(executor.run(Program("import time; print('up', flush=True); time.sleep(60)")))
        await asyncio.to_thread(daemon.started.wait, 30)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await executor.close()

    asyncio.run(main())


def test_closing_removes_what_runs_and_later_calls_report_infrastructure(daemon: Daemon) -> None:
    async def main() -> list[Execution]:
        executor = DockerExecutor(Spec())
        daemon.started.clear()
        running = asyncio.create_task(executor.run(Program("import time; print('up', flush=True); time.sleep(60)")))
        await asyncio.to_thread(daemon.started.wait, 30)
        await executor.close()
        return [await running, await executor.run(Program(""))]

    assert [each.status for each in asyncio.run(main())] == [Status.INFRASTRUCTURE] * 2


@pytest.mark.parametrize(("failures", "status", "attempts"), [(2, Status.OK, 3), (3, Status.INFRASTRUCTURE, 3)])
def test_a_failing_daemon_is_tried_again(daemon: Daemon, failures: int, status: Status, attempts: int) -> None:
    async def main() -> tuple[Execution, dict[str, float]]:
        executor = DockerExecutor(Spec())
        daemon.failures = ["no space left"] * failures
        execution = await executor.run(Program("print(1)"))
        await executor.close()
        return execution, executor.metrics().flat()

    execution, metrics = asyncio.run(main())
    assert (execution.status, execution.attempts) == (status, attempts)
    assert (status is Status.OK) != ("no space left" in execution.reason)
    assert metrics["events/retry/infrastructure"] == 2
    assert metrics[f"status/{status}"] == 1


def test_a_program_whose_output_was_cut_off_is_run_again(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker, "EXIT_S", 0.2)

    async def main() -> Execution:
        executor = DockerExecutor(Spec(timeout_s=0.5))
        daemon.drop = 1
        execution = await executor.run(Program("import time; print('up', flush=True); time.sleep(60)"))
        await executor.close()
        return execution

    execution = asyncio.run(main())
    assert (execution.status, execution.stdout, execution.attempts) == (Status.TIMEOUT, "up\n", 2)


def test_containers_of_dead_clients_are_removed_and_no_others(daemon: Daemon) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    mine = docker.owner()
    machine = mine.rpartition("/")[0].rpartition("/")[0]
    labels = [f"{machine}/{gone.pid}/1", mine, "elsewhere/pid:[1]/5/1", f"{machine}/{os.getpid()}/1", ""]
    boxes = [daemon.create({"Labels": {docker.LABEL: "docker", docker.OWNER: owner}}) for owner in labels]
    foreign = daemon.create({"Labels": {}})
    daemon.made.clear()
    asyncio.run(DockerExecutor(Spec()).close())
    assert set(daemon.boxes.values()) == {boxes[1], boxes[2], boxes[4], foreign}
    daemon.boxes.clear()


def test_without_a_daemon_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EnvironmentMissing, match=r"(?s)no Docker daemon answers at unix://.*DOCKER_HOST"):
        make_executor(Spec())


def test_an_absent_image_is_named(daemon: Daemon) -> None:
    with pytest.raises(EnvironmentMissing, match=r"docker pull ghcr\.io/none:1"):
        make_executor(Spec(image="ghcr.io/none:1"))


def test_sessions_are_refused(daemon: Daemon) -> None:
    with pytest.raises(UsageError, match="keeps no sessions"):
        make_executor(Spec(sessions=True))


def test_isolation_that_does_not_hold_is_refused(daemon: Daemon) -> None:
    with pytest.raises(EnvironmentMissing, match="containers give namespaces only"):
        make_executor(Spec(isolation="strict"))
    daemon.findings = HELD | {"network": False}
    with pytest.raises(EnvironmentMissing, match=r"give rlimits only \(not refused: network"):
        make_executor(Spec(isolation="namespaces"))


def test_an_image_that_cannot_run_programs_is_refused(daemon: Daemon) -> None:
    daemon.findings = None
    with pytest.raises(EnvironmentMissing, match=r"no program can be run in python:3\.11-slim: .*NameError"):
        make_executor(Spec())


@given(
    pieces=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40))),
    cuts=st.lists(st.integers(0, 2000)),
)
def test_frames_come_out_whole_however_the_stream_is_cut(pieces: list[tuple[int, bytes]], cuts: list[int]) -> None:
    sent = b"".join(struct.pack(">BxxxL", kind, len(data)) + data for kind, data in pieces)
    places = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    frames = Frames()
    got = [piece for start, end in pairwise(places) for piece in frames.feed(sent[start:end])]
    for stream in (1, 2):
        assert b"".join(d for kind, d in got if kind == stream) == b"".join(d for kind, d in pieces if kind == stream)


def test_a_real_daemon_runs_programs() -> None:
    pytest.importorskip("docker")
    try:
        made = DockerExecutor(Spec(timeout_s=10.0, memory_mb=128, workers=2))
    except EnvironmentMissing as missing:
        pytest.skip(str(missing))

    async def main() -> list[Execution]:
        programs = ["print(6 * 7)", "x = bytearray(10**9)", "import socket; socket.create_connection(('1.1.1.1', 80))"]
        try:
            return list(await asyncio.gather(*[made.run(Program(code)) for code in programs]))
        finally:
            await made.close()

    answer, memory, network = asyncio.run(main())
    assert (answer.status, answer.stdout, memory.status) == (Status.OK, "42\n", Status.MEMORY)
    assert network.status is Status.ERROR
