"""The episodes of a step: questions without signal are replaced, within limits, in a way that a resumed run repeats."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from r1ci.agents.episode import Attempt
from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.curriculum import schedule
from r1ci.curriculum.schedule import Stage
from r1ci.errors import StepFailed
from r1ci.spec.models import AgentSpec, Rl
from r1ci.tasks.base import Question
from r1ci.train import rollouts
from r1ci.train.rollouts import Rollouts, Setup, collect, episodes_of

NAMES = [f"t#{index}" for index in range(24)]
BATCH, SIZE = 6, 3

Rewards = Callable[[str, int], float]
Run = Callable[..., Rollouts]


class Actor:
    """Stands in for engine and executor: an episode's only token says what it will be worth."""

    def __init__(self, rewards: Rewards, broken: Callable[[str, int], bool] = lambda name, sample: False) -> None:
        self._rewards, self._broken = rewards, broken
        self.asked: list[list[str]] = []

    def attempt(self, attempts: Sequence[Attempt], tasks: Any) -> list[Trajectory]:
        self.asked.append(list(dict.fromkeys(attempt.question.id for attempt in attempts)))
        return [self._episode(attempt) for attempt in attempts]

    def _episode(self, attempt: Attempt) -> Trajectory:
        name, sample = attempt.question.id, attempt.sample
        reward = self._rewards(name, sample)
        return Trajectory(
            task="t",
            question_id=name,
            agent="all_text",
            sample=sample,
            temperature=1.0,
            ids=(1, 2),
            mask=(0, 1),
            logprobs=(0.0, -reward),
            prompt_tokens=1,
            turns=(),
            stop_reason=StopReason.INFRASTRUCTURE if self._broken(name, sample) else StopReason.ANSWER,
            correct=reward >= 1,
        )


@pytest.fixture(autouse=True)
def _scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollouts, "score", lambda item, rewards: {"reward": -item.logprobs[1]})


def make_setup(sampling: dict[str, Any] | None, names: Sequence[str] = NAMES) -> Setup:
    spec = Rl.model_validate({"group_size": SIZE, "batch_questions": BATCH, "dynamic_sampling": sampling})
    questions = {name: Question("t", int(name[2:]), name, "") for name in names}
    stages = [Stage(1, tuple(names), 0, 5), Stage(2, tuple(names), 5, 5)]
    return Setup(spec, [], AgentSpec(), 7, questions, [], stages, {})


def run(rewards: Rewards, sampling: dict[str, Any] | None, step: int = 0, **options: Any) -> tuple[Rollouts, Actor]:
    actor = Actor(rewards, **{key: value for key, value in options.items() if key == "broken"})
    return collect(step, make_setup(sampling, options.get("names", NAMES)), actor), actor  # type: ignore[arg-type]


def names(groups: Sequence[rollouts.Group]) -> list[str]:
    return [group.episodes[0].question_id for group in groups]


def differing(name: str, sample: int) -> float:
    return float(sample == 0)


def agreeing(name: str, sample: int) -> float:
    return 0.5


def every_third(name: str, sample: int) -> float:
    """Two of three questions have no signal."""
    return float(sample == 0) if int(name[2:]) % 3 == 0 else 1.0


def end(made: Rollouts) -> str:
    return next(key.rsplit("/", 1)[1] for key, value in made.metrics.items() if "/end/" in key and value == 1.0)


def test_without_dynamic_sampling_the_batch_is_trained_on_as_drawn() -> None:
    made, actor = run(every_third, None)
    drawn = schedule.batch(make_setup(None).stages[0], 0, BATCH, 7)
    assert actor.asked == [drawn]
    assert names(made.trained) == names(made.everything) == drawn
    assert [item.sample for item in made.trajectories] == [*range(SIZE)] * BATCH
    assert not made.left_out
    assert not made.metrics


def test_a_batch_that_has_signal_costs_no_round() -> None:
    made, actor = run(differing, {})
    assert len(actor.asked) == 1
    assert names(made.trained) == actor.asked[0]
    assert made.metrics["dynamic/rounds"] == 0
    assert end(made) == "full"


def test_questions_without_signal_are_replaced_by_fresh_ones() -> None:
    made, actor = run(every_third, {"max_rounds": 9, "over_sampling": 1.0})
    assert len(made.trained) == BATCH
    assert end(made) == "full"
    assert all(int(name[2:]) % 3 == 0 for name in names(made.trained))
    asked = [name for round in actor.asked for name in round]
    assert len(asked) == len(set(asked)) == made.metrics["dynamic/questions"]
    assert made.metrics["dynamic/rounds"] == len(actor.asked) - 1 > 0
    assert sorted(names(made.trained) + names(made.left_out)) == sorted(asked)
    assert [group.round for group in made.everything] == sorted(group.round for group in made.everything)


def test_a_round_samples_more_than_is_missing_and_keeps_the_first() -> None:
    batch = schedule.batch(make_setup(None).stages[0], 0, BATCH, 7)

    def rewards(name: str, sample: int) -> float:
        return 0.0 if name in batch[:3] else float(sample)

    made, actor = run(rewards, {"over_sampling": 1.5})
    assert [len(round) for round in actor.asked] == [BATCH, 5]
    assert names(made.trained) == [*batch[3:], *actor.asked[1][:3]]
    assert made.metrics["dynamic/surplus"] == 2
    assert made.metrics["dynamic/trained"] == BATCH


def test_after_the_last_round_the_step_goes_on_with_what_there_is() -> None:
    batch = schedule.batch(make_setup(None).stages[0], 0, BATCH, 7)

    def rewards(name: str, sample: int) -> float:
        return float(sample) if name in batch[:2] else 0.0

    made, actor = run(rewards, {"max_rounds": 2, "over_sampling": 1.0})
    assert [len(round) for round in actor.asked] == [BATCH, 4, 4]
    assert names(made.trained) == batch[:2]
    assert end(made) == "rounds"


