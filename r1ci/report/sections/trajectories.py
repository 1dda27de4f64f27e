"""Single attempts for the viewer: those that the evaluations kept, and a few groups of every training run.

They are untrusted text. They travel as gzipped, base64-coded JSON and are written into the page by textContent alone.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import count
from typing import Any

from markupsafe import Markup

from r1ci.report.contenders import Comparison, Family, families
from r1ci.report.render import render
from r1ci.report.sections.interpreter import error_class

BUDGET_BYTES = 4_000_000
"""Most bytes the coded trajectories may take in the page."""
SEED = 0
"""Of the sample."""


@dataclass(frozen=True)
class Entry:
    """One trajectory: what the list shows, and its record."""

    id: str
    """<step>/<question>/<sample>, with the training step before the question where it is of training."""
    run: str
    """Label of the contender."""
    seed: int
    set: str
    """new, test or training."""
    task: str
    question_id: str
    correct: bool
    stop_reason: str
    calls: int
    errors: tuple[str, ...]
    """Classes of the calls that did not end ok."""
    reward: float | None
    advantage: float | None
    """Of training: what the group's rewards made of its own."""
    group: str
    """The id without the sample: attempts at the same question by the same model."""
    record: Mapping[str, Any]
    """The line of trajectories.jsonl.gz: set, question, reference, trajectory; of training, also step and tokens."""

    @property
    def index(self) -> dict[str, Any]:
        """Everything but the record."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "record"}


@dataclass(frozen=True)
class Trajectories:
    """All that were kept, and those that fit into the page."""

    kept: int
    attempts: int
    """Made by the evaluations; the store has the text of ``kept`` of them."""
    trained: int
    """Episodes of training that were read from the ledgers."""
    entries: tuple[Entry, ...]
    payload: str
    """Base64 of the gzipped JSON: the entries, and of every group each one's id, correct, reward, advantage."""

    @property
    def rule(self) -> str:
        """How they were chosen."""
        available = self.kept + self.trained
        some = f"{len(self.entries):,} of {available:,} that the store has"
        drawn = f"a sample with seed {SEED}, in turn from every run, set, task and outcome"
        shown = f"All {available:,} that the store has" if len(self.entries) == available else f"{some}: {drawn}"
        return (
            f"{shown}. The store keeps the text of {self.kept:,} of {self.attempts:,} evaluated attempts, a seeded "
            f"sample spread over tasks and outcomes, and {self.trained:,} episodes of training were read: whole groups "
            "of steps spread over each run, one question a step, drawn with a seed among those whose rewards differ."
        )

    def for_json(self) -> dict[str, Any]:
        """The index without texts, which are in the store."""
        return {
            "kept": self.kept, "attempts": self.attempts, "trained": self.trained, "rule": self.rule,
            "entries": [entry.index for entry in self.entries],
        }  # fmt: skip


def trajectories_data(comparison: Comparison, budget: int = BUDGET_BYTES) -> Trajectories:
    """Collect the trajectories of every contender and seed, RL first; a stratified sample where they do not fit."""
    found = entries(comparison)
    most = len(found) if comparison.trajectories is None else comparison.trajectories
    shown, payload = _fit(found, min(most, len(found)), budget)
    trained = sum(entry.set == "training" for entry in found)
    attempts = sum(len(attempts) for attempts in comparison.findings.attempts.values())
    return Trajectories(len(found) - trained, attempts, trained, tuple(shown), payload)


def trajectories_html(data: Trajectories) -> Markup:
    """Filters, an empty list and an empty pane: the script fills them."""
    choices = [
        ("run", "run", list(dict.fromkeys(entry.run for entry in data.entries))),
        ("seed", "seed", sorted({entry.seed for entry in data.entries})),
        ("set", "questions", sorted({entry.set for entry in data.entries})),
        ("task", "task", sorted({entry.task for entry in data.entries})),
        ("outcome", "outcome", ["right", "wrong"]),
        ("stop", "ended by", sorted({entry.stop_reason for entry in data.entries})),
        ("error", "failure", sorted({error for entry in data.entries for error in entry.errors})),
        ("calls", "calls", sorted({entry.calls for entry in data.entries})),
    ]
    return render("trajectories.html", data=data, choices=choices)


