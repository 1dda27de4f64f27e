"""Programs per second of the local executor, and what others make of the same programs in the same run.

    python benchmarks/executor.py [--peers DIR] [--rounds 3] [--seconds 2] [--soak N] [--json FILE]

Three programs (a print, the eigenvalues of a matrix with numpy, a quadratic with sympy) are run over and over by so
many callers at once, each starting its next program when its last has ended; contenders take turns in every round, so
that noise meets all of them, and every output is compared. Ratios are medians over rounds of ours over theirs. How to
install the peers is told in ``peers.py``.

Further: how long after its deadline a program that never ends is gone; one core against two; how long a step with
45,000 programs would take, an extrapolation from the rate and no measurement; and with --soak N, N programs of which
one in twenty is hostile, with memory, descriptors and processes before, half-way and after.

Times say little of another machine, and with neighbours on this one little of it: compare ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from peers import ENVIRONMENT, PEERS, Missing, Open, Run, add_packages

from r1ci.executors.conformance.soak import Soak, soak
from r1ci.executors.local import LocalExecutor
from r1ci.executors.protocol import Program, Status
from r1ci.spec.models import LocalExecutor as LocalSpec

OURS = "r1ci"
WARM = "r1ci, warm caches"
PUBLISHED_CALLS = 45_000
"""Programs of one training step of the largest system that was published."""
WORK = {
    "print": "print(1)",
    "numpy": "import numpy as np\n"
    "a = np.random.default_rng(0).normal(size=(20, 20))\n"
    "print(round(float(np.abs(np.linalg.eig(a)[0]).sum()), 6))",
    "sympy": "from sympy import solve, symbols\nx = symbols('x')\nprint(solve(x**2 - 5*x + 6, x))",
}
ENDLESS = {
    "a loop": "while True: pass",
    "sleep": "import time\nwhile True: time.sleep(60)",
    "no signals": "import signal\nfor n in range(1, 32):\n"
    "    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\nwhile True: pass",
    "no exceptions": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "threads": "import threading\ndef spin():\n    while True: pass\n"
    "for _ in range(8): threading.Thread(target=spin).start()",
    "one call into C": "sum(range(10**12))",
    "memory": "a = bytearray(200 * 2**20)\nwhile True: a[::4096] = bytes(len(a[::4096]))",
    "numpy": "import numpy as np\na = np.ones((400, 400))\nwhile True: a @ a",
    "exit handler": "import atexit\nat = atexit.register\n@at\ndef last():\n    while True: pass",
}
"""Programs that do not end, by what they do instead."""
DEADLINE_S = 0.2


@dataclass
class Cell:
    """One contender at one number of programs in flight on one kind of work."""

    rates: list[float] = field(default_factory=list)
    """Runs per second, by round."""
    times: list[float] = field(default_factory=list)
    """Seconds of every run."""
    wrong: int = 0

    def quantile_ms(self, share: float) -> float:
        """Of the times, in milliseconds."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True)
class Family:
    """This process and all that came of it."""

    processes: int
    memory_mb: float
    """Resident; what they share is counted in each."""
    descriptors: int


@dataclass
class Report:
    """Everything measured, for --json."""

    machine: dict[str, Any]
    cells: dict[str, dict[str, dict[int, Cell]]]
    """By work, contender and number in flight."""
    cannot: dict[str, dict[str, str]]
    """By work and contender: why not."""
    overshoot_ms: dict[str, list[float]] = field(default_factory=dict)
    """How long after its deadline a program was gone, by kind."""
    scaling: dict[int, list[float]] = field(default_factory=dict)
    """Runs per second by cores."""
    soaks: list[Soak] = field(default_factory=list)
    """Its two halves."""
    families: list[Family] = field(default_factory=list)
    """Before the soak, half-way, after."""


