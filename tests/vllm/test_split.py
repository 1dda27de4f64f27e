"""A model split over two processes, each with half of its heads, in an actor."""

from collections.abc import Iterator
from typing import Any

import pytest
import ray
import torch
from engine_asking import logps, request, serve

from r1ci.engines.vllm import Options
from r1ci.engines.vllm_actor import VllmActors
from r1ci.models.load import Policy

pytestmark = pytest.mark.ray


@pytest.fixture
def engine(policy: Policy, loop: Any) -> Iterator[VllmActors]:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        made = VllmActors(*policy, Options(positions=128, max_in_flight=8, tensor_parallel=2), engines=1)
        yield made
        loop.run(made.close())
    finally:
        ray.shutdown()


def test_logprobs_agree_with_transformers_before_and_after_new_weights(policy, loop, engine) -> None:
    requests = [request(policy, text, i) for i, text in enumerate(["print(1)", "x", "the answer"])]
    head = policy.model.get_input_embeddings().weight
    before = head.detach().clone()
    try:
        for version in range(2):
            assert loop.run(engine.load_weights(version)) < 1e-4
            for asked, got in zip(requests, loop.run(serve(engine, requests)), strict=True):
                assert got.policy_version == version
                assert got.logprobs == pytest.approx(logps(policy.model, asked.ids, got), abs=1e-4)
            with torch.no_grad():
                head.mul_(1.5)
    finally:
        with torch.no_grad():
            head.copy_(before)
