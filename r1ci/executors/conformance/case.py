"""One snippet of the conformance suite, what must happen to it, and the judging: data and pure functions.

A case names the isolation levels at which it must be contained (``holds``). At those, one of its ``wants`` must be
met; at weaker ones, one of ``otherwise``: a level is never blamed for what it does not promise, and never let off what
it does. Whatever the level, an infrastructure error is a failure: no program may cause one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from r1ci.executors.protocol import Execution, Program, Status

LEVELS = ("rlimits", "landlock", "namespaces", "strict")
"""From the weakest to the strictest."""
EVERYWHERE = frozenset(LEVELS)
"""Every process of its own with limits does this."""
CONFINED = frozenset({"landlock", "namespaces", "strict"})
"""Files and network of the host are out of reach: namespaces or Landlock do this."""
FILTERED = frozenset({"landlock", "strict"})
"""System calls are filtered."""
ENCLOSED = frozenset({"namespaces", "strict"})
"""Process and mount namespaces of its own."""

TIMEOUT_S = 10.0
"""Wall-clock limit of a case that names none: far more than it needs."""
MEMORY_MB = 384
"""Memory limit of a case that names none."""
DISK_MB = 16
"""Size of a program's folder that the cases of resources count on."""
TOKEN = "@TOKEN@"
"""Stands in a snippet for a word of this run that no other file, process or socket carries."""
PORT = "@PORT@"
"""Stands in a snippet for a TCP port on 127.0.0.1 that somebody listens on."""
SKIP = "skip"
"""What a snippet prints that cannot be tried where it runs, for example without numpy."""


class Setting(StrEnum):
    """How the executor is made that a case runs on."""

    PLAIN = "plain"
    SUBPROCESSES = "subprocesses"
    SESSIONS = "sessions"


@dataclass(frozen=True)
class Want:
    """What must hold of an execution; empty fields say nothing."""

    status: tuple[Status, ...] = (Status.OK,)
    words: tuple[str, ...] = ()
    """All of stdout, but for white space around it, is one of these."""
    shows: tuple[str, ...] = ()
    """Each is in stdout."""
    hides: tuple[str, ...] = ()
    """None is in stdout or stderr."""
    errors: tuple[str, ...] = ()
    """Each is in stderr."""
    begins: str = ""
    """Stdout begins with it."""
    ends: str = ""
    """Stdout ends with it, but for white space."""
    exit_codes: tuple[int, ...] = ()
    written: int | None = None
    """Bytes on stdout, those that were dropped included."""
    truncated: bool | None = None
    """Whether bytes of stdout or stderr were dropped."""
    wall_s: tuple[float, float] = (0.0, float("inf"))
    """Least and most seconds it ran."""
    memory_mb: float = float("inf")
    """Most memory it used."""
    fresh: bool = False
    """Stdout differs from what the programs before it printed."""


@dataclass(frozen=True)
class Case:
    """A program that is hostile or odd, and what must happen to it."""

    name: str
    group: str
    code: str
    wants: tuple[Want, ...] = (Want(),)
    """One of these must be met at the levels of ``holds``."""
    holds: frozenset[str] = EVERYWHERE
    otherwise: tuple[Want, ...] = ()
    """One of these must be met at the other levels."""
    stdin: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    first: tuple[str, ...] = ()
    """Programs run before it, whose effects it looks for."""
    timeout_s: float = TIMEOUT_S
    memory_mb: int = MEMORY_MB
    setting: Setting = Setting.PLAIN
    apart: bool = False
    """With sessions: the programs before it run in another session."""
    may_skip: bool = False
    """Whether it may print ``SKIP``."""
    note: str = ""
    """Why it is there, or what it looks like elsewhere."""


class Verdict(StrEnum):
    """What came of a case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


def level_of(execution: Execution) -> str:
    """The level an execution is judged by: the one it says it had; the weakest where it says none we know."""
    return execution.isolation if execution.isolation in LEVELS else LEVELS[0]


def judge(case: Case, execution: Execution, before: Sequence[Execution] = ()) -> tuple[Verdict, str]:
    """Whether what must happen at the execution's level has happened, and what is wrong if not."""
    if execution.status is Status.INFRASTRUCTURE:
        return Verdict.FAILED, f"infrastructure: {execution.reason or 'no reason given'}"
    if case.may_skip and execution.status is Status.OK and execution.stdout.strip() == SKIP:
        return Verdict.SKIPPED, execution.stderr.strip()
    level = level_of(execution)
    wants = case.wants if level in case.holds else case.otherwise
    problems = [difference(want, execution, before) for want in wants]
    if "" in problems:
        return Verdict.PASSED, ""
    ends = f" (the programs before it: {', '.join(f'{one.status}{_why(one)}' for one in before)})" if before else ""
    return Verdict.FAILED, ("; nor: ".join(problems) or f"nothing is expected at {level}") + ends


def difference(want: Want, execution: Execution, before: Sequence[Execution] = ()) -> str:
    """The first thing in which an execution is not as wanted; empty if it is."""
    out, err, text = execution.stdout, execution.stderr, execution.stdout + execution.stderr
    least, most = want.wall_s
    cut = execution.stdout_truncated or execution.stderr_truncated
    checks = (
        (
            execution.status in want.status,
            f"status {execution.status}{_why(execution)}, not {' or '.join(want.status)}",
        ),
        (not want.words or out.strip() in want.words, f"printed {brief(out)}, not {' or '.join(want.words)}"),
        (all(word in out for word in want.shows), f"{brief(out)} lacks {want.shows}"),
        (not any(word in text for word in want.hides), f"{brief(text)} shows one of {want.hides}"),
        (all(word in err for word in want.errors), f"stderr {brief(err)} lacks {want.errors}"),
        (out.startswith(want.begins), f"{brief(out)} does not begin with {brief(want.begins)}"),
        (out.rstrip().endswith(want.ends), f"{brief(out)} does not end with {brief(want.ends)}"),
        (not want.exit_codes or execution.exit_code in want.exit_codes, f"exit code {execution.exit_code}"),
        (want.written in (None, execution.stdout_bytes), f"{execution.stdout_bytes} bytes, not {want.written}"),
        (want.truncated in (None, cut), f"truncated: {cut}"),
        (least <= execution.wall_s <= most, f"ran {execution.wall_s:.3f} s, not {least:g} to {most:g}"),
        (execution.peak_memory_mb <= want.memory_mb, f"used {execution.peak_memory_mb:.0f} MB"),
        (not want.fresh or out not in {other.stdout for other in before}, f"printed {brief(out)} again"),
    )
    return next((problem for fine, problem in checks if not fine), "")


def programs(case: Case, token: str, port: int) -> list[Program]:
    """The programs of a case, the judged one last."""
    shared = f"{token}-{case.name}" if case.setting is Setting.SESSIONS else ""
    codes = (*case.first, case.code)
    return [
        Program(
            code=code.replace(TOKEN, token).replace(PORT, str(port)),
            stdin=case.stdin,
            files=case.files,
            session=f"{shared}-{index}" if shared and case.apart else shared,
            timeout_s=case.timeout_s,
            memory_mb=case.memory_mb,
        )
        for index, code in enumerate(codes)
    ]


def _why(execution: Execution) -> str:
    """What an execution says of its end: its reason, or the last line of stderr."""
    last = execution.reason or (execution.stderr.strip().splitlines() or [""])[-1]
    return f" ({last[:200]})" if last else ""


def brief(text: str) -> str:
    """A text as one short line."""
    shown = repr(text)
    return shown if len(shown) <= 160 else f"{shown[:80]} ... {shown[-70:]}"