def main() -> None:
    """Measure, print Markdown, write JSON."""
    options = _options()
    if options.peers:
        add_packages(options.peers)
    report = asyncio.run(_measure(options))
    print(_markdown(report))
    if options.json:
        options.json.write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="virtual environment with the peers' packages")
    parser.add_argument("--only", nargs="*", default=[], help="contenders, besides ours; default: all that are there")
    parser.add_argument("--work", nargs="*", default=list(WORK), choices=list(WORK))
    parser.add_argument("--in-flight", nargs="*", type=int, default=[1, 2, 4, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="per contender, work, number in flight and round")
    parser.add_argument("--kills", type=int, default=5, help="of each kind of endless program")
    parser.add_argument("--soak", type=int, default=0, help="programs of the soak; 100000 took ours minutes")
    parser.add_argument("--isolation", default="strict", help="weakest level accepted; without it the run is refused")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


async def _measure(options: argparse.Namespace) -> Report:
    expected = {name: _expected(WORK[name]) for name in options.work}
    report = Report(_machine(), {name: {} for name in options.work}, {name: {} for name in options.work})
    for name in options.work:
        await _compare(name, expected[name], options, report)
    async with AsyncExitStack() as stack:
        executor = _local(stack, options.isolation)
        report.machine["isolation"] = [executor.isolation.level, *executor.isolation.missing]
        for kind, code in ENDLESS.items():
            report.overshoot_ms[kind] = [await _overshoot_ms(executor, code) for _ in range(options.kills)]
        if options.soak:
            await _soak(executor, options.soak, report)
    await _scale(options, report)
    report.machine["load after"] = round(os.getloadavg()[0], 1)
    return report


def _expected(code: str) -> str:
    words = [sys.executable, "-I", "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True, env=ENVIRONMENT).stdout


def _machine() -> dict[str, Any]:
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = next(int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal"))
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{memory / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "user": "root" if os.geteuid() == 0 else "unprivileged",
        "load before": round(os.getloadavg()[0], 1),
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


# ---------------------------------------------------------------- contenders


def _local(stack: AsyncExitStack, isolation: str, **spec: Any) -> LocalExecutor:
    executor = LocalExecutor(LocalSpec.model_validate({"isolation": isolation, **spec}))
    stack.push_async_callback(executor.close)
    return executor


def _runner(executor: LocalExecutor) -> Run:
    async def run(code: str) -> str:
        execution = await executor.run(Program(code))
        if execution.status is not Status.OK:
            raise Missing(f"{execution.status}: {execution.reason or execution.stderr}")
        return execution.stdout

    return run


def _ours(isolation: str, *, warm_caches: bool = False) -> Open:
    async def open_(stack: AsyncExitStack, in_flight: int) -> Run:
        return _runner(_local(stack, isolation, warm_caches=warm_caches))

    return open_


def _contenders(name: str, options: argparse.Namespace) -> list[tuple[str, Open]]:
    """Ours first. Caches matter to sympy only."""
    warm = [(WARM, _ours(options.isolation, warm_caches=True))] if name == "sympy" else []
    peers = [(peer, open_) for peer, open_ in PEERS if not options.only or peer in options.only]
    return [(OURS, _ours(options.isolation)), *warm, *peers]


async def _compare(name: str, expected: str, options: argparse.Namespace, report: Report) -> None:
    """Let every contender do one kind of work, in rounds."""
    async with AsyncExitStack() as stack:
        ready: dict[str, Run] = {}
        for contender, open_ in _contenders(name, options):
            try:
                run = await open_(stack, max(options.in_flight))
                printed = await run(WORK[name])
                if printed != expected:
                    raise Missing(f"printed {printed!r}, not {expected!r}")
            except Missing as why:
                report.cannot[name][contender] = str(why)
            except Exception as error:  # whatever a peer raises only says that it cannot
                report.cannot[name][contender] = f"{type(error).__name__}: {error}"[:200]
            else:
                ready[contender] = run
                report.cells[name][contender] = {number: Cell() for number in options.in_flight}
        for _ in range(options.rounds):
            for number in options.in_flight:
                for contender, run in ready.items():
                    cell = report.cells[name][contender][number]
                    await _fill(cell, run, WORK[name], expected, number, options.seconds)


async def _fill(cell: Cell, run: Run, code: str, expected: str, in_flight: int, seconds: float) -> None:
    """So many callers, each with its next program when its last has ended, until the time is over."""
    until = time.perf_counter() + seconds
    done = 0

    async def call() -> None:
        nonlocal done
        while (began := time.perf_counter()) < until:
            try:
                cell.wrong += await run(code) != expected
            except Exception:  # it worked before, so this is a failure under load
                cell.wrong += 1
            cell.times.append(time.perf_counter() - began)
            done += 1

    began = time.perf_counter()
    await asyncio.gather(*[call() for _ in range(in_flight)])
    cell.rates.append(done / (time.perf_counter() - began))


# ---------------------------------------------------------------- ours alone


async def _overshoot_ms(executor: LocalExecutor, code: str) -> float:
    """From the deadline to the result in the caller's hands."""
    began = time.perf_counter()
    execution = await executor.run(Program(code, timeout_s=DEADLINE_S))
    took = time.perf_counter() - began
    if execution.status is not Status.TIMEOUT:
        raise SystemExit(f"an endless program ended with {execution.status} {execution.reason}:\n{code}")
    return 1000 * (took - execution.queue_s - execution.setup_s - DEADLINE_S)


async def _soak(executor: LocalExecutor, programs: int, report: Report) -> None:
    await soak(executor, 200)  # zygotes start when they are first asked
    report.families.append(_family())
    for half in (1, 2):
        report.soaks.append(await soak(executor, programs // 2, seed=half))
        report.families.append(_family())


def _family() -> Family:
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it ended while we looked
            continue
    members = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= grown
    memory_mb, descriptors, found = 0.0, 0, 0
    for pid in members:
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            descriptors += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue
        memory_mb += pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        found += 1
    return Family(found, memory_mb, descriptors)


async def _scale(options: argparse.Namespace, report: Report) -> None:
    """The print on one core and on two, by turns. What is started while cores are forbidden stays off them."""
    cores = sorted(os.sched_getaffinity(0))
    for _ in range(options.rounds if len(cores) > 1 else 0):
        for number in (1, 2):
            os.sched_setaffinity(0, cores[:number])
            try:
                async with AsyncExitStack() as stack:
                    run, cell = _runner(_local(stack, options.isolation)), Cell()
                    await run(WORK["print"])
                    await _fill(cell, run, WORK["print"], "1\n", 4 * number, options.seconds)
            finally:
                os.sched_setaffinity(0, cores)
            report.scaling.setdefault(number, []).append(cell.rates[0])


# ---------------------------------------------------------------- Markdown


def _markdown(report: Report) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    parts = [machine, *(_table(name, report) for name in report.cells), _kills(report), *_scaling(report)]
    return "\n\n".join([*parts, *([_soaks(report)] if report.soaks else [])])


def _table(name: str, report: Report) -> str:
    """Rates by number in flight, times of a single caller, and how many times faster ours is at the best of each."""
    rows = report.cells[name]
    numbers = list(next(iter(rows.values()), {}))
    head = [name, *(f"{number} in flight, runs/s" for number in numbers), "p50 / p99 ms", "ours over it", "wrong"]
    lines = [_row(head), _row(["---"] * len(head))]
    for contender, cells in rows.items():
        first = cells[numbers[0]]
        lines.append(
            _row(
                [
                    contender,
                    *(f"{median(cells[number].rates):.3g}" for number in numbers),
                    f"{first.quantile_ms(0.5):.3g} / {first.quantile_ms(0.99):.3g}",
                    f"{_ratio(rows.get(OURS, {}), cells):.2f}",
                    str(sum(cell.wrong for cell in cells.values())),
                ]
            )
        )
    lines += [_row([contender, why.replace("|", "/")[:100]]) for contender, why in report.cannot[name].items()]
    return "\n".join(lines)


def _ratio(ours: dict[int, Cell], theirs: dict[int, Cell]) -> float:
    """Best rate over best rate, round by round; the median of the rounds."""
    best = [
        [max(rates) for rates in zip(*(cell.rates for cell in cells.values()), strict=True)] for cells in (ours, theirs)
    ]
    return float(median([a / b for a, b in zip(*best, strict=False)] or [float("nan")]))


def _row(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |"


def _kills(report: Report) -> str:
    every = [value for values in report.overshoot_ms.values() for value in values]
    if not every:
        return "No endless programs."
    worst = max(report.overshoot_ms, key=lambda kind: max(report.overshoot_ms[kind]))
    return (
        f"Gone after the deadline, over {len(every)} endless programs of {len(report.overshoot_ms)} kinds: "
        f"median {median(every):.1f} ms, worst {max(every):.1f} ms ({worst})."
    )


def _scaling(report: Report) -> list[str]:
    lines = []
    if report.scaling:
        one, two = (median(report.scaling[number]) for number in (1, 2))
        lines.append(f"One core {one:.0f} runs/s, two cores {two:.0f} runs/s: {two / (2 * one):.2f} of twice as many.")
    best = max((median(cell.rates) for cell in report.cells.get("print", {}).get(OURS, {}).values()), default=0.0)
    if best:
        cores = report.machine["cores"]
        lines.append(
            f"{PUBLISHED_CALLS:,} runs of print(1) would take {PUBLISHED_CALLS / best:.0f} s on these {cores} cores, "
            f"{PUBLISHED_CALLS / best * cores / 64:.1f} s on 64 like them: extrapolated from {best / cores:.0f} runs/s "
            "a core, not measured."
        )
    return lines


def _soaks(report: Report) -> str:
    halves = report.soaks
    runs, wrong = sum(half.runs for half in halves), sum(half.wrong for half in halves)
    lines = [
        f"Soak of {runs:,} programs at {runs / sum(half.seconds for half in halves):.0f} runs/s: {wrong} wrong. "
        "Before, half-way, after: "
        + "; ".join(
            f"{each.memory_mb:.0f} MB resident, {each.descriptors} descriptors, {each.processes} processes"
            for each in report.families
        )
        + "."
    ]
    return "\n".join([*lines, *(f"- {example}" for half in halves for example in half.examples)])


if __name__ == "__main__":
    main()
