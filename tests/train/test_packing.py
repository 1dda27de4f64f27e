"""A pass that reads every prompt once: the values and gradients of sequences that are run one by one."""

import copy
import random
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, Lfm2Config, LlamaConfig, Qwen2Config

from r1ci.models.load import Policy
from r1ci.teachers.demonstration import Tokens
from r1ci.train import batching
from r1ci.train.batching import collate, micro_batches
from r1ci.train.logprobs import token_logps
from r1ci.train.packing import packs, states_before

SIZES: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
WINDOW: dict[str, Any] = {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 1}
CONFIGS = {
    "qwen2": Qwen2Config(**SIZES),
    "llama": LlamaConfig(**SIZES),
    "window": Qwen2Config(**SIZES, **WINDOW),
    "convolutions": Lfm2Config(**SIZES, layer_types=["conv", "full_attention"]),
}


@pytest.fixture(scope="module", params=CONFIGS)
def model(request: Any) -> Any:
    """Random weights in float64, so that what differs is a mistake and not rounding."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = AutoModelForCausalLM.from_config(copy.deepcopy(CONFIGS[request.param])).double().eval()
    for module in list(made.modules()):
        for name, part in module.named_children():
            if type(part).__name__.endswith("RMSNorm"):  # transformers' computes in float32
                norm = torch.nn.RMSNorm(part.weight.shape, eps=1e-6).double()
                setattr(module, name, norm)
    assert packs(made.base_model) == (request.param != "convolutions")
    return made


def samples(seed: int = 0) -> list[Tokens]:
    """Three groups whose prompts are the same, one of them of a prompt alone; a prompt that begins as another one does;
    two sequences that share nothing. In no order."""
    draw = random.Random(seed)

    def ids(count: int) -> tuple[int, ...]:
        return tuple(draw.randrange(60) for _ in range(count))

    first, second, third = ids(7), ids(7), ids(11)
    made = []
    for prompt, rests in ((first, (3, 1, 20, 3)), (second, (2, 9)), (third, (0, 4)), (first[:5], (6,)), ((), (4, 9))):
        for rest in rests:
            mask = tuple(int(draw.random() < 0.7) for _ in range(rest))
            made.append(Tokens((*prompt, *ids(rest)), (0,) * len(prompt) + mask, len(prompt)))
    draw.shuffle(made)
    return made


def passed(model: Any, batches: Sequence[Sequence[int]], items: Sequence[Tokens]) -> tuple[list[Tensor], Tensor]:
    """Hidden states (M, E) before every sample's wanted tokens, and gradients of a loss in which all of them weigh."""
    model.zero_grad(set_to_none=True)
    found: dict[int, Tensor] = {}
    for chunk in batches:
        states_ME = states_before(model.base_model, collate([items[index] for index in chunk]))
        parts = states_ME.split([sum(items[index].mask[1:]) for index in chunk])
        loss = sum((part.square() * torch.arange(1, 1 + part.numel()).view_as(part)).sum() for part in parts)
        loss.backward()
        found |= {index: part.detach() for index, part in zip(chunk, parts, strict=True)}
    gradient = torch.cat([parameter.grad.flatten() for parameter in model.base_model.parameters()])
    return [found[index] for index in range(len(items))], gradient


@pytest.mark.parametrize("apart", [0.0, 1.0])
@pytest.mark.parametrize("max_tokens", [1, 45, 10_000])
def test_values_and_gradients_are_those_of_sequences_run_one_by_one(
    model: Any, monkeypatch: pytest.MonkeyPatch, max_tokens: int, apart: float
) -> None:
    """Whatever the micro-batches, and whether what follows a prompt is asked apart from it."""
    monkeypatch.setitem(batching.APART, "cpu", apart)
    items = samples()
    values, gradient = passed(model, micro_batches(items, max_tokens), items)
    alone, expected = passed(model, [[index] for index in range(len(items))], items)
    for got, wanted in zip(values, alone, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-12, rtol=1e-10)
    torch.testing.assert_close(gradient, expected, atol=1e-10, rtol=1e-10)
    assert expected.abs().max() > 1


def test_values_are_those_of_a_plain_forward_pass(model: Any) -> None:
    items = samples()
    made = token_logps(model, collate(items), 0.8)
    for row, item in enumerate(items):
        logprob_TV = torch.log_softmax(model(torch.tensor([item.ids])).logits[0] / 0.8, dim=-1)
        for place in range(1, len(item.ids)):
            expected = logprob_TV[place - 1, item.ids[place]].item() if item.mask[place] else 0.0
            assert made.logps_BT[row, place].item() == pytest.approx(expected, abs=1e-5)


def test_a_pass_reads_equal_prompts_once_and_pads_nothing() -> None:
    items = samples()
    batch = collate(items)
    prompts = {item.ids[: item.prompt_tokens] for item in items}
    expected = sum(map(len, prompts)) + sum(len(item.ids) - item.prompt_tokens for item in items)
    assert batch.ids_N.shape == batch.positions_N.shape == batch.bands.back_N.shape == (expected,)
    for item, row_T in zip(items, batch.rows_BT, strict=True):
        used = row_T[: len(item.ids)]
        assert tuple(batch.ids_N[used].tolist()) == item.ids
        assert batch.positions_N[used].tolist() == list(range(len(item.ids)))


def test_attention_asks_for_a_prompt_once_where_what_follows_is_short() -> None:
    prompt = tuple(range(50))
    items = [Tokens((*prompt, *range(rest)), (1,) * (50 + rest), 50) for rest in (5, 6, 300)]
    asked = sorted(tuple(band.queries.shape) for band in collate(items).bands.bands)
    assert asked == [(1, 50), (1, 350), (2, 6)]


def test_the_rest_of_a_model_works_on_every_token_of_the_line_once(policy: Policy) -> None:
    """What the first feed-forward layer is given: prompts once, no padding."""
    seen = []
    hook = policy.model.base_model.layers[0].mlp.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape))
    batch = collate(samples())
    token_logps(policy.model, batch)
    hook.remove()
    assert seen == [(1, len(batch.ids_N), 32)]


def test_gradients_are_the_same_bytes_every_time(policy: Policy) -> None:
    first, second = (passed(policy.model, [range(11)], samples())[1] for _ in range(2))
    assert torch.equal(first, second)


def test_a_model_is_saved_without_a_trace_of_how_its_attention_was_run(policy: Policy, tmp_path: Any) -> None:
    token_logps(policy.model, collate(samples()))
    policy.model.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    ids = torch.tensor([samples()[0].ids])
    assert again.config._attn_implementation == "sdpa"
    assert torch.equal(again(ids).logits, policy.model(ids).logits)


def test_left_padding_is_still_masked_outside_of_training(policy: Policy) -> None:
    """What others do with the model afterwards: ordinary batches with an ordinary mask."""
    token_logps(policy.model, collate(samples()))
    ids = torch.tensor([[5, 6, 7]])
    padded, mask = torch.tensor([[9, 9, 5, 6, 7]]), torch.tensor([[0, 0, 1, 1, 1]])
    positions = torch.tensor([[0, 0, 0, 1, 2]])
    got = policy.model(padded, attention_mask=mask, position_ids=positions).logits[:, 2:]
    torch.testing.assert_close(got, policy.model(ids).logits, atol=1e-5, rtol=1e-5)
