"""Measure every RL question's improvement potential: each agent attempts it at each temperature on the SFT model."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from r1ci.agents.episode import Attempt, episode_seed
from r1ci.agents.trajectory import Trajectory
from r1ci.curriculum.potential import measure
from r1ci.errors import StepFailed
from r1ci.plan.context import StepContext
from r1ci.spec.models import AgentSpec, Potential
from r1ci.steps.attempts import run_attempts, sampled_policy
from r1ci.tasks.storage import read_questions


def run(context: StepContext) -> None:
    """Write potential.parquet, a row per question, and attempts.parquet, a row per attempt.

    Raises:
        StepFailed: infrastructure failures ended every attempt.
    """
    inputs = context.inputs
    spec = Potential.model_validate(inputs["potential"])
    questions = read_questions(context.reads["questions"], "rl")
    agent = AgentSpec.model_validate(inputs["agent"])
    policy = sampled_policy(context)
    attempts = [
        Attempt(
            question,
            agent.model_copy(update={"kind": kind}),
            sample,
            temperature,
            episode_seed("potential", inputs["seed"], question.id, kind, sample),
        )
        for question in questions
        for kind in spec.agents
        for sample, temperature in enumerate(spec.temperatures)
    ]
    trajectories = run_attempts(context, policy, attempts)
    if not any(item.scored for item in trajectories):
        raise StepFailed(
            f"{context.step.id}: no attempt could be scored, the executor failed in every one",
            "`r1ci env` runs one program in the sandbox and says what is wrong with it",
        )
    _write(context.folder, trajectories)


def _write(folder: Path, trajectories: list[Trajectory]) -> None:
    """Attempts that an infrastructure failure ended are not counted; a question without any other is left out."""
    correct: dict[str, list[bool]] = {}
    for item in trajectories:
        correct.setdefault(item.question_id, [])
        if item.scored:
            correct[item.question_id].append(item.correct)
    tasks = {item.question_id: item.task for item in trajectories}
    measured = measure({name: verdicts for name, verdicts in correct.items() if verdicts})
    pl.DataFrame(
        [
            {
                "question_id": item.question_id,
                "task": tasks[item.question_id],
                "attempts": item.attempts,
                "correct": item.correct,
                "p": item.p,
                "potential": item.potential,
            }
            for item in measured
        ]
    ).write_parquet(folder / "potential.parquet")
    pl.DataFrame(
        [
            {
                "question_id": item.question_id,
                "task": item.task,
                "agent": item.agent,
                "temperature": item.temperature,
                "sample": item.sample,
                "correct": item.correct,
                "calls": item.calls,
                "stop_reason": item.stop_reason.value,
            }
            for item in trajectories
        ]
    ).write_parquet(folder / "attempts.parquet")
