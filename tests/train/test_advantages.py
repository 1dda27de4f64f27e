from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1ci.spec.models import Objective
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.advantages import advantages, kl_penalty, per_token, token_advantages, whiten

WINNER = [1.0, 0, 0, 0, 0, 0, 0, 0]


def objective(**changes: Any) -> Objective:
    return Objective.model_validate({**OBJECTIVE_PRESETS["grpo-r1ci"], **changes})


@pytest.mark.parametrize(
    ("changes", "winner", "loser"),
    [
        ({"eps": 1e-4}, 2.4742, -0.3535),  # TRL
        ({"eps": 1e-6}, 2.4749, -0.3536),  # verl
        ({"eps": 0.0, "ddof": 0}, 2.6458, -0.3780),  # numpy's deviation
        ({"scale": "none"}, 0.875, -0.125),  # Dr.GRPO
        ({"scale": "none", "baseline": "leave_one_out"}, 1.0, -1 / 7),
        ({"scale": "none", "baseline": "none"}, 1.0, 0.0),
        ({"scale": "group", "baseline": "none", "eps": 0.0}, 1 / 0.35355, 0.0),
    ],
)
def test_one_winner_of_eight(changes: dict[str, Any], winner: float, loser: float) -> None:
    result = advantages(torch.tensor([WINNER]), objective(**changes))[0]
    assert result[0].item() == pytest.approx(winner, abs=1e-4)
    assert result[1:].tolist() == pytest.approx([loser] * 7, abs=1e-4)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_equal_to_trls_formula(scale: str) -> None:
    torch.manual_seed(0)
    rewards = torch.rand(6, 5)
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    deviation = {"group": rewards.std(dim=1, keepdim=True), "batch": rewards.std(), "none": torch.tensor(1 - 1e-4)}
    expected = centred / (deviation[scale] + 1e-4)
    torch.testing.assert_close(advantages(rewards, objective(scale=scale, eps=1e-4, ddof=1)), expected)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
@pytest.mark.parametrize("baseline", ["mean", "leave_one_out"])
def test_equal_rewards_and_groups_of_one_give_exactly_zero(scale: str, baseline: str) -> None:
    spec = objective(scale=scale, baseline=baseline, eps=0.0)
    assert advantages(torch.full((2, 3), 0.1 + 0.2), spec).tolist() == [[0.0] * 3] * 2
    assert advantages(torch.tensor([[1.1], [-0.2]]), spec).tolist() == [[0.0], [0.0]]
    mixed = advantages(torch.tensor([[0.3, 0.3, 0.3], [1.0, 0.0, 0.0]]), spec)
    assert mixed[0].tolist() == [0.0] * 3
    assert mixed[1, 0] > 0


def test_without_a_baseline_equal_rewards_keep_their_value() -> None:
    spec = objective(scale="none", baseline="none")
    assert advantages(torch.tensor([[1.0, 1.0]]), spec).tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
@pytest.mark.parametrize("baseline", ["mean", "leave_one_out", "none"])
def test_an_unscored_episode_is_as_if_it_had_not_been(scale: str, baseline: str) -> None:
    spec = objective(scale=scale, baseline=baseline)
    short = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 1.0]])
    long = torch.cat([short, torch.tensor([[float("nan")], [99.0]])], dim=1)
    valid = torch.tensor([[True, True, True, False]] * 2)
    result = advantages(long, spec, valid)
    torch.testing.assert_close(result[:, :3], advantages(short, spec))
    assert result[:, 3].tolist() == [0.0, 0.0]


def test_a_group_without_a_scored_episode_gives_zeros() -> None:
    result = advantages(torch.ones(1, 3), objective(), torch.zeros(1, 3))
    assert result.tolist() == [[0.0] * 3]


@given(
    rewards=st.lists(st.lists(st.floats(-2, 2, width=32), min_size=4, max_size=4), min_size=1, max_size=4),
    shift=st.floats(-1, 1),
    scale=st.sampled_from(["group", "batch", "none"]),
    baseline=st.sampled_from(["mean", "leave_one_out"]),
)
def test_advantages_sum_to_zero_and_ignore_a_shift_of_all_rewards(
    rewards: list[list[float]], shift: float, scale: str, baseline: str
) -> None:
    spec = objective(scale=scale, baseline=baseline, eps=1e-2)
    values = torch.tensor(rewards, dtype=torch.float64)
    result = advantages(values, spec)
    torch.testing.assert_close(result.sum(dim=1), torch.zeros(len(rewards), dtype=torch.float64), atol=1e-9, rtol=0)
    torch.testing.assert_close(advantages(values + shift, spec), result, atol=1e-6, rtol=1e-6)


def whitened(values: list[list[float]], counts: list[list[int]]) -> Any:
    """REINFORCE++ restated with numpy: every episode's value once per token, less the mean, over the deviation."""
    flat = np.repeat(np.array(values).ravel(), np.array(counts).ravel())
    return (np.array(values) - flat.mean()) / flat.std(ddof=1)


