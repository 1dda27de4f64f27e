"""How long a report takes, what it needs and how it opens, on made-up stores of many runs.

    python benchmarks/report.py [--runs 60] [--tasks 144] [--steps 600] [--trajectories 2000] [--keep FOLDER]

The store has the layout of docs/store.md: variants x 5 seeds of RL, each with metrics, episodes (64 a step), a ledger
of a few steps and an evaluation. Steps share the files of six others by hard links.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from r1ci.plan.compile import plan_to_json
from r1ci.plan.steps import Cell, Plan, Step
from r1ci.spec.models import Experiment

CHART = ".js-plotly-plot .trace"
WATCH = f"""new MutationObserver((_, watch) => {{
  if (document.querySelector('.plot svg')) window.stillAt ??= Math.round(performance.now());
  if (!document.querySelector('{CHART}')) return;
  window.chartAt = Math.round(performance.now());
  watch.disconnect();
}}).observe(document, {{ childList: true, subtree: true }})"""
"""Notes when the first still chart and the first that reacts are there, in milliseconds from opening."""
SEEDS, QUESTIONS, EPISODES, SHAPES = 5, 5, 64, 6
METRICS = (
    "reward", "reward/correctness", "reward/format", "reward/turn_limit", "accuracy", "signal", "loss", "kl", "entropy",
    "clip_fraction", "ratio", "mismatch", "kept_fraction", "grad_norm", "learning_rate", "generated_tokens", "calls",
    "status/ok", "status/error", "stop/answer", "stop/void_turn", "tokens", "rollout_s", "update_s",
)  # fmt: skip


class Maker:
    """Writes one store."""

    def __init__(self, root: Path, tasks: int, steps: int, kept: int) -> None:
        self.root, self.steps, self.kept = root, steps, kept
        self.tasks = [f"suite{index % 7}/task_{index}" for index in range(tasks)]
        self.plan: dict[str, Step] = {}
        self.states: dict[str, Any] = {}
        self.shared: dict[tuple[str, int], Path] = {}

    def write(self, runs: int) -> None:
        """An experiment called ``many``."""
        variants: dict[str, dict[str, int]] = {"curriculum": {}} | {
            f"v{index}": {"rl.group_size": index + 4} for index in range(1, runs // SEEDS)
        }
        cells = tuple(self._cell(index, name, seed) for index, name in enumerate(variants) for seed in range(SEEDS))
        spec = {
            "spec_version": 1, "name": "many", "models": ["tiny"], "seeds": list(range(SEEDS)), "until": "rl",
            "variants": variants, "report": {"baseline": list(variants)[-1]},
        }  # fmt: skip
        folder = self.root / "experiments" / "many"
        folder.mkdir(parents=True)
        resolved = Experiment.model_validate(spec).model_dump(mode="json")
        for name, value in (
            ("resolved", resolved),
            ("plan", plan_to_json(Plan("many", self.plan, cells))),
            ("status", {"state": "done", "steps": self.states}),
        ):
            (folder / f"{name}.json").write_text(json.dumps(value))

    def _cell(self, index: int, variant: str, seed: int) -> Cell:
        questions = self._step("questions", {}, {}, 0)
        sft = self._step("sft", {"seed": seed}, {"questions": questions}, seed)
        rl = self._step("rl", {"variant": variant, "seed": seed}, {"questions": questions, "policy": sft}, index + seed)
        roles = {"questions": questions, "sft": sft, "rl": rl}
        for checkpoint, policy in (("sft", sft), ("rl", rl)):
            reads = {"questions": questions, "policy": policy}
            roles[f"evaluation:{checkpoint}:code_agent"] = self._step("evaluation", {"seed": seed}, reads, index + seed)
        return Cell(variant, "tiny", seed, roles)

    def _step(self, kind: str, inputs: dict[str, Any], reads: dict[str, str], slot: int) -> str:
        step = Step(kind, inputs, reads)
        if step.id in self.plan:
            return step.id
        self.plan[step.id], self.states[step.id] = step, {"state": "done"}
        folder = self.root / "steps" / step.id
        first = self.shared.setdefault((kind, slot % SHAPES), folder)
        (folder / "ledger").mkdir(parents=True)
        if first is folder:
            getattr(self, f"_{kind}")(folder, np.random.default_rng(slot))
        else:
            for file in (path for path in first.rglob("*") if path.is_file() and path.suffix != ".json"):
                os.link(file, folder / file.relative_to(first))
        (folder / "step.json").write_text(json.dumps({"id": step.id, "kind": kind, "inputs": inputs, "reads": reads}))
        (folder / "done.json").write_text(json.dumps({"outputs": []}))
        (folder / "provenance.json").write_text(json.dumps({"step": kind, "outcome": "done", "seed": slot}))
        return step.id

    def _questions(self, folder: Path, rng: np.random.Generator) -> None:
        rows = [
            {
                "set": set,
                "question_id": f"{task}#{set}{index}",
                "task": task,
                "text": f"{set} {task} {index}",
                "answer": "1",
            }
            for set in ("rl", "new")
            for task in self.tasks
            for index in range(QUESTIONS)
        ]
        pl.DataFrame(rows).write_parquet(folder / "questions.parquet")

    def _sft(self, folder: Path, rng: np.random.Generator) -> None:
        columns = {name: rng.random(self.steps) for name in ("loss", "learning_rate", "grad_norm", "tokens", "seconds")}
        pl.DataFrame({"step": range(self.steps), **columns}).write_parquet(folder / "metrics.parquet")

    def _rl(self, folder: Path, rng: np.random.Generator) -> None:
        stage = np.arange(self.steps) * 4 // self.steps + 1
        columns = {name: rng.random(self.steps) for name in METRICS}
        pl.DataFrame({"step": range(self.steps), "stage": stage, **columns}).write_parquet(folder / "metrics.parquet")
        count = self.steps * EPISODES
        asked = rng.integers(0, len(self.tasks) * QUESTIONS, count // 8).repeat(8)
        correct = rng.random(count) < 0.5
        names = np.array([f"{task}#rl{index}" for task in self.tasks for index in range(QUESTIONS)])
        pl.DataFrame({
            "step": np.arange(count) // EPISODES, "stage": stage.repeat(EPISODES), "question_id": names[asked],
            "task": np.array(self.tasks)[asked // QUESTIONS], "sample": np.arange(count) % 8,
            "round": np.zeros(count, int), "trained": np.ones(count, bool), "reward": correct.astype(float),
            "advantage": rng.random(count), "correct": correct, "calls": rng.integers(0, 4, count),
            "generated_tokens": rng.integers(50, 400, count), "stop_reason": ["answer"] * count,
        }).write_parquet(folder / "episodes.parquet")  # fmt: skip
        for step in range(0, self.steps, max(1, self.steps // 4)):
            pl.DataFrame([_ledger_row(f"{self.tasks[0]}#rl0", sample, rng) for sample in range(8)]).write_parquet(
                folder / "ledger" / f"step-{step:07d}.parquet"
            )

    def _evaluation(self, folder: Path, rng: np.random.Generator) -> None:
        scores: list[dict[str, Any]] = []
        lines: list[dict[str, Any]] = []
        for task in self.tasks:
            for index in range(QUESTIONS):
                calls = int(rng.integers(0, 4))
                correct = bool(rng.random() < 0.5)
                score = {
                    "set": "new", "task": task, "question_id": f"{task}#new{index}", "sample": 0, "correct": correct,
                    "reward": float(correct), "calls": calls, "code_errors": calls // 2,
                    "statuses": (["error", "ok"] * 2)[:calls], "turns": calls + 1, "generated_tokens": 300,
                    "stop_reason": "answer", "answer": str(index),
                }  # fmt: skip
                scores.append(score)
                if len(lines) < self.kept:
                    lines.append(_trajectory(score, rng))
        pl.DataFrame(scores).write_parquet(folder / "scores.parquet")
        with gzip.open(folder / "trajectories.jsonl.gz", "wt") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))


def _prose(rng: np.random.Generator, words: int) -> str:
    return " ".join(f"{'abcdefghij'[digit]}{digit * 37 % 89}" for digit in rng.integers(0, 10, words))


def _turns(rng: np.random.Generator, calls: int) -> list[dict[str, Any]]:
    code = [f"total = 0\nfor i in range({rng.integers(9)}):\n    total += i  # {_prose(rng, 20)}" for _ in range(calls)]
    ran = [{"status": "ok", "stdout": _prose(rng, 30), "stderr": "", "wall_s": 0.05, "exit_code": 0} for _ in code]
    made = [
        {"text": f"{_prose(rng, 60)}\n```python\n{program}\n```", "code": program, "execution": execution,
         "observation": execution["stdout"], "violations": []}
        for program, execution in zip(code, ran, strict=True)
    ]  # fmt: skip
    return [*made, {"text": "<<<1>>>", "code": None, "execution": None, "observation": "", "violations": []}]


def _trajectory(score: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    kept = {key: score[key] for key in ("task", "question_id", "sample", "correct", "stop_reason", "answer")}
    turns = _turns(rng, score["calls"])
    text = "".join(turn["text"] for turn in turns)
    trajectory = {
        **kept,
        "agent": "code_agent",
        "temperature": 1.0,
        "rewards": {"correctness": 1.0},
        "turns": turns,
        "text": text,
    }
    return {"set": "new", "question": _prose(rng, 60), "reference": "1", "trajectory": trajectory}


def _ledger_row(question: str, sample: int, rng: np.random.Generator) -> dict[str, Any]:
    ids = rng.integers(0, 500, 400).tolist()
    turns = [
        {"text": turn["text"], "code": turn["code"], "status": turn["execution"] and "ok", "start": 0, "end": 0,
         "observation": turn["observation"], "violations": []}
        for turn in _turns(rng, 2)
    ]  # fmt: skip
    return {
        "question_id": question, "task": question.partition("#")[0], "agent": "code_agent", "sample": sample,
        "policy_version": 0, "stop_reason": "answer", "answer": "1", "correct": sample % 2 == 0,
        "rewards": [{"term": "correctness", "value": float(sample % 2)}], "reward": float(sample % 2),
        "advantage": 1.0, "advantages": [0.5] * len(ids), "prompt_tokens": 50, "turns": turns, "ids": ids,
        "mask": [0] * 50 + [1] * (len(ids) - 50),
    }  # fmt: skip


def _build(root: Path, out: Path) -> None:
    """In a process of its own: so that its memory is only its own."""
    from r1ci.report.build import build

    wall, cpu = time.perf_counter(), time.process_time()
    files = build(root, ["many"], out, now=datetime(2026, 1, 2, tzinfo=UTC))
    print(json.dumps({
        "wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "html_mb": round(files.html.stat().st_size / 1e6, 2), "json_mb": round(files.json.stat().st_size / 1e6, 2),
    }))  # fmt: skip


def _open(page: Path) -> dict[str, Any]:
    """Milliseconds in headless Chromium: until text is seen, until all is there, from scrolling to a chart or list."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))
    from browser import CHROMIUM, Browser  # type: ignore[import-not-found]

    if CHROMIUM is None:
        return {}
    wait = """new Promise((done) => {{
      const start = performance.now();
      document.getElementById('{0}').scrollIntoView({{ behavior: 'instant' }});
      (function look() {{
        if (document.querySelector('{1}')) done(Math.round(performance.now() - start));
        else setTimeout(look, 10);
      }})();
    }})"""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Browser(Path(profile)) as browser:
        browser.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        browser.open(page, "#curves")
        browser.until("window.chartAt")
        still_at, chart_at = browser.value("[window.stillAt, window.chartAt]")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, Browser(Path(profile)) as browser:
        browser.open(page)
        painted = "Math.round(performance.getEntriesByName('first-contentful-paint')[0].startTime)"
        usable = "Math.round(performance.getEntriesByType('navigation')[0].domInteractive)"
        return {
            "first_paint_ms": browser.value(painted),
            "text_ms": browser.value(usable),
            "first_still_chart_from_opening_ms": still_at,
            "first_chart_from_opening_ms": chart_at,
            "first_chart_ms": browser.value(wait.format("curves", CHART)),
            "trajectories_ms": browser.value(wait.format("trajectories", "#items button")),
        }


def main() -> None:
    """Make the store, build in a process of its own, open the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("runs", 60), ("tasks", 144), ("steps", 600), ("trajectories", 2000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--keep", type=Path, help="keep the store here, or use the one that is there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = given.keep or Path(scratch)
        if not (root / "experiments").exists():
            evaluations = given.runs + SEEDS
            Maker(root, given.tasks, given.steps, given.trajectories // evaluations).write(given.runs)
        out = Path(scratch) / "page"
        code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nimport report\n"
        call = f"from pathlib import Path\nreport._build(Path({str(root)!r}), Path({str(out)!r}))"
        made = subprocess.run([sys.executable, "-c", code + call], check=True, stdout=subprocess.PIPE, text=True)
        print(json.dumps({"load": os.getloadavg()[0], **json.loads(made.stdout), **_open(out / "index.html")}))


if __name__ == "__main__":
    main()
