"""Tokens from vLLM, in this process: continuous batching, paged caches that later turns of an episode read again.

vLLM keeps weights of its own. ``load_weights`` copies the trainer's into them in place, forgets every cached prefix,
and proves by log-probabilities that both sides now are the same model. On a GPU the engine can give its memory to the
trainer in between (``sleep``): weights are dropped, not kept, since new ones come anyway; they return before the cache
does, so that both never lie in memory beside a second copy of the weights.

All calls of vLLM are made on one thread of its own: while it decodes, programs run and requests arrive.

Limits: stop strings, seeds and policy versions are as in the hf engine, the drawn ids of a seed are not: vLLM has its
own random numbers. Its batches depend on when requests arrive, so a run repeats up to rounding only.
"""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import logging
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from r1ci.engines.protocol import Completion, Finish, Request
from r1ci.engines.weights import TOLERANCE, Weights, WeightsDisagree, probe_ids, prove, score, weights_of, with_head
from r1ci.errors import EnvironmentMissing, R1ciError

SETTINGS = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
"""What vLLM reads from the environment, unless it is set there: it runs inside this process, does not pin the
trainer's threads to cores, and has 1 GB for the cache on a CPU."""


class EngineFailed(R1ciError):
    """The engine gave something that is no completion."""


@dataclass(frozen=True)
class Options:
    """How vLLM is set up."""

    positions: int
    """Longest context with its completion, in tokens."""
    max_in_flight: int = 256
    """Episodes decoded at once."""
    gpu_memory: float = 0.6
    """Share of the GPU's memory for weights and cache."""
    tensor_parallel: int = 1
    """GPUs that one copy of the model is split over."""
    tolerance: float | None = None
    """Largest difference of log-probabilities after a transfer of weights; None: by number format."""
    workers: int = 1
    """Processes of the trainer that each hold an engine of their own."""


@dataclass(frozen=True)
class Blueprint:
    """A model without its weights, small enough to send to another process."""

    config: Any
    tokenizer: Any
    dtype: torch.dtype

    @staticmethod
    def of(model: Any, tokenizer: Any) -> Blueprint:
        """The blueprint of a model that is there."""
        config = type(model.config).from_dict(model.config.to_dict())
        if not config.architectures:
            config.architectures = [type(model).__name__]
        return Blueprint(config, tokenizer, next(model.parameters()).dtype)


