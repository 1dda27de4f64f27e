"""The docker executor: a container of its own for each program.

A container has no network, a read-only root, one tmpfs of ``disk_mb`` as working directory, no capabilities, no new
privileges, an unprivileged user, the memory, process and CPU limits of the spec, and no log on the daemon's disk. Code,
files and stdin go in over the attached stdin, since nothing can be copied into a container whose root is read-only.
Before the program's first line the bootstrap writes one byte to stdout: it starts the clock, and it can be believed
because no line of the program has run by then. Whatever happens the container is removed; those of a client that died
are found by their labels and removed when the next executor is made.

What this does NOT protect against:

- kernel bugs, unless ``runtime`` names one that brings its own kernel (runsc);
- processes: programs may start them, up to the limit on processes, whatever ``subprocesses`` says;
- an image with volumes: they are writable and their size is not limited;
- if this process is killed, running containers go on until the next executor is made on this machine;
- an exit code above 128 is read as a signal: Docker reports both alike;
- whoever may talk to the Docker daemon is root on its machine.

CPU time and peak memory are not measured, only limited.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import signal
import socket
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from threading import Event, Lock
from typing import Any

from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.executors.capture import Capture
from r1ci.executors.limits import OPEN_FILES, PROCESSES, Limits, hard_output_bytes, limits_of, objection
from r1ci.executors.metrics import Metrics, Snapshot
from r1ci.executors.protocol import Execution, Program, Status
from r1ci.executors.sandbox import probe
from r1ci.executors.sandbox import program as runner
from r1ci.spec.models import DockerExecutor as DockerSpec

ATTEMPTS = 3
"""How often a program is tried whose container could not be run."""
SETUP_S = 60.0
"""Seconds a container may take to its program's first line."""
EXIT_S = 5.0
"""Seconds a container may run on after its output has ended: longer, and the stream broke and output is missing."""
API_S = 60.0
"""Seconds the daemon may take to answer."""
LABEL, OWNER = "r1ci.executor", "r1ci.owner"
"""Labels of our containers: what they are for, and the process that made them."""

