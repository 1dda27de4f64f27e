import dataclasses
from typing import Any

import pytest

from r1ci.agents.trajectory import StopReason, Trajectory, Turn, Violation
from r1ci.rewards.registry import SUMMARIES, score
from r1ci.spec.models import CorrectnessReward, Experiment, FormatReward, RewardSpec, TurnLimitReward

PAPER: list[RewardSpec] = [CorrectnessReward(), FormatReward(), TurnLimitReward()]


def episode(turns: int = 1, violations: tuple[Violation, ...] = (), **changes: Any) -> Trajectory:
    """An episode whose last turn breaks the format as given."""
    made = [Turn(0, 0, "text") for _ in range(turns)]
    if violations:
        made[-1] = dataclasses.replace(made[-1], violations=violations)
    fields: dict[str, Any] = {"task": "t", "question_id": "t#1", "agent": "code_agent", "sample": 0, "temperature": 1.0}
    fields |= {"ids": (), "mask": (), "logprobs": (), "prompt_tokens": 0, "stop_reason": StopReason.ANSWER}
    return Trajectory(**{**fields, "turns": tuple(made), **changes})


@pytest.mark.parametrize(
    ("trajectory", "total"),
    [
        (episode(correct=True), 1.1),
        (episode(correct=True, turns=6), 1.1),
        (episode(correct=True, turns=7), 1.0),
        (episode(correct=True, violations=(Violation.SEVERAL_BLOCKS,)), 0.9),
        (episode(), 0.1),
        (episode(turns=7, violations=(Violation.NO_ANSWER,)), -0.2),
        (episode(turns=0), -0.1),
    ],
)
def test_the_papers_rewards_range_from_minus_02_to_11(trajectory: Trajectory, total: float) -> None:
    terms = score(trajectory, PAPER)
    assert list(terms) == ["correctness", "format", "turn_limit"]
    assert dataclasses.replace(trajectory, rewards=terms).reward == pytest.approx(total)


@pytest.mark.parametrize("violation", Violation)
def test_any_violation_in_any_turn_breaks_the_format(violation: Violation) -> None:
    broken, kept = Turn(0, 0, "", violations=(violation,)), Turn(0, 0, "")
    for turns in ((broken, kept), (kept, broken)):
        assert score(dataclasses.replace(episode(), turns=turns), PAPER)["format"] == -0.1


def test_weights_and_limits_come_from_the_spec() -> None:
    specs: list[RewardSpec] = [CorrectnessReward(weight=2.0), TurnLimitReward(weight=0.5, turns=1)]
    assert score(episode(turns=2, correct=True), specs) == {"correctness": 2.0, "turn_limit": -0.5}


def test_a_kind_named_twice_is_summed() -> None:
    specs: list[RewardSpec] = [TurnLimitReward(weight=0.1, turns=2), TurnLimitReward(weight=0.2, turns=4)]
    assert score(episode(turns=3), specs) == {"turn_limit": -0.1}
    assert score(episode(turns=5), specs)["turn_limit"] == pytest.approx(-0.3)


def test_an_episode_cut_short_by_infrastructure_is_never_scored() -> None:
    with pytest.raises(ValueError, match="t#1: the episode was cut short"):
        score(episode(stop_reason=StopReason.INFRASTRUCTURE), PAPER)


def test_every_kind_of_the_language_has_a_summary() -> None:
    schema = Experiment.model_json_schema()
    kinds = schema["properties"]["rewards"]["items"]["discriminator"]["mapping"]
    assert set(kinds) == set(SUMMARIES)


def test_a_reward_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("r1ci.rewards.correctness.correctness", lambda episode, spec: float("nan"))
    with pytest.raises(ValueError, match="reward correctness is nan"):
        score(episode(), [CorrectnessReward()])
