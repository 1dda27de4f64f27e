from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from r1ci.spec.models import Objective
from r1ci.spec.presets import OBJECTIVE_PRESETS
from r1ci.train.advantages import advantages

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
