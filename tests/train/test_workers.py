"""Training through Ray Train: two workers give what one process gives, dead workers are replaced, errors say what."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).parent))

from write_tasks import Write, rl_killed, sft_killed

from r1ci.errors import EnvironmentMissing, StepFailed
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.plan.context import StepContext
from r1ci.plan.steps import Step
from r1ci.spec.models import AgentSpec, Compute, CorrectnessReward, ExecutorLimits, HfEngine, LocalExecutor, Rl, Sft
from r1ci.spec.models import FormatReward as Format
from r1ci.tasks.storage import write_questions
from r1ci.teachers import demonstration
from r1ci.teachers.demonstration import Demonstration, Segment, tokenise
from r1ci.train.fit import FAILED, TrainFunction, fit
from r1ci.train.optimizer import apply_gradients, make_optimizer
from r1ci.train.rl import train_rl
from r1ci.train.sft import accumulate, train_sft

Make = Callable[..., StepContext]


@pytest.fixture
def context(policy: Policy, tmp_path: Path) -> Make:
    """Make the context of an SFT step of 4 optimizer steps on 11 demonstrations of different lengths."""
    reads = {"model": tmp_path / "model-1", "demonstrations": tmp_path / "demonstrations-1"}
    load.save(policy, reads["model"] / "model")
    reads["demonstrations"].mkdir()
    shown = [
        Demonstration(
            "t", f"t#{n}", f"What is {n} + 1?" * (n + 1), (Segment("out\n", False), Segment(f"<<<{n}>>>", True))
        )
        for n in range(11)
    ]
    demonstration.write(shown, reads["demonstrations"] / "demonstrations.jsonl.gz")
    sft = Sft(epochs=1, batch_size=3, learning_rate=1e-3, warmup=0.0)

    def make(name: str, **compute: Any) -> StepContext:
        precision = compute.get("precision", "fp32")
        inputs = {"sft": sft.model_dump(mode="json"), "precision": precision, "seed": 0}
        return _context("sft", inputs, reads, tmp_path / name, compute)

    return make


@pytest.fixture
def rl_context(policy: Policy, tmp_path: Path) -> Make:
    """Make the context of an RL step of 4 optimizer steps from a model that answers with some digit."""
    reads = {"questions": tmp_path / "questions-1", "policy": tmp_path / "sft-1"}
    _teach_digits(policy)
    load.save(policy, reads["policy"] / "model")
    reads["questions"].mkdir()
    questions = [Write("fake/write").question(index, 0) for index in range(6)]
    write_questions(reads["questions"], {"rl": questions, "new": questions[:3]})
    agent = AgentSpec(kind="all_text", turn_tokens=12, context_tokens=200, max_code_calls=1)
    rl = {"group_size": 4, "batch_questions": 3, "learning_rate": 1e-2, "evaluate_every": 2}
    inputs = {
        "rl": Rl.model_validate(rl).model_dump(mode="json"),
        "rewards": [reward.model_dump(mode="json") for reward in (CorrectnessReward(), Format())],
        "agent": agent.model_dump(mode="json"),
        "engine": HfEngine(lock_step=True, max_in_flight=16).model_dump(mode="json"),
        "limits": LocalExecutor().model_dump(mode="json", include=set(ExecutorLimits.model_fields)),
        "params": {},
        "stages": "single",
        "groups": 1,
        "steps_per_stage": 4,
        "precision": "fp32",
        "seed": 0,
    }

    def make(name: str, lora: dict[str, int] | None = None, **compute: Any) -> StepContext:
        chosen = {**inputs, "rl": {**inputs["rl"], "lora": lora}, "precision": compute.get("precision", "fp32")}
        return _context("rl", chosen, reads, tmp_path / name, compute)

    return make


def _teach_digits(policy: Policy) -> None:
    """A few steps of SFT, to answers that have nothing to do with the question."""
    optimizer = make_optimizer(policy.model, Sft(learning_rate=1e-2))
    shown = [
        tokenise(Demonstration("t", "t#0", f"Write {n}.", (Segment(f"<<<{(n + other) % 3}>>>", True),)), tokenizer)
        for tokenizer in [policy.tokenizer]
        for n in range(3)
        for other in range(3)
    ]
    for _ in range(60):
        accumulate(policy.model, shown, 10_000)
        apply_gradients(policy.model, optimizer, 1e-2, 1.0)


def _context(
    kind: str, inputs: dict[str, Any], reads: dict[str, Path], folder: Path, compute: dict[str, Any]
) -> StepContext:
    folder.mkdir()
    runtime = {
        "compute": Compute(checkpoint_every=2, **compute).model_dump(mode="json"),
        "executor": LocalExecutor().model_dump(mode="json"),
        "plugins": ["write_tasks"],
    }
    step = Step(kind, inputs, {role: path.name for role, path in reads.items()}, runtime=runtime)
    return StepContext(step, folder, reads, lambda progress: None)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Whatever Ray the tests start is stopped; its workers find the plug-in as those of a user would."""
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        yield
    ray.shutdown()


