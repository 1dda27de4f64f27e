"""vLLM in Ray actors: the same tokens as in process, weights through the object store, a dead engine."""

import asyncio
import copy
from typing import Any

import pytest
import ray
import torch
from engine_asking import logps, request, serve

from r1ci.engines.hf import HfEngine
from r1ci.engines.vllm import EngineFailed, Options
from r1ci.engines.vllm_actor import VllmActors, pack, unpack
from r1ci.engines.weights import WeightsDisagree
from r1ci.models.load import Policy

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def engine(policy: Policy, loop: Any):
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        made = VllmActors(*policy, Options(positions=128, max_in_flight=8), engines=1)
        loop.run(made.load_weights(0))
        yield made
        loop.run(made.close())
    finally:
        ray.shutdown()


def test_weights_survive_the_object_store() -> None:
    sent = [("a", torch.randn(3, 2)), ("b", torch.randn(4).to(torch.bfloat16)), ("c", torch.randn(2, 3).T)]
    for (name, before), (got, after) in zip(sent, unpack(pack(sent)), strict=True):
        assert name == got
        assert torch.equal(before, after)
        assert before.dtype is after.dtype


def test_greedy_tokens_are_those_of_the_hf_engine(policy: Policy, loop: Any, engine: VllmActors) -> None:
    requests = [request(policy, text, i, temperature=0.0) for i, text in enumerate(["print(1)", "x", "the answer"])]
    theirs = asyncio.run(serve(HfEngine(*policy, places=8, positions=128), requests))
    assert [item.ids for item in loop.run(serve(engine, requests))] == [item.ids for item in theirs]


def test_new_weights_are_proved_and_named(policy: Policy, loop: Any, engine: VllmActors) -> None:
    before = copy.deepcopy(policy.model.state_dict())
    asked = request(policy, "the answer", 1)
    try:
        with torch.no_grad():
            policy.model.get_input_embeddings().weight.mul_(1.5)
        assert loop.run(engine.load_weights(3)) < 1e-4
        got = loop.run(serve(engine, [asked]))[0]
        assert got.policy_version == 3
        assert got.logprobs == pytest.approx(logps(policy.model, asked.ids, got), abs=1e-4)
        engine._weights = lambda: [(n, w * 0.5) for n, w in policy.model.named_parameters()]
        with pytest.raises(WeightsDisagree, match="version 4"):
            loop.run(engine.load_weights(4))
    finally:
        policy.model.load_state_dict(before)
        engine._weights = lambda: policy.model.named_parameters()
        loop.run(engine.load_weights(0))


def test_an_engine_that_dies_is_named(policy: Policy, loop: Any, engine: VllmActors) -> None:
    ray.kill(engine._servers[0])
    with pytest.raises(EngineFailed, match="process died"):
        loop.run(serve(engine, [request(policy, "x", 0)]))
