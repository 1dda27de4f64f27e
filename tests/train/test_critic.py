"""The critic: GAE as it is defined, a clipped value loss, and unsampled tokens nowhere in either."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, Compute, Rl
from r1ci.train.critic import Critic, explained_variance, gae, learned, value_loss, weigh
from r1ci.train.optimizer import TrainOptimizer
from r1ci.train.update import Trainer

REWARDS = [1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
AGENT = AgentSpec(turn_tokens=16, max_code_calls=1, context_tokens=40)
WHOLE = 10_000
COMPUTE = Compute().model_dump(mode="json")


def random_rows(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rewards, values and masks of episodes with several turns, one of them with no sampled token at all."""
    generator = torch.Generator().manual_seed(seed)
    mask = (torch.rand(5, 17, generator=generator) < 0.6).float()
    mask[4] = 0
    return torch.randn(5, 17, generator=generator), torch.randn(5, 17, generator=generator), mask


def by_definition(rewards: list[float], values: list[float], gamma: float, lam: float) -> list[float]:
    """Equation 16 of arXiv 1506.02438, term by term: sum over l of (gamma lam)^l d_{t+l}, nothing after the end."""
    following = [*values, 0.0][1:]
    errors = [r + gamma * v1 - v for r, v, v1 in zip(rewards, values, following, strict=True)]
    return [sum((gamma * lam) ** (k - t) * errors[k] for k in range(t, len(errors))) for t in range(len(errors))]


def by_mixture(rewards: list[float], values: list[float], gamma: float, lam: float) -> list[float]:
    """Its other definition: k-step advantages weighed by (1 - lam) lam^(k-1), the last by what is left."""
    n, made = len(values), []
    for t in range(n):
        steps = []
        for k in range(1, n - t + 1):
            bootstrap = gamma**k * values[t + k] if t + k < n else 0.0
            steps.append(sum(gamma**j * rewards[t + j] for j in range(k)) + bootstrap - values[t])
        weights = [(1 - lam) * lam**k for k in range(len(steps) - 1)] + [lam ** (len(steps) - 1)]
        made.append(sum(weight * value for weight, value in zip(weights, steps, strict=True)))
    return made


@pytest.mark.parametrize("definition", [by_definition, by_mixture])
@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 1.0), (1.0, 0.95), (0.9, 0.8), (0.97, 0.0), (0.0, 0.5)])
def test_gae_is_its_definition_over_the_sampled_tokens_alone(definition: Any, gamma: float, lam: float) -> None:
    rewards, values, mask = random_rows(3)
    advantages, returns = gae(rewards, values, mask, gamma=gamma, lam=lam)
    for row in range(len(mask)):
        sampled = mask[row] > 0
        expected = definition(rewards[row, sampled].tolist(), values[row, sampled].tolist(), gamma, lam)
        assert advantages[row, sampled].tolist() == pytest.approx(expected, abs=1e-6)
        assert torch.allclose(returns[row, sampled], torch.tensor(expected) + values[row, sampled], atol=1e-6)
        assert not advantages[row, ~sampled].any()
        assert not returns[row, ~sampled].any()


