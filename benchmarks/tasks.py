"""How fast the tasks make and check questions.

    python benchmarks/tasks.py [--need 200] [--only GLOB] [--write]

Questions and checks per second of every task in one process (checks over its own reference answers); the time
to make ``--need`` questions of every task on all cores, as the questions step does; and the time to list the catalogue.
``--write`` keeps the rates for the gallery (docs/reference/task_speed.json).
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from r1ci.tasks.generate import Order, generate
from r1ci.tasks.registry import catalog, get_task

SECONDS = 0.5
"""How long each rate is measured."""
SPEEDS = Path(__file__).resolve().parents[1] / "docs" / "reference" / "task_speed.json"


def rate(call: Callable[[int], object]) -> float:
    """Calls per second."""
    begin, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - begin) < SECONDS or not count:
        call(count)
        count += 1
    return count / elapsed


def measure(id: str) -> tuple[float, float]:
    """Questions and checks per second of a task."""
    task = get_task(id)
    task.question(0, 1)  # imports
    made = rate(lambda index: task.question(index, 0))
    questions = [task.question(index, 0) for index in range(min(50, max(3, int(made))))]
    checked = rate(
        lambda index: task.check(questions[index % len(questions)], questions[index % len(questions)].answer)
    )
    return made, checked


def rounded(value: float) -> float:
    """Two significant digits."""
    return float(f"{value:.2g}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--need", type=int, default=200)
    parser.add_argument("--only", default="*")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    ids = [info.id for info in catalog() if fnmatch.fnmatchcase(info.id, options.only)]
    speeds = {}
    for id in ids:
        made, checked = measure(id)
        speeds[id] = {"questions_per_s": rounded(made), "checks_per_s": rounded(checked)}
        print(f"{id:45}{made:12.0f} questions/s{checked:12.0f} checks/s", flush=True)
    begin = time.perf_counter()
    made_of = generate([Order(id, {}, 0, options.need) for id in ids])
    whole_s = time.perf_counter() - begin
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "from r1ci.tasks.registry import catalog; catalog()"], check=True)
    listing_s = time.perf_counter() - begin
    checks = sorted(speed["checks_per_s"] for speed in speeds.values())
    print(f"\n{platform.machine()}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}")
    print(f"checks/s: median {median(checks):.0f}, slowest {checks[0]:.0f}")
    print(f"{options.need} questions of each of {len(ids)} tasks: {whole_s:.0f} s")
    for id, made in made_of.items():
        if made.lost or len(made.questions) < options.need:
            print(f"  {id}: {len(made.questions)} questions, {len(made.lost)} lost")
    print(f"listing the catalogue in a new process: {listing_s * 1000:.0f} ms")
    if options.write:
        SPEEDS.write_text(json.dumps(speeds, indent=1) + "\n")


if __name__ == "__main__":
    main()
