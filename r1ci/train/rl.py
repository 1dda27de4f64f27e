"""Multi-stage GRPO as a Ray Train function: rollouts, rewards, advantages and updates, stage after stage.

Departures from the paper: questions of a step are drawn without replacement in seeded epochs of their stage; one
optimizer runs through all stages, its state kept (the paper does not say); episodes that an infrastructure failure
ended carry no reward and no gradient. Everything random hangs on (seed, step, question, sample), so a resumed run
needs no generator state.

Shapes: B questions, G episodes per question.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from r1ci.agents.actor import Actor, sections
from r1ci.agents.episode import Attempt
from r1ci.agents.trajectory import Trajectory
from r1ci.curriculum import schedule
from r1ci.executors.metrics import total
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, RewardSpec, Rl
from r1ci.store.metrics import MetricLog
from r1ci.tasks.registry import load_plugins
from r1ci.tasks.storage import read_questions, tasks_of
from r1ci.train import ledger, progress, weights
from r1ci.train.ahead import Source
from r1ci.train.checkpoints import Checkpoints
from r1ci.train.critic import Critic
from r1ci.train.episodes import StepTable
from r1ci.train.optimizer import make_optimizer
from r1ci.train.rollouts import Rollouts, Setup, collect, episodes_of
from r1ci.train.sharding import gather, rank, share, world
from r1ci.train.statistics import summarise
from r1ci.train.update import Trainer


def train_rl(config: Mapping[str, Any]) -> None:
    """Train ``reads.policy`` on the RL questions and save it; resumes from the folder's checkpoints.

    Where it is asked to stop, it leaves a checkpoint after the step in hand instead, and says so.

    ``config``: the attempt's ``folder``, the step's ``inputs``, folders by role in ``reads`` (questions, policy and,
    unless there is one stage only, partition), and ``runtime`` (executor, compute).
    """
    folder, inputs = Path(config["folder"]), config["inputs"]
    setup = _set_up(config)
    compute = {**config["runtime"]["compute"], "precision": inputs["precision"]}
    source = Path(config["reads"]["policy"]) / "model"
    policy = weights.prepare(
        load.load_folder(source, on=weights.place(compute)), compute, setup.spec.lora, seed=setup.seed
    )
    sampler = weights.sampler(policy, compute, source, inputs["engine"]["kind"])
    optimizer = make_optimizer(policy.model, setup.spec)
    reference, critic = _reference(policy, source, compute, setup.spec), _critic(source, compute, setup.spec)
    trainer = Trainer(policy, reference, optimizer, setup.spec, setup.agent, config["runtime"], critic)
    engine, agent, executor = sections(config)
    with contextlib.ExitStack() as stack:
        also = {} if critic is None else {"critic": critic}
        checkpoints = stack.enter_context(Checkpoints(folder, policy.model, optimizer, also))
        first = checkpoints.restore()
        give = functools.partial(weights.whole_weights, sampler.model)
        actor = stack.enter_context(Actor(sampler, engine, agent, executor, weights=give, workers=world()))
        log = stack.enter_context(MetricLog(folder)) if rank() == 0 else None
        tables = [StepTable(folder, name) for name in ("episodes", "executor")] if rank() == 0 else []
        for table in (stack.enter_context(table) for table in tables):
            table.rewind(first)
        if log is not None:
            log.rewind(first)
            ledger.rewind(folder, first)
        refresh = functools.partial(weights.sync, policy, sampler)
        refresh()
        episodes = stack.enter_context(Source(actor, functools.partial(collect, setup=setup, actor=actor), setup.steps))
        for step in range(first, setup.steps):
            trainer.recorder = ledger.Recorder() if ledger.due(step, config["runtime"]["compute"]) else None
            values, records, *rows = _step(step, setup, actor, episodes, trainer, refresh)
            if rank() == 0 and trainer.recorder is not None:
                ledger.write(folder, step, records, trainer.facts(values))
            for table, some in zip(tables, rows, strict=bool(tables)):
                table.log(step, some)
            if log is not None:
                log.log(step, values)
            text = f"stage {values['stage']:.0f} reward {values['reward']:.2f} signal {values['signal']:.2f}"
            progress.tell(folder, step + 1, setup.steps, text)
            checkpoints.after(step + 1, setup.steps, compute["checkpoint_every"])
            if step + 1 < setup.steps and progress.stop_asked(folder):
                checkpoints.begin(step + 1)
                progress.tell_stopped(folder)
                return
    weights.save(policy, folder / "model")


def _set_up(config: Mapping[str, Any]) -> Setup:
    load_plugins(config["runtime"]["plugins"])
    inputs, reads = config["inputs"], config["reads"]
    questions = read_questions(Path(reads["questions"]), "rl")
    new = read_questions(Path(reads["questions"]), "new")
    ids = [question.id for question in questions]
    groups = read_groups(Path(reads["partition"])) if "partition" in reads else [ids]
    return Setup(
        spec=Rl.model_validate(inputs["rl"]),
        rewards=TypeAdapter(list[RewardSpec]).validate_python(inputs["rewards"]),
        agent=AgentSpec.model_validate(inputs["agent"]),
        seed=inputs["seed"],
        questions={question.id: question for question in questions},
        new=new,
        stages=schedule.stages(groups, inputs["stages"], inputs["steps_per_stage"], inputs["groups"]),
        tasks=tasks_of([*questions, *new], inputs["params"]),
    )


def read_groups(folder: Path) -> list[list[str]]:
    """Question ids of every group of a partition, in the partition's order, highest potential first."""
    import polars as pl

    table = pl.read_parquet(folder / "partition.parquet")
    sizes = json.loads((folder / "groups.json").read_text())
    return [table.filter(pl.col("group") == number + 1)["question_id"].to_list() for number in range(len(sizes))]


