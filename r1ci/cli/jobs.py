"""What the verbs about jobs share: the cluster's address, following a job, how it ended."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from r1ci.cli.failure import failure_document, print_error
from r1ci.cli.replay import Replay
from r1ci.cli.settings import Settings
from r1ci.errors import EnvironmentMissing, R1ciError, UsageError

if TYPE_CHECKING:
    from r1ci.launch.jobs.client import Job, Jobs
    from r1ci.spec.sweep.models import Sweep

ADDRESS = "RAY_API_SERVER_ADDRESS"

address_option = click.option(
    "--address", metavar="URL", envvar=ADDRESS, help=f"The cluster's dashboard: http://head:8265 (default: {ADDRESS})."
)


def connect(address: str | None) -> Jobs:
    """The jobs of a cluster. Raises UsageError where none is named, EnvironmentMissing where none answers."""
    if address is None:
        raise UsageError("no cluster is named", f"give --address http://head:8265, or set {ADDRESS}")
    from r1ci.launch.jobs.client import Jobs

    return Jobs(address)


def follow(jobs: Jobs, job_id: str, settings: Settings) -> int:
    """Show a job as a run here would be shown, until it ends. Returns its exit code."""
    try:
        with Replay(settings, sweep_of(jobs.get(job_id))) as replay:
            job = jobs.follow(job_id, replay)
    except KeyboardInterrupt:
        click.echo(
            f"{job_id} goes on\nhelp: r1ci logs {job_id} --follow, r1ci stop {job_id} --address {jobs.address}",
            err=True,
        )
        return 130
    return ended(job, replay, settings)


def sweep_of(job: Job) -> Sweep | None:
    """The sweep that a job is; None where it is a run."""
    if "sweep" not in job.facts:
        return None
    from r1ci.spec.sweep.models import Sweep

    return Sweep.model_validate_json(job.facts["sweep"])


def ended(job: Job, replay: Replay, settings: Settings) -> int:
    """Say how a job ended, beyond what its run said, and return its exit code."""
    code = exit_code(job, replay)
    if settings.json and code and replay.end is None:
        click.echo(json.dumps(failure_document(mute(job)), ensure_ascii=False))
    if settings.json or not job.ended:
        return code
    best = (replay.end or {}).get("best")
    if best is not None:
        click.echo(f"best: trial {best['trial']}, {best['metric']:.4g}")
    for failure in replay.failures:
        print_error(R1ciError(f"{failure.step_id} failed: {failure.message}", failure.help), settings)
    if job.state == "stopped":
        click.echo(f"{job.id}: stopped", err=True)
    elif code and replay.end is not None and "error" in replay.end:
        print_error(error_of(replay.end["error"]), settings)
    elif code and replay.end is None:
        replay.print_other()
        print_error(mute(job), settings)
    elif code:
        click.echo(f"{job.id}: {'some cells failed' if code == 4 else 'failed'}", err=True)
    return code


def exit_code(job: Job, replay: Replay) -> int:
    """The exit code of the run inside a job, 130 for one that was stopped; 0 while it is running."""
    if not job.ended:
        return 0
    if job.state == "stopped":
        return 130
    said = replay.end or {}
    code = said["error"]["code"] if "error" in said else said.get("code", job.exit_code)
    return 0 if job.state == "succeeded" else int(code or mute(job).exit_code)


def mute(job: Job) -> R1ciError:
    """Of a job that ended before r1ci could say why: what Ray says, of a failed installation only pip's errors."""
    if "runtime_env setup failed" not in job.message:
        return R1ciError(f"{job.id} ended before r1ci could say why: {job.message}", f"r1ci logs {job.id} --raw")
    lines = [line.strip() for line in job.message.splitlines() if line.strip()]
    why = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")] or lines[-1:]
    return EnvironmentMissing(
        "\n".join([f"{job.id}: a node could not set up the environment of the job", *(f"  {line}" for line in why)]),
        f"r1ci --json status {job.id} has all that Ray says; --env cluster installs nothing, for nodes that have what "
        "r1ci needs",
    )


def error_of(said: dict[str, Any]) -> R1ciError:
    """The error that a run said ended it."""
    lines = [said["message"], *(f"  {each['message']}" for each in said.get("diagnostics", ()))]
    return R1ciError("\n".join(lines), said.get("help", ""))


def row(job: Job) -> dict[str, Any]:
    """A job as plain JSON values."""
    return {
        "job": job.id,
        "state": job.state,
        "run": job.facts.get("run"),
        "root": job.facts.get("root"),
        "command": job.facts.get("command"),
        "message": job.message,
        "started_s": job.started_s,
        "ended_s": job.ended_s,
        "exit_code": job.exit_code,
    }


def forwarded(given: tuple[str, ...]) -> dict[str, str]:
    """Variables for a job: NAME=VALUE as it is, NAME with its value here. Raises UsageError where it has none."""
    found = {name: os.environ[name] for name in ("R1CI_SET",) if name in os.environ}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals and name not in os.environ:
            raise UsageError(f"-e {name}: there is no such variable here", f"set it, or write -e {name}=VALUE")
        found[name] = value if equals else os.environ[name]
    return found
