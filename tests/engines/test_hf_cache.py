"""What the hf engine keeps, shares and gives away, against reading everything from the start."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
import torch
from engine_asking import logps, serve

from r1ci.engines import hf, kv
from r1ci.engines.hf import HfEngine
from r1ci.engines.protocol import Completion, Request
from r1ci.errors import UsageError
from r1ci.models.chat import encode

POSITIONS = 160


def engine(policy, places: int, **options) -> HfEngine:
    return HfEngine(*policy, places=places, positions=POSITIONS, **options)


def ask(ids: Sequence[int], episode: int, seed: int = 0, **options) -> Request:
    return Request(ids=list(ids), episode=episode, seed=seed, **{"max_tokens": 5, "temperature": 1.0, **options})


def agrees(policy, context: Sequence[int], completion: Completion) -> bool:
    """Whether a fresh forward pass gives the engine's log-probabilities, to 1e-5."""
    return completion.logprobs == pytest.approx(logps(policy.model, context, completion), abs=1e-5)


async def served(engine: HfEngine, requests: Sequence[Request]) -> list[Completion]:
    """All at once; the episodes stay open."""
    for request in requests:
        await engine.open(request.episode)
    return list(await asyncio.gather(*map(engine.generate, requests)))


@contextmanager
def weights_moved(model) -> Iterator[None]:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.3)
    yield
    model.load_state_dict(before)


def test_a_groups_prompt_is_read_once(policy) -> None:
    prompt = encode(policy.tokenizer, "the answer is " * 8)
    group = engine(policy, 8)
    got = asyncio.run(served(group, [ask(prompt, i, seed=i, max_tokens=1) for i in range(8)]))
    assert all(agrees(policy, prompt, each) for each in got)
    assert group.read_tokens == len(prompt) + 7


def test_what_questions_have_in_common_is_read_once(policy) -> None:
    common = encode(policy.tokenizer, "the answer is " * 8)
    prompts = [(*common, *encode(policy.tokenizer, f"{i}{i} + {i}")) for i in range(6)]
    shared = engine(policy, 6)
    got = asyncio.run(served(shared, [ask(prompt, i, max_tokens=1) for i, prompt in enumerate(prompts)]))
    assert all(agrees(policy, prompt, each) for prompt, each in zip(prompts, got, strict=True))
    assert shared.read_tokens == sum(map(len, prompts)) - 5 * len(common)


@pytest.mark.parametrize("worth", [1, 10**9])
def test_rows_that_begin_alike_attend_to_it_once_and_go_on_while_others_are_read(
    policy, worth: int, monkeypatch
) -> None:
    monkeypatch.setattr(kv, "WORTH_SHARING", worth)
    common = encode(policy.tokenizer, "the answer is " * 4)
    prompts = [(*common, *encode(policy.tokenizer, f"{i}{i} + {i}" * (1 + i % 3))) for i in range(16)]
    busy = engine(policy, 9)
    asked = [ask(prompt, i, seed=i, max_tokens=3 + 5 * (i % 4)) for i, prompt in enumerate(prompts)]

    got = asyncio.run(serve(busy, asked))
    assert all(agrees(policy, prompt, each) for prompt, each in zip(prompts, got, strict=True))


def test_a_later_member_of_a_group_reads_one_token(policy) -> None:
    prompt = encode(policy.tokenizer, "the answer is " * 8)

    async def run() -> int:
        late = engine(policy, 2)
        await served(late, [ask(prompt, 0)])
        await late.open(1)
        await late.release(0)
        before = late.read_tokens
        assert agrees(policy, prompt, await late.generate(ask(prompt, 1, seed=1, max_tokens=1)))
        return late.read_tokens - before

    assert asyncio.run(run()) == 1


async def turns(engine: HfEngine, policy, number: int, count: int) -> list[tuple[list[int], Completion]]:
    """An episode of several turns with something that no model wrote between them."""
    await engine.open(number)
    ids, done = list(encode(policy.tokenizer, "print(1)" * (number % 5 + 1))), []
    for turn in range(count):
        got = await engine.generate(ask(ids, number, seed=turn, max_tokens=2 + (number + turn) % 4))
        done.append((list(ids), got))
        ids += [*got.ids, *encode(policy.tokenizer, f"\n{turn}{number}" * (1 + number % 3))]
        for _ in range(number % 4):
            await asyncio.sleep(0)
    await engine.release(number)
    return done


@pytest.mark.parametrize("lock_step", [False, True])
def test_more_live_episodes_than_places_take_turns(policy, lock_step: bool) -> None:
    async def run(places: int) -> list[list[tuple[list[int], Completion]]]:
        shared = engine(policy, places, lock_step=lock_step)
        return list(await asyncio.gather(*(turns(shared, policy, number, 3) for number in range(11))))

    few, many = asyncio.run(run(3)), asyncio.run(run(11))
    assert all(agrees(policy, context, got) for episode in few for context, got in episode)
    assert [[got.ids for _, got in episode] for episode in few] == [[got.ids for _, got in episode] for episode in many]


def test_an_episode_whose_program_runs_gives_its_place_to_who_needs_it(policy) -> None:
    first, second = encode(policy.tokenizer, "print(1)"), encode(policy.tokenizer, "the answer is")

    async def run() -> None:
        single = engine(policy, 1)
        (one,) = await served(single, [ask(first, 0)])
        (two,) = await served(single, [ask(second, 1)])
        again = [*first, *one.ids, *second]
        assert agrees(policy, second, two)
        assert agrees(policy, again, await single.generate(ask(again, 0)))

    asyncio.run(run())


