"""The direct forward pass against transformers' own, and where it stands back."""

import asyncio

import pytest
import torch
from engine_asking import logps
from transformers import AutoConfig, AutoModelForCausalLM

from r1ci.engines.decoder import Decoder
from r1ci.engines.hf import HfEngine
from r1ci.engines.protocol import Completion, Request
from r1ci.models.tokenizer import train_tokenizer

CONTEXTS = ([5, 9, 31, 7, 7, 12], [5, 9, 31], [40, 41])
SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["the answer is"] * 3, 300)


def build(kind: str, **options):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SHAPE, **options)).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name or name.endswith("bias"):
            torch.nn.init.normal_(parameter, mean=1.0)
    return model


async def two_turns(model, tokenizer) -> list[Completion]:
    """Turns of several episodes at once; the second reads what the first sampled and two tokens more."""
    engine = HfEngine(model, tokenizer, places=4, positions=48)
    for episode in range(len(CONTEXTS)):
        await engine.open(episode)

    async def turn(contexts) -> list[Completion]:
        asked = [Request(list(ids), 8, 1.0, 1.0, i, (), i) for i, ids in enumerate(contexts)]
        return list(await asyncio.gather(*map(engine.generate, asked)))

    first = await turn(CONTEXTS)
    contexts = [[*ids, *got.ids, 3, 4] for ids, got in zip(CONTEXTS, first, strict=True)]
    return [*first, *await turn(contexts)]


def sampled(model, tokenizer, monkeypatch, *, direct: bool) -> list[Completion]:
    with monkeypatch.context() as patch:
        if not direct:
            patch.setattr(Decoder, "of", staticmethod(lambda model: None))
        return asyncio.run(two_turns(model, tokenizer))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("qwen2", {}),
        ("qwen2", {"tie_word_embeddings": True}),
        ("llama", {}),
        ("llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 16}),
        ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}}),
    ],
)
def test_the_direct_pass_samples_what_transformers_does(kind: str, options, tokenizer, monkeypatch) -> None:
    model = build(kind, **options)
    assert Decoder.of(model) is not None
    direct = sampled(model, tokenizer, monkeypatch, direct=True)
    for mine, theirs in zip(direct, sampled(model, tokenizer, monkeypatch, direct=False), strict=True):
        assert mine.ids == theirs.ids
        assert mine.logprobs == pytest.approx(theirs.logprobs, abs=1e-5)


def test_16_bit_weights_agree_up_to_their_rounding(tokenizer) -> None:
    model = build("qwen2").to(torch.bfloat16)
    for got, context in zip(asyncio.run(two_turns(model, tokenizer)), CONTEXTS, strict=False):
        assert got.logprobs == pytest.approx(logps(model, context, got), abs=0.1)


def test_other_models_are_called_as_transformers_does(tokenizer) -> None:
    model = build("qwen3", head_dim=8)
    assert Decoder.of(model) is None
    assert all(got.ids for got in asyncio.run(two_turns(model, tokenizer)))


def test_a_hook_on_a_module_is_not_passed_by(tokenizer) -> None:
    model, calls = build("qwen2"), []
    model.base_model.layers[1].register_forward_pre_hook(lambda module, args: calls.append(module))
    asyncio.run(two_turns(model, tokenizer))
    assert calls


def test_adapters_are_used(tokenizer) -> None:
    peft = pytest.importorskip("peft")
    model = build("qwen2")
    targets = ["q_proj", "up_proj", "down_proj"]
    adapters = peft.LoraConfig(r=4, target_modules=targets, init_lora_weights=False)
    peft.inject_adapter_in_model(adapters, model)
    assert Decoder.of(model.eval()) is not None
    for got, context in zip(asyncio.run(two_turns(model, tokenizer)), CONTEXTS, strict=False):
        assert got.logprobs == pytest.approx(logps(model, context, got), abs=1e-5)


def test_a_replaced_projection_is_used(tokenizer) -> None:
    """As an adapter is put in the place of a linear layer."""

    class Twice(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return 2 * self.inner(x)

    model = build("llama")
    mlp = model.base_model.layers[0].mlp
    mlp.down_proj = Twice(mlp.down_proj)
    assert Decoder.of(model) is not None
    got = asyncio.run(two_turns(model, tokenizer))[0]
    assert got.logprobs == pytest.approx(logps(model, CONTEXTS[0], got), abs=1e-5)
