"""Micro-batches and token log-probabilities against a plain forward pass."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1ci.models.load import Policy
from r1ci.teachers.demonstration import Tokens
from r1ci.train.batching import PASS_TOKENS, collate, micro_batches
from r1ci.train.logprobs import token_logps
from r1ci.train.sft import accumulate, batch_of

IDS = [[5, 9, 30, 31, 7, 8], [40, 41, 42], [12, 13, 14, 15]]
MASKS = [[0, 0, 1, 1, 0, 1], [1, 1, 1], [0, 0, 0, 0]]


@pytest.mark.parametrize("temperature", [0.7, 1.0])
def test_token_logps_are_those_of_a_plain_forward_pass(policy: Policy, temperature: float) -> None:
    """Padding, masks and the choice of positions change nothing; the first token of a sequence has no value."""
    got = token_logps(policy.model, collate(IDS, MASKS, pad=0), temperature)
    for row, (ids, mask) in enumerate(zip(IDS, MASKS, strict=True)):
        logprob_TV = torch.log_softmax(policy.model(torch.tensor([ids])).logits[0] / temperature, dim=-1)
        for place in range(got.logps_BT.shape[1]):
            counted = 0 < place < len(ids) and mask[place]
            expected = logprob_TV[place - 1] if counted else None
            value, entropy = got.logps_BT[row, place].item(), got.entropy_BT[row, place].item()
            assert value == pytest.approx(expected[ids[place]].item() if counted else 0.0, abs=1e-5)
            assert entropy == pytest.approx(-(expected.exp() * expected).sum().item() if counted else 0.0, abs=1e-4)


def test_entropy_carries_gradient_only_on_demand(policy: Policy) -> None:
    batch = collate(IDS, MASKS, pad=0)
    assert not token_logps(policy.model, batch).entropy_BT.requires_grad
    assert token_logps(policy.model, batch, entropy=True).entropy_BT.requires_grad
    with torch.no_grad():
        assert not token_logps(policy.model, batch, entropy=True).entropy_BT.requires_grad


@given(lengths=st.lists(st.integers(1, 60), max_size=30), bound=st.integers(1, 200))
def test_micro_batches_hold_every_index_once_and_keep_the_bound(lengths: list[int], bound: int) -> None:
    chunks = micro_batches(lengths, bound)
    assert sorted(index for chunk in chunks for index in chunk) == list(range(len(lengths)))
    for chunk in chunks:
        padded = len(chunk) * max(lengths[index] for index in chunk)
        assert padded <= bound or len(chunk) == 1


def test_micro_batches_waste_little_where_lengths_are_spread() -> None:
    """A 10:1 spread within the bound: a few chunks of similar length instead of one padded to the longest."""
    lengths = [100 * (1 + index % 10) for index in range(40)]
    chunks = micro_batches(lengths, 100_000)
    padded = sum(len(chunk) * max(lengths[index] for index in chunk) for chunk in chunks)
    assert padded < 1.1 * sum(lengths)
    assert len(chunks) <= 10
    assert micro_batches([50, 49, 48, 47], 10_000) == [[0, 1, 2, 3]]


@given(lengths=st.lists(st.integers(1, 300), min_size=1, max_size=7), bound=st.integers(1, 900))
def test_micro_batches_are_the_cheapest_cut(lengths: list[int], bound: int) -> None:
    def cost(chunks: list[list[int]]) -> int:
        return sum(len(chunk) * max(chunk) + PASS_TOKENS for chunk in chunks)

    ordered = sorted(lengths, reverse=True)
    ways = []
    for cuts in itertools.product([False, True], repeat=len(ordered) - 1):
        chunks = [[ordered[0]]]
        for length, cut in zip(ordered[1:], cuts, strict=True):
            if cut:
                chunks.append([length])
            else:
                chunks[-1].append(length)
        if all(len(chunk) == 1 or len(chunk) * chunk[0] <= bound for chunk in chunks):
            ways.append(cost(chunks))
    got = [[lengths[index] for index in chunk] for chunk in micro_batches(lengths, bound)]
    assert cost(got) == min(ways)


def gradients(policy: Policy, batch: list[Tokens], max_tokens: int) -> tuple[float, int, torch.Tensor]:
    policy.model.zero_grad(set_to_none=True)
    loss, tokens = accumulate(policy.model, 0, batch, max_tokens)
    return loss, tokens, torch.cat([parameter.grad.flatten() for parameter in policy.model.parameters()])


@pytest.mark.parametrize("max_tokens", [1, 7, 12])
def test_sft_gradients_do_not_depend_on_the_micro_batches(policy: Policy, max_tokens: int) -> None:
    batch = [Tokens(tuple(ids), tuple(mask)) for ids, mask in zip(IDS, MASKS, strict=True) if mask[0] == 0]
    loss, tokens, whole = gradients(policy, batch, 10_000)
    split_loss, split_tokens, split = gradients(policy, batch, max_tokens)
    assert (split_loss, split_tokens) == (pytest.approx(loss, abs=1e-6), tokens)
    assert torch.allclose(split, whole, atol=1e-6)
    assert whole.abs().max() > 1e-3


def test_the_sft_loss_is_the_mean_over_the_learned_tokens(policy: Policy) -> None:
    ids, mask = tuple(IDS[0]), tuple(MASKS[0])
    loss, tokens, _ = gradients(policy, [Tokens(ids, mask)], 100)
    expected = -token_logps(policy.model, collate([ids], [mask], 0)).logps_BT.sum().item() / 3
    assert (loss, tokens) == (pytest.approx(expected, abs=1e-6), 6)


def test_every_epoch_reads_everything_once_in_an_order_of_its_own() -> None:
    data = [Tokens((index,), (0,)) for index in range(10)]
    epochs = [[item.ids[0] for step in range(3 * n, 3 * n + 3) for item in batch_of(data, step, 4, 5)] for n in (0, 1)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(10))] * 2
    assert epochs[0] != epochs[1]
    assert batch_of(data, 1, 4, 5) == batch_of(data, 1, 4, 5)
    assert batch_of(data, 0, 4, 5) != batch_of(data, 0, 4, 6)