def entries(comparison: Comparison) -> list[Entry]:
    """All that the store has, trained models first, evaluations before training."""
    findings = comparison.findings
    trained_first = sorted(comparison.contenders, key=lambda contender: contender.checkpoint != "rl")
    evaluated = [
        _entry(contender.label, seed, step, line)
        for contender in trained_first
        for seed, step in contender.evaluations.items()
        for line in findings.trajectories.get(step, ())
    ]
    trained = [
        _entry(_label(comparison, family), seed, step, line)
        for family in families(findings.cells, "rl")
        for seed, step in family.steps.items()
        for line in findings.groups.get(step, ())
    ]
    return evaluated + trained


def _label(comparison: Comparison, family: Family) -> str:
    """That of the run's evaluation, where it has one."""
    of = (contender for contender in comparison.contenders if contender.checkpoint == "rl")
    same = (c.label for c in of if (c.variants, c.model) == (family.variants, family.model))
    return next(same, ", ".join(family.variants))


def _entry(run: str, seed: int, step: str, line: Mapping[str, Any]) -> Entry:
    trajectory = line["trajectory"]
    executions = [turn["execution"] for turn in trajectory.get("turns", ()) if turn.get("execution")]
    failed = [error_class(execution) for execution in executions if execution.get("status") != "ok"]
    question = str(trajectory.get("question_id"))
    rewards = trajectory.get("rewards") or {}
    group = "/".join([step.rpartition("-")[2][:8], *([str(line["step"])] if "step" in line else []), question])
    return Entry(
        id=f"{group}/{trajectory.get('sample', 0)}",
        run=run,
        seed=seed,
        set=str(line.get("set")),
        task=str(trajectory.get("task")),
        question_id=question,
        correct=bool(trajectory.get("correct")),
        stop_reason=str(trajectory.get("stop_reason")),
        calls=len(executions),
        errors=tuple(dict.fromkeys(failed)),
        reward=round(sum(rewards.values()), 4) if rewards else None,
        advantage=line.get("advantage"),
        group=group,
        record=line,
    )


def _fit(found: list[Entry], most: int, budget: int) -> tuple[list[Entry], str]:
    """As many as the budget holds, in the order found."""
    ranked = _ranked(found)
    while True:
        chosen = set(ranked[:most])
        shown = [entry for index, entry in enumerate(found) if index in chosen]
        payload = _encode(shown, found)
        if len(payload) <= budget or not shown:
            return shown, payload
        most = min(most - 1, int(most * min(0.9, budget / len(payload))))


def _ranked(found: list[Entry]) -> list[int]:
    """Places in the list, in the order in which they are taken: one of each stratum, then the next of each."""
    rng = random.Random(SEED)
    shuffled = rng.sample(range(len(found)), len(found))
    seen: dict[tuple[object, ...], Iterable[int]] = {}
    turns = {}
    for place in shuffled:
        entry = found[place]
        turns[place] = next(iter(seen.setdefault((entry.run, entry.set, entry.task, entry.correct), count())))
    return sorted(shuffled, key=turns.__getitem__)


def _encode(shown: list[Entry], found: list[Entry]) -> str:
    named = {entry.group for entry in shown}
    sizes = Counter(entry.group for entry in found)
    groups: dict[str, list[object]] = {}
    for entry in found:
        if entry.group in named and sizes[entry.group] > 1:
            groups.setdefault(entry.group, []).append([entry.id, entry.correct, entry.reward, entry.advantage])
    content = {"entries": [vars(entry) for entry in shown], "groups": groups}
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return base64.b64encode(gzip.compress(plain.encode("ascii"), compresslevel=6, mtime=0)).decode("ascii")
