"""The RL step itself, on a tiny model: with a critic, with dynamic sampling, killed and resumed, on two workers."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from safetensors.torch import load_file

from r1ci.errors import R1ciError
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.plan.context import StepContext, Stopped
from r1ci.plan.steps import Step
from r1ci.spec.models import AgentSpec, Compute, HfEngine, LocalExecutor, Rl
from r1ci.steps import rl
from r1ci.store.metrics import MetricLog
from r1ci.store.store import STOP
from r1ci.tasks.base import Question
from r1ci.tasks.storage import write_questions

NOISE = '''
"""A plug-in: episodes of odd questions are all worth the same, others what they happen to say."""
from r1ci.train import rollouts

def score(trajectory, rewards):
    odd = int(trajectory.question_id.rsplit("#", 1)[1]) % 2
    return {"noise": 0.0 if odd else float(sum(trajectory.ids) % 3)}

rollouts.score = score
'''
TASK = "symbench/statistical_counting"

Make = Callable[..., StepContext]


@pytest.fixture
def context(policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make the context of an RL step of four steps, three questions of three episodes each, out of sixteen."""
    from r1ci.train import rollouts

    reads = {"policy": tmp_path / "sft-1", "questions": tmp_path / "questions-1"}
    load.save(policy, reads["policy"] / "model")
    reads["questions"].mkdir()
    drawn = [Question(TASK, index, f"Count {index}.", str(index)) for index in range(16)]
    write_questions(reads["questions"], {"sft": [], "rl": drawn, "new": [], "test": []})
    (tmp_path / "r1ci_noise.py").write_text(NOISE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
    monkeypatch.setattr(rollouts, "score", rollouts.score)  # what the plug-in replaces is put back

    def make(name: str, compute: dict[str, Any] | None = None, **choices: Any) -> StepContext:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        spec = Rl.model_validate(
            {"group_size": 3, "batch_questions": 3, "learning_rate": 1e-2, "updates_per_step": 1, **choices}
        )
        agent = AgentSpec(kind="all_text", turn_tokens=6, context_tokens=90, max_output_tokens=8)
        executor = LocalExecutor(workers=1, isolation="rlimits")
        inputs = {
            "rl": spec.model_dump(mode="json"),
            "rewards": [{"kind": "correctness", "weight": 1.0}],
            "stages": "single",
            "groups": 1,
            "steps_per_stage": 4,
            "precision": "fp32",
            "agent": agent.model_dump(mode="json"),
            "limits": {},
            "engine": HfEngine(lock_step=True).model_dump(mode="json"),
            "params": {},
            "seed": 3,
        }
        runtime = {
            "executor": executor.model_dump(mode="json"),
            "compute": Compute(**{"checkpoint_every": 2, **(compute or {})}).model_dump(mode="json"),
            "plugins": ["r1ci_noise"],
        }
        step = Step("rl", inputs, {role: path.name for role, path in reads.items()}, runtime=runtime)
        return StepContext(step, folder, reads, lambda progress: None)

    yield make
    sys.modules.pop("r1ci_noise", None)


def metrics(made: StepContext) -> pl.DataFrame:
    table = pl.read_parquet(made.folder / "metrics.parquet")
    return table.select(pl.exclude("^.*(_s|seconds)(/.*)?$"))


def weights(made: StepContext) -> dict[str, Any]:
    return load_file(made.folder / "model" / "model.safetensors")


BOTH: dict[str, Any] = {
    "preset": "ppo",
    "critic": {"learning_rate": 1e-2, "lam": 0.95, "gamma": 0.99},
    "updates_per_step": 3,
    "dynamic_sampling": {"max_rounds": 2},
}


def test_ppo_runs_through_the_real_step(context: Make, policy: Policy) -> None:
    made = context("ppo", preset="ppo", critic={"learning_rate": 1e-2, "warmup_steps": 1})
    rl.run(made)
    table = metrics(made)
    assert table.height == 4
    assert table["value_loss"].min() > 0  # type: ignore[operator]
    assert table["explained_variance"].is_finite().all()
    assert table["grad_norm"].to_list()[0] == 0.0
    assert min(table["grad_norm"].to_list()[1:]) > 0
    before = dict(policy.model.named_parameters())
    assert any(not tensor.equal(before[name].detach()) for name, tensor in weights(made).items())
    episodes = pl.read_parquet(made.folder / "episodes.parquet")
    assert episodes["advantage"].abs().max() > 0  # type: ignore[operator]
    assert episodes["trained"].all()


def test_dynamic_sampling_runs_through_the_real_step(context: Make) -> None:
    made = context("dynamic", preset="dapo", dynamic_sampling={"max_rounds": 3})
    rl.run(made)
    table, episodes = metrics(made), pl.read_parquet(made.folder / "episodes.parquet")
    trained = episodes.filter(pl.col("trained"))
    assert all(int(name.rsplit("#", 1)[1]) % 2 == 0 for name in trained["question_id"])
    assert trained.group_by("step", "question_id").agg(pl.col("reward").n_unique())["reward"].min() > 1  # type: ignore[operator]
    assert table["dynamic/rounds"].max() > 0  # type: ignore[operator]
    assert (table["dynamic/trained"] == trained.group_by("step").len().sort("step")["len"] / 3).all()
    assert (table["dynamic/questions"] * 3).sum() == episodes.height
    assert episodes.filter(~pl.col("trained"))["advantage"].eq(0.0).all()


def test_a_step_without_signal_is_skipped_and_says_so(context: Make, policy: Policy, monkeypatch: Any) -> None:
    from r1ci.train import rollouts

    made = context("skipped", dynamic_sampling={"max_rounds": 1})
    monkeypatch.setitem(sys.modules, "r1ci_noise", sys)  # the plug-in is there already and replaces nothing
    monkeypatch.setattr(rollouts, "score", lambda item, rewards: {"noise": 1.0})
    rl.run(made)
    table = metrics(made)
    assert table["dynamic/trained"].to_list() == [0.0] * 4
    assert table["dynamic/end/rounds"].to_list() == [1.0] * 4
    assert table["grad_norm"].to_list() == [0.0] * 4
    before = dict(policy.model.named_parameters())
    assert all(tensor.equal(before[name].detach()) for name, tensor in weights(made).items())


def test_a_stopped_run_goes_on_to_the_same_bytes(context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after a step that no checkpoint has: critic, its optimizer and the rounds of sampling come back."""
    whole = context("whole", **BOTH)
    rl.run(whole)
    log = MetricLog.log

    def failing(self: MetricLog, step: int, values: Any) -> None:
        log(self, step, values)
        if step == 2:
            raise R1ciError("stopped")

    stopped = context("stopped", **BOTH)
    with monkeypatch.context() as patch:
        patch.setattr(MetricLog, "log", failing)
        with pytest.raises(R1ciError, match="stopped"):
            rl.run(stopped)
    rl.run(stopped)
    names = [made.folder / "model" / "model.safetensors" for made in (whole, stopped)]
    assert names[0].read_bytes() == names[1].read_bytes()
    assert metrics(stopped).equals(metrics(whole))


def test_an_attempt_that_is_asked_to_stop_leaves_a_checkpoint_and_goes_on_to_the_same_bytes(
    context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, asked = context("whole"), context("asked")
    rl.run(whole)
    log = MetricLog.log

    def asking(self: MetricLog, step: int, values: Any) -> None:
        log(self, step, values)
        if step == 2:  # no checkpoint is due after it
            (self.folder / STOP).touch()

    with monkeypatch.context() as patch:
        patch.setattr(MetricLog, "log", asking)
        with pytest.raises(Stopped):
            rl.run(asked)
    assert not (asked.folder / "model").exists()
    assert metrics(asked).height == 3
    (asked.folder / "metrics.jsonl").rename(asked.folder / "before.jsonl")
    rl.run(asked)
    assert metrics(asked)["step"].to_list() == [3]
    names = [made.folder / "model" / "model.safetensors" for made in (whole, asked)]
    assert names[0].read_bytes() == names[1].read_bytes()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("sharding", [pytest.param("none", marks=pytest.mark.cluster), "full"])
def test_two_workers_replace_the_same_questions_and_learn_the_same(context: Make, sharding: str) -> None:
    import ray

    alone, together = context("alone", **BOTH), context("together", {"workers": 2, "sharding": sharding}, **BOTH)
    rl.run(alone)
    try:
        rl.run(together)
    finally:
        ray.shutdown()
    columns = ["step", "question_id", "sample", "round", "trained", "reward"]
    tables = [pl.read_parquet(made.folder / "episodes.parquet") for made in (alone, together)]
    ours, theirs = (table.select(columns).sort(columns) for table in tables)
    assert ours.equals(theirs)
    a, b = weights(alone), weights(together)
    assert max(float((a[key] - b[key]).abs().max()) for key in a) < 1e-3
    for name in ("value_loss", "explained_variance", "critic_grad_norm", "loss"):
        assert metrics(together)[name].to_list() == pytest.approx(metrics(alone)[name].to_list(), rel=1e-2, abs=1e-3)
