"""Tokens from a transformers model in this process: many episodes decoded at once, their caches kept between turns.

Any number of episodes may be open; those being decoded hold a place in the key-value cache, and keep it while their
program runs until somebody else needs it. A turn reads only what no place holds: the tokens since the episode's last
turn, or, of a context that has no place, what follows the longest prefix that any place has read. So a group's prompt
is read once, and instructions that all questions share are, too. Others go on meanwhile: what is read goes along with
their next tokens. Nothing is kept once no episode is open, since the weights may change then.

In lock-step mode a batch begins only when every open episode has made its request, so that the batches, and with them
every rounding, are the same on every run.

Shapes: N tokens of a pass, R rows, L new tokens of each, E hidden size, V vocabulary.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from r1ci.engines.decoder import Decoder
from r1ci.engines.kv import ATTENTION, Part, RowCache
from r1ci.engines.places import Places, leading
from r1ci.engines.protocol import Completion, Finish, Request
from r1ci.engines.sampling import draw
from r1ci.errors import UsageError

STOP_WINDOW = 12
"""Tokens looked back on for a stop string: each is at least one byte of it."""
PASS_TOKENS = 4096
"""Context tokens read in one pass: bounds the memory of attention scores."""
WORTH_WAITING = 16
"""Tokens that a context must save to be read after another one with the same beginning, not beside it."""


@dataclass(eq=False)
class _Job:
    """A request being served."""

    request: Request
    future: asyncio.Future[Completion]
    uniforms: np.ndarray
    context: np.ndarray
    known: int = 0
    """Leading tokens of the context that some place holds."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)

    @property
    def unread(self) -> int:
        """Tokens of the context still to be read."""
        return len(self.context) - self.known

    def common(self, other: _Job) -> int:
        """Leading tokens that this one need not read once the other's context has been."""
        return min(leading(self.context, other.context), len(self.context) - 1)