class VllmModel:
    """vLLM without weights of the trainer's yet: takes weights, scores, generates. Knows no trainer."""

    def __init__(self, blueprint: Blueprint, options: Options) -> None:
        self._thread = ThreadPoolExecutor(1, "vllm")
        self._processes, self._shares_group = options.tensor_parallel, options.workers > 1
        self._eos = blueprint.tokenizer.eos_token_id
        self._numbers = itertools.count()
        self._new: dict[str, Request] = {}
        self._unserved: dict[str, asyncio.Future[Completion]] = {}
        self._driver: asyncio.Task[None] | None = None
        self._asleep = False
        self.version: int | None = None
        """Version of the weights that it samples from; None while it has none that are proved."""
        self._llm = self._thread.submit(_start, blueprint, options).result()
        self._on_gpu = torch.cuda.is_available()
        self._plain = options.tensor_parallel == 1 and all(self._llm.apply_model(_is_plain))

    async def generate(self, request: Request) -> Completion:
        """Sample one completion.

        Raises:
            EngineFailed: a log-probability is not a number, or vLLM gave the request up.
        """
        if self.version is None:
            raise RuntimeError("the engine has no weights: call load_weights first")
        name = str(next(self._numbers))
        self._new[name] = request
        future = self._unserved[name] = asyncio.get_running_loop().create_future()
        if self._driver is None or self._driver.done():
            self._driver = asyncio.get_running_loop().create_task(self._drive())
        completion: Completion = await future
        return completion

    async def load_weights(self, weights: Iterable[tuple[str, Tensor]], version: int) -> None:
        """Replace all weights in place; caches of the old ones are forgotten. Nothing may be in flight."""
        if self._unserved:
            raise RuntimeError("weights cannot change while requests are in flight")
        await self._call(self._load, weights)
        self._asleep, self.version = False, version

    async def score(self, ids: Sequence[int]) -> list[float]:
        """Log-probability of each id after the first, at temperature 1. Nothing may be in flight."""
        scores: list[float] = await self._call(self._score, list(ids))
        return scores

    async def sleep(self) -> None:
        """Give the GPU's memory back until the next ``load_weights``; on a CPU nothing happens."""
        if self._on_gpu and not self._asleep:
            self._asleep, self.version = True, None
            await self._call(self._llm.sleep, 2)

    def close(self) -> None:
        """Free everything."""
        self._thread.submit(self._shut_down).result()
        self._thread.shutdown()

    async def _call(self, function: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._uncompiled, function, *arguments)

    def _uncompiled(self, function: Any, *arguments: Any) -> Any:
        """On a CPU vLLM's compiled helper functions cost more to compile than a small run lasts."""
        if self._on_gpu:
            return function(*arguments)
        with torch.compiler.set_stance("force_eager"):
            return function(*arguments)

    async def _drive(self) -> None:
        """Hand over what has arrived and decode, until nothing is left."""
        try:
            while self._unserved:
                fresh, self._new = self._new, {}
                for name, outcome in await self._call(self._advance, fresh, self.version):
                    _tell(self._unserved.pop(name), outcome)
        except Exception as error:
            failed, self._unserved, self._new = self._unserved, {}, {}
            await self._call(self._llm.llm_engine.abort_request, list(failed))
            for future in failed.values():
                _tell(future, error)

    def _advance(self, fresh: dict[str, Request], version: int) -> list[tuple[str, Completion | EngineFailed]]:
        """Take new requests and decode one token of each; what has ended, and what vLLM refuses."""
        from vllm.exceptions import VLLMClientError

        engine = self._llm.llm_engine
        outcomes: list[tuple[str, Completion | EngineFailed]] = []
        for name, request in fresh.items():
            try:
                engine.add_request(name, {"prompt_token_ids": list(request.ids)}, self._sampling(request))
            except (ValueError, VLLMClientError) as error:
                outcomes.append((name, EngineFailed(f"vLLM refuses a request of {len(request.ids)} ids: {error}")))
        if engine.has_unfinished_requests():
            ended = [output for output in engine.step() if output.finished]
            outcomes += [(output.request_id, self._completion(output, version)) for output in ended]
        return outcomes

    def _sampling(self, request: Request) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        return SamplingParams(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            logprobs=0,
            stop=list(request.stop),
            include_stop_str_in_output=True,
            stop_token_ids=[self._eos],
            ignore_eos=True,
            detokenize=bool(request.stop),
            skip_special_tokens=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )

    def _completion(self, output: Any, version: int) -> Completion:
        """What vLLM sampled, with our reasons for its end: the end-of-turn id, a stop string, the limit."""
        sampled = output.outputs[0]
        ids = tuple(sampled.token_ids)
        if sampled.finish_reason not in ("stop", "length"):
            raise EngineFailed(
                f"vLLM ended a request of {len(output.prompt_token_ids)} tokens: {sampled.finish_reason}"
            )
        logprobs = tuple(float(one[token].logprob) for token, one in zip(ids, sampled.logprobs, strict=True))
        if not all(map(math.isfinite, logprobs)):
            place = next(i for i, value in enumerate(logprobs) if not math.isfinite(value))
            raise EngineFailed(
                f"vLLM gave the log-probability {logprobs[place]} to token {ids[place]}, {place + 1} of a completion",
                "the weights hold numbers that are not finite: look at grad_norm of the steps before",
            )
        if ids and ids[-1] == self._eos:
            return Completion(ids, logprobs, Finish.EOS, version)
        finish = Finish.LENGTH if sampled.finish_reason == "length" else Finish.STOP
        return Completion(ids, logprobs, finish, version)

    def _load(self, weights: Iterable[tuple[str, Tensor]]) -> None:
        if self._asleep:
            self._llm.wake_up(tags=["weights"])
        whole: Iterator[tuple[str, Tensor]] = with_head(weights)
        if self._plain:
            self._llm.apply_model(lambda model: model.load_weights(whole))
        else:
            if self._processes > 1:  # a message to other processes holds no generator and nothing on a GPU
                whole = iter([(name, value.cpu()) for name, value in whole])
            self._llm.collective_rpc("reload_weights", kwargs={"weights_iterator": whole})
        if self._asleep:
            self._llm.wake_up(tags=["kv_cache"])
        self._llm.reset_prefix_cache()

    def _score(self, ids: list[int]) -> list[float]:
        from vllm import SamplingParams

        sampling = SamplingParams(max_tokens=1, temperature=0.0, prompt_logprobs=0, detokenize=False)
        output = self._llm.generate([{"prompt_token_ids": ids}], sampling, use_tqdm=False)[0]
        return [float(one[token].logprob) for token, one in zip(ids[1:], output.prompt_logprobs[1:], strict=True)]

    def _shut_down(self) -> None:
        from vllm.distributed import destroy_model_parallel

        core = self._llm.llm_engine.engine_core
        if self._shares_group:  # vLLM's own shutdown would end the process group that the trainer still needs
            core.engine_core.model_executor.shutdown()
            destroy_model_parallel()
        else:
            core.shutdown()
        del self._llm


