"""A policy ready to attempt questions: its engine and its executor on one event loop, from a spec's sections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from r1ci.agents.episode import Attempt, Team
from r1ci.agents.rollout import rollout
from r1ci.agents.trajectory import Trajectory
from r1ci.engines.hf import HfEngine
from r1ci.engines.scripted import ScriptedEngine
from r1ci.errors import UsageError
from r1ci.executors.metrics import Snapshot
from r1ci.executors.registry import make_executor
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, EngineSpec, ExecutorSpec
from r1ci.spec.models import HfEngine as HfEngineSpec
from r1ci.spec.models import ScriptedEngine as ScriptedEngineSpec
from r1ci.tasks.base import Task


class Actor:
    """Runs attempts with one policy until closed; the trainer may change its weights between calls."""

    def __init__(self, policy: Policy, engine: EngineSpec, agent: AgentSpec, executor: ExecutorSpec) -> None:
        self.engine = _make_engine(policy, engine, agent)
        self._wave = engine.max_in_flight if isinstance(engine, HfEngineSpec) and engine.lock_step else None
        self._executor = make_executor(executor)
        self._team = Team(self.engine, policy.tokenizer, self._executor, executor)
        self._policy = policy
        self._counted = self._executor.metrics()
        self._runner = asyncio.Runner()

    def attempt(
        self,
        attempts: Sequence[Attempt],
        tasks: Mapping[str, Task],
        on_done: Callable[[Trajectory], None] = lambda trajectory: None,
    ) -> list[Trajectory]:
        """Run the attempts, checked, in their order."""
        training = self._policy.model.training
        self._policy.model.eval()
        try:
            return self._runner.run(rollout(attempts, self._team, tasks, wave=self._wave, on_done=on_done))
        finally:
            self._policy.model.train(training)

    def executed(self) -> Snapshot:
        """What the executor has done since this was asked last."""
        before, self._counted = self._counted, self._executor.metrics()
        return self._counted - before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._executor.close())
        self._runner.close()


def _make_engine(policy: Policy, spec: EngineSpec, agent: AgentSpec) -> HfEngine | ScriptedEngine:
    if isinstance(spec, ScriptedEngineSpec):
        return ScriptedEngine(spec.replies, policy.tokenizer)
    if isinstance(spec, HfEngineSpec):
        places, positions = spec.max_in_flight, agent.context_tokens
        return HfEngine(*policy, places=places, positions=positions, lock_step=spec.lock_step)
    raise UsageError(
        f"engine.kind {spec.kind!r} is part of the language, but this version samples with kinds hf and scripted only",
        "set engine.kind to hf",
    )


def sections(config: Mapping[str, Any]) -> tuple[EngineSpec, AgentSpec, ExecutorSpec]:
    """Engine, agent and executor of a step: what shapes results from its inputs, how it runs from its runtime."""
    from pydantic import TypeAdapter

    inputs = config["inputs"]
    executor = {**config["runtime"]["executor"], **inputs["limits"]}
    return (
        TypeAdapter(EngineSpec).validate_python(inputs["engine"]),
        AgentSpec.model_validate(inputs["agent"]),
        TypeAdapter(ExecutorSpec).validate_python(executor),
    )
