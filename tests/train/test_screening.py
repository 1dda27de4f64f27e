"""What becomes of episodes that a token limit cut or that had a void turn: their rewards, their place in the group."""

import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from loss_peers import objective

from r1ci.agents.trajectory import UNSCORED, StopReason, Trajectory
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, Rl
from r1ci.train.optimizer import TrainOptimizer
from r1ci.train.screening import counts, episode_tokens, learns, penalised, penalty
from r1ci.train.update import Trainer

BUDGET = 100
AGENT = AgentSpec(turn_tokens=16, max_code_calls=1, context_tokens=40)


def episode(stop: StopReason = StopReason.ANSWER, tokens: int = 10) -> Trajectory:
    one = (1,) * tokens
    return Trajectory("t", "t#0", "code_agent", 0, 1.0, one, one, (-1.0,) * tokens, 0, (), stop, rewards={"c": 1.0})


@pytest.mark.parametrize("stop", StopReason)
@pytest.mark.parametrize("overlong", ["keep", "mask", "drop", "penalise"])
@pytest.mark.parametrize("void", ["keep", "mask", "drop"])
def test_fates(stop: StopReason, overlong: str, void: str) -> None:
    cut = stop in (StopReason.TURN_LENGTH, StopReason.CONTEXT_LENGTH)
    fate = overlong if cut else void if stop is StopReason.VOID_TURN else "keep"
    spec = objective(overlong=overlong, void=void)
    scored = stop not in UNSCORED
    assert counts(episode(stop), spec) is (scored and fate != "drop")
    assert learns(episode(stop), spec) is (scored and fate in ("keep", "penalise"))


@pytest.mark.parametrize(
    ("tokens", "stop", "cost"),
    [
        (80, StopReason.ANSWER, 0.0),
        (90, StopReason.ANSWER, 0.25),
        (100, StopReason.ANSWER, 0.5),
        (10, StopReason.TURN_LENGTH, 0.5),
        (10, StopReason.CONTEXT_LENGTH, 0.5),
        (10, StopReason.VOID_TURN, 0.0),
    ],
)
def test_the_penalty_by_hand(tokens: int, stop: StopReason, cost: float) -> None:
    assert penalty(episode(stop, tokens), objective("dapo"), BUDGET) == pytest.approx(cost)


@given(tokens=st.integers(1, 120), more=st.integers(0, 50), buffer=st.floats(0.0, 1.0), weight=st.floats(0.0, 2.0))
def test_the_penalty_grows_with_length_and_never_beyond_its_weight(
    tokens: int, more: int, buffer: float, weight: float
) -> None:
    spec = objective("dapo", overlong_buffer=buffer, overlong_penalty=weight)
    less, longer = (penalty(episode(tokens=count), spec, BUDGET) for count in (tokens, tokens + more))
    assert 0 <= less <= longer <= weight == penalty(episode(StopReason.TURN_LENGTH, tokens), spec, BUDGET)


def test_the_penalty_is_a_reward_term_of_its_own() -> None:
    cut = penalised(episode(StopReason.CONTEXT_LENGTH), objective("dapo"), AGENT)
    assert (cut.rewards, cut.reward) == ({"c": 1.0, "overlong": -0.5}, 0.5)
    assert penalised(episode(), objective("dapo"), AGENT).rewards == {"c": 1.0, "overlong": 0.0}
    assert penalised(episode(StopReason.CONTEXT_LENGTH), objective(), AGENT).rewards == {"c": 1.0}
    failed = episode(StopReason.INFRASTRUCTURE)
    assert penalised(failed, objective("dapo"), AGENT) is failed


def test_the_budget_of_an_episode() -> None:
    assert episode_tokens(AGENT) == 32
    assert episode_tokens(AGENT.model_copy(update={"context_tokens": 20})) == 20


def _update(policy: Policy, made: list[Trajectory], **choices: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The gradient of an update and its advantages."""
    spec = Rl.model_validate(
        {"objective": objective("dapo", **choices).model_dump(), "group_size": 4, "learning_rate": 0.1}
    )
    policy.model.zero_grad()
    optimizer = TrainOptimizer(torch.optim.SGD(policy.model.parameters(), lr=1.0))
    before = torch.nn.utils.parameters_to_vector(policy.model.parameters()).detach().clone()
    trainer = Trainer(policy, None, optimizer, spec, AGENT, {"compute": {"micro_batch_tokens": 30}})
    advantages, _ = trainer.update(made, 0, 10)
    after = torch.nn.utils.parameters_to_vector(policy.model.parameters()).detach().clone()
    torch.nn.utils.vector_to_parameters(before, policy.model.parameters())
    return after - before, advantages


@pytest.mark.parametrize("which", ["overlong", "void"])
def test_masked_episodes_count_in_the_group_and_dropped_ones_were_never_there(
    policy: Policy, episodes: Any, which: str
) -> None:
    stop = StopReason.CONTEXT_LENGTH if which == "overlong" else StopReason.VOID_TURN
    made: list[Trajectory] = episodes([1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], group_size=4)
    made[1] = dataclasses.replace(made[1], stop_reason=stop)
    kept, kept_advantages = _update(policy, made, **{which: "keep"})
    masked, masked_advantages = _update(policy, made, **{which: "mask"})
    dropped, dropped_advantages = _update(policy, made, **{which: "drop"})
    assert torch.equal(kept_advantages, masked_advantages)
    assert not torch.equal(kept, masked)
    assert dropped_advantages[0, 1] == 0
    unscored = [*made]
    unscored[1] = dataclasses.replace(made[1], stop_reason=StopReason.INFRASTRUCTURE, rewards={})
    expected, expected_advantages = _update(policy, unscored)
    assert torch.equal(dropped, expected)
    assert torch.equal(dropped_advantages, expected_advantages)
