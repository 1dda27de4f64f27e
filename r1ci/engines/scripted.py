"""Replies from a list: everything around the model can be tested without one.

Each episode gets the replies in turn, from the first on. Stop strings and token limits are honoured as an engine with
a model would honour them; log-probabilities are 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from r1ci.engines.protocol import Completion, Finish, Request
from r1ci.models.chat import decode, encode


class ScriptedEngine:
    """Gives every episode the same replies, over and over; keeps the requests it saw."""

    def __init__(self, replies: Sequence[str], tokenizer: Any) -> None:
        self._replies, self._tokenizer = replies, tokenizer
        self._given: Counter[int] = Counter()
        self._rest: dict[int, tuple[int, ...]] = {}
        self.requests: list[Request] = []
        self.policy_version = 0

    async def open(self, episode: int) -> None:
        """Begin with the first reply."""
        self._given[episode] = 0

    async def load_weights(self, version: int) -> float:
        """There are none."""
        self.policy_version = version
        return 0.0

    async def sleep(self) -> None:
        """Nothing."""

    async def close(self) -> None:
        """Nothing is to be stopped."""

    async def release(self, episode: int) -> None:
        """Drop what was left of the last reply."""
        self._rest.pop(episode, None)

    async def generate(self, request: Request) -> Completion:
        """The rest of a reply that a stop string cut, if the episode reads on in the same turn; else the next reply."""
        self.requests.append(request)
        ids = self._continuation(request) or self._next(request.episode)
        for count in range(1, len(ids) + 1):
            if any(stop in decode(self._tokenizer, ids[:count]) for stop in request.stop) and count < len(ids):
                self._rest[request.episode] = (*request.ids, *ids[:count], -1, *ids[count:])
                return self._completion(ids[:count], Finish.STOP)
            if count == request.max_tokens:
                return self._completion(ids[:count], Finish.EOS if count == len(ids) else Finish.LENGTH)
        return self._completion(ids, Finish.EOS)

    def _continuation(self, request: Request) -> tuple[int, ...]:
        """What is left of a cut reply, if nothing was put between."""
        left = self._rest.pop(request.episode, ())
        if -1 not in left:
            return ()
        cut = left.index(-1)
        return left[cut + 1 :] if tuple(request.ids) == left[:cut] else ()

    def _next(self, episode: int) -> tuple[int, ...]:
        reply = self._replies[self._given[episode] % len(self._replies)]
        self._given[episode] += 1
        return (*encode(self._tokenizer, reply), self._tokenizer.eos_token_id)

    @staticmethod
    def _completion(ids: tuple[int, ...], finish: Finish) -> Completion:
        return Completion(ids, (0.0,) * len(ids), finish)
