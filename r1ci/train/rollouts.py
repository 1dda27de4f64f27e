"""The episodes of one step: those of the questions drawn and, with dynamic sampling, of what replaces some of them.

A group has signal when it can move the policy: the rewards (or the correctness) of its scored episodes differ. With
``rl.dynamic_sampling`` (DAPO, arXiv 2503.14476, section 3.2) questions without are replaced by fresh ones of the same
stage, round after round, until ``batch_questions`` have signal. Departures from the paper, whose sampling never gives
up:

- after ``max_rounds`` extra rounds, or when the stage has no fresh question left, the step goes on with what has
  signal, and moves nothing where that is nothing;
- a round samples no whole batch, but ``over_sampling`` questions for each that is missing.

The order in which fresh questions come is a function of seed and step, and how many of them a round takes follows from
what the rounds before it found: a resumed run makes the same rounds. The groups that are trained on are dealt out anew,
so that workers stay equally loaded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from r1ci.agents.actor import Actor
from r1ci.agents.episode import Attempt, episode_seed
from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.curriculum import schedule
from r1ci.curriculum.schedule import Stage
from r1ci.errors import StepFailed
from r1ci.rewards.registry import score
from r1ci.spec.models import AgentSpec, DynamicSampling, RewardSpec, Rl
from r1ci.tasks.base import Question
from r1ci.train.screening import penalised
from r1ci.train.sharding import gather, share


@dataclass(frozen=True)
class Setup:
    """What stays the same over all steps."""

    spec: Rl
    rewards: Sequence[RewardSpec]
    agent: AgentSpec
    seed: int
    questions: Mapping[str, Question]
    new: Sequence[Question]
    """Questions for evaluations during training."""
    stages: Sequence[Stage]
    tasks: Mapping[str, Any]

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage(self, step: int) -> Stage:
        """The stage of a step."""
        return next(stage for stage in self.stages if step < stage.first_step + stage.steps)


@dataclass(frozen=True)
class Group:
    """All episodes of one question."""

    episodes: tuple[Trajectory, ...]
    round: int = 0
    """The round of sampling that it came from; 0 is the batch as drawn."""

    def signal(self, by: str) -> bool:
        """Whether the scored episodes differ in ``reward`` or in ``correctness``."""
        scored = [item for item in self.episodes if item.scored]
        return len({item.correct if by == "correctness" else item.reward for item in scored}) > 1


class End(StrEnum):
    """Why dynamic sampling stopped."""

    FULL = "full"
    """Enough questions have signal."""
    ROUNDS = "rounds"
    """All rounds were used, and some questions are missing."""
    QUESTIONS = "questions"
    """The stage had no fresh question left, and some are missing."""


_MEANING = {
    StopReason.INFRASTRUCTURE: "had a program that could not be run",
    StopReason.ENGINE: "got log-probabilities from the engine that are no numbers",
    StopReason.SCORING: "had a checker or a reward that raised or gave no number",
}
_ADVICE = {
    StopReason.INFRASTRUCTURE: "look at the executor (r1ci env, r1ci executor test), then r1ci resume",
    StopReason.ENGINE: "the weights are spoilt: lower rl.learning_rate or rl.max_grad_norm and run again",
    StopReason.SCORING: "r1ci tasks validate tells which checker is at fault",
}


@dataclass(frozen=True)
class Rollouts:
    """What a step sampled."""

    trained: Sequence[Group]
    """This worker's share of the groups to train on."""
    left_out: Sequence[Group]
    """This worker's share of the groups that are not trained on."""
    everything: Sequence[Group]
    """The groups of all workers, trained on or not, in the order they were drawn in."""
    metrics: Mapping[str, float]
    """What dynamic sampling did; empty without it."""

    @property
    def trajectories(self) -> list[Trajectory]:
        """This worker's episodes to train on, groups standing together."""
        return episodes_of(self.trained)


