"""Tokens from a transformers model in this process: many episodes decoded at once, their caches kept between turns.

An episode owns a place in the key-value cache from ``open`` to ``release``: a later turn reads only what is new
since the last one. Episodes with equal prompts share one reading of it. While some episodes' programs run, the
others go on decoding. In lock-step mode a batch begins only when every open episode has made its request, so that
the batches, and with them every rounding, are the same on every run.

Shapes: R rows, L new tokens, V vocabulary.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from r1ci.engines.kv import ATTENTION, RowCache, row_mask
from r1ci.engines.protocol import Completion, Finish, Request
from r1ci.engines.sampling import draw

STOP_WINDOW = 12
"""Tokens looked back on for a stop string: each is at least one byte of it."""


@dataclass
class _Job:
    """A request being served."""

    request: Request
    future: asyncio.Future[Completion]
    uniforms: np.ndarray
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class HfEngine:
    """Serves requests from one model. ``policy_version`` is the trainer's to advance."""

    def __init__(self, model: Any, tokenizer: Any, *, places: int, positions: int, lock_step: bool = False) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._device = next(model.parameters()).device
        self._dtype = next(model.parameters()).dtype
        self._cache = RowCache(model.config, places, positions, self._dtype, self._device)
        self._lock_step = lock_step
        self._owner: list[int | None] = [None] * places
        self._row: dict[int, int] = {}
        self._waiting: dict[int, _Job] = {}
        self._unserved: dict[int, _Job] = {}
        self._active: list[_Job] = []
        self._free = asyncio.Condition()
        self._driver: asyncio.Task[None] | None = None
        self._pieces: dict[int, str] = {}
        self.policy_version = 0

    async def open(self, episode: int) -> None:
        """Take a place for an episode, waiting for one to become free."""
        async with self._free:
            await self._free.wait_for(lambda: None in self._owner)
            row = len(self._owner) - 1 - self._owner[::-1].index(None)
            self._owner[row], self._row[episode] = episode, row
            self._cache.lengths[row] = 0

    async def release(self, episode: int) -> None:
        """Give an episode's place back."""
        async with self._free:
            self._owner[self._row.pop(episode)] = None
            self._free.notify()
        self._kick()

    async def generate(self, request: Request) -> Completion:
        """Sample one completion for an open episode."""
        uniforms = np.random.default_rng(request.seed).random(request.max_tokens)
        job = _Job(request, asyncio.get_running_loop().create_future(), uniforms)
        self._waiting[request.episode] = self._unserved[request.episode] = job
        self._kick()
        try:
            return await job.future
        finally:
            self._unserved.pop(request.episode, None)

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
                    self._decode()
                await asyncio.sleep(0)
        except Exception as error:
            for job in self._unserved.values():
                if not job.future.done():
                    job.future.set_exception(error)
            self._active, self._waiting, self._unserved = [], {}, {}

    def _may_admit(self) -> bool:
        if not self._waiting:
            return False
        if self._lock_step:
            return not self._active and len(self._waiting) == len(self._row)
        return len(self._waiting) * 8 >= len(self._active)

    def _admit(self) -> None:
        """Read what is new of every waiting request and draw its first token."""
        jobs = [self._waiting[episode] for episode in sorted(self._waiting)]
        self._waiting = {}
        fresh: dict[tuple[int, ...], list[_Job]] = {}
        known: list[list[_Job]] = []
        for job in jobs:
            if self._cache.lengths[self._row[job.request.episode]] == 0:
                fresh.setdefault(tuple(job.request.ids), []).append(job)
            else:
                known.append([job])
        for groups in (list(fresh.values()), known):
            if groups:
                self._read(groups)

    def _read(self, groups: Sequence[list[_Job]]) -> None:
        """Read contexts, one per group of equal ones, then let every member of a group continue from it."""
        start = len(self._active)
        for offset, group in enumerate(groups):
            self._move(group[0].request.episode, start + offset)
        chunks = [group[0].request.ids[self._cache.lengths[start + row] :] for row, group in enumerate(groups)]
        logits_RV = self._forward(start, chunks)
        members: list[int] = []
        for offset, group in enumerate(groups):
            members += [offset] * len(group)
        firsts = [group[0] for group in groups]
        others = [(offset, job) for offset, group in enumerate(groups) for job in group[1:]]
        for place, (offset, job) in enumerate(others, start + len(groups)):
            self._move(job.request.episode, place)
            self._cache.copy(start + offset, place)
        order = [*range(len(groups)), *(offset for offset, _ in others)]
        self._active += [*firsts, *(job for _, job in others)]
        self._accept(start, logits_RV[order])

    def _decode(self) -> None:
        """One token for every active job."""
        chunks = [job.ids[-1:] for job in self._active]
        self._accept(0, self._forward(0, chunks))

    def _forward(self, start: int, chunks: Sequence[Sequence[int]]) -> Tensor:
        """Run the places from ``start`` on, each with its chunk of new tokens; logits (R, V) after each chunk's end."""
        lengths = torch.tensor([len(chunk) for chunk in chunks])
        longest = int(lengths.max())
        known = torch.tensor(self._cache.lengths[start : start + len(chunks)])
        extent = int((known + lengths).max())
        ids_RL = torch.zeros(len(chunks), longest, dtype=torch.long)
        for row, chunk in enumerate(chunks):
            ids_RL[row, : len(chunk)] = torch.tensor(chunk)
            self._cache.lengths[start + row] += len(chunk)
        positions_RL = (known[:, None] + torch.arange(longest)).clamp(max=extent - 1).to(self._device)
        self._cache.begin(start, positions_RL, extent)
        with torch.inference_mode(), self._row_attention():
            hidden_RLE = self._model.base_model(
                input_ids=ids_RL.to(self._device),
                position_ids=positions_RL,
                attention_mask=row_mask(positions_RL, extent, self._dtype),
                past_key_values=self._cache,
                use_cache=True,
            ).last_hidden_state
            last_RE = hidden_RLE[torch.arange(len(chunks)), (lengths - 1).to(self._device)]
            logits_RV: Tensor = self._model.get_output_embeddings()(last_RE)
            return logits_RV

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

    def _accept(self, start: int, logits_RV: Tensor) -> None:
        """Draw a token for the active jobs from ``start`` on; finished jobs leave the front."""
        jobs = self._active[start:]
        temperature_R = torch.tensor([job.request.temperature for job in jobs], device=self._device)
        top_p_R = torch.tensor([job.request.top_p for job in jobs], device=self._device)
        uniform_R = torch.tensor([job.uniforms[len(job.ids)] for job in jobs], dtype=torch.float32, device=self._device)
        with torch.inference_mode():
            token_R, logprob_R = draw(logits_RV, temperature_R, top_p_R, uniform_R)
        for job, token, logprob in zip(jobs, token_R.tolist(), logprob_R.tolist(), strict=True):
            job.ids.append(token)
            job.logprobs.append(logprob)
        for row in range(len(self._active) - 1, start - 1, -1):
            finish = self._finish(self._active[row])
            if finish is not None:
                self._retire(row, finish)

    def _retire(self, row: int, finish: Finish) -> None:
        job = self._active[row]
        last = len(self._active) - 1
        self._swap(row, last)
        self._active[row] = self._active[last]
        self._active.pop()
        if not job.future.done():
            job.future.set_result(Completion(tuple(job.ids), tuple(job.logprobs), finish, self.policy_version))

    def _finish(self, job: _Job) -> Finish | None:
        token = job.ids[-1]
        if token == self._tokenizer.eos_token_id:
            return Finish.EOS
        if any(stop[-1] in self._piece(token) for stop in job.request.stop):
            tail = self._tokenizer.decode(job.ids[-STOP_WINDOW:])
            if any(stop in tail for stop in job.request.stop):
                return Finish.STOP
        return Finish.LENGTH if len(job.ids) >= job.request.max_tokens else None

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._tokenizer.decode([token])
        return self._pieces[token]

    def _move(self, episode: int, place: int) -> None:
        self._swap(self._row[episode], place)

    def _swap(self, a: int, b: int) -> None:
        """Exchange two places, their caches and their owners."""
        if a == b:
            return
        self._cache.swap(a, b)
        self._owner[a], self._owner[b] = self._owner[b], self._owner[a]
        for place in (a, b):
            owner = self._owner[place]
            if owner is not None:
                self._row[owner] = place
