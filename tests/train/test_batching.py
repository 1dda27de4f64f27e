"""Micro-batches and token log-probabilities against a plain forward pass."""

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1ci.models.load import Policy
from r1ci.teachers.demonstration import Tokens
from r1ci.train.batching import ATTENTION_SHARE, PASS_TOKENS, collate, micro_batches
from r1ci.train.logprobs import token_logps
from r1ci.train.sft import accumulate, batch_of

IDS = [[5, 9, 30, 31, 7, 8], [40, 41, 42], [12, 13, 14, 15]]
MASKS = [[0, 0, 1, 1, 0, 1], [1, 1, 1], [0, 0, 0, 0]]
DATA = [Tokens(tuple(ids), tuple(mask)) for ids, mask in zip(IDS, MASKS, strict=True)]


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_token_logps_are_those_of_a_plain_forward_pass(policy: Policy, temperature: float) -> None:
    """Padding, masks and the choice of positions change nothing; the first token of a sequence has no value."""
    got = token_logps(policy.model, collate(DATA), temperature)
    for row, (ids, mask) in enumerate(zip(IDS, MASKS, strict=True)):
        logprob_TV = torch.log_softmax(policy.model(torch.tensor([ids])).logits[0] / temperature, dim=-1)
        for place in range(got.logps_BT.shape[1]):
            counted = 0 < place < len(ids) and mask[place]
            expected = logprob_TV[place - 1] if counted else None
            value, entropy = got.logps_BT[row, place].item(), got.entropy_BT[row, place].item()
            assert value == pytest.approx(expected[ids[place]].item() if counted else 0.0, abs=1e-5)
            assert entropy == pytest.approx(-(expected.exp() * expected).sum().item() if counted else 0.0, abs=1e-4)


def test_entropy_carries_gradient_only_on_demand(policy: Policy) -> None:
    batch = collate(DATA)
    assert not token_logps(policy.model, batch).entropy_BT.requires_grad
    assert token_logps(policy.model, batch, entropy=True).entropy_BT.requires_grad
    with torch.no_grad():
        assert not token_logps(policy.model, batch, entropy=True).entropy_BT.requires_grad


def items(lengths: list[int], prompts: list[int]) -> list[Tokens]:
    """Sequences of some lengths whose prompts are one of three; a prompt is at most as long as its sequence."""
    made = []
    for length, prompt in zip(lengths, prompts, strict=True):
        shared = min(length, 7 * prompt)
        made.append(Tokens((prompt,) * shared + (9,) * (length - shared), (1,) * length, shared))
    return made


def cost(chunk: list[Tokens]) -> int:
    """What is read, a prompt once, and a quarter of what attention looks at again."""
    prompts = {item.ids[: item.prompt_tokens] for item in chunk}
    read = sum(map(len, prompts)) + sum(len(item.ids) - item.prompt_tokens for item in chunk)
    return read + (sum(len(item.ids) for item in chunk) - read) // ATTENTION_SHARE


@st.composite
def sequences(draw: Any, longest: int, most: int) -> list[Tokens]:
    lengths = draw(st.lists(st.integers(1, longest), min_size=1, max_size=most))
    return items(lengths, draw(st.lists(st.integers(0, 3), min_size=len(lengths), max_size=len(lengths))))


@given(made=sequences(60, 30), bound=st.integers(1, 200))
def test_micro_batches_hold_every_index_once_and_keep_the_bound(made: list[Tokens], bound: int) -> None:
    chunks = micro_batches(made, bound)
    assert sorted(index for chunk in chunks for index in chunk) == list(range(len(made)))
    for chunk in chunks:
        assert cost([made[index] for index in chunk]) <= bound or len(chunk) == 1


@given(made=sequences(300, 7), bound=st.integers(1, 900))
def test_micro_batches_are_the_cheapest_cut_of_their_order(made: list[Tokens], bound: int) -> None:
    got = micro_batches(made, bound)
    order = [index for chunk in got for index in chunk]
    ways = []
    for cuts in itertools.product([False, True], repeat=len(order) - 1):
        ends = [0, *(place for place, cut in enumerate(cuts, 1) if cut), len(order)]
        chunks = [[made[index] for index in order[start:end]] for start, end in itertools.pairwise(ends)]
        if all(len(chunk) == 1 or cost(chunk) <= bound for chunk in chunks):
            ways.append(sum(cost(chunk) + PASS_TOKENS for chunk in chunks))
    assert sum(cost([made[index] for index in chunk]) + PASS_TOKENS for chunk in got) == min(ways)


def test_sequences_with_the_same_prompt_stand_together() -> None:
    """Two questions' episodes in turn: a micro-batch for each, where either alone fits."""
    made = items([40, 25, 35, 20, 30, 16], [3, 2, 3, 2, 3, 2])
    assert micro_batches(made, 80) == [[0, 2, 4], [1, 3, 5]]


def test_attention_wastes_little_where_lengths_are_spread() -> None:
    """A 10:1 spread: a few bands of similar length instead of one padded to the longest."""
    made = items([100 * (1 + index % 10) for index in range(40)], [0] * 40)
    bands = collate(made).bands.bands
    assert sum(band.keys.numel() for band in bands) < 1.1 * sum(len(item.ids) for item in made)
    assert len(bands) <= 10
    assert len(collate(items([50, 49, 48, 47], [0] * 4)).bands.bands) == 1


def gradients(policy: Policy, batch: list[Tokens], max_tokens: int) -> tuple[float, int, torch.Tensor]:
    policy.model.zero_grad(set_to_none=True)
    loss, tokens = accumulate(policy.model, batch, max_tokens)
    return loss, tokens, torch.cat([parameter.grad.flatten() for parameter in policy.model.parameters()])


@pytest.mark.parametrize("max_tokens", [1, 7, 12])
def test_sft_gradients_do_not_depend_on_the_micro_batches(policy: Policy, max_tokens: int) -> None:
    batch = [item for item in DATA if item.mask[0] == 0]
    loss, tokens, whole = gradients(policy, batch, 10_000)
    split_loss, split_tokens, split = gradients(policy, batch, max_tokens)
    assert (split_loss, split_tokens) == (pytest.approx(loss, abs=1e-6), tokens)
    assert torch.allclose(split, whole, atol=1e-6)
    assert whole.abs().max() > 1e-3


def test_the_sft_loss_is_the_mean_over_the_learned_tokens(policy: Policy) -> None:
    ids, mask = tuple(IDS[0]), tuple(MASKS[0])
    loss, tokens, _ = gradients(policy, [Tokens(ids, mask)], 100)
    expected = -token_logps(policy.model, collate([Tokens(ids, mask)])).logps_BT.sum().item() / 3
    assert (loss, tokens) == (pytest.approx(expected, abs=1e-6), 6)


def test_every_epoch_reads_everything_once_in_an_order_of_its_own() -> None:
    data = [Tokens((index,), (0,)) for index in range(10)]
    epochs = [[item.ids[0] for step in range(3 * n, 3 * n + 3) for item in batch_of(data, step, 4, 5)] for n in (0, 1)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0] != epochs[1]
    assert batch_of(data, 1, 4, 5) == batch_of(data, 1, 4, 5)
    assert batch_of(data, 0, 4, 5) != batch_of(data, 0, 4, 6)
