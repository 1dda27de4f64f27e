"""Chunked log-probabilities: the values and gradients of the plain formula, without its tensors."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from r1ci.models.load import Policy
from r1ci.teachers.demonstration import Tokens
from r1ci.train.batching import collate
from r1ci.train.logprobs import CHUNK_LOGITS, head_logps, token_logps

ROWS, WIDTH, VOCABULARY = 37, 16, 53


def plain(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, target: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """The textbook: all logits at once."""
    logprob = torch.log_softmax(torch.nn.functional.linear(hidden, weight, bias) / temperature, dim=-1)
    return logprob.gather(1, target[:, None])[:, 0], -(logprob.exp() * logprob).sum(-1)


@pytest.fixture
def layer() -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(3)
    shapes = [(ROWS, WIDTH), (VOCABULARY, WIDTH), (VOCABULARY,)]
    made = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    return (*made, torch.randint(VOCABULARY, (ROWS,), generator=generator))


@pytest.mark.parametrize("rows", [1, 5, ROWS, 100])
@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("wants", ["logp", "entropy", "both"])
def test_chunks_have_the_values_and_gradients_of_the_whole(
    layer: tuple[Tensor, ...], rows: int, temperature: float, biased: bool, wants: str
) -> None:
    hidden, weight, bias, target = layer
    used = [hidden, weight, bias] if biased else [hidden, weight]
    arguments = (hidden, weight, bias if biased else None, target)
    ours = head_logps(*arguments, temperature=temperature, chunk_logits=rows * VOCABULARY)
    theirs = plain(*arguments, temperature)
    coefficient = torch.linspace(-1, 1, ROWS)
    gradients = []
    for logp, entropy in (ours, theirs):
        loss = {"logp": logp, "entropy": entropy, "both": logp + 0.3 * entropy * coefficient}[wants]
        gradients.append(torch.autograd.grad((loss * coefficient).sum(), used))
    for got, expected in zip([*ours, *gradients[0]], [*theirs, *gradients[1]], strict=True):
        torch.testing.assert_close(got, expected, atol=4e-6, rtol=1e-5)  # CPUs add float32 in orders of their own


def test_no_wanted_token_gives_no_value_and_gradients_of_zero(layer: tuple[Tensor, ...]) -> None:
    hidden, weight, _, target = layer
    logp, entropy = head_logps(hidden[:0], weight, None, target[:0])
    assert logp.shape == entropy.shape == (0,)
    (gradient,) = torch.autograd.grad(logp.sum(), [weight])
    assert not gradient.any()


class Largest(TorchDispatchMode):
    """The number of values of the largest tensor that any operation makes."""

    values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, tuple | list) else (made,):
            if isinstance(tensor, Tensor):
                self.values = max(self.values, tensor.numel())
        return made


@pytest.mark.parametrize("entropy", [False, True])
def test_no_tensor_of_batch_times_length_times_vocabulary_is_ever_made(
    policy: Policy, monkeypatch: pytest.MonkeyPatch, entropy: bool
) -> None:
    """Forward and backward over 8 x 120 tokens: nothing is larger than the parameters, the activations or a chunk."""
    monkeypatch.setitem(CHUNK_LOGITS, "cpu", 16 * 320)
    batch = collate([Tokens((5,) * 120, (1,) * 120)] * 8)
    with Largest() as largest:
        made = token_logps(policy.model, batch, entropy=entropy)
        (made.logps_BT + made.entropy_BT).sum().backward()
    activations = 8 * 120 * max(48, 32)
    assert largest.values <= max(activations, 320 * 32, 16 * 320)
    assert largest.values < 8 * 119 * 320 / 5
