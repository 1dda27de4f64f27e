"""Talking to a cluster's job server. Everything that goes wrong there comes out as one of our errors."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from r1ci.errors import EnvironmentMissing, R1ciError, UsageError

ANSWER_S = 10.0
"""How long a cluster may take to accept a connection."""
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
CHATTY = ("ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk", "ray._private.runtime_env.packaging")
"""Loggers of Ray that tell of every upload."""
RECONNECTS = 5
"""How often in a row following a log is begun again where the connection breaks."""


@dataclass(frozen=True)
class Job:
    """A job as the cluster tells of it."""

    id: str
    state: str
    """pending, running, succeeded, failed or stopped."""
    message: str
    started_s: float | None
    """Seconds since the epoch."""
    ended_s: float | None
    exit_code: int | None
    facts: Mapping[str, str]
    """What ``submit`` left there: ``command``, ``root``, ``run``, and ``sweep`` where it is one."""

    @property
    def ended(self) -> bool:
        """Whether it will not run any more."""
        return self.state.upper() in ENDED


class Jobs:
    """The jobs of one cluster. ``address`` is that of its dashboard: ``http://head:8265``.

    A token is sent as Ray does it: ``RAY_AUTH_TOKEN``, ``RAY_AUTH_TOKEN_PATH`` or ``~/.ray/auth_token``.

    Raises:
        EnvironmentMissing: nothing answers there, the token is missing or refused, a package is missing here.
    """

    def __init__(self, address: str) -> None:
        self.address = address if "://" in address else f"http://{address}"
        _knock(self.address)
        # Ray's own variables would win over the address that was asked for.
        os.environ["RAY_API_SERVER_ADDRESS"] = self.address
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        _send_tokens()
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError as error:
            raise EnvironmentMissing(f"submitting needs {error.name}", "pip install 'r1ci[cluster]'") from None
        for name in CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)
        with self._talking():
            self._client = JobSubmissionClient(self.address)

    def submit(
        self, job_id: str, command: str, environment: Mapping[str, Any], facts: Mapping[str, str], gpus: float = 0
    ) -> None:
        """Start a job."""
        with self._talking():
            self._client.submit_job(
                entrypoint=command,
                submission_id=job_id,
                runtime_env=dict(environment),
                metadata=dict(facts),
                entrypoint_num_gpus=gpus or None,
            )

    def all(self) -> list[Job]:
        """Every job that r1ci submitted, oldest first."""
        with self._talking():
            found = [_job(details) for details in self._client.list_jobs() if details.submission_id]
        return sorted((job for job in found if "run" in job.facts), key=lambda job: job.started_s or 0.0)

    def get(self, job_id: str) -> Job:
        """One job. Raises UsageError where the cluster has none of that id."""
        with self._talking(job_id):
            return _job(self._client.get_job_info(job_id))

    def log(self, job_id: str) -> str:
        """All that a job has printed so far."""
        with self._talking(job_id):
            return str(self._client.get_job_logs(job_id))

    def follow(self, job_id: str, tell: Callable[[str], None]) -> Job:
        """Tell a job's lines, from the first on, until it ends; goes on where the connection breaks."""
        lines = _Lines(tell)
        for _ in range(RECONNECTS):
            with self._talking(job_id):
                try:
                    asyncio.run(self._tail(job_id, lines))
                except RuntimeError:
                    if not lines.moved():
                        continue
                job = _job(self._client.get_job_info(job_id))
                if job.ended:
                    lines.end(str(self._client.get_job_logs(job_id)))
                    return job
        raise EnvironmentMissing(
            f"the connection to {self.address} breaks again and again",
            f"the job goes on: r1ci logs {job_id} --follow --address {self.address}",
        )

    def stop(self, job_id: str) -> None:
        """Ask a job to stop; it is interrupted as by Ctrl-C, and killed if it does not heed that."""
        with self._talking(job_id):
            self._client.stop_job(job_id)

    async def _tail(self, job_id: str, lines: _Lines) -> None:
        lines.again()
        async for text in self._client.tail_job_logs(job_id):
            lines.take(text)

    @contextmanager
    def _talking(self, job_id: str = "") -> Iterator[None]:
        import aiohttp
        import requests
        from ray.exceptions import AuthenticationError

        try:
            yield
        except AuthenticationError as error:
            raise _refused(self.address, error) from None
        except (ConnectionError, requests.RequestException, aiohttp.ClientError) as error:
            raise (_gone(self.address, job_id, str(error)) if job_id else _silent(self.address, str(error))) from None
        except RuntimeError as error:
            text = str(error)
            if job_id and "does not exist" in text:
                raise UsageError(
                    f"the cluster at {self.address} has no job '{job_id}'", "r1ci status lists its jobs"
                ) from None
            raise R1ciError(f"the job server at {self.address} says: {text}", _hint(text)) from None


