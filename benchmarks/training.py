"""Rollouts, updates, SFT and peak memory against TRL's GRPOTrainer and SFTTrainer.

    python benchmarks/training.py [--rounds 3] [--episodes 16 64] [--batches 1 4] [--only rollouts update sft memory]
                                  [--json FILE]

One model of random weights (Qwen2, 3 M parameters), one machine, alternating rounds; a ratio is the median over the
rounds of ours over TRL's. The workload is in workload.py, TRL's side in trl_side.py.

    rollouts   groups of 8, one program per episode, prompts of equal length, so many episodes at a time and so many
               times that in all; sampled tokens per second. TRL takes batch after batch, ours fills a place as soon as
               it is free. TRL once as it generates, and once with the log-probabilities of what was sampled, which
               ours returns with the tokens
    update     one RL update of AdamW over episodes whose completions spread 10:1 in length; tokens of the
               episodes per second, padding not counted
    sft        the same episodes as demonstrations, an epoch in batches of 16
    memory     peak of resident memory during two updates of 8 short episodes at a vocabulary of 152k, above what it
               was before (model and libraries), each in a process of its own. TRL makes several tensors of 8 x
               completion x vocabulary floats: longer episodes only take it longer and favour ours
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import datasets
import torch
import transformers
import trl
import trl_side
import workload
from torch import Tensor
from workload import AGENT, GROUP, LIMITS, Prompter, Script

from r1ci.agents.episode import Attempt, Team
from r1ci.agents.rollout import rollout
from r1ci.agents.trajectory import Trajectory
from r1ci.engines import hf
from r1ci.executors.local import LocalExecutor
from r1ci.models.load import Policy
from r1ci.spec.models import Rl, Sft
from r1ci.teachers.demonstration import Tokens
from r1ci.train.optimizer import apply_gradients, make_optimizer
from r1ci.train.sft import accumulate
from r1ci.train.update import Trainer

KINDS = ("rollouts", "update", "sft", "memory")
AIMS = {"rollouts": ">= 4", "update": ">= 2", "memory": "<= 0.6"}
MICRO_BATCH_TOKENS = trl_side.ROWS * (workload.PROMPT_TOKENS + workload.SPREAD[1])
WIDE = {"vocabulary": 152_064, "width": 64, "layers": 2}
SHORT: dict[str, Any] = {"prompt_tokens": 64, "spread": (13, 128)}
"""Lengths of the episodes whose memory is measured."""
Row = dict[str, Any]


class Rollouts:
    """The hf engine under the episode loop, what it samples replaced by the script."""

    def __init__(
        self, policy: Policy, attempts: Sequence[Attempt], scripts: dict[tuple[int, int], Script], places: int
    ) -> None:
        self._policy, self._attempts, self._places = policy, attempts, places
        self._prompter = Prompter(policy.tokenizer, scripts)

    def run(self) -> int:
        """All episodes; the tokens that were sampled."""
        return sum(item.generated_tokens for item in asyncio.run(self._run()))

    async def _run(self) -> list[Trajectory]:
        self._policy.model.eval()
        engine = hf.HfEngine(*self._policy, places=self._places, positions=AGENT.context_tokens)
        executor, draw = LocalExecutor(LIMITS), hf.draw
        team = Team(engine, self._policy.tokenizer, executor, LIMITS)
        hf.draw = self._scripted(engine, draw)
        try:
            check = SimpleNamespace(check=lambda question, answer: True)
            return await rollout(self._attempts, team, {"scripted": check})  # type: ignore[dict-item]
        finally:
            hf.draw = draw
            await executor.close()

    def _scripted(self, engine: hf.HfEngine, draw: Callable[..., Any]) -> Callable[..., Any]:
        turns: dict[int, tuple[Any, tuple[int, ...]]] = {}

        def scripted(logits_RV: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
            token_R, logprob_R = draw(logits_RV, *rest)
            jobs = engine._active[len(engine._active) - len(token_R) :]
            for job in jobs:
                if id(job) not in turns:
                    sample = job.request.episode % GROUP
                    turns[id(job)] = (job, self._prompter.turn(job.request.ids, sample, "fenced"))
            rows = [turns[id(job)][1] for job in jobs]
            return workload.forced(token_R, rows, [len(job.ids) for job in jobs]), logprob_R

        return scripted


class Update:
    """Our trainer's update."""

    def __init__(self, policy: Policy, items: Sequence[Trajectory]) -> None:
        spec = Rl.model_validate(
            {"group_size": GROUP, "optimizer": "adamw", "learning_rate": 1e-5, "objective": {"kl_coefficient": 0}}
        )
        compute = {"compute": {"micro_batch_tokens": MICRO_BATCH_TOKENS}}
        self._model, self._items = policy.model, items
        self._trainer = Trainer(policy, None, make_optimizer(policy.model, spec), spec, AGENT, compute)

    def run(self) -> int:
        """One update; the tokens of its episodes, prompts included."""
        self._model.train()
        self._trainer.update(self._items, 0, 100)
        return sum(len(item.ids) for item in self._items)


class Supervised:
    """Our SFT steps over the whole data once."""

    def __init__(self, policy: Policy, data: Sequence[Tokens]) -> None:
        self._policy, self._data = policy, data
        self._spec = Sft(optimizer="adamw", learning_rate=1e-5)
        self._optimizer = make_optimizer(policy.model, self._spec)

    def run(self) -> tuple[int, float]:
        """One epoch: tokens and seconds."""
        began, size = time.perf_counter(), 2 * trl_side.ROWS
        self._policy.model.train()
        for start in range(0, len(self._data), size):
            batch = self._data[start : start + size]
            accumulate(self._policy.model, batch, MICRO_BATCH_TOKENS)
            apply_gradients(self._policy.model, self._optimizer, 1e-5, 1.0)
        return sum(len(item.ids) for item in self._data), time.perf_counter() - began