_USER = "65534:65534"
_ENVIRONMENT = {
    "HOME": "/tmp",
    "TMPDIR": "/tmp",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
BOOT = """
import json, os, sys, types

def take(size):
    parts = []
    while size:
        part = os.read(0, min(size, 65536))
        if not part:
            sys.exit("the program did not arrive whole")
        size -= len(part)
        parts.append(part)
    return b"".join(parts)

head = json.loads(take(int(take(10))))
for name, size in head["files"]:
    if os.path.dirname(name):
        os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "wb") as file:
        file.write(take(size))
code, stdin = take(head["code"]), take(head["stdin"])
if stdin:
    with open(".stdin", "w+b", 0) as file:
        file.write(stdin)
        file.seek(0)
        os.dup2(file.fileno(), 0)
    os.unlink(".stdin")
else:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
runner = types.ModuleType("runner")
runner.__file__ = "<runner>"
exec(compile(head["runner"], runner.__file__, "exec"), runner.__dict__)
main = runner.fresh_main()
sys.stdout.reconfigure(line_buffering=True)
os.write(1, b"\\n")
runner.finish(runner.execute(code, main, ()))
"""
"""Run by the container's Python: takes in what ``bundle`` made, writes the byte that starts the clock, runs it."""


def bundle(program: Program) -> bytes:
    """A program with its files and stdin as the bootstrap reads them."""
    code, stdin = (text.encode("utf-8", "surrogatepass") for text in (program.code, program.stdin))
    files = list(program.files.items())
    head = {
        "files": [[name, len(content)] for name, content in files],
        "code": len(code),
        "stdin": len(stdin),
        "runner": Path(runner.__file__).read_text(encoding="utf-8"),
    }
    text = json.dumps(head).encode()
    return b"".join([b"%10d" % len(text), text, *(content for _, content in files), code, stdin])


class Frames:
    """Takes the daemon's stream apart: frames of stdout (1) and stderr (2), each behind a header of eight bytes."""

    def __init__(self) -> None:
        self._rest = b""
        self._stream = self._left = 0

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The pieces of output that these next bytes hold, in order."""
        data = self._rest + data
        pieces = []
        while data:
            if not self._left:
                if len(data) < 8:
                    break
                self._stream, self._left = data[0], int.from_bytes(data[4:8], "big")
                data = data[8:]
            part = data[: self._left]
            self._left -= len(part)
            data = data[len(part) :]
            if part:
                pieces.append((self._stream, part))
        self._rest = data
        return pieces


class Killed(Enum):
    """Why a container was removed before its program ended."""

    TIMEOUT = "timeout"
    OUTPUT = "output"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Ending:
    """The facts about one container."""

    stdout: Capture
    stderr: Capture
    started: bool
    """The bootstrap came to the program's first line."""
    exit_code: int | None = None
    out_of_memory: bool = False
    killed: Killed | None = None
    setup_s: float = 0.0
    wall_s: float = 0.0


def judge(ending: Ending, limits: Limits) -> Execution:
    """Turn the facts about a container into an execution. Pure."""
    status, reason, code = _status(ending, limits)
    return Execution(
        status=status,
        stdout=ending.stdout.text(),
        stderr=ending.stderr.text(),
        exit_code=code,
        stdout_bytes=ending.stdout.total,
        stderr_bytes=ending.stderr.total,
        stdout_truncated=ending.stdout.truncated,
        stderr_truncated=ending.stderr.truncated,
        wall_s=ending.wall_s,
        setup_s=ending.setup_s,
        reason=reason,
    )


def _status(ending: Ending, limits: Limits) -> tuple[Status, str, int | None]:
    """Status, reason, and the exit code as subprocess has it."""
    if ending.killed is Killed.CANCELLED:
        return Status.INFRASTRUCTURE, "cancelled", None
    if not ending.started:
        said = ending.stderr.text().strip() or f"exit code {ending.exit_code}"
        return Status.INFRASTRUCTURE, f"the container did not come up: {said.splitlines()[-1]}", None
    if ending.killed is Killed.OUTPUT:
        return Status.OUTPUT, f"wrote more than {hard_output_bytes(limits.max_output_bytes)} bytes", None
    if ending.killed is Killed.TIMEOUT:
        return Status.TIMEOUT, f"ran longer than {limits.timeout_s:g} s", None
    code = ending.exit_code or 0
    if code == runner.MEMORY_EXIT or (code and ending.out_of_memory):
        return Status.MEMORY, f"needed more than {limits.memory_mb} MB of memory", _signed(code)
    if _signed(code) == -signal.SIGXCPU:
        return Status.CPU, f"used more than {limits.cpu_s:g} s of CPU time", -signal.SIGXCPU
    if _signed(code) < 0:
        return Status.SIGNAL, f"killed by {signal.Signals(-_signed(code)).name}", _signed(code)
    return (Status.ERROR if code else Status.OK), "", code


def _signed(code: int) -> int:
    """A container's exit code with signals as negative numbers; an uncaught MemoryError exits with 1."""
    if code == runner.MEMORY_EXIT:
        return 1
    return 128 - code if code - 128 in {each.value for each in signal.Signals} else code


def too_large(program: Program, disk_mb: int) -> str | None:
    """Why a program's files do not fit into its working directory; None if they do."""
    size = sum(map(len, program.files.values())) + len(program.stdin)
    if size > disk_mb * 2**20:
        return f"files and stdin of {size} bytes: a program has {disk_mb} MB of disk"
    return None


def owner() -> str:
    """This process, told apart from every other one on every machine, also from later ones with the same number."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"


def is_gone(label: str) -> bool:
    """Whether a container's owner ran on this machine and does not run any more."""
    machine, _, process = label.rpartition("/")[0].rpartition("/")
    return machine == _machine() and process.isdecimal() and _started(int(process)) != label.rpartition("/")[2]


def _machine() -> str:
    """This boot of this machine, and the process namespace, in which alone process numbers mean something."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{os.readlink('/proc/self/ns/pid')}"


def _started(pid: int) -> str:
    """When a process started, in clock ticks since the boot; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return ""


def container(api: Any, spec: DockerSpec, limits: Limits, *, init: bool) -> dict[str, Any]:
    """What the daemon is asked for: the arguments of ``create_container``."""
    from docker.types import LogConfig, Ulimit

    cpu = math.ceil(limits.cpu_s)
    return {
        "image": spec.image,
        "entrypoint": ["python3"],
        "command": ["-I", "-c", BOOT],
        "user": _USER,
        "working_dir": "/tmp",
        "environment": _ENVIRONMENT,
        "stdin_open": True,
        "labels": {LABEL: "docker", OWNER: owner()},
        "healthcheck": {"test": ["NONE"]},
        "use_config_proxy": False,  # it would put the proxies of this machine, passwords included, into the container
        "host_config": api.create_host_config(
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": f"rw,nosuid,nodev,noexec,mode=1777,size={limits.disk_mb}m"},
            shm_size="16m",
            mem_limit=f"{limits.memory_mb}m",
            memswap_limit=f"{limits.memory_mb}m",
            nano_cpus=10**9,
            pids_limit=PROCESSES,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges:true"],
            ulimits=[
                Ulimit(name="cpu", soft=cpu, hard=cpu + 1),
                Ulimit(name="nofile", soft=OPEN_FILES, hard=OPEN_FILES),
                Ulimit(name="core", soft=0, hard=0),
            ],
            log_config=LogConfig(type="none"),
            init=init,
            runtime=spec.runtime,
        ),
    }


class Cancel:
    """A request to stop, from any thread: it wakes the one that waits for the container's output."""

    def __init__(self) -> None:
        self.asked = Event()
        self._lock = Lock()
        self._stream: socket.socket | None = None

    def watch(self, stream: socket.socket | None) -> None:
        """The stream to shut down when asked; None before it is closed."""
        with self._lock:
            self._stream = stream
            if self.asked.is_set():
                self._shut()

    def ask(self) -> None:
        """Stop."""
        self.asked.set()
        with self._lock:
            self._shut()

    def _shut(self) -> None:
        if self._stream is not None:
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)


