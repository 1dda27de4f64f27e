"""One update of the policy: the same whatever the micro-batches, and whatever is left out for having no gradient."""

import copy
from typing import Any

import pytest
import torch

from r1ci.agents.trajectory import Trajectory
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, Rl
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.batching import collate
from r1ci.train.logprobs import token_logps
from r1ci.train.optimizer import TrainOptimizer
from r1ci.train.update import Trainer

REWARDS = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0]
"""Three groups of four; the second agrees."""
AGENT = AgentSpec(turn_tokens=16, max_code_calls=1, context_tokens=40)
WHOLE = 10_000


def rl(preset: str = "grpo-r1ci", updates: int = 1, **choices: Any) -> Rl:
    objective = {**OBJECTIVE_PRESETS[preset], **choices}
    return Rl.model_validate(
        {
            "objective": objective,
            "group_size": 4,
            "learning_rate": 0.1,
            "updates_per_step": updates,
            "max_grad_norm": 1e6,
        }
    )


def updated(
    policy: Policy, trajectories: list[Trajectory], spec: Rl, micro_batch_tokens: int = WHOLE
) -> tuple[torch.Tensor, dict[str, float], torch.Tensor]:
    """How far one plain gradient step moves every weight of a copy of the policy, the statistics, the advantages."""
    model = copy.deepcopy(policy.model)
    before = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    reference = None
    if spec.objective.kl_coefficient:
        reference = copy.deepcopy(policy.model).eval()
        with torch.no_grad():
            reference.lm_head.weight.mul_(1.1)
    optimizer = TrainOptimizer(torch.optim.SGD(model.parameters(), lr=1.0))
    runtime = {"compute": {"micro_batch_tokens": micro_batch_tokens}}
    trainer = Trainer(Policy(model, policy.tokenizer), reference, optimizer, spec, AGENT, runtime)
    advantages, values = trainer.update(trajectories, 0, 10)
    after = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    return after - before, values, advantages


@pytest.mark.parametrize("micro_batch_tokens", [1, 30, 64])
@pytest.mark.parametrize("preset", OBJECTIVE_PRESETS)
@pytest.mark.parametrize("updates", [1, 3])
def test_an_update_does_not_depend_on_the_micro_batches(
    policy: Policy, episodes: Any, preset: str, updates: int, micro_batch_tokens: int
) -> None:
    made = episodes(REWARDS, group_size=4, unscored=[9])
    spec = rl(preset, updates)
    whole, values, advantages = updated(policy, made, spec)
    split, split_values, split_advantages = updated(policy, made, spec, micro_batch_tokens)
    assert whole.abs().max() > 1e-4
    assert torch.allclose(split, whole, atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(split_advantages, advantages, atol=1e-6, rtol=1e-6)
    assert split_values == pytest.approx(values, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("preset", OBJECTIVE_PRESETS)
def test_leaving_out_episodes_without_advantage_changes_no_gradient(policy: Policy, episodes: Any, preset: str) -> None:
    """A KL term too small to count makes all of them run through the model."""
    made = episodes(REWARDS, group_size=4)
    some, *_ = updated(policy, made, rl(preset, kl_coefficient=0.0))
    every, *_ = updated(policy, made, rl(preset, kl_coefficient=1e-30))
    assert some.abs().max() > 1e-4
    assert torch.allclose(some, every, atol=1e-7)


def test_episodes_that_were_not_scored_have_no_part(policy: Policy, episodes: Any) -> None:
    """Neither their reward nor their tokens: as if the group had never had them."""
    made = episodes(REWARDS, group_size=4, unscored=[1])
    other = [*made]
    other[1] = episodes(REWARDS[::-1], group_size=4, unscored=[1])[1]
    _, _, advantages = updated(policy, made, rl("dapo"))
    assert advantages[0, 1] == 0
    assert torch.equal(updated(policy, made, rl("dapo"))[0], updated(policy, other, rl("dapo"))[0])


def test_groups_that_agree_move_nothing(policy: Policy, episodes: Any) -> None:
    moved, values, advantages = updated(policy, episodes([1.0] * 4 + [0.0] * 4, group_size=4), rl("dapo"))
    assert not advantages.any()
    assert not moved.any()
    assert values["grad_norm"] == 0.0


def test_an_update_makes_better_episodes_likelier(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4)
    moved, _, advantages = updated(policy, made, rl("dapo"))
    batch = collate(made)
    before = token_logps(policy.model, batch).logps_BT.detach().sum(1)
    torch.nn.utils.vector_to_parameters(
        torch.nn.utils.parameters_to_vector(policy.model.parameters()) + 0.1 * moved, policy.model.parameters()
    )
    after = token_logps(policy.model, batch).logps_BT.detach().sum(1)
    assert ((after - before) * advantages.flatten()).sum() > 0


def test_a_kl_is_logged_only_where_there_is_one(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4)
    assert "kl" in updated(policy, made, rl("grpo-r1ci"))[1]
    assert "kl" not in updated(policy, made, rl("dr_grpo"))[1]


@pytest.mark.parametrize("preset", ["grpo-r1ci", "reinforce++"])
def test_a_step_without_any_group_moves_nothing(policy: Policy, preset: str) -> None:
    moved, values, advantages = updated(policy, [], rl(preset))
    assert not moved.any()
    assert advantages.shape == (0, 4)
    assert (values["loss"], values["grad_norm"]) == (0.0, 0.0)
