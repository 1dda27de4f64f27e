"""A store as a finished quickstart would leave it, made up from seeds: no model, no training.

Run as a program it writes the store to the folder named on the command line, to look at a report by hand.
"""

from __future__ import annotations

import gzip
import json
import math
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from r1ci.plan.compile import plan_to_json
from r1ci.plan.steps import Cell, Plan, Step
from r1ci.report.data import Findings, read_findings
from r1ci.spec.models import Experiment

TRAIN = {
    "rg/gcd": 0.93, "rg/lcm": 0.88, "rg/count_bits": 0.35, "rg/chain_sum": 0.45, "rg/spell_backward": 0.2,
    "rg/number_sorting": 0.6, "symbench/letters": 0.5, "bbh/boolean_expressions": 0.72,
}  # fmt: skip
TEST = {"rg/base_conversion": 0.4, "rg/prime_count": 0.3, "symbench/game24": 0.05, "bbh/word_sorting": 0.22}
HOSTILE = '</script><img src=x onerror="window.hacked=1"><!-- {{ 7*7 }} \u2028 \x1b[31m & ]]>'
STAGES = ("answer", "void_turn", "calls_used_up")


@dataclass
class FakeStore:
    """Writes one experiment, step by step, in the layout of docs/store.md."""

    root: Path
    name: str = "quickstart"
    variants: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"curriculum": {}, "plain": {"curriculum.stages": "single"}}
    )
    seeds: Sequence[int] = (0, 1, 2)
    until: str = "rl"
    gain: Mapping[str, float] = field(default_factory=lambda: {"curriculum": 1.6, "plain": 0.9})
    """What RL adds to the log-odds of solving a question."""
    failed: Callable[[str, str, int], bool] = lambda role, variant, seed: False
    questions: int = 12
    steps: dict[str, Step] = field(default_factory=dict)
    states: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self) -> Path:
        """Write everything and return the root."""
        cells = tuple(self._cell(variant, seed) for variant in self.variants for seed in self.seeds)
        plan = Plan(self.name, self.steps, cells)
        folder = self.root / "experiments" / self.name
        folder.mkdir(parents=True)
        spec = {
            "spec_version": 1, "name": self.name, "models": ["tiny"], "seeds": list(self.seeds), "until": self.until,
            "description": "A tiny model learns to solve reasoning tasks by program.",
            "variants": {name: dict(keys) for name, keys in self.variants.items()},
            "report": {"baseline": list(self.variants)[-1]},
        }  # fmt: skip
        _json(folder / "resolved.json", Experiment.model_validate(spec).model_dump(mode="json"))
        _json(folder / "plan.json", plan_to_json(plan))
        _json(folder / "status.json", {"state": "done", "steps": self.states})
        return self.root

    def _cell(self, variant: str, seed: int) -> Cell:
        roles: dict[str, str] = {}
        single = self.variants[variant].get("curriculum.stages") == "single"

        def add(role: str, kind: str, inputs: dict[str, Any], *reads: str) -> None:
            named = {"policy" if read in ("model", "sft", "rl") else read: roles[read] for read in reads}
            roles[role] = self._step(role, kind, inputs, named, variant, seed)

        add("questions", "questions", {"seed": 0})
        add("demonstrations", "demonstrations", {"seed": 0}, "questions")
        add("model", "model", {"model": {"kind": "tiny"}, "seed": seed}, "demonstrations")
        add("sft", "sft", {"sft": {"epochs": 3}, "seed": seed}, "model", "demonstrations")
        if self.until == "rl":
            if not single:
                add("potential", "potential", {"seed": seed}, "questions", "sft")
                add("partition", "partition", {"partition": {"groups": 4}, "seed": seed}, "questions", "potential")
            stages = "single" if single else "cumulative"
            add(
                "rl",
                "rl",
                {"stages": stages, "seed": seed, "rl": {"group_size": 5}},
                "questions",
                "sft",
                *([] if single else ["partition"]),
            )
        for checkpoint, policy in (("base", "model"), ("sft", "sft"), ("rl", "rl")):
            if policy in roles:
                role = f"evaluation:{checkpoint}:code_agent"
                add(role, "evaluation", {"seed": seed, "temperature": 0.6}, "questions", policy)
        return Cell(variant, "tiny", seed, roles)

    def _step(
        self, role: str, kind: str, inputs: dict[str, Any], reads: dict[str, str], variant: str, seed: int
    ) -> str:
        step = Step(kind, inputs, reads)
        if step.id in self.steps:
            return step.id
        self.steps[step.id] = step
        stopped = [read for read in reads.values() if self.states[read]["state"] != "done"]
        if stopped:
            self.states[step.id] = {"state": "blocked", "by": stopped[0]}
            return step.id
        folder = self.root / "steps" / step.id
        folder.mkdir(parents=True)
        _json(folder / "step.json", {"id": step.id, "kind": kind, "inputs": inputs, "reads": reads})
        _json(folder / "provenance.json", _provenance(kind, seed, len(self.steps)))
        if self.failed(role, variant, seed):
            error = {"type": "StepFailed", "message": f"{role} ran out of memory {HOSTILE}", "help": "use less"}
            self.states[step.id] = {"state": "failed", "error": error}
            return step.id
        rng = random.Random(f"{role}/{variant if 'rl' in role else ''}/{seed}")
        if kind == "evaluation":
            _evaluation(folder, role.split(":")[1], self.gain.get(variant, 0.0), seed, self.questions, rng)
        elif kind == "questions":
            _parquet(folder / "questions.parquet", _questions())
        elif kind == "sft":
            _parquet(folder / "metrics.parquet", _sft_metrics(rng))
        elif kind == "rl":
            gain = self.gain.get(variant, 0.0)
            _parquet(folder / "metrics.parquet", _rl_metrics(inputs["stages"], gain, rng))
            _parquet(folder / "episodes.parquet", _episodes(inputs["stages"], gain, seed))
        elif kind in ("potential", "partition"):
            rows = _potential(seed)
            _parquet(folder / f"{kind}.parquet", rows if kind == "potential" else _partition(rows))
        if kind in ("demonstrations", "potential", "rl", "evaluation"):
            _parquet(folder / "executor.parquet", _executions(48 if kind == "rl" else 1))
        tables = [folder / "questions.parquet"] if kind == "questions" else []
        outputs = [{"path": path.name, "bytes": path.stat().st_size} for path in tables]
        _json(folder / "done.json", {"outputs": outputs})
        self.states[step.id] = {"state": "done"}
        return step.id


