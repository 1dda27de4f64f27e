"""How long the command line takes to start, as a multiple of the imports it cannot do without.

    python benchmarks/cold_start.py [--runs 7] [--spec specs/quickstart.yaml]

Each pair of commands runs alternately, after one uncounted round that fills the file cache; the figure is the ratio of
the medians. Wall-clock times of whole processes.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

R1CI = Path(sys.executable).with_name("r1ci")


def main() -> None:
    """Measure both pairs and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--spec", default="specs/quickstart.yaml")
    options = parser.parse_args()
    python = sys.executable
    pairs = {
        "r1ci --help": ([R1CI, "--help"], [python, "-c", "import click"], 2.0),
        "r1ci check": ([R1CI, "check", options.spec], [python, "-c", "import pydantic, omegaconf"], 3.0),
    }
    print("command\tours_s\tpeer\tpeer_s\tratio\taim")
    for name, (ours, peer, aim) in pairs.items():
        mine, theirs = medians([str(word) for word in ours], peer, options.runs)
        print(f"{name}\t{mine:.3f}\t{peer[-1]}\t{theirs:.3f}\t{mine / theirs:.2f}\t<= {aim:g}")


def medians(ours: list[str], peer: list[str], runs: int) -> tuple[float, float]:
    """Median seconds of two commands that take turns."""
    rounds = [(seconds(ours), seconds(peer)) for _ in range(runs + 1)][1:]
    mine, theirs = zip(*rounds, strict=True)
    return statistics.median(mine), statistics.median(theirs)


def seconds(command: list[str]) -> float:
    """Wall-clock time of a command that must succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with {done.returncode}:\n{done.stderr}")
    return elapsed


if __name__ == "__main__":
    main()
