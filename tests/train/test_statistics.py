"""What the episodes of a step say."""

from dataclasses import replace
from typing import Any

import pytest

from r1ci.agents.trajectory import StopReason, Turn
from r1ci.executors.protocol import Execution, Status
from r1ci.train.statistics import summarise


def test_means_are_over_scored_episodes_and_signal_over_groups(episodes: Any) -> None:
    """Group 1 differs; group 2 agrees once its unscored episode is left out; group 3 agrees."""
    made = episodes([1, 0, 1, 0, 0, 0], group_size=2, unscored=[3])
    values = summarise(made, 2)
    assert values["reward"] == values["reward/correctness"] == pytest.approx(2 / 5)
    assert values["accuracy"] == pytest.approx(2 / 5)
    assert values["signal"] == pytest.approx(1 / 3)
    assert values["tokens"] == sum(item.generated_tokens for item in made)
    assert values["generated_tokens"] == pytest.approx(values["tokens"] / 6)
    assert values["stop/infrastructure"] == pytest.approx(1 / 6)
    assert sum(values[f"stop/{reason}"] for reason in StopReason) == pytest.approx(1.0)


def test_statuses_are_shares_of_the_executions(episodes: Any) -> None:
    def turn(status: Status) -> Turn:
        return Turn(0, 1, "", "print(1)", Execution(status))

    made = episodes([1, 0], group_size=2)
    made[0] = replace(made[0], turns=(turn(Status.OK), turn(Status.ERROR), Turn(1, 2, "done")))
    made[1] = replace(made[1], turns=(turn(Status.OK),))
    values = summarise(made, 2)
    assert (values["status/ok"], values["status/error"], values["status/timeout"]) == (
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
        0,
    )
    assert values["calls"] == 1.5


def test_no_episode_is_no_crash() -> None:
    assert summarise([], 4)["reward"] == 0.0
    assert summarise([], 4)["signal"] == 0.0


def test_every_value_is_a_number(episodes: Any) -> None:
    values = summarise(episodes([1, 0], group_size=2), 2)
    assert all(isinstance(value, float | int) for value in values.values())