def test_with_lambda_one_returns_are_what_is_left_to_get() -> None:
    rewards, values, mask = random_rows(4)
    rewards = rewards * mask
    _, returns = gae(rewards, values, mask, gamma=1.0, lam=1.0)
    assert torch.allclose(returns, rewards.flip(1).cumsum(1).flip(1) * mask, atol=1e-5)


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e30])
def test_what_stands_outside_the_mask_has_no_influence(poison: float) -> None:
    rewards, values, mask = random_rows(5)
    outside = mask == 0
    clean = gae(rewards, values, mask, gamma=0.9, lam=0.9)
    for ours, theirs in zip(
        clean,
        gae(rewards.masked_fill(outside, poison), values.masked_fill(outside, poison), mask, gamma=0.9, lam=0.9),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    old, returns = values + 0.3, rewards
    moved = values.clone().requires_grad_(True)
    loss = value_loss(moved, old, returns, mask, clip=0.2, total_tokens=float(mask.sum())).loss
    loss.backward()
    poisoned = values.masked_fill(outside, poison).requires_grad_(True)
    other = value_loss(
        poisoned,
        old.masked_fill(outside, poison),
        returns.masked_fill(outside, poison),
        mask,
        clip=0.2,
        total_tokens=float(mask.sum()),
    ).loss
    other.backward()
    assert torch.equal(loss, other)
    assert moved.grad is not None
    assert poisoned.grad is not None
    assert torch.equal(moved.grad, poisoned.grad)
    assert not moved.grad[outside].any()


@pytest.mark.parametrize(
    ("value", "old", "wanted", "loss", "gradient", "stopped"),
    [
        (0.6, 0.5, 1.0, 0.08, -0.4, 0.0),  # within the clip: plain squared error
        (0.9, 0.5, 1.0, 0.045, 0.0, 1.0),  # ran ahead towards its return: the clipped one is worse and has no gradient
        (0.1, 0.5, 1.0, 0.405, -0.9, 0.0),  # ran away from it: the error as it is, which pulls it back
        (0.5, 0.5, 0.5, 0.0, 0.0, 0.0),
    ],
)
def test_the_value_loss_by_hand(
    value: float, old: float, wanted: float, loss: float, gradient: float, stopped: float
) -> None:
    values = torch.tensor([[value]], requires_grad=True)
    made = value_loss(
        values, torch.tensor([[old]]), torch.tensor([[wanted]]), torch.ones(1, 1), clip=0.2, total_tokens=1
    )
    made.loss.backward()
    assert values.grad is not None
    assert float(made.loss.detach()) == pytest.approx(loss, abs=1e-6)
    assert float(values.grad) == pytest.approx(gradient, abs=1e-6)
    assert float(made.clip_fraction) == stopped


def test_without_a_clip_the_value_loss_is_half_the_mean_squared_error() -> None:
    returns, values, mask = random_rows(6)
    made = value_loss(values, values + 9.0, returns, mask, clip=None, total_tokens=float(mask.sum()))
    kept = mask > 0
    assert float(made.loss) == pytest.approx(float((values - returns)[kept].square().mean()) / 2, rel=1e-6)
    assert float(made.clip_fraction) == 0.0


def test_explained_variance_is_one_for_a_seer_and_zero_for_a_constant() -> None:
    returns, _, mask = random_rows(7)
    assert explained_variance(returns[0], returns[0], mask[0]) == pytest.approx(1.0)
    assert explained_variance(torch.full((17,), 0.7), returns[0], mask[0]) == pytest.approx(0.0, abs=1e-9)
    assert explained_variance(returns[0], torch.ones(17), mask[0]) == 0.0
    assert explained_variance(torch.zeros(0), torch.zeros(0), torch.zeros(0)) == 0.0


# ---------------------------------------------------------------- on a model


def ppo(updates: int = 1, **critic: Any) -> Rl:
    return Rl.model_validate(
        {
            "preset": "ppo",
            "group_size": 4,
            "learning_rate": 0.1,
            "updates_per_step": updates,
            "max_grad_norm": 1e6,
            "critic": {"learning_rate": 1e-2, **critic},
            "objective": {"kl_coefficient": 0.0},
        }
    )


def make_critic(policy: Policy, spec: Rl, micro_batch_tokens: int = WHOLE) -> Critic:
    assert spec.critic is not None
    compute = {**COMPUTE, "micro_batch_tokens": micro_batch_tokens}
    return Critic(Policy(copy.deepcopy(policy.model), policy.tokenizer), spec, spec.critic, compute)


def make_trainer(policy: Policy, spec: Rl, critic: Critic, micro_batch_tokens: int = WHOLE) -> Trainer:
    optimizer = TrainOptimizer(torch.optim.SGD(policy.model.parameters(), lr=1.0))
    runtime = {"compute": {"micro_batch_tokens": micro_batch_tokens}}
    return Trainer(policy, None, optimizer, spec, AGENT, runtime, critic)


def flat(model: Any) -> Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_the_reward_is_at_the_last_sampled_token_and_the_first_values_are_zero(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4, unscored=[1])
    for item, judged in zip(made, make_critic(policy, ppo(gamma=0.9)).judge(made), strict=True):
        sampled = torch.tensor(item.mask) > 0
        n = int(sampled.sum())
        assert len(judged.values_T) == len(item.ids)
        assert not judged.values_T.any()
        expected = [item.reward * 0.9 ** (n - 1 - t) for t in range(n)]
        assert judged.returns_T[sampled].tolist() == pytest.approx(expected, abs=1e-6)


def test_values_are_those_before_the_token_and_see_nothing_behind_it(policy: Policy, episodes: Any) -> None:
    critic = make_critic(policy, ppo())
    torch.nn.init.normal_(critic.model.head.weight, generator=torch.Generator().manual_seed(1))
    made = episodes(REWARDS, group_size=4)
    item = made[3]
    other = copy.copy(item)
    object.__setattr__(other, "ids", (*item.ids[:-1], (item.ids[-1] + 1) % 300))
    ours, theirs = (critic.judge([each])[0].values_T for each in (item, other))
    assert ours.any()
    assert torch.equal(ours, theirs)
    hidden = critic.model.base_model(input_ids=torch.tensor([item.ids])).last_hidden_state
    last = critic.model.head(hidden[0, -2]).detach()
    assert float(ours[-1]) == pytest.approx(float(last), abs=1e-5)


def test_advantages_are_whitened_over_the_tokens_that_count(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4, unscored=[2])
    judged = make_critic(policy, ppo()).judge(made)
    weighed, said = weigh(made, judged, ppo().objective)
    count = torch.cat([learned(item, ppo().objective) for item in made])
    every = torch.cat(weighed)
    assert not weighed[2].any()
    assert not every[count == 0].any()
    assert float(every[count > 0].mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(every[count > 0].std()) == pytest.approx(1.0, abs=1e-4)
    assert said["explained_variance"] == 0.0
    same, _ = weigh(made[4:], judged[4:], ppo().objective)
    assert not torch.cat(same).any()


def test_a_critic_learns_to_tell_good_episodes_from_bad(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4)
    spec = ppo(value_clip=None)
    critic = make_critic(policy, spec)
    losses = []
    for step in range(30):
        judged = critic.judge(made)
        _, said = weigh(made, judged, spec.objective)
        losses.append(critic.learn(made, judged, range(len(made)), step, 30)["value_loss"])
    assert losses[-1] < losses[0] / 10
    assert said["explained_variance"] > 0.8


@pytest.mark.parametrize("updates", [1, 2])
@pytest.mark.parametrize("micro_batch_tokens", [1, 40])
def test_an_update_does_not_depend_on_the_micro_batches(
    policy: Policy, episodes: Any, updates: int, micro_batch_tokens: int
) -> None:
    made, spec, seen = episodes(REWARDS, group_size=4, unscored=[1]), ppo(updates), []
    for tokens in (WHOLE, micro_batch_tokens):
        own = Policy(copy.deepcopy(policy.model), policy.tokenizer)
        critic = make_critic(policy, spec, tokens)
        advantages, values = make_trainer(own, spec, critic, tokens).update(made, 0, 10)
        seen.append((flat(own.model), flat(critic.model), advantages, values))
    (policy_a, critic_a, advantages_a, values_a), (policy_b, critic_b, advantages_b, values_b) = seen
    assert (policy_a - flat(policy.model)).abs().max() > 1e-4
    assert torch.allclose(policy_a, policy_b, atol=1e-5, rtol=1e-4)
    assert torch.allclose(critic_a, critic_b, atol=1e-4)
    assert torch.allclose(advantages_a, advantages_b, atol=1e-5)
    assert values_b == pytest.approx(values_a, rel=1e-3, abs=1e-4)


def test_an_unscored_episode_teaches_neither_policy_nor_critic(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4, unscored=[1])
    other = [*made]
    other[1] = episodes(REWARDS[::-1], group_size=4, unscored=[1])[1]
    seen = []
    for trajectories in (made, other):
        own, critic = Policy(copy.deepcopy(policy.model), policy.tokenizer), make_critic(policy, ppo())
        make_trainer(own, ppo(), critic).update(trajectories, 0, 10)
        seen.append((flat(own.model), flat(critic.model)))
    assert torch.equal(seen[0][0], seen[1][0])
    assert torch.equal(seen[0][1], seen[1][1])


def test_while_it_warms_up_only_the_critic_moves(policy: Policy, episodes: Any) -> None:
    made, spec = episodes(REWARDS, group_size=4), ppo(warmup_steps=1)
    critic, before = make_critic(policy, spec), flat(policy.model)
    trainer, start = make_trainer(policy, spec, critic), flat(critic.model)
    _, values = trainer.update(made, 0, 10)
    assert torch.equal(flat(policy.model), before)
    assert values["grad_norm"] == 0.0
    assert values["value_loss"] > 0
    assert not torch.equal(flat(critic.model), start)
    trainer.update(made, 1, 10)
    assert not torch.equal(flat(policy.model), before)


def test_its_state_goes_on_where_it_was(policy: Policy, episodes: Any) -> None:
    """Two steps at once, and one, saved, restored into a new critic, and another: the same to the last bit."""
    made, spec = episodes(REWARDS, group_size=4), ppo()

    def step(critic: Critic, number: int) -> None:
        critic.learn(made, critic.judge(made), range(len(made)), number, 10)

    whole, first, second = (make_critic(policy, spec) for _ in range(3))
    step(whole, 0)
    step(whole, 1)
    step(first, 0)
    second.load_state_dict(first.state_dict())
    step(second, 1)
    assert torch.equal(flat(whole.model), flat(second.model))


def test_a_kl_in_the_return_is_taken_from_each_tokens_reward(policy: Policy, episodes: Any) -> None:
    made = episodes(REWARDS, group_size=4)
    critic = make_critic(policy, ppo())
    penalties = [0.1 * torch.tensor(item.mask, dtype=torch.float32) for item in made]
    for item, with_kl, without in zip(made, critic.judge(made, penalties), critic.judge(made), strict=True):
        sampled = torch.tensor(item.mask) > 0
        left = torch.arange(int(sampled.sum()), 0, -1)
        assert torch.allclose(with_kl.returns_T[sampled], without.returns_T[sampled] - 0.1 * left, atol=1e-5)


def test_a_worker_may_have_no_episode(policy: Policy) -> None:
    critic = make_critic(policy, ppo())
    assert critic.judge([]) == []
    assert weigh([], [], ppo().objective)[0] == []
    assert critic.learn([], [], [], 0, 1)["critic_grad_norm"] == 0.0