def main() -> None:
    """Run what was asked for and print a table."""
    options = _options()
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    if options.peak:
        print(_peak(options.peak))
        return
    print(f"TRL {trl.__version__}, torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print("| measured | unit | r1ci | TRL | ratio | aim |\n|---|---|---|---|---|---|", flush=True)
    rows: list[Row] = []
    for row in _rows(options):
        values = " | ".join(f"{row[key]:.0f}" for key in ("ours", "trl"))
        print(f"| {row['title']} | {row['unit']} | {values} | {row['ratio']:.2f} | {row['aim']} |", flush=True)
        rows.append(row)
    if options.json:
        facts = {"trl": trl.__version__, "torch": torch.__version__, "threads": torch.get_num_threads()}
        options.json.write_text(json.dumps({**facts, "rows": rows}, indent=2) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--episodes", type=int, nargs="+", default=[16, 64], help="concurrent episodes")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4], help="episodes in all, in concurrent ones")
    parser.add_argument("--groups", type=int, default=8, help="groups of 8 episodes in an update and in SFT")
    parser.add_argument("--only", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--peak", choices=("ours", "trl"), help=argparse.SUPPRESS)
    return parser.parse_args()


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    """What was asked for, one after the other."""
    if "rollouts" in options.only:
        for episodes, batches in itertools.product(options.episodes, options.batches):
            yield from _rollouts(episodes, batches, options.rounds)
    if "update" in options.only:
        yield _updates(options.groups, options.rounds)
    if "sft" in options.only:
        yield _sft(options.groups, options.rounds)
    if "memory" in options.only:
        yield _memory()


def _rollouts(episodes: int, batches: int, rounds: int) -> list[Row]:
    policy, total = workload.policy(), episodes * batches
    scripts = workload.scripts(policy.tokenizer, total)
    theirs = trl_side.Rollouts(policy, scripts, episodes)
    ours = Rollouts(policy, workload.attempts(policy, total, theirs.prompt_tokens), scripts, episodes)
    expected = sum(script.tokens for script in scripts.values())
    rates: dict[str, list[float]] = {"ours": [], "generated": [], "scored": []}
    for number in range(rounds + 1):
        for name, contender in (("ours", ours), ("scored", theirs)):
            began = time.perf_counter()
            sampled = contender.run()
            seconds = time.perf_counter() - began
            if sampled != expected:
                raise SystemExit(f"{name} sampled {sampled} tokens, the scripts have {expected}")
            if number:  # the first round only warms up
                rates[name].append(sampled / seconds)
                if name == "scored":
                    rates["generated"].append(sampled / theirs.generating)
    theirs.close()
    title = f"rollouts, {total} episodes, {episodes} at a time, {theirs.prompt_tokens} prompt tokens"
    return [
        _row("rollouts", title, "tokens/s", rates["ours"], rates["generated"]),
        _row("rollouts", f"{title}, TRL's log-probabilities too", "tokens/s", rates["ours"], rates["scored"]),
    ]


def _updates(groups: int, rounds: int) -> Row:
    items = workload.trajectories(groups)
    ours, theirs = Update(workload.policy(), items), trl_side.Update(workload.policy(), items)
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for contender, into in zip((ours, theirs), rates, strict=True):
            began = time.perf_counter()
            tokens = contender.run()
            if number:
                into.append(tokens / (time.perf_counter() - began))
    return _row("update", f"RL update, {len(items)} episodes, 10:1", "tokens/s", *rates)


def _sft(groups: int, rounds: int) -> Row:
    data = [Tokens(item.ids, item.mask) for item in workload.trajectories(groups)]
    ours, theirs = Supervised(workload.policy(), data), trl_side.Supervised(workload.policy(), data)
    rates: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for contender, into in zip((ours, theirs), rates, strict=True):
            tokens, seconds = contender.run()
            if number:
                into.append(tokens / seconds)
    return _row("sft", f"SFT, {len(data)} sequences, 10:1", "tokens/s", *rates)


def _memory() -> Row:
    """One process each: a peak does not vary as times do."""
    peaks: list[list[float]] = []
    for name in ("ours", "trl"):
        done = subprocess.run([sys.executable, __file__, "--peak", name], stdout=subprocess.PIPE, text=True, check=True)
        peaks.append([float(done.stdout.split()[-1])])
    return _row("memory", f"peak memory of an update, vocabulary {WIDE['vocabulary']}", "MiB", *peaks)


def _peak(name: str) -> float:
    """MiB that two updates add at their peak to what was resident before: gradients and AdamW's state included."""
    items, policy = workload.trajectories(1, vocabulary=WIDE["vocabulary"], **SHORT), workload.policy(**WIDE)
    contender = Update(policy, items) if name == "ours" else trl_side.Update(policy, items)
    Path("/proc/self/clear_refs").write_text("5")  # resets VmHWM to VmRSS
    before = _resident("VmRSS")
    contender.run()
    contender.run()
    return (_resident("VmHWM") - before) / 1024


def _resident(field: str) -> int:
    """A field of this process's memory in KiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise SystemExit(f"no {field} in /proc/self/status: peak memory is measured on Linux only")


def _row(kind: str, title: str, unit: str, ours: Sequence[float], theirs: Sequence[float]) -> Row:
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return {
        "kind": kind,
        "title": title,
        "unit": unit,
        "ours": median(ours),
        "trl": median(theirs),
        "ratio": median(ratios),
        "ratios": ratios,
        "aim": AIMS.get(kind, ""),
    }


if __name__ == "__main__":
    main()
