"""vLLM in processes of its own, as Ray actors: generation has its machines, the trainer has its own.

What a client of several engines does: an episode stays with one engine, which keeps its cache; weights go once through
Ray's object store to all of them, and every one proves by log-probabilities that it has them. Which weights sampled a
completion is its ``policy_version``.

Limits: weights travel through host memory, not from GPU to GPU; an engine that dies ends the step, which goes on from
its last checkpoint when it is run again.
"""

from __future__ import annotations

import asyncio
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from r1ci import cluster
from r1ci.engines.protocol import Completion, Request
from r1ci.engines.vllm import Blueprint, EngineFailed, Options, VllmModel, require_vllm
from r1ci.engines.weights import TOLERANCE, Weights, probe_ids, prove, score, weights_of
from r1ci.errors import EnvironmentMissing

RESERVE_S = 60.0
"""How long GPUs for the engines are waited for: those of a worker that died are free again by then."""


class Packed(NamedTuple):
    """A weight as Ray's object store shares it between processes without copying."""

    name: str
    array: Any
    """The bytes as a numpy array of integers or floats."""
    dtype: torch.dtype


def pack(weights: Iterable[tuple[str, Tensor]]) -> list[Packed]:
    """Weights in host memory. numpy has no bfloat16, so those travel as integers of the same width."""
    packed = []
    for name, value in weights:
        host = value.detach().cpu().contiguous()
        plain = host.view(torch.int16) if host.dtype is torch.bfloat16 else host
        packed.append(Packed(name, plain.numpy(), host.dtype))
    return packed


def unpack(packed: Iterable[Packed]) -> Iterator[tuple[str, Tensor]]:
    """The weights again; only to be read, since other processes read the same memory."""
    for item in packed:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*not writable.*")
            plain = torch.from_numpy(item.array)
        yield item.name, plain.view(item.dtype)


class VllmServer:
    """The actor's class; wrapped by ``ray.remote`` where it is started."""

    def __init__(self, blueprint: Blueprint, options: Options) -> None:
        self._vllm = VllmModel(blueprint, options)

    async def generate(self, request: Request) -> Completion:
        """Sample one completion."""
        return await self._vllm.generate(request)

    async def load_weights(self, packed: list[Packed], version: int, probe: Sequence[int]) -> list[float]:
        """Take new weights; the scores of the probe with them."""
        await self._vllm.load_weights(unpack(packed), version)
        return await self._vllm.score(probe)

    async def close(self) -> None:
        """Stop vLLM; the actor is killed after it."""
        self._vllm.close()


class VllmActors:
    """The engine over actors: serves requests from all of them, sends them the weights of the model it was made for."""

    def __init__(
        self, model: Any, tokenizer: Any, options: Options, engines: int, weights: Weights | None = None
    ) -> None:
        """Start the actors; they sample only after ``load_weights``, which takes ``weights``.

        Raises:
            EnvironmentMissing: vLLM is not installed, or the cluster has not the GPUs.
        """
        require_vllm()
        self._model, self._weights = model, weights or weights_of(model)
        self._probe = probe_ids(tokenizer)[: options.positions - 1]
        blueprint = Blueprint.of(model, tokenizer)
        self._tolerance = options.tolerance or TOLERANCE[blueprint.dtype]
        self._servers, self._group = _start(blueprint, options, engines)
        self._places = asyncio.Semaphore(options.max_in_flight * engines)
        self._server_of: dict[int, int] = {}
        self._loaded: int | None = None
        self._difference = 0.0
        self.policy_version = 0

    async def open(self, episode: int) -> None:
        """Wait for a place, and give the episode to the engine that has fewest."""
        await self._places.acquire()
        have = Counter(self._server_of.values())
        self._server_of[episode] = min(range(len(self._servers)), key=lambda number: have[number])

    async def release(self, episode: int) -> None:
        """Give an episode's place back."""
        del self._server_of[episode]
        self._places.release()

    async def generate(self, request: Request) -> Completion:
        """Sample one completion from the weights of the last ``load_weights``.

        Raises:
            EngineFailed: the engine's process died, or it gave something that is no completion.
        """
        from ray.exceptions import RayActorError

        try:
            server = self._servers[self._server_of[request.episode]]
            completion: Completion = await server.generate.remote(request)
        except RayActorError as error:
            raise EngineFailed(
                f"an engine's process died: {str(error).splitlines()[0]}", "run again: it resumes"
            ) from None
        return completion

    async def load_weights(self, version: int) -> float:
        """Sample from the model's weights as they are now; nothing happens where the engines do already.

        Raises:
            WeightsDisagree: an engine and the model score the probe differently afterwards.
        """
        import ray

        if self._loaded == version:
            return self._difference
        self._loaded = None
        packed = ray.put(pack(self._weights()))
        calls = [server.load_weights.remote(packed, version, self._probe) for server in self._servers]
        trainer = score(self._model, self._probe)
        scores = await asyncio.gather(*calls)
        self._difference = max(prove(trainer, engine, self._tolerance, version) for engine in scores)
        self.policy_version = self._loaded = version
        return self._difference

    async def sleep(self) -> None:
        """Nothing: the engines share no memory with the trainer."""

    async def close(self) -> None:
        """Stop the actors."""
        import ray

        await asyncio.gather(*(server.close.remote() for server in self._servers), return_exceptions=True)
        for server in self._servers:
            ray.kill(server)
        if self._group is not None:
            ray.util.remove_placement_group(self._group)


def _start(blueprint: Blueprint, options: Options, engines: int) -> tuple[list[Any], Any]:
    """The engines, and the placement group that holds their GPUs; None where the cluster has no GPU at all."""
    import ray
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    cluster.connect()
    gpus = options.tensor_parallel if ray.cluster_resources().get("GPU", 0) else 0
    group = reserve(engines, gpus) if gpus else None
    server = ray.remote(VllmServer)
    places = [PlacementGroupSchedulingStrategy(group, number) if group else "DEFAULT" for number in range(engines)]
    # No CPU is asked for: trainers may hold all of them, and an engine that waits for one would never start.
    needs = {"num_cpus": 0, "num_gpus": gpus, "max_concurrency": 2 * options.max_in_flight + 8}
    return [server.options(**needs, scheduling_strategy=place).remote(blueprint, options) for place in places], group


def reserve(engines: int, gpus: int, wait_s: float = RESERVE_S) -> Any:
    """A placement group with GPUs for all engines, or for none: two trainers cannot each hold what both wait for.

    Raises:
        EnvironmentMissing: the cluster has too few, or they were not free in time.
    """
    import ray

    asked = f"{engines} engine{'s' * (engines != 1)} of {gpus} GPU{'s' * (gpus != 1)}"
    help = "lower engine.engines or engine.tensor_parallel, or set engine.placement to colocated"
    have = ray.cluster_resources().get("GPU", 0)
    if engines * gpus > have:
        raise EnvironmentMissing(f"{asked} do not fit: the Ray cluster has {have:g}", help)
    group = ray.util.placement_group([{"GPU": gpus}] * engines)
    if not group.wait(wait_s):
        ray.util.remove_placement_group(group)
        free = ray.available_resources().get("GPU", 0)
        raise EnvironmentMissing(
            f"{asked} do not fit: for {wait_s:g} s the Ray cluster had only {free:g} of its {have:g} GPUs free", help
        )
    return group