def _reference(policy: Policy, source: Path, compute: Mapping[str, Any], spec: Rl) -> Any:
    """The SFT model, frozen: where adapters learn, the policy without them. None where the objective has no KL term."""
    if spec.objective.kl_coefficient == 0:
        return None
    if spec.lora is not None:
        return weights.WithoutAdapters(policy.model)
    frozen = load.load_folder(source, compute["precision"], on=weights.place(compute))
    frozen.model.eval().requires_grad_(False)
    return weights.prepare(frozen, compute, trained=False).model


def _critic(source: Path, compute: Mapping[str, Any], spec: Rl) -> Critic | None:
    """A value head on the SFT model; None where the spec has no critic."""
    if spec.critic is None:
        return None
    return Critic(load.load_folder(source), spec, spec.critic, compute)


Rows = list[dict[str, Any]]


def _step(
    step: int, setup: Setup, actor: Actor, source: Source[Rollouts], trainer: Trainer, refresh: Callable[[], None]
) -> tuple[dict[str, float], Rows, Rows, Rows]:
    """One step of all workers: the metrics, the ledger if one is due, a row per episode, the executors' counts."""
    began = time.perf_counter()
    sampled = source.of(step)
    rolled = time.perf_counter()
    advantages_BG, update = trainer.update(sampled.trajectories, step, setup.steps)
    refresh()
    updated = time.perf_counter()
    size, stage = setup.spec.group_size, setup.stage(step).number
    rows = [
        [
            _row(step, stage, item, group.round, trained=trained, advantage=advantage)
            for item, advantage in zip(group.episodes, values, strict=True)
        ]
        for groups, advantages, trained in (
            (sampled.trained, advantages_BG.tolist(), True),
            (sampled.left_out, [[0.0] * size] * len(sampled.left_out), False),
        )
        for group, values in zip(groups, advantages, strict=True)
    ]
    records: list[Rows] = []
    if trainer.recorder is not None:
        made = ledger.rows(sampled.trajectories, advantages_BG.flatten().tolist(), trainer.recorder)
        records = gather([made[start : start + size] for start in range(0, len(made), size)])
    values = {"stage": float(stage), **summarise(episodes_of(sampled.everything), size), **sampled.metrics, **update}
    values |= {**source.facts, "rollout_s": rolled - began, "update_s": updated - rolled}
    if setup.spec.evaluate_every and (step + 1) % setup.spec.evaluate_every == 0:
        source.catch_up(step + 1)
        values["new_accuracy"] = _evaluate(setup, actor)
    executed = total(gather([actor.executed()]))
    values |= {f"executor/{name}": value for name, value in executed.flat().items()}
    return values, _flat(records), _flat(gather(rows)), executed.rows(step)


def _flat(groups: Sequence[Rows]) -> Rows:
    return [row for group in groups for row in group]


def _row(
    step: int, stage: int, trajectory: Trajectory, number: int, *, trained: bool, advantage: float
) -> dict[str, Any]:
    return {
        "step": step,
        "stage": stage,
        "question_id": trajectory.question_id,
        "task": trajectory.task,
        "sample": trajectory.sample,
        "round": number,
        "trained": trained,
        "reward": trajectory.reward,
        "advantage": advantage,
        "correct": trajectory.correct,
        "calls": trajectory.calls,
        "generated_tokens": trajectory.generated_tokens,
        "stop_reason": trajectory.stop_reason.value,
    }


def _evaluate(setup: Setup, actor: Actor) -> float:
    """Greedy accuracy on the new questions."""
    attempts = [Attempt(question, setup.agent, 0, 0.0, 0) for question in share(setup.new)]
    correct = gather([item.correct for item in actor.attempt(attempts, setup.tasks)])
    return sum(correct) / max(1, len(correct))
