"""A Ray cluster of processes of its own, with a job server and a token, for the end-to-end tests."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

TOKEN = "a-token-of-the-tests-of-at-least-some-length"
PATIENCE_S = 240.0


class RayCluster:
    """``ray start`` once for the head, and again for every further node. Ends what it started."""

    def __init__(self, scratch: Path) -> None:
        self._scratch, self._nodes = scratch, []
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "OMP_NUM_THREADS": "1",
            "NO_COLOR": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
        }
        self._gcs, dashboard = free_port(), free_port()
        self.address = f"http://127.0.0.1:{dashboard}"
        head = ["--head", "--include-dashboard=true", f"--port={self._gcs}", f"--dashboard-port={dashboard}"]
        self.head = self._start([*head, f"--temp-dir={scratch}"])
        self.wait_until(lambda: self._answers("/api/version"), "the head")

    def add_node(self) -> "subprocess.Popen[bytes]":
        """Another node of one CPU; returns at once."""
        return self._start([f"--address=127.0.0.1:{self._gcs}"])

    def nodes(self) -> int:
        """How many nodes are alive."""
        text = self._get("/api/v0/nodes?detail=false") or ""
        return text.count('"state": "ALIVE"')

    def wait_for_nodes(self, count: int) -> None:
        self.wait_until(lambda: self.nodes() >= count, f"{count} nodes")

    def kill(self, node: "subprocess.Popen[bytes]") -> None:
        """End a node with all its processes, without a word."""
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()

    def close(self) -> None:
        for node in reversed(self._nodes):
            if node.poll() is None:
                self.kill(node)

    def r1ci(self, *words: str, cwd: Path, extra: Mapping[str, str] = {}) -> "subprocess.Popen[str]":
        """The command line, as a user on another machine has it; its output is one stream."""
        environment = {**self.environment, **extra}
        command = [sys.executable, "-m", "r1ci", *words]
        return subprocess.Popen(
            command, cwd=cwd, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def _start(self, words: list[str]) -> "subprocess.Popen[bytes]":
        agent = f"--dashboard-agent-listen-port={free_port()}"
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus=1", agent, *words]
        with (self._scratch / f"node-{len(self._nodes)}.log").open("wb") as log:
            node = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        self._nodes.append(node)
        return node

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Wait for something that the cluster is to do."""
        end = time.monotonic() + PATIENCE_S
        while not ready():
            assert time.monotonic() < end, f"{what} did not come up: see {self._scratch}"
            time.sleep(0.5)

    def _answers(self, path: str) -> bool:
        return self._get(path) is not None

    def _get(self, path: str) -> str | None:
        request = urllib.request.Request(self.address + path, headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
