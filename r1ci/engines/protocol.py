"""The engine contract: token ids in, token ids and their log-probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Finish(StrEnum):
    """Why a completion ended."""

    EOS = "eos"
    """The model ended its turn; the end-of-turn id is the last of the ids."""
    STOP = "stop"
    """A stop string appeared; the ids up to and including the token that completed it are kept."""
    LENGTH = "length"
    """The token limit."""


@dataclass(frozen=True)
class Request:
    """One generation from a context."""

    ids: Sequence[int]
    """The whole context: prompt, earlier turns, execution results."""
    max_tokens: int
    temperature: float
    """0 is greedy; log-probabilities are of the distribution at this temperature (at 1.0 when greedy)."""
    top_p: float = 1.0
    seed: int = 0
    """The sampled ids depend on this, the context and the weights alone."""
    stop: tuple[str, ...] = ()
    episode: int = 0
    """The announced episode this belongs to; its requests extend one another's context."""


@dataclass(frozen=True)
class Completion:
    """Sampled ids with the log-probability of each under the distribution it was drawn from."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: Finish
    policy_version: int = 0


class Engine(Protocol):
    """Generates tokens. Many requests may be in flight on one event loop; never decodes and re-encodes."""

    async def generate(self, request: Request) -> Completion:
        """Sample one completion."""
        ...

    async def open(self, episode: int) -> None:
        """Announce an episode that will make requests; an engine may let it wait."""
        ...

    async def release(self, episode: int) -> None:
        """The episode makes no further requests; forget what was kept for it."""
        ...


class PolicyEngine(Engine, Protocol):
    """An engine that samples from a model which is being trained."""

    policy_version: int
    """Version of the weights that completions come from."""

    async def load_weights(self, version: int) -> float:
        """Sample from the trained model's weights as they are now, and say so: completions carry ``version``.

        Nothing may be in flight. An engine with weights of its own proves that it has the model's; returned is the
        largest difference of log-probabilities found, 0 where the weights are the model's own.
        """
        ...

    async def sleep(self) -> None:
        """Give up memory that the trainer can use, until the next ``load_weights``."""
        ...

    async def close(self) -> None:
        """Stop whatever runs; the engine is of no use after it."""
        ...
