"""The learning-rate schedule, and the optimizers behind one step."""

import copy
from typing import Any

import pytest
import torch

from r1ci.errors import StepFailed
from r1ci.models.load import Policy
from r1ci.spec.models import Sft
from r1ci.train.optimizer import TrainOptimizer, apply_gradients, learning_rate, make_optimizer


def spec(**options: Any) -> Sft:
    return Sft(**{"learning_rate": 0.01, "warmup": 0.2, "schedule": "constant", **options})


def test_the_rate_rises_to_its_peak_and_stays() -> None:
    rates = [learning_rate(step, 10, spec()) for step in range(10)]
    assert rates[:2] == sorted(rates[:2])
    assert 0 < rates[0] < rates[1] < 0.01
    assert rates[2:] == [0.01] * 8


def test_without_warm_up_the_first_step_has_the_peak_rate() -> None:
    assert learning_rate(0, 10, spec(warmup=0.0)) == 0.01


def test_the_cosine_falls_from_the_peak_to_a_tenth() -> None:
    rates = [learning_rate(step, 1000, spec(warmup=0.1, schedule="cosine")) for step in range(1000)]
    assert max(rates) == rates[100] == pytest.approx(0.01)
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert rates[550] == pytest.approx(0.0055, rel=1e-3)
    assert rates[-1] == pytest.approx(0.001, rel=1e-3)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_short_runs_never_have_a_rate_of_zero(steps: int, schedule: str) -> None:
    rates = [learning_rate(step, steps, spec(schedule=schedule, warmup=1.0)) for step in range(steps)]
    assert all(0 < rate <= 0.01 for rate in rates)


def test_a_gradient_is_scaled_down_to_the_norm_that_is_allowed(policy: Policy) -> None:
    """Plain SGD in the place of AdamW shows the gradient that was applied."""
    before = [parameter.detach().clone() for parameter in policy.model.parameters()]
    for parameter in policy.model.parameters():
        parameter.grad = torch.ones_like(parameter)
    count = sum(parameter.numel() for parameter in policy.model.parameters())
    optimizer = TrainOptimizer(torch.optim.SGD(policy.model.parameters(), lr=1.0))
    norm = apply_gradients(policy.model, optimizer, 0.5, max_grad_norm=2.0)
    moved = [(b - p).detach() for b, p in zip(before, policy.model.parameters(), strict=True)]
    assert norm == pytest.approx(count**0.5, rel=1e-5)
    assert torch.cat([m.flatten() for m in moved]).norm().item() == pytest.approx(1.0, rel=1e-2)
    assert all(parameter.grad is None for parameter in policy.model.parameters())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_gradient_that_is_no_number_leaves_the_weights_alone_and_is_named(policy: Policy, value: float) -> None:
    before = [parameter.detach().clone() for parameter in policy.model.parameters()]
    for parameter in policy.model.parameters():
        parameter.grad = torch.full_like(parameter, value)
    optimizer = TrainOptimizer(torch.optim.SGD(policy.model.parameters(), lr=1.0))
    with pytest.raises(StepFailed, match="no number"):
        apply_gradients(policy.model, optimizer, 0.5, max_grad_norm=2.0)
    assert all(torch.equal(b, p) for b, p in zip(before, policy.model.parameters(), strict=True))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_parameter_is_stepped_once(policy: Policy, optimizer: str) -> None:
    made = make_optimizer(policy.model, spec(optimizer=optimizer))
    held = [id(p) for part in made._parts for group in part.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in policy.model.parameters())


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_weight_decay_leaves_vectors_alone(policy: Policy, optimizer: str) -> None:
    made = make_optimizer(policy.model, spec(optimizer=optimizer, weight_decay=0.5))
    groups = [group for part in made._parts for group in part.param_groups]
    decays = {parameter.ndim: group["weight_decay"] for group in groups for parameter in group["params"]}
    assert decays == {1: 0.0, 2: 0.5}


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_restored_optimizer_goes_on_as_the_saved_one(policy: Policy, optimizer: str) -> None:
    def run(made: Any, steps: int) -> torch.Tensor:
        for _ in range(steps):
            policy.model(torch.tensor([[5, 6, 7]])).logits.square().mean().backward()
            apply_gradients(policy.model, made, 0.01, 1.0)
        return torch.cat([parameter.detach().flatten() for parameter in policy.model.parameters()]).clone()

    made = make_optimizer(policy.model, spec(optimizer=optimizer))
    run(made, 2)
    weights, state = copy.deepcopy(policy.model.state_dict()), copy.deepcopy(made.state_dict())
    expected = run(made, 2)
    policy.model.load_state_dict(weights)
    again = make_optimizer(policy.model, spec(optimizer=optimizer))
    again.load_state_dict(state)
    assert torch.equal(run(again, 2), expected)
