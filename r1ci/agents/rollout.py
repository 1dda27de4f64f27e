"""Many episodes at once on one engine and one executor, checked as they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from r1ci.agents.episode import Attempt, Team, run_episode
from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.tasks.base import Question, Task


async def rollout(
    attempts: Sequence[Attempt],
    team: Team,
    tasks: Mapping[str, Task],
    *,
    wave: int | None = None,
    on_done: Callable[[Trajectory], None] = lambda trajectory: None,
) -> list[Trajectory]:
    """Run every attempt; trajectories come back in the order of the attempts, with ``correct`` set.

    With ``wave``, so many episodes begin together and the next ones only when all of them have ended: what a
    deterministic run needs. Without, the engine limits how many are in flight.
    """

    async def one(number: int) -> Trajectory:
        attempt = attempts[number]
        trajectory = await run_episode(attempt, team, number)
        if trajectory.answer is not None:
            trajectory = _checked(trajectory, attempt.question, tasks[attempt.question.task])
        on_done(trajectory)
        return trajectory

    size = wave or max(1, len(attempts))
    done: list[Trajectory] = []
    for start in range(0, len(attempts), size):
        numbers = range(start, min(start + size, len(attempts)))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(one(number)) for number in numbers]
        done += [task.result() for task in running]
    return done


def _checked(trajectory: Trajectory, question: Question, task: Task) -> Trajectory:
    """With the checker's verdict; a checker that raises, which none of r1ci's does, loses the episode alone."""
    assert trajectory.answer is not None
    try:
        return replace(trajectory, correct=bool(task.check(question, trajectory.answer)))
    except Exception:
        return replace(trajectory, stop_reason=StopReason.SCORING)