class _Lines:
    """Cuts a log that arrives in pieces, perhaps again from its beginning, into lines told once each."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell, self._rest = tell, ""
        self._told = self._seen = self._before = 0

    def again(self) -> None:
        """The log begins from its beginning."""
        self._before, self._seen, self._rest = self._told, 0, ""

    def moved(self) -> bool:
        """Whether anything new came since it last began."""
        return self._told > self._before

    def take(self, text: str) -> None:
        """The next piece."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._seen += 1
            if self._seen > self._told:
                self._told = self._seen
                self._tell(line)

    def end(self, whole: str) -> None:
        """Tell what of the whole log has not been told."""
        self.again()
        self.take(whole if whole.endswith("\n") or not whole else whole + "\n")


def _job(details: Any) -> Job:
    started, ended = details.start_time, details.end_time
    return Job(
        details.submission_id,
        str(getattr(details.status, "value", details.status)).lower(),
        details.message or "",
        None if not started else started / 1000,
        None if not ended else ended / 1000,
        details.driver_exit_code,
        details.metadata or {},
    )


def _knock(address: str) -> None:
    """See that something listens; the client itself would wait for minutes."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"'{address}' is not the address of a cluster's job server",
            "give that of its dashboard, for example http://head:8265",
        )
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        socket.create_connection((parts.hostname, port), timeout=ANSWER_S).close()
    except (OSError, ValueError) as error:
        raise _silent(address, str(error)) from None


def _send_tokens() -> None:
    """Turn on Ray's token authentication where there is a token and nobody said otherwise."""
    from pathlib import Path

    given = "RAY_AUTH_TOKEN" in os.environ or "RAY_AUTH_TOKEN_PATH" in os.environ
    if given or (Path.home() / ".ray" / "auth_token").is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


def _silent(address: str, reason: str) -> EnvironmentMissing:
    return EnvironmentMissing(
        f"no Ray job server answers at {address}: {reason}",
        "start the cluster with `ray start --head --dashboard-host 0.0.0.0` (it needs ray[default] there), and give "
        "the address that it prints for its dashboard; behind a firewall, forward the port first",
    )


def _gone(address: str, job_id: str, reason: str) -> EnvironmentMissing:
    return EnvironmentMissing(
        f"the job server at {address} does not answer any more: {reason}",
        f"where only the connection broke, the job goes on: r1ci logs {job_id} --follow --address {address}; where the "
        "cluster's head is lost, so is the job: submit it again, finished steps and checkpoints are in the store",
    )


def _refused(address: str, error: Exception) -> EnvironmentMissing:
    what = "wants a token" if "required" in str(error) else "refuses the token that was sent"
    return EnvironmentMissing(
        f"the cluster at {address} {what}",
        "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH to the token that the cluster was started "
        "with (on its head: `ray get-auth-token`)",
    )


def _hint(text: str) -> str:
    return "the cluster's dashboard and its agent have logs of it" if "500" in text else ""
