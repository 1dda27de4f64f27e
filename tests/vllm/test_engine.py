"""vLLM in process against the hf engine and transformers' own forward pass, on a random model."""

import asyncio
import copy
from typing import Any

import pytest
import torch
from engine_asking import logps, request, serve

from r1ci.engines import vllm as module
from r1ci.engines.hf import HfEngine
from r1ci.engines.protocol import Completion, Finish, Request
from r1ci.engines.vllm import EngineFailed, Options, VllmEngine
from r1ci.engines.weights import WeightsDisagree
from r1ci.models.chat import encode
from r1ci.models.load import Policy

TEXTS = ["print(1)", "the answer", "1 + 2 + 3 + 4 + 5 + 6", "x", "print(1)"]


@pytest.fixture(scope="module")
def engine(policy: Policy, loop: Any):
    made = VllmEngine(*policy, Options(positions=128, max_in_flight=8))
    loop.run(made.load_weights(0))
    yield made
    loop.run(made.close())


def hf(policy: Policy) -> HfEngine:
    return HfEngine(*policy, places=40, positions=128)


def test_greedy_tokens_are_those_of_the_hf_engine(policy: Policy, loop: Any, engine: VllmEngine) -> None:
    requests = [request(policy, text, i, temperature=0.0, max_tokens=30) for i, text in enumerate(TEXTS)]
    ours, theirs = loop.run(serve(engine, requests)), asyncio.run(serve(hf(policy), requests))
    assert [item.ids for item in ours] == [item.ids for item in theirs]
    assert [item.finish for item in ours] == [item.finish for item in theirs]
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.logprobs == pytest.approx(other.logprobs, abs=1e-4)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (1.0, 0.7), (0.8, 0.9)])
def test_logprobs_are_of_the_distribution_drawn_from(policy, loop, engine, temperature, top_p) -> None:
    requests = [request(policy, text, i, temperature=temperature, top_p=top_p) for i, text in enumerate(TEXTS)]
    for asked, got in zip(requests, loop.run(serve(engine, requests)), strict=True):
        assert got.logprobs == pytest.approx(logps(policy.model, asked.ids, got, temperature, top_p), abs=1e-4)


def test_a_sample_depends_on_its_own_context_and_seed_alone(policy, loop, engine) -> None:
    alone = loop.run(serve(engine, [request(policy, "the answer", 3)]))[0]
    crowd = loop.run(serve(engine, [request(policy, "the answer", i) for i in range(20)]))
    again = loop.run(serve(engine, [request(policy, "the answer", i) for i in range(20)]))
    assert crowd[3].ids == alone.ids
    assert [item.ids for item in crowd] == [item.ids for item in again]
    assert len({item.ids for item in crowd}) > 10


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_generation_pauses_at_a_stop_string_as_in_the_hf_engine(policy, loop, engine, temperature) -> None:
    free = loop.run(serve(engine, [request(policy, "the answer", 0, max_tokens=40, temperature=temperature)]))[0]
    text = policy.tokenizer.decode(free.ids)
    stop = text[9:12]
    asked = request(policy, "the answer", 0, max_tokens=40, temperature=temperature, stop=(stop,))
    got = loop.run(serve(engine, [asked]))[0]
    assert got.finish is Finish.STOP
    assert free.ids[: len(got.ids)] == got.ids
    assert stop in policy.tokenizer.decode(got.ids)
    assert stop not in policy.tokenizer.decode(got.ids[:-1])
    if temperature == 0:
        assert asyncio.run(serve(hf(policy), [asked]))[0].ids == got.ids


def test_a_stop_string_on_the_last_token_allowed_is_a_stop(policy, loop, engine) -> None:
    free = loop.run(serve(engine, [request(policy, "x", 0, max_tokens=40)]))[0]
    places = [n for n in range(2, 41) if policy.tokenizer.decode(free.ids[n - 1 : n]).isalnum()]
    stop = policy.tokenizer.decode(free.ids[places[0] - 1 : places[0]])
    got = loop.run(serve(engine, [request(policy, "x", 0, max_tokens=places[0], stop=(stop,))]))[0]
    assert (len(got.ids), got.finish) == (places[0], Finish.STOP)


def test_the_end_of_turn_token_ends_a_completion(policy, loop, engine) -> None:
    requests = [request(policy, "x", i, max_tokens=100, temperature=2.0) for i in range(40)]
    got = loop.run(serve(engine, requests))
    ended = [item for item in got if item.finish is Finish.EOS]
    assert ended
    assert all(item.ids[-1] == policy.tokenizer.eos_token_id for item in ended)
    assert all(policy.tokenizer.eos_token_id not in item.ids[:-1] for item in got)
    assert all(len(item.ids) == 100 for item in got if item.finish is Finish.LENGTH)


