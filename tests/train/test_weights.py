"""What a prepared model is to the trainer, and the whole plain weights that come out of it again.

Sharding is tested here on a world of one worker: the same code paths, without a second process.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from r1ci.errors import EnvironmentMissing, StepFailed
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.spec.models import Compute, Lora, Sft
from r1ci.teachers.demonstration import Tokens
from r1ci.train import weights
from r1ci.train.batching import collate
from r1ci.train.checkpoints import Checkpoints
from r1ci.train.logprobs import token_logps
from r1ci.train.optimizer import apply_gradients, make_optimizer
from r1ci.train.sft import accumulate

DATA = [Tokens((5, 9, 30, 31, 7, 8), (0, 0, 1, 1, 0, 1)), Tokens((12, 13, 14, 15), (0, 1, 1, 1))]
LORA = Lora(rank=4, alpha=8)


@pytest.fixture
def one_worker() -> Iterator[None]:
    """A process group of this process alone."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def compute(**choices: Any) -> dict[str, Any]:
    return Compute(**choices).model_dump(mode="json")


def gradients(model: Any) -> dict[str, Tensor]:
    model.zero_grad(set_to_none=True)
    accumulate(model, DATA, 10_000)
    found = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
    return {name: getattr(grad, "full_tensor", lambda grad=grad: grad)() for name, grad in found.items()}


def trained(policy: Policy, lora: Lora | None = None, steps: int = 3, **choices: Any) -> Policy:
    """The policy after some steps of SFT on the data."""
    spec = Sft(learning_rate=1e-2, lora=lora)
    weights.prepare(policy, compute(**choices), lora)
    optimizer = make_optimizer(policy.model, spec)
    for _ in range(steps):
        accumulate(policy.model, DATA, 10_000)
        apply_gradients(policy.model, optimizer, spec.learning_rate, 1.0)
    return policy


def whole(policy: Policy) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in weights.whole_weights(policy.model)}


def copied(policy: Policy) -> Policy:
    return Policy(copy.deepcopy(policy.model), policy.tokenizer)


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], atol: float) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], atol=atol, rtol=0, msg=lambda text, name=name: name + text)


@pytest.mark.parametrize("lora", [None, LORA], ids=["all", "lora"])
def test_activation_checkpointing_changes_no_gradient(policy: Policy, lora: Lora | None) -> None:
    plain, checkpointed = (
        gradients(weights.prepare(copied(policy), compute(activation_checkpointing=choice), lora).model)
        for choice in (False, True)
    )
    assert_same(checkpointed, plain, atol=0)


def test_activation_checkpointing_keeps_fewer_activations(policy: Policy) -> None:
    kept = []
    for choice in (False, True):
        model = weights.prepare(copied(policy), compute(activation_checkpointing=choice)).model
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor, sizes=sizes: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            model.base_model(input_ids=torch.full((4, 50), 7), use_cache=False)
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 3


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize(
    "choices",
    [{}, {"offload": True}, {"activation_checkpointing": True}],
    ids=["plain", "offload", "checkpointed"],
)
def test_a_sharded_model_trains_as_a_whole_one(policy: Policy, choices: dict[str, Any]) -> None:
    alone = whole(trained(copied(policy), sharding="none"))
    assert_same(whole(trained(policy, **choices)), alone, atol=1e-6)


@pytest.mark.usefixtures("one_worker")
def test_a_sharded_model_trains_in_bfloat16_with_float32_weights(policy: Policy) -> None:
    exact = whole(trained(copied(policy), sharding="none"))
    rough = whole(trained(policy, precision="bf16"))
    assert {tensor.dtype for tensor in rough.values()} == {torch.float32}
    apart = torch.cat([(rough[name] - exact[name]).abs().flatten() for name in exact])
    assert 0 < apart.mean() < 2e-3


def test_offload_of_an_unsharded_model_is_refused(policy: Policy) -> None:
    with pytest.raises(EnvironmentMissing, match=r"compute\.offload needs sharded training"):
        weights.prepare(policy, compute(offload=True))


@pytest.mark.parametrize("sharding", ["none", "full"])
def test_merged_adapters_give_the_logits_of_the_adapted_model(
    policy: Policy, one_worker: None, tmp_path: Path, sharding: str
) -> None:
    """What is saved is a plain model of the same architecture; only the adapters have moved."""
    before = whole(policy)
    trained(policy, LORA, sharding=sharding)
    weights.save(policy, tmp_path)
    loaded = load.load_folder(tmp_path).model
    assert [name for name, _ in loaded.named_parameters()] == list(before)
    ids = torch.tensor([DATA[0].ids])
    with torch.no_grad():
        torch.testing.assert_close(loaded(ids).logits, policy.model(ids).logits, atol=1e-5, rtol=1e-5)
    moved = {name for name, tensor in loaded.named_parameters() if not torch.equal(tensor, before[name])}
    assert moved == {name for name in before if name.endswith("_proj.weight")}


