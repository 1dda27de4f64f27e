"""The soak: many tiny programs at once, some of them hostile, every output compared.

Finds what single cases do not: outputs that are mixed up or lost under load, and memory or descriptors that grow.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from r1ci.executors.conformance.case import brief
from r1ci.executors.protocol import Execution, Executor, Program, Status

IN_FLIGHT = 16
HOSTILE_SHARE = 0.05
KEPT = 10
"""Wrong executions that are shown."""
_HOSTILE = (
    ("import os\nprint({n}, flush=True)\nos._exit(121)", Status.ERROR),
    ("import os\nprint({n}, flush=True)\nfor fd in range(3, 64): os.write(fd, b'x')", Status.ERROR),
    ("import ctypes\nprint({n}, flush=True)\nctypes.string_at(0)", Status.SIGNAL),
    ("print({n}, flush=True)\nbytearray(3 * 2**30)", Status.MEMORY),
    ("import builtins, json\nprint({n}, flush=True)\nbuiltins.print = json.dumps = None", Status.OK),
    ("print({n}, flush=True)\nwhile True: pass", Status.TIMEOUT),
)  # fmt: skip


@dataclass(frozen=True)
class Soak:
    """What came of a soak."""

    runs: int
    wrong: int
    examples: tuple[str, ...]
    seconds: float
    statuses: Mapping[str, int]
    levels: Mapping[str, int]
    memory_mb: tuple[float, float]
    """Resident memory of this process, before and after."""
    descriptors: tuple[int, int]
    """Open descriptors of this process, before and after."""

    @property
    def rate(self) -> float:
        """Runs per second."""
        return self.runs / self.seconds if self.seconds else 0.0


def soak_program(index: int, rng: random.Random) -> tuple[Program, Status, str]:
    """The program at a place of the soak, how it must end, and what it must print."""
    number = index * 7919 + 3
    if rng.random() < HOSTILE_SHARE:
        code, status = rng.choice(_HOSTILE)
        timeout_s = 0.3 if status is Status.TIMEOUT else 10.0
        return Program(code.format(n=number), timeout_s=timeout_s), status, f"{number}\n"
    match index % 4:
        case 0:
            return Program(f"print({index} * 7919 + 3)"), Status.OK, f"{number}\n"
        case 1:
            return Program("print(int(input()) * 7919 + 3)", stdin=f"{index}\n"), Status.OK, f"{number}\n"
        case 2:
            lines = "".join(f"{number} {line}\n" for line in range(50))
            return Program(f"for line in range(50): print({number}, line)"), Status.OK, lines
        case _:
            code = f"import os\nopen('a', 'w').write('{number}')\nos.write(1, open('a', 'rb').read())\nos._exit(0)"
            return Program(code), Status.OK, str(number)


def fault(execution: Execution, status: Status, text: str) -> str:
    """What is wrong with an execution of the soak; empty if nothing is."""
    if execution.status is not status:
        return f"{execution.status} {execution.reason}, not {status}"
    if execution.stdout != text:
        return f"printed {brief(execution.stdout)}, not {brief(text)}"
    return ""


async def soak(executor: Executor, runs: int, *, seed: int = 0) -> Soak:
    """Run so many programs, sixteen at a time."""
    rng = random.Random(seed)
    todo = iter([soak_program(index, rng) for index in range(runs)])
    statuses: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    faults: list[str] = []

    async def work() -> None:
        for program, status, text in todo:
            execution = await executor.run(program)
            statuses[execution.status.value] += 1
            levels[execution.isolation or "unknown"] += 1
            if problem := fault(execution, status, text):
                faults.append(f"{brief(program.code)}: {problem}")

    await asyncio.gather(*(executor.run(Program("print(1)")) for _ in range(IN_FLIGHT)))
    memory, descriptors, begun = _memory_mb(), _descriptors(), time.monotonic()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    seconds = time.monotonic() - begun
    after = (_memory_mb(), _descriptors())
    return Soak(
        runs=runs,
        wrong=len(faults),
        examples=tuple(faults[:KEPT]),
        seconds=seconds,
        statuses=dict(statuses),
        levels=dict(levels),
        memory_mb=(memory, after[0]),
        descriptors=(descriptors, after[1]),
    )


def _memory_mb() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))
