"""The share of an RL step that is neither generation, nor execution, nor the update.

    python benchmarks/step_share.py [--steps 12] [spec keys, such as rl.batch_questions=8]

Runs specs/quickstart.yaml, with one stage and few demonstrations, through the command line up to RL. A thread inside
that process looks every few milliseconds at what the trainer's thread is doing, from the end of the first step to the
end of the last: so whatever lies between two rows of the metrics counts, checkpoints, ledger and logging included. Time
inside the engine is generation; inside the executor, or waiting in the event loop for programs, execution; inside the
trainer's update, update. All else, such as prompts, parsing, checkers and rewards, is listed by module.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import polars as pl

SPEC = Path(__file__).parent.parent / "specs" / "quickstart.yaml"
PERIOD_S = 0.005
SWITCH_S = 0.0005
"""How long Python lets another thread wait for its turn: far below the period, or slow Python code would be missed."""
AIM = 0.05
PHASES = {"/r1ci/engines/": "generation", "/r1ci/executors/": "execution", "/r1ci/train/update.py": "update"}
OUT = "R1CI_STEP_SHARE"
"""Environment variable that names the file for the samples; set for the run that is watched."""


def phase(frame: FrameType) -> str | None:
    """What a thread is doing, from its innermost frame; None outside of RL's training loop."""
    inner, found, inside = "", "", False
    if frame.f_code.co_filename.endswith("selectors.py"):
        found = "execution"
    walk: FrameType | None = frame
    while walk is not None:
        file = walk.f_code.co_filename
        found = found or next((name for part, name in PHASES.items() if part in file), "")
        inner = inner or (file.rsplit("/r1ci/", 1)[1] if "/r1ci/" in file else "")
        inside = inside or (walk.f_code.co_name == "train_rl" and file.endswith("/r1ci/train/rl.py"))
        walk = walk.f_back
    return (found or inner) if inside else None


def watch(out: Path) -> None:
    """Note what the trainer does until the process ends: for every moment, seconds since the one before, and a name."""
    sys.setswitchinterval(SWITCH_S)
    samples: list[tuple[float, float, str]] = []
    atexit.register(lambda: out.write_text(json.dumps(samples)))
    last, own = time.time(), threading.get_ident()
    while True:
        time.sleep(PERIOD_S)
        now = time.time()
        phases = (phase(frame) for thread, frame in sys._current_frames().items() if thread != own)
        samples += [(now, now - last, name) for name in phases if name is not None]
        last = now


def measure(folder: Path, steps: int, keys: list[str]) -> Counter[str]:
    """Run the spec in a folder; seconds by phase."""
    out, here = folder / "samples.json", str(Path(__file__).parent)
    small = ["until=rl", "variants={plain: {}}", "curriculum.stages=single", f"curriculum.steps_per_stage={steps}"]
    small += [
        "tasks.train.sft_questions_per_task=64",
        "demonstrations.max_per_task=64",
        "sft.epochs=1",
        "plugins=[step_share]",
    ]
    command = [sys.executable, "-m", "r1ci", "-q", "--root", str(folder / "runs"), "run", str(SPEC), "--no-report"]
    path = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))
    subprocess.run([*command, *small, *keys], env={**os.environ, "PYTHONPATH": path, OUT: str(out)}, check=True)
    (log,) = (folder / "runs" / "steps").glob("rl-*/metrics.jsonl")
    ends = [json.loads(line)["time"] for line in log.read_text().splitlines()]
    seconds: Counter[str] = Counter()
    for moment, passed, name in json.loads(out.read_text()):
        if ends[0] < moment <= ends[-1]:
            seconds[name] += passed
    table = pl.read_parquet(log.with_name("metrics.parquet"))[1:]
    print(f"{len(ends) - 1} steps of {(ends[-1] - ends[0]) / (len(ends) - 1):.2f} s", end="; ")
    print(", ".join(f"{name} {table[name].mean():.2f}" for name in ("rollout_s", "update_s")))
    return seconds


def main() -> None:
    """Run, and print every phase's share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    options, keys = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        seconds = measure(Path(folder), options.steps, keys)
    whole = seconds.total()
    for name, some in seconds.most_common():
        print(f"{100 * some / whole:6.2f}%  {name}")
    other = 1 - sum(seconds[name] for name in PHASES.values()) / whole
    print(f"{100 * other:6.2f}%  outside of generation, execution and update (aim: under {100 * AIM:.0f}%)")


if __name__ == "__main__":
    main()
elif OUT in os.environ:  # imported as a plugin of the run that is watched
    threading.Thread(target=watch, args=(Path(os.environ[OUT]),), daemon=True).start()
