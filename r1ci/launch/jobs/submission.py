"""From a spec and a working tree to a job on a cluster."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import r1ci
from r1ci.errors import UsageError
from r1ci.launch.jobs.client import Jobs
from r1ci.launch.jobs.environment import pinned
from r1ci.launch.jobs.package import Tree, pack
from r1ci.store.files import write_json
from r1ci.store.provenance import CARRIED, git

STOP_S = 30
"""How long a stopped job may take to leave word of how far it is before it is killed."""


@dataclass(frozen=True)
class Submission:
    """What is to run on the cluster: ``r1ci <words>`` in a folder of the working tree."""

    name: str
    """Of the run or sweep."""
    words: tuple[str, ...]
    """Verb, spec and what follows; paths are relative to ``folder``."""
    folder: Path
    """Relative to the tree's root."""
    root: str
    """The store: an absolute path that the cluster's nodes share, or a URL."""
    packages: Literal["pip", "cluster"] = "pip"
    """pip: each node installs the versions that are installed here; cluster: the nodes have what is needed."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment of the job. Whoever may read the cluster's jobs can read it."""
    sweep: str | None = None
    """The sweep as JSON, kept with the job so that its log can be shown anywhere."""

    @property
    def command(self) -> str:
        """The shell command that the job is."""
        words = ("python", "-m", "r1ci", "--json", "--root", self.root, *self.words)
        return f"cd {shlex.quote(self.folder.as_posix())} && exec {shlex.join(words)}"


def submit(jobs: Jobs, submission: Submission, tree: Tree) -> str:
    """Send the tree and the environment, start the job, and return its id.

    Raises:
        UsageError: the tree is too large, or the same job is running already.
        EnvironmentMissing: the cluster does not answer, or refuses the token.
    """
    # The copy holds just what is to be sent: Ray is not to apply ignore files to it once more.
    os.environ["RAY_RUNTIME_ENV_IGNORE_GITIGNORE"] = "1"
    with tempfile.TemporaryDirectory(prefix="r1ci-") as scratch:
        copy = Path(scratch) / "tree"
        copy.mkdir()
        content = pack(tree, copy)
        environment: dict[str, Any] = {"working_dir": str(copy), "env_vars": _variables(submission)}
        if not _is_ours(tree):
            environment["py_modules"] = [str(_code(Path(scratch)))]
        _carry_git(copy if _is_ours(tree) else Path(scratch))
        if submission.packages == "pip":
            environment["pip"] = {"packages": pinned(), "pip_check": False}
        job_id = _free_id(jobs, submission, _digest(content, submission))
        facts = {"run": submission.name, "root": submission.root, "command": shlex.join(submission.words)}
        facts |= {} if submission.sweep is None else {"sweep": submission.sweep}
        jobs.submit(job_id, submission.command, environment, {**facts, "r1ci": r1ci.__version__})
    return job_id


def job_id_after(base: str, taken: Collection[str]) -> str:
    """The id itself if it is free, else with the lowest number that makes it so."""
    number = 2
    found = base
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    return found


def _free_id(jobs: Jobs, submission: Submission, digest: str) -> str:
    base = f"{submission.name}-{digest[:8]}"
    same = {job.id: job for job in jobs.all() if job.id == base or job.id.startswith(f"{base}-")}
    for job in same.values():
        if not job.ended:
            raise UsageError(
                f"job {job.id} is the same and is {job.state}",
                f"watch it with r1ci logs {job.id} --follow, or end it with r1ci stop {job.id}",
            )
    return job_id_after(base, same)


def _digest(content: str, submission: Submission) -> str:
    said = [content, submission.command, submission.packages, sorted(submission.variables)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _variables(submission: Submission) -> dict[str, str]:
    return {
        "PYTHONUNBUFFERED": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_JOB_STOP_SIGNAL": "SIGINT",
        "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_S),
        **submission.variables,
    }


def _is_ours(tree: Tree) -> bool:
    """Whether the tree holds the very r1ci that is running here."""
    return (tree.root / "r1ci").resolve() == Path(r1ci.__file__).resolve().parent


def _code(to: Path) -> Path:
    """A copy of r1ci's own code: jobs of a tree without it run what runs here."""
    shutil.copytree(Path(r1ci.__file__).parent, to / "r1ci", ignore=shutil.ignore_patterns("__pycache__"))
    return to / "r1ci"


def _carry_git(above: Path) -> None:
    known = git()
    if known is not None:
        write_json(above / "r1ci" / CARRIED, known)
