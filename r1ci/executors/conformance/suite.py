"""The suite: every case against an executor, a canary after each, and what was left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from r1ci.executors.conformance import (
    exits,
    files,
    forging,
    kernel,
    network,
    output,
    processes,
    python,
    resources,
    state,
)
from r1ci.executors.conformance.case import Case, Setting, Verdict, judge, level_of, programs
from r1ci.executors.conformance.ground import GRACE_S, Counts, Ground
from r1ci.executors.protocol import Execution, Executor, Program, Status

MODULES = (files, network, kernel, processes, resources, output, exits, forging, state, python)
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in module.CASES)
"""Every case, group by group."""

_PACKAGES = ("numpy", "sympy", "scipy", "networkx", "pandas")
Make = Callable[[Setting], Executor | None]
"""Makes the executor for a setting; None where it cannot be made for that one."""


@dataclass(frozen=True)
class Result:
    """What came of one case."""

    name: str
    group: str
    verdict: Verdict
    problem: str = ""
    status: str = ""
    level: str = ""
    missing: tuple[str, ...] = ()
    wall_s: float = 0.0


def select(pattern: str = "*") -> list[Case]:
    """The cases whose name, group or "group/name" matches a glob."""
    return [
        case
        for case in CASES
        if any(fnmatchcase(text, pattern) for text in (case.name, case.group, f"{case.group}/{case.name}"))
    ]


class Bench:
    """One executor on prepared ground: runs cases one after the other. ``local``: its processes are ours to count."""

    def __init__(self, executor: Executor, ground: Ground, *, local: bool) -> None:
        self._executor = executor
        self._ground = ground
        self._local = local
        self._before: Counts | None = None

    async def warm_up(self, cases: Iterable[Case]) -> None:
        """Let everything start that these cases start on first use, so that it is not taken for a leftover."""
        used = {name for case in cases for name in _PACKAGES if any(name in code for code in (case.code, *case.first))}
        for code in ("", *(f"import {name}" for name in sorted(used))):
            await self._executor.run(Program(code, memory_mb=1024, timeout_s=60.0))
        self._before = self._ground.counts() if self._local else None

    async def run(self, case: Case) -> Result:
        """Run a case and judge it, the canary after it and what it left."""
        *first, judged = programs(case, self._ground.token, self._ground.port)
        before = [await self._executor.run(program) for program in first]
        execution = await self._executor.run(judged)
        verdict, problem = judge(case, execution, before)
        for session in {program.session for program in (*first, judged) if program.session}:
            await self._executor.end(session)
        problems = [problem] if problem and verdict is Verdict.FAILED else []
        if wrong := await self._canary():
            problems.append(f"the next program: {wrong}")
        contained = level_of(execution) in case.holds
        left = await asyncio.to_thread(self._ground.leftovers, self._before, GRACE_S if contained else 0.0)
        problems += left if contained else []
        if problems:
            verdict, problem = Verdict.FAILED, "; ".join(problems)
        level, status = execution.isolation, execution.status.value
        return Result(case.name, case.group, verdict, problem, status, level, execution.missing, execution.wall_s)

    async def _canary(self) -> str:
        """A small program with a known answer; what is wrong with it, or nothing."""
        code, answer = canary(random.randrange(10**9))
        return canary_problem(await self._executor.run(Program(code)), answer)


def canary(number: int) -> tuple[str, str]:
    """A program and what it prints: a product, and how many files lie around that nobody gave it."""
    code = f"import os\nprint({number} * 1009, sum(not n.endswith('.py') for n in os.listdir('.')))"
    return code, f"{number * 1009} 0"


def canary_problem(execution: Execution, answer: str) -> str:
    """What is wrong with a canary's execution; empty if nothing is."""
    if execution.status is not Status.OK:
        return f"{execution.status} {execution.reason} {execution.stderr.strip()[-200:]}".strip()
    if (execution.stdout.strip(), execution.stderr) != (answer, ""):
        return f"printed {execution.stdout!r} {execution.stderr!r}, not {answer!r}"
    return ""


async def run_suite(
    make: Make, cases: Sequence[Case], *, local: bool, tell: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Run cases, setting by setting, each on an executor of its own; one more result counts what outlives them.

    ``tell`` hears of every result as soon as it is there.
    """
    results: list[Result] = []
    ground = Ground()
    try:
        for setting in Setting:
            if chosen := [case for case in cases if case.setting is setting]:
                async for result in _run_setting(make, setting, chosen, ground, local=local):
                    tell(result)
                    results.append(result)
    finally:
        ground.close()
    return results


async def _run_setting(
    make: Make, setting: Setting, cases: Sequence[Case], ground: Ground, *, local: bool
) -> AsyncIterator[Result]:
    before = ground.counts()
    executor = make(setting)
    if executor is None:
        why = f"this executor cannot be made for {setting} from here"
        for case in cases:
            yield Result(case.name, case.group, Verdict.SKIPPED, why)
        return
    bench = Bench(executor, ground, local=local)
    try:
        await bench.warm_up(cases)
        for case in cases:
            yield await bench.run(case)
    finally:
        await executor.close()
    if local:
        left = await asyncio.to_thread(ground.leftovers, before)
        verdict = Verdict.FAILED if left else Verdict.PASSED
        yield Result(f"nothing-left-after-{setting}", "leftovers", verdict, "; ".join(left))


def in_groups(results: Iterable[Result]) -> Iterator[tuple[str, list[Result]]]:
    """Results by group, groups in the order they appear."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.group, []).append(result)
    yield from groups.items()