class _Reader:
    """Reads one container's output until its program ends or must be stopped."""

    def __init__(self, stream: socket.socket, limits: Limits, cancel: Cancel) -> None:
        self._stream, self._limits, self._cancel = stream, limits, cancel
        self._frames = Frames()
        self.stdout = Capture("stdout", limits.max_output_bytes)
        self.stderr = Capture("stderr", limits.max_output_bytes)
        self.started: float | None = None
        self.deadline = time.monotonic() + SETUP_S

    def read(self) -> Killed | None:
        """None when the stream has ended by itself. Raises TimeoutError if the program never began."""
        hard = hard_output_bytes(self._limits.max_output_bytes)
        while (left := self.deadline - time.monotonic()) > 0:
            self._stream.settimeout(left)
            try:
                data = self._stream.recv(65_536)
            except TimeoutError:
                break
            for kind, piece in self._frames.feed(data):
                self._take(kind, piece)
            if self.stdout.total + self.stderr.total > hard:
                return Killed.OUTPUT
            if not data:
                return Killed.CANCELLED if self._cancel.asked.is_set() else None
        if self.started is None:
            raise TimeoutError(f"the container did not come up within {SETUP_S:g} s")
        return Killed.TIMEOUT

    def _take(self, kind: int, piece: bytes) -> None:
        if self.started is None and kind == 1:
            self.started = time.monotonic()
            self.deadline = self.started + self._limits.timeout_s
            piece = piece[1:]
        (self.stdout if kind == 1 else self.stderr).add(piece)


