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
from r1ci.engines.protocol import PolicyEngine
from r1ci.engines.scripted import ScriptedEngine
from r1ci.engines.weights import Weights
from r1ci.errors import UsageError
from r1ci.executors.metrics import Snapshot
from r1ci.executors.registry import make_executor
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, EngineSpec, ExecutorSpec
from r1ci.spec.models import HfEngine as HfEngineSpec
from r1ci.spec.models import ScriptedEngine as ScriptedEngineSpec
from r1ci.spec.models import VllmEngine as VllmEngineSpec
from r1ci.tasks.base import Task


class Actor:
    """Runs attempts with one policy until closed; the trainer may change its weights between calls.

    ``weights`` gives the policy's weights to an engine that keeps its own, where the model is not plain; ``workers``
    says how many processes have an actor like this one beside their trainer.
    """

    def __init__(
        self,
        policy: Policy,
        engine: EngineSpec,
        agent: AgentSpec,
        executor: ExecutorSpec,
        *,
        weights: Weights | None = None,
        workers: int = 1,
    ) -> None:
        self.apart = isinstance(engine, VllmEngineSpec) and engine.placement == "actors"
        """Whether attempts can run while the policy is trained, with the weights of the last ``sync``."""
        self.engine = _make_engine(policy, engine, agent, weights, workers)
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
        """Run the attempts, checked, in their order, with the weights of the last ``sync``."""
        run = rollout(attempts, self._team, tasks, wave=self._wave, on_done=on_done)
        if not isinstance(self.engine, HfEngine):
            return self._runner.run(run)
        training = self._policy.model.training
        self._policy.model.eval()
        try:
            return self._runner.run(run)
        finally:
            self._policy.model.train(training)

    def sync(self, version: int) -> float:
        """Sample from the policy's weights as they are now, and call them this version.

        Returned is the largest difference of log-probabilities between policy and engine that was found.

        Raises:
            WeightsDisagree: the engine does not score as the policy does afterwards.
        """
        return self._runner.run(self.engine.load_weights(version))

    def rest(self) -> None:
        """Give up memory that the trainer can use, until the next ``sync``."""
        self._runner.run(self.engine.sleep())

    def executed(self) -> Snapshot:
        """What the executor has done since this was asked last."""
        before, self._counted = self._counted, self._executor.metrics()
        return self._counted - before

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self.engine.close())
        self._runner.run(self._executor.close())
        self._runner.close()


def _make_engine(
    policy: Policy, spec: EngineSpec, agent: AgentSpec, weights: Weights | None, workers: int
) -> PolicyEngine:
    if isinstance(spec, ScriptedEngineSpec):
        return ScriptedEngine(spec.replies, policy.tokenizer)
    if isinstance(spec, HfEngineSpec):
        places, positions = spec.max_in_flight, agent.context_tokens
        return HfEngine(*policy, places=places, positions=positions, lock_step=spec.lock_step)
    if isinstance(spec, VllmEngineSpec):
        return _make_vllm(policy, spec, agent, weights, workers)
    raise UsageError(
        f"engine.kind {spec.kind!r} samples no episodes: it serves teachers only", "set engine.kind to hf or vllm"
    )


def _make_vllm(
    policy: Policy, spec: VllmEngineSpec, agent: AgentSpec, weights: Weights | None, workers: int
) -> PolicyEngine:
    from r1ci.engines.vllm import Options, VllmEngine

    options = Options(
        positions=agent.context_tokens,
        max_in_flight=spec.max_in_flight,
        gpu_memory=spec.gpu_memory,
        tensor_parallel=spec.tensor_parallel,
        tolerance=spec.sync_tolerance,
        workers=workers if spec.placement == "colocated" else 1,
    )
    if spec.placement == "colocated":
        return VllmEngine(*policy, options, weights)
    from r1ci.engines.vllm_actor import VllmActors

    return VllmActors(*policy, options, spec.engines, weights)


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
