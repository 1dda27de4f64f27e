"""Collect correct trajectories to imitate, at most so many per task."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from r1ci.agents.episode import episode_seed
from r1ci.errors import StepFailed
from r1ci.executors.protocol import Executor
from r1ci.executors.registry import make_executor
from r1ci.plan.context import Progress, StepContext
from r1ci.spec.models import Demonstrations, ExecutorSpec, FileTeacher, ProgramTeacher, PromptFormat
from r1ci.steps.attempts import write_executions
from r1ci.tasks.base import Question, Task
from r1ci.tasks.storage import read_questions, tasks_of
from r1ci.teachers import demonstration
from r1ci.teachers.demonstration import Demonstration
from r1ci.teachers.program import demonstrate

FILE = "demonstrations.jsonl.gz"


def run(context: StepContext) -> None:
    """Write demonstrations.jsonl.gz, attempts.parquet and, where programs were run, executor.parquet.

    Raises:
        StepFailed: not one demonstration was kept.
    """
    inputs = context.inputs
    spec = Demonstrations.model_validate(inputs["demonstrations"])
    if isinstance(spec.teacher, FileTeacher):
        kept, rows = _from_file(Path(spec.teacher.path), spec.max_per_task)
    else:
        limits = TypeAdapter(ExecutorSpec).validate_python({**context.step.runtime["executor"], **inputs["limits"]})
        questions = read_questions(context.reads["questions"], "sft")
        collected = asyncio.run(_collect(context, spec, limits, questions))
        kept, rows = _keep(collected, spec.max_per_task)
    if not kept:
        raise StepFailed(
            f"{context.step.id}: no demonstration was kept",
            "the program teacher needs tasks that have a reference program (r1ci ls tasks)",
        )
    demonstration.write(kept, context.folder / FILE)
    _write_attempts(context.folder, rows)


Collected = tuple[Question, int, PromptFormat, Demonstration | None]


async def _collect(
    context: StepContext, spec: Demonstrations, limits: ExecutorSpec, questions: Sequence[Question]
) -> list[Collected]:
    """Every attempt at every question, in order."""
    if not isinstance(spec.teacher, ProgramTeacher):
        raise StepFailed(
            f"{context.step.id}: this version collects demonstrations from teachers of kind program or file",
            "set demonstrations.teacher to {kind: program}, or sample elsewhere and use {kind: file, path: ...}",
        )
    teacher = spec.teacher
    tasks = tasks_of(questions, {})
    executor: Executor = make_executor(limits)
    chosen = [(question, attempt) for question in questions for attempt in range(spec.attempts)]
    done = 0

    async def one(number: int, question: Question, attempt: int, task: Task) -> Collected:
        nonlocal done
        form = spec.prompts[number % len(spec.prompts)]
        seed = episode_seed("demonstration", context.inputs["seed"], question.id, attempt)
        made = await demonstrate(question, task, teacher, form, executor, limits, seed)
        done += 1
        if done % 50 == 0:
            context.progress(Progress(done, len(chosen)))
        return question, attempt, form, made

    try:
        running = [one(number, q, attempt, tasks[q.task]) for number, (q, attempt) in enumerate(chosen)]
        collected = list(await asyncio.gather(*running))
        write_executions(context.folder, executor.metrics())
        return collected
    finally:
        await executor.close()


def _keep(collected: Sequence[Collected], max_per_task: int) -> tuple[list[Demonstration], list[dict[str, Any]]]:
    """The demonstrations kept, and a row per attempt."""
    kept: list[Demonstration] = []
    counts: Counter[str] = Counter()
    rows = []
    for question, attempt, form, made in collected:
        keep = made is not None and counts[question.task] < max_per_task
        if made is not None and keep:
            counts[question.task] += 1
            kept.append(made)
        rows.append(
            {
                "question_id": question.id,
                "task": question.task,
                "attempt": attempt,
                "prompt": form,
                "correct": made is not None,
                "kept": keep,
            }
        )
    return kept, rows


def _from_file(path: Path, max_per_task: int) -> tuple[list[Demonstration], list[dict[str, Any]]]:
    try:
        found = list(demonstration.read(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StepFailed(
            f"cannot read demonstrations from {path}: {type(error).__name__}: {error}",
            "one JSON object a line: task, question_id, prompt, segments: [{text, imitate}]",
        ) from error
    counts: Counter[str] = Counter()
    kept, rows = [], []
    for item in found:
        counts[item.task] += 1
        keep = counts[item.task] <= max_per_task
        kept += [item] if keep else []
        row = {"question_id": item.question_id, "task": item.task, "attempt": 0, "prompt": "file"}
        rows.append({**row, "correct": True, "kept": keep})
    return kept, rows


def _write_attempts(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    import polars as pl

    pl.DataFrame(rows).write_parquet(folder / "attempts.parquet")
