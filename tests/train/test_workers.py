"""Training through Ray Train: two workers give what one process gives, and what cannot run says so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from safetensors.torch import load_file

from r1ci.errors import EnvironmentMissing, StepFailed
from r1ci.models import load
from r1ci.models.load import Policy
from r1ci.plan.context import StepContext
from r1ci.plan.steps import Step
from r1ci.spec.models import Compute, Sft
from r1ci.teachers import demonstration
from r1ci.teachers.demonstration import Demonstration, Segment
from r1ci.train.fit import fit
from r1ci.train.sft import train_sft

Make = Callable[..., StepContext]


@pytest.fixture
def context(policy: Policy, tmp_path: Path) -> Make:
    """Make the context of an SFT step of 3 optimizer steps on 8 demonstrations of different lengths."""
    reads = {"model": tmp_path / "model-1", "demonstrations": tmp_path / "demonstrations-1"}
    load.save(policy, reads["model"] / "model")
    reads["demonstrations"].mkdir()
    shown = [
        Demonstration(
            "t", f"t#{n}", f"What is {n} + 1?" * (n + 1), (Segment("out\n", False), Segment(f"<<<{n}>>>", True))
        )
        for n in range(8)
    ]
    demonstration.write(shown, reads["demonstrations"] / "demonstrations.jsonl.gz")
    sft = Sft(epochs=1, batch_size=3, learning_rate=1e-3, warmup=0.0)

    def make(name: str, **compute: Any) -> StepContext:
        folder = tmp_path / name
        folder.mkdir()
        inputs = {"sft": sft.model_dump(mode="json"), "precision": "fp32", "seed": 0}
        runtime = {"compute": Compute(**compute).model_dump(mode="json")}
        step = Step("sft", inputs, {role: path.name for role, path in reads.items()}, runtime=runtime)
        return StepContext(step, folder, reads, lambda progress: None)

    return make


@pytest.fixture
def cluster() -> Iterator[None]:
    """Whatever Ray the test starts is stopped."""
    import ray

    yield
    ray.shutdown()


def weights(made: StepContext) -> dict[str, Any]:
    return load_file(made.folder / "model" / "model.safetensors")


def losses(made: StepContext) -> pl.DataFrame:
    return pl.read_parquet(made.folder / "metrics.parquet").select("step", "loss", "grad_norm", "tokens")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_two_workers_train_as_one_process_does(context: Make) -> None:
    """Batches of 3, 3 and 2 over two workers: their shares differ in size, and the weights must not."""
    alone, together = context("alone"), context("together", workers=2)
    fit(train_sft, alone)
    fit(train_sft, together)
    ours, theirs = weights(alone), weights(together)
    assert ours.keys() == theirs.keys()
    assert max(float((ours[key] - theirs[key]).abs().max()) for key in ours) < 1e-5
    for a, b in zip(losses(alone).iter_rows(), losses(together).iter_rows(), strict=True):
        assert b == pytest.approx(a, rel=1e-4)
    assert losses(together).height == 3


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_more_workers_than_the_cluster_has_cpus_is_refused(context: Make) -> None:
    with pytest.raises(EnvironmentMissing, match=r"the Ray cluster has \d+ CPU, the spec asks for 4096") as refused:
        fit(train_sft, context("many", workers=4096))
    assert "compute.workers (4096)" in refused.value.help


def test_training_in_this_process_starts_no_ray(context: Make) -> None:
    import ray

    made = context("alone")
    fit(train_sft, made)
    assert not ray.is_initialized()
    assert (made.folder / "model" / "model.safetensors").is_file()
    assert not (made.folder / "progress.json").exists()


def test_an_error_of_ours_comes_through_as_it_is(context: Make) -> None:
    with pytest.raises(EnvironmentMissing, match="no such device"):
        fit(_fail_clearly, context("broken"))


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
