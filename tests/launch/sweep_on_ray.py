"""A sweep of fake steps on a Ray of two CPUs, as a process of its own: ROOT WORKERS TRIALS."""

import dataclasses
import sys
import tempfile
from pathlib import Path

import ray
from sweep_fakes import Office, plan, prepared, sweep

from r1ci.launch.sweep.desk import Prepared
from r1ci.launch.sweep.driver import cluster_nodes
from r1ci.launch.sweep.tuning import tune_trials
from r1ci.plan.steps import Resources
from r1ci.spec.sweep.trials import Trial

ROOT, WORKERS, TRIALS = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])


def prepare(trial: Trial) -> Prepared:
    """A trial whose sft and RL ask for workers; its steps come from the plug-in."""
    made = plan(trial, resources=Resources(WORKERS, max(1, WORKERS)))
    steps = {
        step_id: dataclasses.replace(step, runtime={**step.runtime, "plugins": ["sweep_steps"]})
        for step_id, step in made.steps.items()
    }
    return prepared(trial, dataclasses.replace(made, steps=steps))


def main() -> None:
    """Run it and print what became of the trials."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as scratch:
        ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=scratch)
        values = [0.1 * number for number in range(1, TRIALS + 1)]
        of = sweep(space={"rl.x": {"kind": "grid", "values": values}})
        office = Office(ROOT, of, prepare=prepare, nodes=cluster_nodes)
        tune_trials(office.desk, "demo", ROOT.resolve())
        office.desk.close("done")
        ray.shutdown()
    print(*(record.state for record in office.folder.records()))
    for record in office.folder.records():
        if record.error is not None:
            print(record.error, file=sys.stderr)


if __name__ == "__main__":
    main()
