"""What a sweep costs beside its steps: 200 trials that do nothing, against Ray Tune's own 200 trials that do nothing.

    python benchmarks/sweep.py [TRIALS]

Four rounds on one Ray of two CPUs, in one run:

    ray tune            tune.Tuner of a function that does nothing, as it comes
    ray tune, reused    the same as a class, with reuse_actors, without loggers: the cheapest that Tune offers
    r1ci, one step      a grid of real specs; shared steps are in the store, each trial computes one that does nothing
    r1ci, in the store  the same again with another name: every step is in the store

Ours includes reading, compiling and recording every trial; the step's own attempt in the store (lock, provenance,
publishing) is part of it, too.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TUNE = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1"}
os.environ.update(TUNE)

SPEC = """
spec_version: 1
name: nothing
plugins: [r1ci_nothing]
models: [tiny]
tasks:
  train: {include: [rg/gcd], new_questions_per_task: 0}
  test: {include: [], questions_per_task: 1}
"""
SWEEP = """
sweep_version: 1
name: nothing
spec: nothing.yaml
space: {{rl.learning_rate: {{kind: grid, values: [{values}]}}}}
metric: {{name: rl/reward, mode: max}}
search: {{kind: grid}}
"""
PLUGIN = '''
"""Steps that do nothing; RL leaves the row of its log that the metric is read from."""
import sys
from types import ModuleType

def run(context):
    if context.step.kind == "rl":
        (context.folder / "metrics.jsonl").write_text('{"step": 0, "time": 0.0, "reward": 1.0, "tokens": 0}\\n')

for kind in ("questions", "demonstrations", "model", "sft", "potential", "partition", "rl"):
    module = ModuleType(f"r1ci.steps.{kind}")
    module.run = run
    sys.modules[module.__name__] = module
'''


def main() -> None:
    """Run the rounds and print their times."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory(prefix="r1ci-bench-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        sys.path.insert(0, str(folder))
        values = ", ".join(f"{1e-6 * number:.7f}" for number in range(1, trials + 1))
        files = {"nothing.yaml": SPEC, "sweep.yaml": SWEEP.format(values=values), "r1ci_nothing.py": PLUGIN}
        for name, text in files.items():
            (folder / name).write_text(text)
        import ray

        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        rounds: dict[str, Callable[[], None]] = {
            "ray tune": lambda: tune_alone(trials, folder),
            "ray tune, reused": lambda: tune_reused(trials, folder),
            "r1ci, one step": lambda: ours(folder, "computed", trials),
            "r1ci, in the store": lambda: ours(folder, "stored", trials),
        }
        seconds = {name: timed(run) for name, run in rounds.items()}
        ray.shutdown()
    show(seconds, trials)


def timed(run: Callable[[], None]) -> float:
    """Wall-clock seconds of a round."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def tune_alone(trials: int, folder: Path) -> None:
    """Ray Tune as it comes."""
    from ray import tune

    def nothing(config: dict[str, float]) -> None:
        tune.report({"value": 1.0})

    space = {"x": tune.grid_search([1e-6 * number for number in range(trials)])}
    config = tune.RunConfig(storage_path=str(folder / "tune"), verbose=0)
    assert len(tune.Tuner(nothing, param_space=space, run_config=config).fit()) == trials


def tune_reused(trials: int, folder: Path) -> None:
    """Ray Tune with everything off that can be."""
    from ray import tune

    class Nothing(tune.Trainable):
        def step(self) -> dict[str, object]:
            return {"value": 1.0, "done": True}

        def reset_config(self, new_config: dict[str, float]) -> bool:
            return True

    os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    space = {"x": tune.grid_search([1e-6 * number for number in range(trials)])}
    config = tune.RunConfig(
        storage_path=str(folder / "reused"),
        verbose=0,
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
    )
    tuner = tune.Tuner(Nothing, param_space=space, tune_config=tune.TuneConfig(reuse_actors=True), run_config=config)
    assert len(tuner.fit()) == trials


def ours(folder: Path, name: str, trials: int) -> None:
    """A sweep, from its file to its records."""
    from r1ci.cli.specs import known_names
    from r1ci.launch.sweep.driver import run_sweep
    from r1ci.spec.sweep.load import load_sweep
    from r1ci.store.store import Store
    from r1ci.store.sweeps import SweepFolder

    resolved = load_sweep(folder / "sweep.yaml", environ=os.environ, overrides=[f"name={name}"])
    store = Store(folder / "runs")
    SweepFolder(store.root, name).create(text=resolved.text, resolved=resolved.data)
    summary = run_sweep(resolved, store, known_names(), lambda event, summary: None)
    assert summary.done == trials, summary


def show(seconds: dict[str, float], trials: int) -> None:
    """One line per round; ours as a share of Tune's."""
    print(f"{trials} trials that do nothing, 2 CPUs")
    print(f"{'':20} {'seconds':>9} {'ms a trial':>11} {'of ray tune':>12} {'of reused':>10}")
    for name, took in seconds.items():
        whole, reused = took / seconds["ray tune"], took / seconds["ray tune, reused"]
        print(f"{name:20} {took:9.1f} {1000 * took / trials:11.1f} {whole:12.1%} {reused:10.1%}")


if __name__ == "__main__":
    main()