def test_turns_with_glue_between_them_agree_while_others_decode(policy, loop, engine) -> None:
    async def episode(number: int) -> list[tuple[list[int], Completion]]:
        await engine.open(number)
        ids, turns = list(encode(policy.tokenizer, "print(1)" * (number + 1))), []
        for turn in range(3):
            ask = Request(ids=list(ids), max_tokens=3 + (number + turn) % 4, temperature=1.0, seed=turn, episode=number)
            got = await engine.generate(ask)
            turns.append((list(ids), got))
            ids += [*got.ids, *encode(policy.tokenizer, f"\n{turn}{number}\n")]
        await engine.release(number)
        return turns

    async def all_of_them() -> list[list[tuple[list[int], Completion]]]:
        return list(await asyncio.gather(*map(episode, range(12))))

    for turns in loop.run(all_of_them()):
        for context, got in turns:
            assert got.logprobs == pytest.approx(logps(policy.model, context, got), abs=1e-4)


def test_weights_are_replaced_and_cached_prefixes_forgotten(policy, loop, engine) -> None:
    before = copy.deepcopy(policy.model.state_dict())
    asked = request(policy, "the answer is " * 6, 1)
    old = loop.run(serve(engine, [asked]))[0]
    try:
        with torch.no_grad():
            for parameter in policy.model.parameters():
                parameter.add_(0.02 * torch.randn_like(parameter))
        assert loop.run(engine.load_weights(7)) < 1e-4
        new = loop.run(serve(engine, [asked]))[0]
        assert (old.policy_version, new.policy_version) == (0, 7)
        assert new.logprobs == pytest.approx(logps(policy.model, asked.ids, new), abs=1e-4)
        assert old.logprobs != pytest.approx(logps(policy.model, asked.ids, old), abs=1e-2)
    finally:
        policy.model.load_state_dict(before)
        loop.run(engine.load_weights(0))
    assert loop.run(serve(engine, [asked]))[0] == old


def test_weights_that_were_left_out_are_caught(policy, loop, engine, monkeypatch) -> None:
    before = copy.deepcopy(policy.model.state_dict())
    monkeypatch.setattr(module, "with_head", lambda weights: ((n, w) for n, w in weights if "embed" not in n))
    try:
        with torch.no_grad():
            policy.model.get_input_embeddings().weight.mul_(torch.rand(policy.model.config.vocab_size, 1) + 0.5)
        with pytest.raises(WeightsDisagree, match=r"version 8 .* largest difference of log-probabilities is \d"):
            loop.run(engine.load_weights(8))
        with pytest.raises(RuntimeError, match="load_weights"):
            loop.run(serve(engine, [request(policy, "x", 0)]))
    finally:
        monkeypatch.undo()
        policy.model.load_state_dict(before)
        loop.run(engine.load_weights(0))


@pytest.mark.parametrize("plain", [True, False])
def test_the_head_follows_tied_embeddings_however_weights_are_sent(policy, loop, engine, monkeypatch, plain) -> None:
    before = copy.deepcopy(policy.model.state_dict())
    assert engine._vllm._plain
    monkeypatch.setattr(engine._vllm, "_plain", plain)
    try:
        with torch.no_grad():
            policy.model.get_input_embeddings().weight.mul_(torch.rand(policy.model.config.vocab_size, 1) + 0.5)
        assert loop.run(engine.load_weights(11)) < 1e-4
    finally:
        policy.model.load_state_dict(before)
        loop.run(engine.load_weights(0))


def test_weights_that_are_not_numbers_are_caught(policy, loop, engine) -> None:
    before = copy.deepcopy(policy.model.state_dict())
    try:
        with torch.no_grad():
            policy.model.model.norm.weight[0] = float("nan")
        with pytest.raises(WeightsDisagree, match="nan"):
            loop.run(engine.load_weights(9))
    finally:
        policy.model.load_state_dict(before)
        loop.run(engine.load_weights(0))


def test_weights_do_not_change_under_a_request(policy, loop, engine) -> None:
    async def both() -> None:
        running = asyncio.create_task(serve(engine, [request(policy, "x", 0, max_tokens=20)]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="in flight"):
            await engine.load_weights(10)
        await running

    loop.run(both())


def test_a_request_that_cannot_be_served_reaches_who_waits(policy, loop, engine) -> None:
    asked = [request(policy, "x" * 400, 0), request(policy, "x", 1, temperature=9.0), request(policy, "x", 2)]

    async def serve_all() -> list[Any]:
        return await asyncio.gather(*(serve(engine, [one]) for one in asked), return_exceptions=True)

    long, hot, fine = loop.run(serve_all())
    assert isinstance(long, EngineFailed)
    assert "refuses a request of 400 ids" in str(long)
    assert isinstance(hot, EngineFailed)
    assert fine[0].ids