class VllmEngine:
    """The engine beside the trainer: serves requests, follows the weights of the model that it was made for."""

    def __init__(self, model: Any, tokenizer: Any, options: Options, weights: Weights | None = None) -> None:
        """Start vLLM for a model; it samples only after ``load_weights``, which takes ``weights``.

        Raises:
            EnvironmentMissing: vLLM is not installed.
        """
        require_vllm()
        self._model, self._weights = model, weights or weights_of(model)
        self._probe = probe_ids(tokenizer)[: options.positions - 1]
        blueprint = Blueprint.of(model, tokenizer)
        self._tolerance = options.tolerance or TOLERANCE[blueprint.dtype]
        self._vllm = VllmModel(blueprint, options)
        self._places = asyncio.Semaphore(options.max_in_flight)
        self._difference = 0.0
        self.policy_version = 0

    async def open(self, episode: int) -> None:
        """Wait for a place: more episodes would drive each other's turns out of the cache."""
        await self._places.acquire()

    async def release(self, episode: int) -> None:
        """Give an episode's place back."""
        self._places.release()

    async def generate(self, request: Request) -> Completion:
        """Sample one completion from the weights of the last ``load_weights``."""
        return await self._vllm.generate(request)

    async def load_weights(self, version: int) -> float:
        """Sample from the model's weights as they are now; nothing happens where it does already.

        Raises:
            WeightsDisagree: engine and model score the probe differently afterwards.
        """
        if self._vllm.version != version:
            await self._vllm.load_weights(self._weights(), version)
            engine = await self._vllm.score(self._probe)
            try:
                self._difference = prove(score(self._model, self._probe), engine, self._tolerance, version)
            except WeightsDisagree:
                self._vllm.version = None
                raise
            self.policy_version = version
        return self._difference

    async def sleep(self) -> None:
        """Give the GPU's memory to the trainer; the next ``load_weights`` takes it back."""
        await self._vllm.sleep()

    async def close(self) -> None:
        """Stop vLLM."""
        self._vllm.close()


def _tell(future: asyncio.Future[Completion], outcome: Completion | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def require_vllm() -> None:
    """See that vLLM is installed.

    Raises:
        EnvironmentMissing: it is not.
    """
    if importlib.util.find_spec("vllm") is None:
        raise EnvironmentMissing(
            "engine.kind vllm needs the package vllm, which is not installed here",
            "pip install 'r1ci[vllm]' on a machine with GPUs; on a CPU see docs/engines.md; "
            "engine.kind hf needs neither",
        )


def _is_plain(model: Any) -> bool:
    """Whether vLLM computes with the weights as they are loaded: of those that it packs it leaves an empty tensor."""
    return all(parameter.numel() > 0 for parameter in model.parameters())


def _start(blueprint: Blueprint, options: Options) -> Any:
    """vLLM with random weights of the model's shape; runs on the engine's thread."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    logging.getLogger("vllm").setLevel(logging.ERROR)
    from vllm import LLM, _custom_ops

    gpu = torch.cuda.is_available()
    if not gpu:  # oneDNN's matrices would be packed anew at every transfer, at 15 times the cost of a copy
        _custom_ops._supports_onednn = False
    with tempfile.TemporaryDirectory(prefix="r1ci-vllm-") as folder:
        blueprint.config.save_pretrained(Path(folder))
        blueprint.tokenizer.save_pretrained(Path(folder))
        return LLM(
            folder,
            load_format="dummy",
            dtype=str(blueprint.dtype).removeprefix("torch."),
            generation_config="vllm",
            logprobs_mode="processed_logprobs",
            max_model_len=options.positions,
            max_num_seqs=options.max_in_flight,
            tensor_parallel_size=options.tensor_parallel,
            # Beside other workers it joins their process group instead of making one.
            distributed_executor_backend="external_launcher" if options.workers > 1 else None,
            enable_prefix_caching=True,
            disable_log_stats=True,
            **(_on_gpu(options) if gpu else {"enforce_eager": True}),
        )


def _on_gpu(options: Options) -> dict[str, Any]:
    """Settings of a GPU: a share of its memory, given back in between."""
    return {"gpu_memory_utilization": options.gpu_memory, "enable_sleep_mode": True}
