"""The hf engine against transformers' own forward pass, on a random model."""

import asyncio

import pytest
import torch
from engine_asking import request, serve

from r1ci.engines.hf import HfEngine
from r1ci.engines.protocol import Completion, Finish, Request
from r1ci.engines.sampling import draw
from r1ci.models.chat import encode
from r1ci.teachers.demonstration import Tokens
from r1ci.train.batching import collate
from r1ci.train.logprobs import token_logps


def engine(policy, places: int = 8, **options) -> HfEngine:
    return HfEngine(*policy, places=places, positions=128, **options)


def logps(policy, context, completion: Completion, temperature: float = 1.0) -> list[float]:
    ids = [*context, *completion.ids]
    mask = [0] * len(context) + [1] * len(completion.ids)
    with torch.no_grad():
        out = token_logps(policy.model, collate([Tokens(ids, mask)]), temperature)
    return out.logps_BT[0, len(context) :].tolist()


@pytest.mark.parametrize("temperature", [0.5, 1.0])
@pytest.mark.parametrize("lock_step", [False, True])
def test_logprobs_agree_with_the_trainer(policy, temperature: float, lock_step: bool) -> None:
    texts = ["print(1)", "the answer", "1 + 2 + 3 + 4 + 5 + 6", "x", "print(1)"]
    requests = [request(policy, text, i, temperature=temperature) for i, text in enumerate(texts)]
    for asked, got in zip(requests, asyncio.run(serve(engine(policy, lock_step=lock_step), requests)), strict=True):
        assert got.logprobs == pytest.approx(logps(policy, asked.ids, got, temperature), abs=1e-5)


def test_a_sample_depends_on_its_own_context_and_seed_alone(policy) -> None:
    alone = asyncio.run(serve(engine(policy), [request(policy, "the answer", 3)]))[0]
    crowd = asyncio.run(serve(engine(policy), [request(policy, "the answer", i) for i in range(8)]))
    assert crowd[3].ids == alone.ids
    assert len({item.ids for item in crowd}) > 1


def test_more_episodes_than_places_wait_their_turn(policy) -> None:
    requests = [request(policy, f"print({i})", i) for i in range(20)]
    few = asyncio.run(serve(engine(policy, places=3), requests))
    many = asyncio.run(serve(engine(policy, places=20), requests))
    assert [item.ids for item in few] == [item.ids for item in many]


@pytest.mark.parametrize("lock_step", [False, True])
def test_later_turns_read_only_what_is_new_and_agree(policy, lock_step: bool) -> None:
    """Turns of different lengths, glue between them, places changing hands: all as if read from the start."""
    served = engine(policy, places=4, lock_step=lock_step)

    async def episode(number: int) -> list[tuple[list[int], Completion]]:
        await served.open(number)
        ids, turns = list(encode(policy.tokenizer, "print(1)" * (number + 1))), []
        for turn in range(3):
            ask = Request(ids=ids, max_tokens=3 + (number + turn) % 4, temperature=1.0, seed=turn, episode=number)
            got = await served.generate(ask)
            turns.append((list(ids), got))
            ids += [*got.ids, *encode(policy.tokenizer, f"\n{turn}{number}\n")]
        await served.release(number)
        return turns

    async def all_of_them():
        return await asyncio.gather(*map(episode, range(6 if not lock_step else 4)))

    for turns in asyncio.run(all_of_them()):
        for context, got in turns:
            assert got.logprobs == pytest.approx(logps(policy, context, got), abs=1e-5)


def test_greedy_takes_the_most_likely_token(policy) -> None:
    asked = request(policy, "the answer", 0, temperature=0.0, max_tokens=4)
    got = asyncio.run(serve(engine(policy), [asked]))[0]
    ids = torch.tensor([[*asked.ids, *got.ids]])
    with torch.no_grad():
        best = policy.model(ids).logits[0, len(asked.ids) - 1 : -1].argmax(-1)
    assert best.tolist() == list(got.ids)


def test_generation_pauses_at_a_stop_string(policy) -> None:
    asked = request(policy, "the answer", 0, max_tokens=60)
    free = asyncio.run(serve(engine(policy), [asked]))[0]
    text = policy.tokenizer.decode(free.ids)
    stop = text[4:7]
    asked = request(policy, "the answer", 0, max_tokens=60, stop=(stop,))
    got = asyncio.run(serve(engine(policy), [asked]))[0]
    assert got.finish is Finish.STOP
    assert free.ids[: len(got.ids)] == got.ids
    assert stop in policy.tokenizer.decode(got.ids)
    assert stop not in policy.tokenizer.decode(got.ids[:-1])


def test_the_end_of_turn_token_ends_a_completion(policy) -> None:
    requests = [request(policy, "x", i, max_tokens=100, temperature=3.0) for i in range(40)]
    got = asyncio.run(serve(engine(policy, places=40), requests))
    ended = [item for item in got if item.finish is Finish.EOS]
    assert ended
    assert all(item.ids[-1] == policy.tokenizer.eos_token_id for item in ended)
    assert all(policy.tokenizer.eos_token_id not in item.ids[:-1] for item in got)


def test_the_trainers_attention_is_left_as_it_was(policy) -> None:
    before = policy.model.config._attn_implementation
    asyncio.run(serve(engine(policy), [request(policy, "x", 0)]))
    assert policy.model.config._attn_implementation == before


def test_a_failing_forward_pass_reaches_everybody_who_waits(policy) -> None:
    broken = engine(policy)
    broken._model = None
    with pytest.raises(AttributeError):
        asyncio.run(serve(broken, [request(policy, "x", 0)]))


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([1.0, 0.0, -1.0, 2.0]).expand(4000, 4)
    uniform = (torch.arange(4000) + 0.5) / 4000
    tokens, logprobs = draw(logits, torch.ones(4000), torch.ones(4000), uniform)
    expected = torch.softmax(logits[0], 0)
    assert torch.bincount(tokens, minlength=4) / 4000 == pytest.approx(expected, abs=1e-3)
    assert logprobs == pytest.approx(expected.log()[tokens], abs=1e-6)


def test_the_nucleus_keeps_the_likeliest_tokens_and_renormalises() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().expand(1000, 4)
    uniform = (torch.arange(1000) + 0.5) / 1000
    tokens, logprobs = draw(logits, torch.ones(1000), torch.full((1000,), 0.7), uniform)
    assert set(tokens.tolist()) == {0, 1}
    assert logprobs[tokens == 0][0].exp().item() == pytest.approx(0.5 / 0.8, abs=1e-5)