@pytest.mark.parametrize("baseline", ["none", "mean"])
def test_whitening_counts_an_episode_once_per_token(baseline: str) -> None:
    rewards, tokens = [[1.0, 0.0, 0.5], [0.2, 0.9, 0.1]], [[3, 10, 1], [7, 2, 2]]
    spec = objective(baseline=baseline, scale="whiten", eps=0.0)
    made = advantages(torch.tensor(rewards), spec, None, torch.tensor(tokens))
    differences = np.array(rewards)
    if baseline == "mean":
        differences = differences - differences.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(made.numpy(), whitened(differences.tolist(), tokens), rtol=1e-5)
    assert (made * torch.tensor(tokens)).sum().item() == pytest.approx(0.0, abs=1e-5)


def test_whitening_leaves_out_what_was_not_scored_and_weighs_what_has_no_gradient_by_nothing() -> None:
    spec = objective(baseline="none", scale="whiten", eps=0.0)
    tokens = torch.tensor([[3, 10, 1, 4, 0]])
    rewards, valid = torch.tensor([[1.0, 0.0, 0.5, float("nan"), 9.0]]), torch.tensor([[1, 1, 1, 0, 1]])
    made = advantages(rewards, spec, valid, tokens)
    few = advantages(rewards[:, :3], spec, None, tokens[:, :3])
    torch.testing.assert_close(made[:, :3], few)
    assert made[0, 3] == 0


@pytest.mark.parametrize("baseline", ["none", "mean", "leave_one_out"])
def test_whitening_equal_values_gives_exactly_zero(baseline: str) -> None:
    spec = objective(baseline=baseline, scale="whiten", eps=0.0)
    assert not advantages(torch.full((2, 3), 0.1 + 0.2), spec, None, torch.full((2, 3), 7)).any()


def test_whitening_needs_token_counts() -> None:
    with pytest.raises(ValueError, match="tokens_BG"):
        advantages(torch.rand(2, 3), objective(scale="whiten"))


def test_kl_in_the_return_restated_token_by_token() -> None:
    """REINFORCE++'s reward of a token is minus its KL, and the episode's reward at the end; returns sum from t on."""
    spec = objective(baseline="none", scale="whiten", eps=0.0, kl="k1", kl_in="return", kl_coefficient=0.3)
    generator = torch.Generator().manual_seed(1)
    old, ref = torch.randn(2, 3, 6, generator=generator, dtype=torch.float64)
    mask = torch.tensor([[0, 1, 1, 0, 1, 0], [1, 1, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0]])
    rewards = torch.tensor([[1.0, 0.2, 5.0]], dtype=torch.float64)
    made = token_advantages(advantages(rewards, spec)[0], kl_penalty(old, ref, mask, spec), mask, spec)
    returns = np.zeros((3, 6))
    for row in range(3):
        after = float(rewards[0, row])
        for t in reversed(range(6)):
            if mask[row, t]:
                after -= 0.3 * float(old[row, t] - ref[row, t])
                returns[row, t] = after
    sampled = mask.numpy() == 1
    flat = returns[sampled]
    expected = np.where(sampled, (returns - flat.mean()) / flat.std(ddof=1), 0.0)
    np.testing.assert_allclose(made.numpy(), expected, atol=1e-12)
    assert not made[2].any()


@pytest.mark.parametrize("kl_in", ["loss", "reward"])
def test_tokens_have_advantages_of_their_own_only_by_the_return(kl_in: str) -> None:
    assert not per_token(objective(kl_in=kl_in))
    assert per_token(objective(kl_in="return"))
    assert not per_token(objective(kl_in="return", kl_coefficient=0.0))


@given(
    st.lists(st.tuples(st.floats(-100, 100), st.integers(1, 50)), min_size=2, max_size=12),
    st.integers(1, 11),
)
def test_whitened_values_have_mean_0_and_deviation_1_however_they_are_split(
    pairs: list[tuple[float, int]], cut: int
) -> None:
    spec = objective(scale="whiten", eps=0.0, ddof=0)
    values = torch.tensor([value for value, _ in pairs], dtype=torch.float64)
    counts = torch.tensor([float(count) for _, count in pairs], dtype=torch.float64)
    made = whiten(values, counts, spec)
    if (values == values[0]).all():
        assert not made.any()
    elif values.std() > 1e-6:
        assert (made * counts).sum().item() == pytest.approx(0.0, abs=1e-6 * float(counts.sum()))
        assert (made.square() * counts).sum().item() == pytest.approx(float(counts.sum()), rel=1e-6)
    # Two workers: each adds what the other has to its own sums.
    halves = [(values[:cut], counts[:cut]), (values[cut:], counts[cut:])]
    mean = float((values * counts).sum() / counts.sum())
    sums = [
        [
            float(weights.sum()),
            float((part * weights).sum()),
            float(((part - mean).square() * weights).sum()),
        ]
        for part, weights in halves
    ]
    for mine, (part, weights) in enumerate(halves):
        others = iter(sums[1 - mine])
        split = whiten(part, weights, spec, lambda value, others=others: value + next(others))  # type: ignore[misc]
        torch.testing.assert_close(split, made[:cut] if mine == 0 else made[cut:], atol=1e-6, rtol=1e-6)