def distance(a: StepContext, b: StepContext) -> float:
    """The largest difference of any weight."""
    ours, theirs = (load_file(made.folder / "model" / "model.safetensors") for made in (a, b))
    assert ours.keys() == theirs.keys()
    return max(float((ours[key] - theirs[key]).abs().max()) for key in ours)


def metrics(made: StepContext, *columns: str) -> list[tuple[float, ...]]:
    return pl.read_parquet(made.folder / "metrics.parquet").select("step", *columns).rows()


def same(ours: StepContext, theirs: StepContext, *columns: str) -> None:
    for a, b in zip(metrics(ours, *columns), metrics(theirs, *columns), strict=True):
        assert b == pytest.approx(a, rel=1e-4, abs=1e-5)


SFT = ("loss", "grad_norm", "tokens")
RL = ("loss", "grad_norm", "reward", "signal", "kl", "entropy", "ratio")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("sharding", "train"), [("full", sft_killed), ("none", train_sft)], ids=["full", "none"])
def test_two_workers_train_as_one_process_does(context: Make, sharding: str, train: TrainFunction) -> None:
    """Batches of 3, 3, 3 and 2 over two workers: their shares differ in size, and the weights must not.

    Of the sharded run the second worker dies between two checkpoints; the steps made twice are in the metrics once.
    """
    alone, together = context("alone"), context("together", workers=2, sharding=sharding, micro_batch_tokens=100)
    fit(train_sft, alone)
    fit(train, together)
    assert (together.folder / "killed-once").exists() == (train is sft_killed)
    assert distance(alone, together) < 1e-5
    same(alone, together, *SFT)
    assert len(metrics(together)) == 4


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_rl_on_two_workers_is_rl_in_one_process_though_one_is_killed(rl_context: Make) -> None:
    """The same episodes, losses and weights; questions 2 and 1 of the 3 per step lie with the workers."""
    alone, together = rl_context("alone"), rl_context("together", workers=2)
    fit(train_rl, alone)
    fit(rl_killed, together)
    assert (together.folder / "killed-once").exists()
    same(alone, together, *RL)
    assert any(signal for _, signal in metrics(alone, "signal"))
    assert distance(alone, together) < 1e-5
    ours, theirs = (
        pl.read_parquet(made.folder / "episodes.parquet").drop("advantage").rows() for made in (alone, together)
    )
    assert ours == theirs


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_more_workers_than_the_cluster_has_cpus_is_refused(context: Make) -> None:
    with pytest.raises(EnvironmentMissing, match=r"the Ray cluster has \d+ CPU, the spec asks for 4096") as refused:
        fit(train_sft, context("many", workers=4096))
    assert "compute.workers (4096)" in refused.value.help


def test_training_in_this_process_starts_no_ray(context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "init", _fail)
    made = context("alone")
    fit(train_sft, made)
    assert not torch.distributed.is_initialized()
    assert (made.folder / "model" / "model.safetensors").is_file()
    assert not (made.folder / "progress.json").exists()


def test_bfloat16_ends_close_to_float32_and_keeps_float32_weights(context: Make) -> None:
    exact, rough = context("exact"), context("rough", precision="bf16", activation_checkpointing=True)
    fit(train_sft, exact)
    fit(train_sft, rough)
    assert 0 < distance(exact, rough) < 1e-2
    assert {tensor.dtype for tensor in load_file(rough.folder / "model" / "model.safetensors").values()} == {
        torch.float32
    }
    for (_, a), (_, b) in zip(metrics(exact, "loss"), metrics(rough, "loss"), strict=True):
        assert b == pytest.approx(a, rel=2e-2)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_rl_with_adapters_saves_a_plain_model_with_them_merged(rl_context: Make, precision: str) -> None:
    """In bfloat16 episodes are sampled from a copy: its log-probabilities stay close to the trainer's."""
    made = rl_context("adapted", lora={"rank": 4, "alpha": 8}, precision=precision)
    fit(train_rl, made)
    before, after = (
        load_file(folder / "model" / "model.safetensors") for folder in (made.reads["policy"], made.folder)
    )
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.endswith("_proj.weight")}
    bound = 1.0001 if precision == "fp32" else 1.05
    assert all(1 <= mismatch < bound for _, mismatch in metrics(made, "mismatch") if mismatch)


def test_an_error_of_ours_comes_through_as_it_is(context: Make) -> None:
    made = context("broken")
    with pytest.raises(EnvironmentMissing, match="no such device"):
        fit(_fail_clearly, made)
    assert not (made.folder / FAILED).exists()


def test_any_other_error_says_which_step_and_what(context: Make) -> None:
    made = context("broken")
    with pytest.raises(StepFailed) as failed:
        fit(_fail, made)
    assert failed.value.message.startswith(f"{made.step.id}: ")
    assert "ZeroDivisionError: division by zero" in failed.value.message


def _fail_clearly(config: Any) -> None:
    raise EnvironmentMissing("no such device")


def _fail(config: Any) -> None:
    _ = 1 / 0