def test_the_place_unused_for_longest_is_given_away_first(policy) -> None:
    texts = [encode(policy.tokenizer, text) for text in ("print(1)", "the answer is", "1 + 2 + 3")]

    async def run() -> list[int]:
        pair = engine(policy, 2)
        turn = [await served(pair, [ask(texts[i], i)]) for i in range(3)]
        reads = []
        for number in (1, 0):  # 0 lost its place to 2, 1 kept its own
            ids = [*texts[number], *turn[number][0].ids, *texts[0]]
            before = pair.read_tokens
            assert agrees(policy, ids, await pair.generate(ask(ids, number, max_tokens=1)))
            reads.append(pair.read_tokens - before - len(texts[0]))
        return reads

    kept, lost = asyncio.run(run())
    assert kept == 1
    assert lost > 1


def test_a_context_that_takes_tokens_back_is_read_from_there(policy) -> None:
    prompt = encode(policy.tokenizer, "the answer is")

    async def run() -> None:
        single = engine(policy, 2)
        (got,) = await served(single, [ask(prompt, 0, max_tokens=20)])
        shorter = [*prompt, *got.ids[:4], *encode(policy.tokenizer, "print(1 + 2)" * 4)]
        assert agrees(policy, shorter, await single.generate(ask(shorter, 0)))

    asyncio.run(run())


def test_contexts_read_in_one_pass_overwrite_nobodys_last_token(policy) -> None:
    """The longest context has the shortest chunk."""
    long, short = encode(policy.tokenizer, "the answer is " * 12), encode(policy.tokenizer, "1 + 2")

    async def run() -> None:
        pair = engine(policy, 2)
        first = await served(pair, [ask(long, 0), ask(short, 1, max_tokens=5)])
        again = [[*long, *first[0].ids, *short], [*short, *first[1].ids, *encode(policy.tokenizer, "print(1) " * 6)]]
        got = await asyncio.gather(*(pair.generate(ask(ids, i, max_tokens=12)) for i, ids in enumerate(again)))
        assert all(agrees(policy, ids, each) for ids, each in zip(again, got, strict=True))

    asyncio.run(run())


def test_long_contexts_are_read_in_parts(policy, monkeypatch) -> None:
    monkeypatch.setattr(hf, "PASS_TOKENS", 16)
    prompts = [encode(policy.tokenizer, "the answer is " * count) for count in (12, 3, 7)]
    got = asyncio.run(served(engine(policy, 3), [ask(prompt, i) for i, prompt in enumerate(prompts)]))
    assert all(agrees(policy, prompt, each) for prompt, each in zip(prompts, got, strict=True))


def test_nothing_is_kept_once_no_episode_is_open(policy) -> None:
    prompt = encode(policy.tokenizer, "the answer is " * 4)

    async def run() -> None:
        shared = engine(policy, 2)
        await served(shared, [ask(prompt, 0)])
        await shared.release(0)
        with weights_moved(policy.model):
            assert agrees(policy, prompt, (await served(shared, [ask(prompt, 1)]))[0])

    asyncio.run(run())


def test_memory_is_that_of_the_places(policy) -> None:
    shared = engine(policy, 3)
    storage = shared._cache.kv_NcSHTD
    asyncio.run(served(shared, [ask(encode(policy.tokenizer, "print(1)" * (1 + i % 7)), i) for i in range(20)]))
    assert shared._cache.kv_NcSHTD is storage
    layers, places, kv_heads, head = 2, 3, 2, 8
    assert storage.numel() == layers * 2 * places * kv_heads * POSITIONS * head


def test_stop_strings_cost_the_same_at_every_length(policy) -> None:
    """Each token is looked at with the few before it, never with the whole turn."""
    model, tokenizer = policy

    class Counting:
        eos_token_id = -1
        longest = 0

        def decode(self, ids: Sequence[int]) -> str:
            self.longest = max(self.longest, len(ids))
            return str(tokenizer.decode(ids))

    counting = Counting()
    watched = HfEngine(model, counting, places=1, positions=POSITIONS)
    asyncio.run(served(watched, [ask([1, 2, 3], 0, max_tokens=150, stop=("never written)\n",))]))
    assert 0 < counting.longest <= hf.STOP_WINDOW


def test_a_request_that_does_not_fit_a_place_names_the_key(policy) -> None:
    with pytest.raises(UsageError, match="episode 7 asks for 100 tokens after 61, a place has 160") as caught:
        asyncio.run(served(engine(policy, 1), [ask([1] * 61, 7, max_tokens=100)]))
    assert "agent.context_tokens" in caught.value.help


def test_a_cancelled_request_leaves_its_place_to_others(policy) -> None:
    prompt = encode(policy.tokenizer, "the answer is")

    async def run() -> None:
        single = engine(policy, 1)
        for number in range(3):
            await single.open(number)
        decoding, waiting = (asyncio.create_task(single.generate(ask(prompt, i, max_tokens=100))) for i in (0, 1))
        for _ in range(5):
            await asyncio.sleep(0)
        for number, task in enumerate((decoding, waiting)):
            task.cancel()
            await single.release(number)
        assert agrees(policy, prompt, await single.generate(ask(prompt, 2)))
        assert len(single._active) == 0

    asyncio.run(run())