def _json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, sort_keys=True), encoding="utf-8")


def _parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    pl.DataFrame(rows).write_parquet(path)


def _provenance(kind: str, seed: int, order: int) -> dict[str, Any]:
    seconds = {"sft": 80, "rl": 150, "evaluation": 12, "potential": 25}.get(kind, 2)
    return {
        "step": kind, "attempt": 1, "outcome": "done", "command": "r1ci run specs/quickstart.yaml", "seed": seed,
        "started": f"2026-01-02T03:{order:02d}:00+00:00",
        "ended": f"2026-01-02T03:{order + seconds // 60:02d}:{seconds % 60:02d}+00:00",
        "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": kind == "rl", "diff": HOSTILE},
        "packages": {"r1ci": "0.1.0", "torch": "2.13.0", "transformers": "5.19.0", "ray": "2.60.0"},
        "python": "3.11.9",
        "machine": {"platform": "Linux", "cpu": "a processor", "cores": 2, "memory_mb": 7800, "gpus": []},
        "process": {"host": "laptop-of-ann", "pid": 4711, "ray_job": None},
    }  # fmt: skip


def _solves(task: str, checkpoint: str, gain: float, ability: float) -> float:
    """Probability of solving a question of a task: none for the base model, a logistic shift for RL."""
    p = {**TRAIN, **TEST}[task]
    if checkpoint == "base":
        return 0.01
    shift = ability + (gain if checkpoint == "rl" else 0.0) * (1.0 if task in TRAIN else 0.4)
    return 1 / (1 + math.exp(-(math.log(p / (1 - p)) + shift)))


def _evaluation(folder: Path, checkpoint: str, gain: float, seed: int, count: int, rng: random.Random) -> None:
    scores, kept = [], []
    ability = random.Random(f"ability {seed}").gauss(0, 0.15)
    for set_, tasks in (("new", TRAIN), ("test", TEST)):
        for task in tasks:
            for index in range(count):
                correct = rng.random() < _solves(task, checkpoint, gain, ability)
                episode = _episode(task, index, correct, checkpoint, rng)
                scores.append({"set": set_, **episode["score"]})
                if index < 4:
                    line = {"set": set_, "question": episode["question"], "reference": "12"}
                    kept.append({**line, "trajectory": episode["trajectory"]})
    _parquet(folder / "scores.parquet", scores)
    with gzip.GzipFile(folder / "trajectories.jsonl.gz", "wb", mtime=0) as file:
        file.write("".join(json.dumps(line) + "\n" for line in kept).encode())


_TRACE = 'Traceback (most recent call last):\n  File "main.py", line 3, in <module>\n'
_FAULTS = (
    ("error", f"{_TRACE}NameError: name 'maths' is not defined"),
    ("error", "  File \"main.py\", line 2\n    print(math.gcd(84, 36)\n         ^\nSyntaxError: '(' was never closed"),
    ("timeout", ""),
    ("error", f"{_TRACE}ZeroDivisionError: division by zero"),
)