class HfEngine:
    """Serves requests from one model: the very object that is trained, so its weights are always the trainer's."""

    def __init__(self, model: Any, tokenizer: Any, *, places: int, positions: int, lock_step: bool = False) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._device = next(model.parameters()).device
        self._dtype = next(model.parameters()).dtype
        self._cache = RowCache(model.config, places, positions, self._dtype, self._device)
        self._places = Places(places, positions)
        self._count = places
        self._lock_step = lock_step
        self._open: set[int] = set()
        self._begun: set[int] = set()
        self._seated: dict[int, _Job] = {}
        """Waiting requests of episodes that have a place."""
        self._unseated: list[tuple[bool, int, int, _Job]] = []
        """A heap of the others: episodes that have begun come first."""
        self._reading: list[_Job] = []
        self._tickets = itertools.count()
        self._active: list[_Job] = []
        self._driver: asyncio.Task[None] | None = None
        self._eos = tokenizer.eos_token_id
        self._enders: dict[tuple[int, tuple[str, ...]], bool] = {}
        self._decoder: Decoder | None = None
        self.policy_version = 0
        self.read_tokens = 0
        """Tokens run through the model so far."""

    async def load_weights(self, version: int) -> float:
        """Name the weights: they are the trainer's own."""
        self.policy_version = version
        return 0.0

    async def sleep(self) -> None:
        """Nothing: the cache stays."""

    async def close(self) -> None:
        """Nothing is to be stopped."""

    async def open(self, episode: int) -> None:
        """Announce an episode; any number may be open. The first one finds the model as it is now."""
        if not self._open:
            self._decoder = Decoder.of(self._model)
        self._open.add(episode)

    async def release(self, episode: int) -> None:
        """The episode makes no further request. With the last one, all that was read is forgotten."""
        self._open.discard(episode)
        self._begun.discard(episode)
        self._seated.pop(episode, None)
        place = self._places.of(episode)
        if place is not None:
            self._places.leave(place)
        if not self._open:
            self._active, self._unseated, self._decoder = [], [], None
            self._places.forget()
        self._kick()

    async def generate(self, request: Request) -> Completion:
        """Sample one completion for an open episode.

        Raises:
            UsageError: the context and the tokens asked for do not fit into a place.
        """
        if not request.ids or len(request.ids) + request.max_tokens > self._cache.positions:
            raise UsageError(
                f"episode {request.episode} asks for {request.max_tokens} tokens after {len(request.ids)}, "
                f"a place has {self._cache.positions}",
                "raise agent.context_tokens",
            )
        uniforms = np.random.default_rng(request.seed).random(request.max_tokens)
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        job = _Job(request, future, uniforms, np.asarray(request.ids, dtype=np.int64))
        if self._places.of(request.episode) is not None:
            self._seated[request.episode] = job
        else:
            self._queue(job)
        self._kick()
        try:
            return await future
        except asyncio.CancelledError:
            self._seated.pop(request.episode, None)
            self._unseated = [entry for entry in self._unseated if entry[-1] is not job]
            heapq.heapify(self._unseated)
            raise

    def _queue(self, job: _Job) -> None:
        episode = job.request.episode
        heapq.heappush(self._unseated, (episode not in self._begun, episode, next(self._tickets), job))

    def _kick(self) -> None:
        """See to it that somebody is decoding."""
        if self._driver is None or self._driver.done():
            self._driver = asyncio.get_running_loop().create_task(self._drive())

    async def _drive(self) -> None:
        try:
            while self._active or self._may_admit():
                if self._may_admit():
                    self._admit()
                else:
                    self._step([])
                await asyncio.sleep(0)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Pass an error on to everybody who waits."""
        for job in [*self._active, *self._seated.values(), *(entry[-1] for entry in self._unseated), *self._reading]:
            if not job.future.done():
                job.future.set_exception(error)
        self._active, self._seated, self._unseated = [], {}, []
        self._places.forget()

    def _may_admit(self) -> bool:
        """Whether enough requests wait, of those that can be served now, to read them together."""
        room = self._count - len(self._active) - len(self._seated)
        able = len(self._seated) + min(room, len(self._unseated))
        if self._lock_step:
            waiting = len(self._seated) + len(self._unseated)
            return able > 0 and not self._active and waiting == len(self._open)
        return able > 0 and able * 8 >= len(self._active)

    def _admit(self) -> None:
        """Read what is new of every request that can be served now, while the others go on."""
        room = self._count - len(self._active) - len(self._seated)
        self._reading = [self._seated[episode] for episode in sorted(self._seated)]
        for _ in range(min(room, len(self._unseated))):
            self._reading.append(heapq.heappop(self._unseated)[-1])
        for job in self._reading:
            place = self._places.of(job.request.episode)
            if place is None:
                job.known = self._places.match(job.context).tokens
            else:
                job.known = self._places.common(place, job.context)
        while self._reading:
            self._step(self._pass())

    def _pass(self) -> list[_Job]:
        """Take out the jobs to read together.

        A context that begins like another one is read after it, so that its beginning need not be read twice.
        """
        order = sorted(self._reading, key=lambda job: (-job.unread, job.request.episode))
        lead, total = order[0], 0
        chosen: dict[bytes | int, _Job] = {}
        later: list[_Job] = []
        for job in order:
            key = job.context.tobytes()
            common = job.unread - 1 + job.known if key in chosen else job.common(lead) if chosen else 0
            if common >= job.known + WORTH_WAITING:
                job.known = common
                later.append(job)
            elif chosen and total + job.unread > PASS_TOKENS:
                later.append(job)
            else:
                chosen[key if key not in chosen else id(job)] = job
                total += job.unread
        self._reading = later
        return list(chosen.values())

    def _step(self, jobs: list[_Job]) -> None:
        """One token for every active job; in the same pass, seat these behind them and read their contexts."""
        start = len(self._active)
        for place, job in enumerate(jobs, start):
            self._sit(job, place)
        known = self._places.lengths_S[start : start + len(jobs)].tolist()
        chunks = [job.request.ids[length:] for job, length in zip(jobs, known, strict=True)]
        while chunks and len(chunks[0]) > PASS_TOKENS:
            self._forward(start, [chunks[0][:PASS_TOKENS]])
            chunks = [chunks[0][PASS_TOKENS:]]
        chunks = [*(job.ids[-1:] for job in self._active), *chunks]
        self._active += jobs
        self._accept(self._forward(0, chunks))

    def _sit(self, job: _Job, place: int) -> None:
        """Seat a job's episode at a place, with as much of its context as any place holds."""
        episode, places = job.request.episode, self._places
        mine = places.of(episode)
        if mine is None:
            source, count = places.match(job.context)
            mine = source if places.is_free(source, place) else places.victim(place, self._seated)
            if mine != source:
                self._cache.copy(source, mine, count)
                places.copied(source, mine, count)
            places.seat(episode, mine)
        places.truncate(mine, places.common(mine, job.context))
        self._swap(mine, place)
        self._seated.pop(episode, None)
        self._begun.add(episode)

    def _forward(self, start: int, chunks: Sequence[Sequence[int]]) -> Tensor:
        """Run the places from ``start`` on, each with its chunk of new tokens; logits (R, V) after each chunk's end."""
        parts = self._parts(start, chunks)
        ids_N = torch.tensor(list(itertools.chain(*chunks)), device=self._device)
        ends_R = torch.tensor(list(itertools.accumulate(map(len, chunks)))) - 1
        self._places.record(start, chunks)
        self.read_tokens += len(ids_N)
        with torch.inference_mode():
            last_RE = self._hidden(ids_N, parts)[ends_R.to(self._device)]
            return self._decoder.logits(last_RE) if self._decoder else self._model.get_output_embeddings()(last_RE)

    def _parts(self, start: int, chunks: Sequence[Sequence[int]]) -> list[Part]:
        """Neighbours with equally long chunks go together."""
        parts: list[Part] = []
        for length, group in itertools.groupby(map(len, chunks)):
            rows = len(list(group))
            known_R = self._places.lengths_S[start : start + rows]
            positions_RL = torch.from_numpy(known_R[:, None] + np.arange(length)).to(self._device)
            extent = int(known_R.max()) + length
            parts.append(Part.of(start, positions_RL, extent, self._dtype, self._places.alike(start, rows)))
            start += rows
        return parts

    def _hidden(self, ids_N: Tensor, parts: Sequence[Part]) -> Tensor:
        """Hidden states (N, E) of a pass."""
        if self._decoder is not None:
            self._cache.begin(parts)
            return self._decoder(ids_N, parts, self._cache)
        hidden = []
        with self._row_attention():
            for part, ids_P in zip(parts, ids_N.split([part.tokens for part in parts]), strict=True):
                self._cache.begin([part])
                hidden.append(
                    self._model.base_model(
                        input_ids=ids_P.view(part.positions_RL.shape),
                        position_ids=part.positions_RL,
                        attention_mask=part.mask_R1LT,
                        past_key_values=self._cache,
                        use_cache=True,
                        part=part,
                    ).last_hidden_state.flatten(0, 1)
                )
        return torch.cat(hidden)

    def _row_attention(self) -> AbstractContextManager[None]:
        """Attention over the places for this pass; the trainer's own kind is put back after it."""

        @contextmanager
        def use() -> Any:
            config = self._model.config
            before, config._attn_implementation = config._attn_implementation, ATTENTION
            try:
                yield
            finally:
                config._attn_implementation = before

        return use()

    def _accept(self, logits_RV: Tensor) -> None:
        """Draw a token for every active job; finished and cancelled jobs leave the front."""
        jobs = list(self._active)
        asked = [(job.request.temperature, job.request.top_p, job.uniforms[len(job.ids)]) for job in jobs]
        temperature_R, top_p_R, uniform_R = torch.tensor(asked, dtype=torch.float32, device=self._device).unbind(1)
        with torch.inference_mode():
            token_R, logprob_R = draw(logits_RV, temperature_R, top_p_R, uniform_R)
        for job, token, logprob in zip(jobs, token_R.tolist(), logprob_R.tolist(), strict=True):
            job.ids.append(token)
            job.logprobs.append(logprob)
        for row in reversed(range(len(jobs))):
            finish = self._finish(self._active[row])
            if finish is not None or self._active[row].future.done():
                self._retire(row, finish)

    def _retire(self, row: int, finish: Finish | None) -> None:
        job, last = self._active[row], len(self._active) - 1
        self._places.touch(row)
        self._swap(row, last)
        self._active[row] = self._active[last]
        self._active.pop()
        if finish is not None and not job.future.done():
            job.future.set_result(Completion(tuple(job.ids), tuple(job.logprobs), finish, self.policy_version))

    def _finish(self, job: _Job) -> Finish | None:
        token, stops = job.ids[-1], job.request.stop
        if token == self._eos:
            return Finish.EOS
        if stops and self._may_stop(token, stops):
            tail = self._tokenizer.decode(job.ids[-STOP_WINDOW:])
            if any(stop in tail for stop in stops):
                return Finish.STOP
        return Finish.LENGTH if len(job.ids) >= job.request.max_tokens else None

    def _may_stop(self, token: int, stops: tuple[str, ...]) -> bool:
        """Whether a stop string may end within a token."""
        known = self._enders.get((token, stops))
        if known is None:
            piece = self._tokenizer.decode([token])
            known = self._enders[token, stops] = any(stop[-1] in piece for stop in stops)
        return known

    def _swap(self, a: int, b: int) -> None:
        """Exchange two places, their caches and their owners."""
        if a != b:
            lengths_S = self._places.lengths_S
            self._cache.swap(a, b, int(lengths_S[a]), int(lengths_S[b]))
            self._places.swapped(a, b)
