"""A plug-in that puts steps which do nothing in place of the real ones; RL starts the workers it asks for.

The process of the second trial's RL kills itself, once, where DIE_ONCE names a file to remember it by.
"""

import os
import signal
import sys
from pathlib import Path
from types import ModuleType

from sweep_fakes import work

from r1ci.plan.context import StepContext
from r1ci.store.store import CHECKPOINTS


def run(context: StepContext) -> None:
    """Do what the fake steps do; a step with workers needs all of them at once."""
    count = context.step.resources.workers
    if count:
        from ray.train import ScalingConfig
        from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

        scaling = ScalingConfig(num_workers=count, resources_per_worker={"CPU": 1})
        DataParallelTrainer(lambda: None, scaling_config=scaling).fit()
    die = os.environ.get("DIE_ONCE")
    if die and context.step.kind == "rl" and context.inputs["x"] == 0.2 and not Path(die).exists():
        Path(die).touch()
        (context.folder / CHECKPOINTS).mkdir()
        os.kill(os.getpid(), signal.SIGKILL)
    work(context)


for kind in ("questions", "sft", "rl", "evaluation"):
    module = ModuleType(f"r1ci.steps.{kind}")
    module.run = run  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
