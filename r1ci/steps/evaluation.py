"""Score a policy with one agent on the new questions of the training tasks and on the test questions."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from r1ci.agents.episode import Attempt, episode_seed
from r1ci.agents.trajectory import Trajectory
from r1ci.executors.protocol import Status
from r1ci.models.chat import decode
from r1ci.plan.context import StepContext
from r1ci.rewards.registry import score
from r1ci.spec.models import AgentSpec, RewardSpec
from r1ci.steps.attempts import run_attempts, sampled_policy
from r1ci.tasks.base import Question
from r1ci.tasks.storage import read_questions

SETS = ("new", "test")


def run(context: StepContext) -> None:
    """Write scores.parquet and the sample of trajectories kept for the viewer."""
    inputs = context.inputs
    rewards = TypeAdapter(list[RewardSpec]).validate_python(inputs["rewards"])
    asked = [(name, question) for name in SETS for question in read_questions(context.reads["questions"], name)]
    agent = AgentSpec.model_validate(inputs["agent"])
    policy = sampled_policy(context)
    attempts = [
        Attempt(question, agent, sample, inputs["temperature"], _seed(inputs, question, sample))
        for _, question in asked
        for sample in range(inputs["samples"])
    ]
    trajectories = run_attempts(context, policy, attempts)
    trajectories = [replace(t, rewards=score(t, rewards)) if t.scored else t for t in trajectories]
    sets = [name for name, _ in asked for _ in range(inputs["samples"])]
    _write_scores(context.folder, sets, trajectories)
    questions = {question.id: question for _, question in asked}
    chosen = sample_rows(sets, trajectories, inputs["trajectories"], inputs["seed"])
    with (
        (context.folder / "trajectories.jsonl.gz").open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as stream,
    ):
        for index in chosen:
            question = questions[trajectories[index].question_id]
            line = viewer_row(sets[index], question, trajectories[index], policy.tokenizer)
            stream.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def _seed(inputs: Mapping[str, Any], question: Question, sample: int) -> int:
    return episode_seed("evaluation", inputs["seed"], question.id, sample)


def _write_scores(folder: Path, sets: Sequence[str], trajectories: Sequence[Trajectory]) -> None:
    import polars as pl

    rows = []
    for name, trajectory in zip(sets, trajectories, strict=True):
        statuses = [turn.execution.status.value for turn in trajectory.turns if turn.execution]
        rows.append(
            {
                "set": name,
                "task": trajectory.task,
                "question_id": trajectory.question_id,
                "sample": trajectory.sample,
                "correct": trajectory.correct,
                "reward": trajectory.reward,
                "calls": trajectory.calls,
                "code_errors": sum(status != Status.OK for status in statuses),
                "statuses": statuses,
                "turns": len(trajectory.turns),
                "generated_tokens": trajectory.generated_tokens,
                "stop_reason": trajectory.stop_reason.value,
                "answer": trajectory.answer,
            }
        )
    names = dict.fromkeys(("set", "task", "question_id", "answer"), pl.String())
    pl.DataFrame(rows, schema_overrides={**names, "statuses": pl.List(pl.String)}).write_parquet(
        folder / "scores.parquet"
    )


def sample_rows(sets: Sequence[str], trajectories: Sequence[Trajectory], size: int, seed: int) -> list[int]:
    """Indices of a seeded sample, stratified: the strata (set, task, correct) take turns until it is full."""
    strata: dict[tuple[str, str, bool], list[int]] = {}
    for index, (name, trajectory) in enumerate(zip(sets, trajectories, strict=True)):
        strata.setdefault((name, trajectory.task, trajectory.correct), []).append(index)
    shuffled = [sorted(members, key=lambda index: _rank(seed, trajectories[index])) for members in strata.values()]
    deepest = max(map(len, shuffled), default=0)
    turns = [members[depth] for depth in range(deepest) for members in shuffled if depth < len(members)]
    return sorted(turns[:size])


def _rank(seed: int, trajectory: Trajectory) -> bytes:
    return hashlib.sha256(f"{seed} {trajectory.question_id} {trajectory.sample}".encode()).digest()


def viewer_row(name: str, question: Question, trajectory: Trajectory, tokenizer: Any) -> dict[str, Any]:
    """A trajectory as the viewer reads it: text instead of token ids."""
    row = asdict(trajectory)
    for key in ("ids", "mask", "logprobs"):
        del row[key]
    row["text"] = decode(tokenizer, trajectory.ids)
    row["generated_tokens"] = trajectory.generated_tokens
    row["reward"] = trajectory.reward
    return {"set": name, "question": question.text, "reference": question.answer, "trajectory": row}
