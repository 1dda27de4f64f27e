"""A trained model answers one question, told as it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from r1ci.agents.episode import Attempt, Team, run_episode
from r1ci.agents.trajectory import Trajectory
from r1ci.engines.hf import HfEngine
from r1ci.engines.protocol import Completion, Request
from r1ci.executors.metrics import Snapshot
from r1ci.executors.protocol import Execution, Executor, Program
from r1ci.executors.registry import make_executor
from r1ci.models import load
from r1ci.models.chat import decode
from r1ci.spec.models import Experiment
from r1ci.tasks.base import Question


class _Narrated:
    """Engine and executor in one, telling of every completion and execution that passes through."""

    def __init__(
        self, engine: HfEngine, executor: Executor, tell: Callable[[str, str], None], tokenizer: object
    ) -> None:
        self._engine, self._executor, self._tell, self._tokenizer = engine, executor, tell, tokenizer

    async def open(self, episode: int) -> None:
        await self._engine.open(episode)

    async def release(self, episode: int) -> None:
        await self._engine.release(episode)

    async def generate(self, request: Request) -> Completion:
        completion = await self._engine.generate(request)
        self._tell("model", decode(self._tokenizer, completion.ids))
        return completion

    async def run(self, program: Program) -> Execution:
        execution = await self._executor.run(program)
        self._tell("output", execution.stdout + execution.stderr)
        return execution

    async def end(self, session: str) -> None:
        await self._executor.end(session)

    def metrics(self) -> Snapshot:
        return self._executor.metrics()

    async def close(self) -> None:
        await self._executor.close()


def solve(
    folder: Path, question: str, experiment: Experiment, tell: Callable[[str, str], None], *, temperature: float = 0.0
) -> Trajectory:
    """Let the policy in ``folder`` (model/ inside) answer as the experiment's agent.

    ``tell`` is called with ("model", text) for every completion and ("output", text) for every execution.
    """
    policy = load.load_folder(folder / "model")
    policy.model.eval()
    agent = experiment.agent
    engine = HfEngine(policy.model, policy.tokenizer, places=1, positions=agent.context_tokens)
    executor = make_executor(experiment.executor)
    narrated = _Narrated(engine, executor, tell, policy.tokenizer)
    team = Team(narrated, policy.tokenizer, narrated, experiment.executor)
    attempt = Attempt(Question("user/question", 0, question, ""), agent, 0, temperature, 0)

    async def run() -> Trajectory:
        try:
            return await run_episode(attempt, team, 0)
        finally:
            await narrated.close()

    return asyncio.run(run())
