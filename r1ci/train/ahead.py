"""Where the episodes of a step come from: sampled when they are asked for, or one step ahead of the trainer.

With an engine apart from the trainer, the episodes of step t + 1 are sampled while the trainer works on those of step
t: with the weights that step t began with, so they are exactly one step old, except those of the first step and of the
first after a resume. One step waits at most; an importance correction makes up for its age (``rl.objective``).
Everything that many workers exchange meanwhile goes over a process group of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Self, TypeVar

from r1ci.agents.actor import Actor
from r1ci.train.sharding import Aside

Episodes = TypeVar("Episodes")


class Source(Generic[Episodes]):
    """Samples steps with an actor whose weights it keeps in step with the policy's."""

    def __init__(self, actor: Actor, sample: Callable[[int], Episodes], steps: int) -> None:
        self._actor, self._sample, self._steps = actor, sample, steps
        self._thread = ThreadPoolExecutor(1, "rollout") if actor.apart else None
        self._aside = Aside() if actor.apart else None
        self._pending: Future[Episodes] | None = None
        self._difference, self._age = 0.0, 0

    @property
    def facts(self) -> dict[str, float]:
        """How old the weights were that sampled the last step, and how well they arrived."""
        return {"policy_age": float(self._age), "sync_difference": self._difference}

    def of(self, step: int) -> Episodes:
        """The episodes of a step; the policy's weights are those that the step begins with."""
        if self._thread is None:
            self._difference = self._actor.sync(step)
            episodes = self._sample(step)
            self._actor.rest()
            return episodes
        self._age = int(self._pending is not None)
        if self._pending is None:
            self._actor.sync(step)
            self._pending = self._begin(step)
        episodes = self._pending.result()
        self._difference = self._actor.sync(step)
        self._pending = self._begin(step + 1) if step + 1 < self._steps else None
        return episodes

    def catch_up(self, version: int) -> None:
        """Wait until nothing is being sampled and give the actor the policy's weights: it is free for other work."""
        if self._pending is not None:
            self._pending.result()
        self._actor.sync(version)

    def _begin(self, step: int) -> Future[Episodes]:
        """Sample a step beside the trainer, with the weights of now."""
        assert self._thread is not None
        assert self._aside is not None
        return self._thread.submit(self._aside.run, self._sample, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._thread.shutdown()