def episodes_of(groups: Sequence[Group]) -> list[Trajectory]:
    """The episodes of groups, in order."""
    return [item for group in groups for item in group.episodes]


def collect(step: int, setup: Setup, actor: Actor) -> Rollouts:
    """Sample and score the episodes of a step on all workers.

    Raises StepFailed if most episodes ended in a way that says nothing of the model.
    """
    stage, wanted = setup.stage(step), setup.spec.batch_questions
    sampling = setup.spec.dynamic_sampling
    drawn = share(schedule.batch(stage, step, wanted, setup.seed))
    groups = _sample(drawn, step, 0, setup, actor)
    everything = gather(groups)
    require_scored(episodes_of(everything), step)
    if sampling is None:
        return Rollouts(groups, [], everything, {})
    fresh = schedule.fresh(stage, step, wanted, setup.seed)
    end = End.ROUNDS
    for number in range(1, sampling.max_rounds + 1):
        missing = wanted - len(_with_signal(everything, sampling))
        if missing <= 0 or not fresh:
            end = End.QUESTIONS
            break
        count = min(wanted, math.ceil(missing * sampling.over_sampling))
        chosen, fresh = fresh[:count], fresh[count:]
        everything += gather(_sample(share(chosen), step, number, setup, actor))
    return select(everything, wanted, sampling, end)


def require_scored(trajectories: Sequence[Trajectory], step: int) -> None:
    """Raises StepFailed if more than half of the episodes are not scored: going on would train on next to nothing."""
    lost = Counter(item.stop_reason for item in trajectories if not item.scored)
    if 2 * lost.total() <= len(trajectories) or not trajectories:
        return
    reason, count = lost.most_common(1)[0]
    raise StepFailed(f"RL step {step}: {count} of {len(trajectories)} episodes {_MEANING[reason]}", _ADVICE[reason])


def select(everything: Sequence[Group], wanted: int, sampling: DynamicSampling, end: End) -> Rollouts:
    """The first ``wanted`` groups that have signal, dealt out over the workers; ``end`` says why there may be fewer."""
    able = _with_signal(everything, sampling)
    trained = able[:wanted]
    chosen = set(map(id, trained))
    left_out = [group for group in everything if id(group) not in chosen]
    end = End.FULL if len(trained) == wanted else end
    metrics = {
        "dynamic/rounds": float(max((group.round for group in everything), default=0)),
        "dynamic/questions": float(len(everything)),
        "dynamic/trained": float(len(trained)),
        "dynamic/surplus": float(len(able) - len(trained)),
        **{f"dynamic/end/{reason}": float(reason is end) for reason in End},
    }
    return Rollouts(share(trained), share(left_out), everything, metrics)


def _with_signal(groups: Sequence[Group], sampling: DynamicSampling) -> list[Group]:
    return [group for group in groups if group.signal(sampling.by)]


def _sample(names: Sequence[str], step: int, number: int, setup: Setup, actor: Actor) -> list[Group]:
    """Scored episodes of this worker's questions of one round."""
    size = setup.spec.group_size
    attempts = [_attempt(setup, setup.questions[name], step, sample) for name in names for sample in range(size)]
    made = [_rewarded(item, setup) for item in actor.attempt(attempts, setup.tasks)]
    return [Group(tuple(made[start : start + size]), number) for start in range(0, len(made), size)]


def _attempt(setup: Setup, question: Question, step: int, sample: int) -> Attempt:
    seed = episode_seed("rl", setup.seed, step, question.id, sample)
    return Attempt(question, setup.agent, sample, setup.spec.temperature, seed, setup.spec.top_p)


def _rewarded(trajectory: Trajectory, setup: Setup) -> Trajectory:
    if not trajectory.scored:
        return trajectory
    try:
        rewarded = replace(trajectory, rewards=score(trajectory, setup.rewards))
    except Exception:
        return replace(trajectory, stop_reason=StopReason.SCORING)
    return penalised(rewarded, setup.spec.objective, setup.agent)