def test_where_nothing_ever_has_signal_nothing_is_trained_on() -> None:
    made, actor = run(agreeing, {"max_rounds": 3})
    assert len(actor.asked) == 4
    assert not made.trained
    assert made.metrics["dynamic/trained"] == 0
    assert end(made) == "rounds"
    assert len(episodes_of(made.everything)) == made.metrics["dynamic/questions"] * SIZE


@pytest.mark.parametrize(("count", "rounds"), [(BATCH - 2, 1), (BATCH, 1), (BATCH + 2, 2)])
def test_a_stage_without_fresh_questions_ends_it(count: int, rounds: int) -> None:
    made, actor = run(agreeing, {"max_rounds": 5}, names=NAMES[:count])
    assert len(actor.asked) == rounds
    assert end(made) == "questions"


def test_signal_may_be_that_of_correctness_alone() -> None:
    """Rewards of 0 and 0.5 differ, answers do not: both are wrong."""

    def rewards(name: str, sample: int) -> float:
        return 0.5 * (sample == 0)

    assert len(run(rewards, {"by": "reward"})[0].trained) == BATCH
    assert not run(rewards, {"by": "correctness"})[0].trained


def test_episodes_that_were_not_scored_are_no_signal() -> None:
    def broken(name: str, sample: int) -> bool:
        return sample == 0

    assert not run(differing, {}, broken=broken)[0].trained


@pytest.mark.parametrize("broken", [1, 2, 3])
def test_a_step_most_of_whose_episodes_say_nothing_stops_the_run_and_says_why(broken: int) -> None:
    def lost(name: str, sample: int) -> bool:
        return sample < broken

    if 2 * broken <= SIZE:
        assert len(run(differing, None, broken=lost)[0].everything) == BATCH
        return
    with pytest.raises(StepFailed, match=f"RL step 0: {broken * BATCH} of 18 episodes had a program") as failed:
        run(differing, None, broken=lost)
    assert "r1ci executor test" in failed.value.help


def test_a_reward_that_raises_loses_the_episode_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def fragile(item: Trajectory, rewards: Any) -> dict[str, float]:
        if item.sample == 0:
            raise ZeroDivisionError("division by zero")
        return {"reward": 1.0}

    monkeypatch.setattr(rollouts, "score", fragile)
    made = run(differing, None)[0].trajectories
    assert {item.stop_reason for item in made if item.sample == 0} == {StopReason.SCORING}
    assert {item.reward for item in made if item.sample > 0} == {1.0}


def test_a_step_made_again_makes_the_same_rounds() -> None:
    first, second, other = (run(every_third, {}, step)[1].asked for step in (3, 3, 4))
    assert first == second
    assert first[1] != other[1]


def test_fresh_questions_are_all_but_the_batch_in_an_order_of_the_step() -> None:
    stage = Stage(1, tuple(NAMES), 0, 50)
    for step in range(20):
        batch, fresh = schedule.batch(stage, step, BATCH, 7), schedule.fresh(stage, step, BATCH, 7)
        assert sorted([*batch, *fresh]) == sorted(NAMES)
    orders = {tuple(schedule.fresh(stage, step, BATCH, seed)) for step in range(5) for seed in range(5)}
    assert len(orders) == 25


class Workers:
    """Threads that stand in for workers: ``share`` and ``gather`` as r1ci.train.sharding has them."""

    def __init__(self, count: int) -> None:
        self.count, self.here = count, threading.local()
        self._barrier = threading.Barrier(count, timeout=30)
        self._given: list[list[Any]] = [[] for _ in range(count)]

    def share(self, items: Sequence[Any]) -> list[Any]:
        return list(items[self.here.rank :: self.count])

    def gather(self, items: list[Any]) -> list[Any]:
        self._given[self.here.rank] = items
        self._barrier.wait()
        lists = [*self._given]
        self._barrier.wait()
        return [part[i] for i in range(max(map(len, lists))) for part in lists if i < len(part)]

    def run(self, work: Callable[[], Any]) -> list[Any]:
        results: list[Any] = [None] * self.count

        def one(rank: int) -> None:
            self.here.rank = rank
            results[rank] = work()

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("rewards", [every_third, differing, agreeing])
def test_workers_together_choose_what_one_would(monkeypatch: pytest.MonkeyPatch, rewards: Rewards, count: int) -> None:
    alone, _ = run(rewards, {"over_sampling": 2.0})
    workers = Workers(count)
    monkeypatch.setattr(rollouts, "share", workers.share)
    monkeypatch.setattr(rollouts, "gather", workers.gather)
    made = workers.run(lambda: run(rewards, {"over_sampling": 2.0})[0])
    dealt = [names(each.trained) for each in made]
    assert [name for i in range(BATCH) for part in dealt for name in part[i : i + 1]] == names(alone.trained)
    assert max(map(len, dealt)) - min(map(len, dealt)) <= 1
    assert all(each.metrics == alone.metrics for each in made)
    assert all(names(each.everything) == names(alone.everything) for each in made)
    assert sorted(name for each in made for name in names(each.left_out)) == sorted(names(alone.left_out))


def test_a_group_with_one_scored_episode_has_no_signal() -> None:
    made, _ = run(differing, None)
    group = made.trained[0]
    lone = [replace(item, stop_reason=StopReason.INFRASTRUCTURE) for item in group.episodes[1:]]
    assert group.signal("reward")
    assert not rollouts.Group((group.episodes[0], *lone)).signal("reward")