def _episode(task: str, index: int, correct: bool, checkpoint: str, rng: random.Random) -> dict[str, Any]:
    hostile = task == "rg/chain_sum" and index == 0
    faults = [] if checkpoint == "base" else [rng.choice(_FAULTS) for _ in range(rng.choice((0, 0, 0, 1, 1, 2)))]
    works = checkpoint != "base" and (correct or rng.random() < 0.6)
    ends = [*faults, ("ok", "")] if works else faults
    turns = [_turn(status, stderr, hostile, rng) for status, stderr in ends]
    answer = "12" if correct else HOSTILE if hostile else "13"
    stop = "answer" if correct or rng.random() < 0.7 else rng.choice(STAGES[1:])
    text = f"The printed value is the answer.\n<<<{answer}>>>" if stop == "answer" else "Let me think again, 12 or 13."
    turns.append(
        {"start": 0, "end": 0, "text": text, "code": None, "execution": None, "observation": "", "violations": []}
    )
    tokens = sum(len(turn["text"]) for turn in turns) // 3
    question_id = f"{task}#{index}"
    statuses = [status for status, _ in ends]
    question = f"What is the greatest common divisor of {84 + 12 * index} and {36 + 12 * index}?"
    trajectory = {
        "task": task, "question_id": question_id, "agent": "code_agent", "sample": 0, "temperature": 0.6,
        "prompt_tokens": 60, "turns": turns, "stop_reason": stop, "answer": answer if stop == "answer" else None,
        "correct": correct, "policy_version": 0,
        "rewards": {"correctness": float(correct), "format": 0.1 if stop == "answer" else -0.1},
        "text": f"<|user|>{question}<|assistant|>" + "".join(t["text"] + t["observation"] for t in turns),
    }  # fmt: skip
    score = {
        "task": task, "question_id": question_id, "sample": 0, "correct": correct,
        "reward": sum(trajectory["rewards"].values()), "calls": len(ends),
        "code_errors": sum(status != "ok" for status in statuses), "statuses": statuses, "turns": len(turns),
        "generated_tokens": tokens, "stop_reason": stop, "answer": answer if stop == "answer" else None,
    }  # fmt: skip
    return {"question": f"{question} {HOSTILE}" if hostile else question, "score": score, "trajectory": trajectory}


def _turn(status: str, stderr: str, hostile: bool, rng: random.Random) -> dict[str, Any]:
    code = "import math\n\n# the divisor that both share\na, b = 84, 36\nprint(math.gcd(a, b))"
    if hostile:
        code = f"print({HOSTILE!r})"
    stdout = "" if status != "ok" else HOSTILE if hostile else "12\n"
    execution = {
        "status": status, "stdout": stdout, "stderr": stderr, "exit_code": int(status != "ok"),
        "stdout_truncated": False, "stderr_truncated": False, "wall_s": round(rng.uniform(0.02, 0.08), 3),
        "cpu_s": 0.02, "queue_s": 0.0, "peak_memory_mb": 12.0, "isolation": "rlimits",
        "reason": "stopped after 2 s" if status == "timeout" else "",
    }  # fmt: skip
    text = f"I compute it with a program.\n```python\n{code}\n```"
    observation = f"\nCode Execution Results:\n{stdout}{stderr}\n"
    return {"start": 0, "end": 0, "text": text, "code": code, "execution": execution, "observation": observation,
            "violations": []}  # fmt: skip


def _executions(steps: int) -> list[dict[str, Any]]:
    counts = [
        ("runs", "ok/numpy/strict", 90), ("runs", "error/std/strict", 8), ("runs", "timeout/std/strict", 2),
        ("queue_s", "0.001", 100), ("setup_s", "0.005", 60), ("setup_s", "0.01", 40), ("wall_s", "0.02", 98),
        ("wall_s", "inf", 2), ("events", "restart/recycled", 1),
    ]  # fmt: skip
    return [
        {"step": step, "measure": measure, "name": name, "count": count}
        for step in range(steps)
        for measure, name, count in counts
    ]


def _sft_metrics(rng: random.Random) -> list[dict[str, float]]:
    return [
        {"step": s, "loss": 3.2 * math.exp(-s / 14) + 0.12 + rng.gauss(0, 0.03), "learning_rate": 1e-3 * (1 - s / 60),
         "grad_norm": 1 + rng.random(), "tokens": 4200, "seconds": 0.4}
        for s in range(60)
    ]  # fmt: skip


