"""Sending the trainer's weights to vLLM against copying the same bytes; needs the environment of make vllm-env.

    .venv-vllm/bin/python benchmarks/sync.py [--rounds 7] [--layers 12] [--vocabulary 32000] [--bf16] [--only actor]

A random model with the widths of Qwen2.5-0.5B. Rounds alternate; a ratio is the median of ours over that of the peer.

    in-process   the weights into vLLM in place, its cached prefixes forgotten, against a torch ``copy_`` of each tensor
    actor        the same for a vLLM in a Ray actor, against the same tensors put into Ray's object store, got from it
                 by a plain actor and copied there with ``copy_``

The proof that follows a transfer (96 tokens scored by both sides) is timed apart: on a CPU it takes a multiple of the
copy, since it computes; on a GPU it reads each weight about once.
"""

from __future__ import annotations

import argparse
import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable, Iterable
from statistics import median
from typing import Any

import ray
import torch
from torch import Tensor

from r1ci.engines.vllm import Blueprint, Options, VllmModel
from r1ci.engines.vllm_actor import Packed, VllmServer, pack, unpack
from r1ci.engines.weights import probe_ids, score, weights_of
from r1ci.models.build import build_tiny
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import TinyModel

AIM = 2.0
OPTIONS = Options(positions=128, max_in_flight=4)
Timed = Callable[[], Awaitable[Any]]


class Copier:
    """Tensors of a model's shapes that others are copied into."""

    def __init__(self, shapes: Iterable[tuple[torch.Size, torch.dtype]]) -> None:
        self._into = [torch.zeros(shape, dtype=dtype) for shape, dtype in shapes]

    def copy(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        """Copy each."""
        for into, (_, value) in zip(self._into, weights, strict=True):
            into.copy_(value)

    def receive(self, packed: list[Packed]) -> None:
        """Copy each from shared memory."""
        self.copy(unpack(packed))


async def main() -> None:
    """Measure what was asked for and print a table."""
    options = _options()
    warnings.simplefilter("ignore")
    shape = TinyModel(
        layers=options.layers, width=896, heads=14, kv_heads=2, feedforward=4864, vocabulary=options.vocabulary
    )
    tokenizer = train_tokenizer(["print(1 + 2)\n```\nthe answer is"] * 3, 400)
    policy = Policy(build_tiny(shape, tokenizer, 0).to(torch.bfloat16 if options.bf16 else torch.float32), tokenizer)
    mega = sum(value.nbytes for _, value in weights_of(policy.model)()) / 1e6
    print(f"{mega:.0f} MB of weights, {torch.get_num_threads()} threads")
    print("| placement | transfer | peer's copy | ratio | aim | proof |\n|---|---|---|---|---|---|", flush=True)
    for name, part in (("in-process", _in_process), ("actor", _actor)):
        if name in options.only:
            ours, peer, proof = await part(policy, options.rounds)
            print(
                f"| {name} | {ours:.2f} s | {peer:.2f} s | {ours / peer:.2f} | at most {AIM:g} | {proof:.2f} s |",
                flush=True,
            )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocabulary", type=int, default=32000)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--only", nargs="+", choices=("in-process", "actor"), default=("in-process", "actor"))
    return parser.parse_args()


async def _in_process(policy: Policy, rounds: int) -> tuple[float, float, float]:
    weights, probe = weights_of(policy.model), probe_ids(policy.tokenizer)
    engine, copier = VllmModel(Blueprint.of(*policy), OPTIONS), Copier(_shapes(policy))

    async def ours() -> None:
        await engine.load_weights(weights(), 0)

    async def peer() -> None:
        copier.copy(weights())

    async def proof() -> None:
        await engine.score(probe)
        score(policy.model, probe)

    try:
        return await _alternate(rounds, ours, peer, proof)
    finally:
        engine.close()


async def _actor(policy: Policy, rounds: int) -> tuple[float, float, float]:
    weights, probe = weights_of(policy.model), probe_ids(policy.tokenizer)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    server = ray.remote(Server).remote(Blueprint.of(*policy), OPTIONS)
    copier = ray.remote(Copier).remote(_shapes(policy))

    async def ours() -> None:
        await server.take.remote(ray.put(pack(weights())))

    async def peer() -> None:
        await copier.receive.remote(ray.put(pack(weights())))

    async def proof() -> None:
        scored = server.score.remote(probe)
        score(policy.model, probe)
        await scored

    try:
        return await _alternate(rounds, ours, peer, proof)
    finally:
        ray.shutdown()


class Server(VllmServer):
    """The actor with transfer and proof apart."""

    async def take(self, packed: list[Packed]) -> None:
        """The transfer alone."""
        await self._vllm.load_weights(unpack(packed), 0)

    async def score(self, probe: list[int]) -> list[float]:
        """The proof's part here."""
        return await self._vllm.score(probe)


def _shapes(policy: Policy) -> list[tuple[torch.Size, torch.dtype]]:
    return [(value.shape, value.dtype) for _, value in weights_of(policy.model)()]


async def _alternate(rounds: int, *parts: Timed) -> tuple[float, float, float]:
    """Median seconds of each part; a first round only warms up."""
    seconds: list[list[float]] = [[] for _ in parts]
    for number in range(rounds + 1):
        for part, into in zip(parts, seconds, strict=True):
            began = time.perf_counter()
            await part()
            if number:
                into.append(time.perf_counter() - began)
    ours, peer, proof = map(median, seconds)
    return ours, peer, proof


if __name__ == "__main__":
    asyncio.run(main())