class DockerExecutor:
    """Runs programs in containers; any number of concurrent calls, at most ``workers`` containers at once.

    When it is made, a program that attempts forbidden things is run in a container to learn what holds. Raises
    EnvironmentMissing without a daemon, without the image, or if less isolation holds than the spec asks for;
    UsageError if the spec asks for sessions, which need a process that stays.
    """

    def __init__(self, spec: DockerSpec) -> None:
        if spec.sessions:
            raise UsageError(
                "executor.sessions: the docker executor keeps no sessions", "set executor.sessions to false, or use "
                "executor.kind local or ray"
            )  # fmt: skip
        self._spec = spec
        self._api = _connect(spec)
        self._metrics = Metrics()
        self._running: set[Cancel] = set()
        self._sweep()
        self._isolation = self._probe()
        self._pool = ThreadPoolExecutor(spec.workers, thread_name_prefix="r1ci-docker")

    async def run(self, program: Program) -> Execution:
        """Run one program. Never raises for what the program or the daemon did; cancelling the call removes the
        container."""
        session = "the docker executor keeps no sessions" if program.session else None
        if reason := session or objection(program) or too_large(program, self._spec.disk_mb):
            execution = Execution(Status.REJECTED, reason=reason)
        else:
            cancel = Cancel()
            self._running.add(cancel)
            try:
                loop = asyncio.get_running_loop()
                execution = await loop.run_in_executor(self._pool, self._try, program, cancel, time.monotonic())
            except RuntimeError as error:  # closed, or no thread could be started
                execution = Execution(Status.INFRASTRUCTURE, reason=str(error))
            except asyncio.CancelledError:
                await asyncio.to_thread(cancel.ask)
                raise
            finally:
                self._running.discard(cancel)
        execution = replace(execution, isolation=self._isolation.level, missing=self._isolation.missing)
        for _ in range(execution.attempts - 1):
            self._metrics.event("retry/infrastructure")
        self._metrics.record(execution)
        return execution

    async def end(self, session: str) -> None:
        """Every program starts from nothing."""

    def metrics(self) -> Snapshot:
        """What has been run so far."""
        return self._metrics.snapshot({"in_flight": len(self._running)})

    async def close(self) -> None:
        """Remove every container and free the threads. Later calls of ``run`` report infrastructure."""
        for cancel in list(self._running):
            await asyncio.to_thread(cancel.ask)
        await asyncio.to_thread(self._pool.shutdown)
        self._api.close()

    def _try(self, program: Program, cancel: Cancel, submitted: float) -> Execution:
        """Run a program, again if the daemon failed. In a thread."""
        queue_s = time.monotonic() - submitted
        for attempt in range(1, ATTEMPTS + 1):
            execution = self._once(program, cancel)
            if execution.status is not Status.INFRASTRUCTURE or cancel.asked.wait(0.05 * 2**attempt):
                break
        return replace(execution, queue_s=queue_s, attempts=attempt)

    def _once(self, program: Program, cancel: Cancel, *, init: bool = True) -> Execution:
        from docker.errors import DockerException

        limits = limits_of(program, self._spec)
        if cancel.asked.is_set():
            return Execution(Status.INFRASTRUCTURE, reason="cancelled")
        name = ""
        began = time.monotonic()
        try:
            name = self._api.create_container(**container(self._api, self._spec, limits, init=init))["Id"]
            return judge(self._converse(name, program, limits, cancel, began), limits)
        except (DockerException, OSError) as error:
            return Execution(Status.INFRASTRUCTURE, reason=f"Docker: {error}")
        finally:
            if name:
                self._remove(name)

    def _converse(self, name: str, program: Program, limits: Limits, cancel: Cancel, began: float) -> Ending:
        raw = self._api.attach_socket(name, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
        stream: socket.socket = getattr(raw, "_sock", raw)
        reader = _Reader(stream, limits, cancel)
        cancel.watch(stream)
        try:
            self._api.start(name)
            stream.settimeout(SETUP_S)
            stream.sendall(bundle(program))
            killed, code, out_of_memory = reader.read(), None, False
            ended = time.monotonic()
            if killed is None:
                code = int(self._api.wait(name, timeout=EXIT_S)["StatusCode"])
                out_of_memory = bool(self._api.inspect_container(name)["State"].get("OOMKilled"))
        finally:
            cancel.watch(None)
            stream.close()
            raw.close()
        started = ended if reader.started is None else reader.started
        return Ending(
            reader.stdout,
            reader.stderr,
            reader.started is not None,
            code,
            out_of_memory,
            killed,
            setup_s=started - began,
            wall_s=ended - started,
        )

    def _remove(self, name: str) -> None:
        """Kill and remove a container. One that the daemon will not remove is left to the next executor's sweep."""
        from docker.errors import DockerException, NotFound

        for _ in range(2):
            try:
                return self._api.remove_container(name, force=True, v=True)  # type: ignore[no-any-return]
            except NotFound:
                return
            except (DockerException, OSError):
                continue

    def _sweep(self) -> None:
        """Remove the containers of clients that died on this machine."""
        from docker.errors import DockerException

        try:
            found: list[Mapping[str, Any]] = self._api.containers(all=True, filters={"label": f"{LABEL}=docker"})
        except (DockerException, OSError) as error:
            raise EnvironmentMissing(
                f"executor.kind docker: the daemon does not list its containers: {error}", "restart the daemon"
            ) from error
        for each in found:
            if is_gone(each["Labels"].get(OWNER, "")):
                self._remove(each["Id"])
                self._metrics.event("restart/leftover")

    def _probe(self) -> probe.Isolation:
        """What isolation holds in a container."""
        with tempfile.NamedTemporaryFile() as secret, socket.create_server(("127.0.0.1", 0)) as listener:
            # Small numbers exist in every container.
            asked = [secret.name, "/usr/r1ci-probe", max(1000, os.getpid()), listener.getsockname()[1]]
            # The probe wants to be process 1, whose place an init would take.
            execution = self._once(Program(probe.PROGRAM, json.dumps(asked)), Cancel(), init=False)
        try:
            found = probe.isolation(execution.stdout, {})
        except (ValueError, KeyError) as error:
            raise EnvironmentMissing(
                f"executor.kind docker: no program can be run in {self._spec.image}: "
                f"{execution.reason or execution.stderr.strip() or execution.status.value}",
                "the image needs python3 (3.11 or later) on its PATH; executor.runtime must be one the daemon knows",
            ) from error
        if not found.suffices(self._spec.isolation):
            raise EnvironmentMissing(
                f"executor.isolation {self._spec.isolation}: containers give {found.level} only "
                f"({'; '.join(found.missing)})",
                f"set executor.isolation to {found.level}, or use executor.kind local",
            )
        return found


def _connect(spec: DockerSpec) -> Any:
    """The daemon's API, after it has answered and is known to have the image."""
    try:
        import docker
        from docker.errors import DockerException, ImageNotFound
    except ImportError as error:
        raise EnvironmentMissing(
            "executor.kind docker needs the package docker, which is not installed", "pip install 'r1ci[docker]'"
        ) from error
    at = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        api = docker.from_env(timeout=API_S, max_pool_size=2 * spec.workers + 2).api
        api.inspect_image(spec.image)
    except ImageNotFound as error:
        raise EnvironmentMissing(
            f"executor.image: the Docker daemon at {at} has no image {spec.image}", f"docker pull {spec.image}"
        ) from error
    except (DockerException, OSError) as error:
        raise EnvironmentMissing(
            f"executor.kind docker: no Docker daemon answers at {at}: {error}",
            "start one, put its address into DOCKER_HOST, or use executor.kind local",
        ) from error
    return api