def _rl_metrics(stages: str, gain: float, rng: random.Random) -> list[dict[str, float]]:
    rows = []
    for step in range(48):
        stage = 1 if stages == "single" else step // 12 + 1
        dip = 0.0 if stages == "single" else 0.06 * (stage - 1)
        accuracy = 0.45 + 0.3 * gain / 1.6 * (1 - math.exp(-step / 15)) - dip + rng.gauss(0, 0.03)
        row: dict[str, float] = {
            "step": step, "stage": stage, "reward": accuracy + 0.07, "reward/correctness": accuracy,
            "reward/format": 0.09 - 0.02 * math.exp(-step / 6), "reward/turn_limit": -0.002,
            "accuracy": accuracy,
            "signal": max(0.0, (0.72 if stages != "single" else 0.4) - 0.004 * step + rng.gauss(0, 0.03)),
            "loss": rng.gauss(0, 0.01), "kl": 0.002 * step / 48 + abs(rng.gauss(0, 2e-4)),
            "entropy": 0.5 * math.exp(-step / 40) + rng.gauss(0, 0.01), "clip_fraction": abs(rng.gauss(0, 0.004)),
            "grad_norm": 0.6 + 0.2 * rng.random(), "learning_rate": 1e-4,
            "generated_tokens": 70 - step / 6 + rng.gauss(0, 1.5), "calls": 1.5 - step / 120 + rng.gauss(0, 0.04),
            "status/ok": 0.8, "status/error": 0.2, "stop/answer": 0.95, "stop/void_turn": 0.05, "tokens": 9000,
            "rollout_s": 2.1, "update_s": 0.9,
        }  # fmt: skip
        if step % 12 == 11:
            row["new_accuracy"] = accuracy - 0.02
        rows.append(row)
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]  # type: ignore[misc]


def _questions() -> list[dict[str, Any]]:
    sets = {"sft": (TRAIN, 20), "rl": (TRAIN, 30), "new": (TRAIN, 12), "test": (TEST, 12)}
    return [
        {"set": name, "question_id": f"{task}#{i}", "task": task, "text": f"{name} {task} {i}"}
        for name, (tasks, count) in sets.items()
        for task in tasks
        for i in range(count)
    ]


def _episodes(stages: str, gain: float, seed: int) -> list[dict[str, Any]]:
    """48 steps of 10 questions, 5 episodes each, as the fake metrics have stages."""
    rng = random.Random(f"episodes {stages} {seed}")
    rows, potential = [], _partition(_potential(seed))
    for step in range(48):
        stage = 1 if stages == "single" else step // 12 + 1
        asked = [row for row in potential if stages == "single" or row["group"] <= stage]
        for question in rng.sample(asked, 10):
            p = min(0.97, question["p"] + 0.25 * gain * step / 48)
            for sample in range(5):
                correct = rng.random() < p
                rows.append({"step": step, "stage": stage, "question_id": question["question_id"],
                             "task": question["task"], "sample": sample, "round": 0, "trained": True,
                             "reward": float(correct), "advantage": 0.0, "correct": correct, "calls": 1,
                             "generated_tokens": 60, "stop_reason": "answer"})  # fmt: skip
    return rows


def _potential(seed: int) -> list[dict[str, Any]]:
    rng = random.Random(f"potential {seed}")
    rows = []
    for task, p in TRAIN.items():
        for index in range(30):
            own = min(0.99, max(0.01, rng.gauss(p, 0.2)))
            correct = sum(rng.random() < own for _ in range(20))
            p_hat = correct / 20
            rows.append({"question_id": f"{task}#{index}", "task": task, "attempts": 20, "correct": correct,
                         "p": p_hat, "potential": 4 * p_hat * (1 - p_hat)})  # fmt: skip
    return rows


def _partition(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    ranked = sorted(rows, key=lambda row: (-row["potential"], row["question_id"]))
    size = math.ceil(len(ranked) / 4)
    keep = ("question_id", "task", "p", "potential")
    return [{**{key: row[key] for key in keep}, "group": i // size + 1} for i, row in enumerate(ranked)]


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two variants, three seeds, everything done; read only."""
    return FakeStore(tmp_path_factory.mktemp("full")).write()


@pytest.fixture(scope="session")
def findings(full: Path) -> Findings:
    """What is read from ``full``."""
    return read_findings(full, ["quickstart"])


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., Path]:
    """Writes a store with other choices."""

    def make(**choices: Any) -> Path:
        return FakeStore(tmp_path / f"store-{len(list(tmp_path.iterdir()))}", **choices).write()

    return make


@pytest.fixture(scope="session")
def fake_store() -> type[FakeStore]:
    """To write several experiments into one store."""
    return FakeStore


if __name__ == "__main__":
    FakeStore(Path(sys.argv[1])).write()
