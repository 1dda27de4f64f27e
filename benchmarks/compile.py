"""How long compiling a large spec takes: 3 models x 3 variants x 5 seeds over 144 tasks.

    python benchmarks/compile.py [repeats]

Prints the best of the repeats for each part, and the whole as a share of the budget of one second. Reading the spec
is part of the whole; importing r1ci is not.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from r1ci.plan.compile import compile_plan, plan_to_json
from r1ci.plan.render import render
from r1ci.spec.load import load
from r1ci.spec.vocabulary import Vocabulary

BUDGET_S = 1.0
TASKS = Vocabulary({f"suite/task{index}": "train" if index < 107 else "test" for index in range(144)})
SPEC = """\
spec_version: 1
name: large
models: [qwen2.5-3b, qwen2.5-7b, qwen2.5-14b]
seeds: [0, 1, 2, 3, 4]
variants:
  curriculum: {}
  plain: {curriculum.stages: single}
  by-difficulty: {partition.by: difficulty}
executor: {kind: ray}
engine: {kind: vllm}
compute: {workers: 16, gpus_per_worker: 1, precision: bf16}
"""


def best(work: Callable[[], object], repeats: int) -> float:
    """The shortest time of several runs, seconds."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Time each part and print one line per part."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.yaml"
        path.write_text(SPEC, encoding="utf-8")
        resolved = load(path, known=TASKS)
        plan = compile_plan(resolved, TASKS)
        parts = {
            "read and check the spec": best(lambda: load(path, known=TASKS), repeats),
            "compile": best(lambda: compile_plan(resolved, TASKS), repeats),
            "print": best(lambda: render(plan, ()), repeats),
            "to JSON": best(lambda: plan_to_json(plan), repeats),
        }
    print(f"{len(plan.cells)} cells, {len(plan.steps)} steps, {len(TASKS.tasks)} tasks; best of {repeats}")
    for name, seconds in parts.items():
        print(f"{name:<24}{seconds:8.3f} s")
    whole = sum(parts.values())
    print(f"{'whole':<24}{whole:8.3f} s = {whole / BUDGET_S:.2f} of the budget of {BUDGET_S:g} s")


if __name__ == "__main__":
    main()