def test_only_adapters_learn_and_begin_as_the_model_itself(policy: Policy) -> None:
    ids = torch.tensor([DATA[0].ids])
    before = policy.model(ids).logits
    weights.prepare(policy, compute(), LORA)
    assert torch.equal(policy.model(ids).logits, before)
    assert all("lora_" in name for name, parameter in policy.model.named_parameters() if parameter.requires_grad)


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("sharding", ["none", "full"])
def test_without_its_adapters_a_model_is_the_one_that_they_were_put_on(
    policy: Policy, sharding: str, precision: str
) -> None:
    """To the bit, whatever the adapters have learned, and with activations that are made again."""
    choices = {"sharding": sharding, "precision": precision}
    before = weights.prepare(copied(policy), compute(**choices), trained=False).model
    trained(policy, LORA, activation_checkpointing=True, **choices)
    batch = collate(DATA)
    with torch.no_grad():
        now, without, then = (
            token_logps(model, batch).logps_BT
            for model in (policy.model, weights.WithoutAdapters(policy.model), before)
        )
    assert torch.equal(without, then)
    assert (now - then).abs().max() > 1e-2


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("again", [False, True], ids=["kept", "made-again"])
@pytest.mark.parametrize("sharding", ["none", "full"])
def test_asking_without_adapters_between_the_passes_changes_no_gradient(
    policy: Policy, sharding: str, again: bool
) -> None:
    trained(policy, LORA, sharding=sharding, activation_checkpointing=again)
    batch = collate(DATA)
    found = []
    for asked in (False, True):
        policy.model.zero_grad(set_to_none=True)
        loss = token_logps(policy.model, batch).logps_BT.sum()
        if asked:
            with torch.no_grad():
                token_logps(weights.WithoutAdapters(policy.model), batch)
        loss.backward()
        found.append({n: p.grad for n, p in policy.model.named_parameters() if p.grad is not None})
    assert found[0]
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        assert "lora_" in name
        assert torch.equal(
            *(getattr(each, "full_tensor", lambda each=each: each)() for each in (gradient, found[1][name]))
        )


def test_adapters_are_a_function_of_the_seed(policy: Policy) -> None:
    drawn = [
        dict(weights.prepare(copied(policy), compute(), LORA, seed=seed).model.named_parameters()) for seed in (1, 1, 2)
    ]
    name = next(name for name in drawn[0] if "lora_A" in name)
    assert torch.equal(drawn[0][name], drawn[1][name])
    assert not torch.equal(drawn[0][name], drawn[2][name])


def test_a_target_that_the_model_does_not_have_is_refused(policy: Policy) -> None:
    with pytest.raises(StepFailed, match=r"lora\.targets: the model has no layer named query") as refused:
        weights.prepare(policy, compute(), Lora(targets=["query", "v_proj"]))
    assert "q_proj" in refused.value.help


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("lora", [None, LORA], ids=["all", "lora"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_checkpoint_is_read_by_any_number_of_workers(
    policy: Policy, tmp_path: Path, lora: Lora | None, optimizer: Any
) -> None:
    """Written by a sharded run, read by a whole one, which goes on as the sharded one would have."""
    spec = Sft(learning_rate=1e-2, optimizer=optimizer)
    ends = []
    for sharding in ("full", "none"):
        other = copied(policy)
        model = weights.prepare(other, compute(sharding=sharding), lora).model
        learner = make_optimizer(model, spec)
        with Checkpoints(tmp_path, model, learner) as checkpoints:
            first = checkpoints.restore()
            for step in range(first, 4):
                accumulate(model, DATA, 10_000)
                apply_gradients(model, learner, spec.learning_rate, 1.0)
                checkpoints.after(step + 1, 4, 2)
        ends.append((first, whole(other)))
    assert [first for first, _ in ends] == [0, 2]
    assert_same(ends[1][1], ends[0][1], atol=1e-6)


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize("lora", [None, LORA], ids=["all", "lora"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_sampling_copy_follows_the_trained_model(
    policy: Policy, tmp_path: Path, lora: Lora | None, precision: str
) -> None:
    load.save(policy, tmp_path)
    sampler = weights.sampler(policy, compute(precision=precision), tmp_path)
    trained(policy, lora, precision=precision)
    weights.sync(policy, sampler)
    expected = whole(policy)
    for name, parameter in sampler.model.named_parameters():
        assert torch.equal(parameter, expected[name].to(parameter.dtype))
        assert parameter.dtype == (torch.bfloat16 if precision == "bf16" else torch.float32)


def test_a_whole_float32_model_is_sampled_from_as_it_is(policy: Policy, tmp_path: Path) -> None:
    assert weights.sampler(policy, compute(), tmp_path) is policy
