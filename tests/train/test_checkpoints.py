"""Checkpoints: the newest readable one is where a resumed run begins."""

import copy
import threading
from pathlib import Path
from typing import Any

import pytest
import torch

from r1ci.errors import StepFailed
from r1ci.models.load import Policy
from r1ci.spec.models import Lora, Sft
from r1ci.train import checkpoints as module
from r1ci.train import weights
from r1ci.train.checkpoints import FOLDER, Checkpoints
from r1ci.train.optimizer import TrainOptimizer, apply_gradients, make_optimizer


def step(policy: Policy, optimizer: TrainOptimizer) -> None:
    policy.model(torch.tensor([[5, 6, 7]])).logits.square().mean().backward()
    apply_gradients(policy.model, optimizer, 0.01, 1.0)


def saved(policy: Policy, folder: Path, *steps: int) -> list[torch.Tensor]:
    """Save after these numbers of steps; the first parameter as it was at each."""
    optimizer = make_optimizer(policy.model, Sft())
    seen = []
    with Checkpoints(folder, policy.model, optimizer) as checkpoints:
        for done in steps:
            step(policy, optimizer)
            checkpoints.begin(done)
            seen.append(next(policy.model.parameters()).detach().clone())
    return seen


def restored(policy: Policy, folder: Path) -> tuple[int, torch.Tensor]:
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.zero_()
    with Checkpoints(folder, policy.model, make_optimizer(policy.model, Sft())) as checkpoints:
        done = checkpoints.restore()
    return done, next(policy.model.parameters()).detach()


def test_a_folder_without_checkpoints_begins_at_zero(policy: Policy, tmp_path: Path) -> None:
    assert restored(policy, tmp_path)[0] == 0


def test_the_newest_is_restored_and_two_are_kept(policy: Policy, tmp_path: Path) -> None:
    seen = saved(policy, tmp_path, 2, 9, 10)
    assert names(tmp_path) == [
        "step-0000009.0-of-1.pt",
        "step-0000010.0-of-1.pt",
    ]
    done, weights = restored(policy, tmp_path)
    assert done == 10
    assert torch.equal(weights, seen[-1])


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99], ids=str)
def test_a_torn_one_is_skipped(policy: Policy, tmp_path: Path, kept: float) -> None:
    seen = saved(policy, tmp_path, 1, 2)
    newest = tmp_path / FOLDER / "step-0000002.0-of-1.pt"
    whole = newest.read_bytes()
    newest.write_bytes(whole[: int(kept * len(whole))])
    done, weights = restored(policy, tmp_path)
    assert done == 1
    assert torch.equal(weights, seen[0])


def test_one_overwritten_with_something_else_is_skipped(policy: Policy, tmp_path: Path) -> None:
    saved(policy, tmp_path, 1, 2)
    (tmp_path / FOLDER / "step-0000002.0-of-1.pt").write_bytes(b"not a checkpoint at all")
    assert restored(policy, tmp_path)[0] == 1


def test_a_write_that_a_kill_stopped_is_not_seen(policy: Policy, tmp_path: Path) -> None:
    saved(policy, tmp_path, 1)
    (tmp_path / FOLDER / ".part-2").write_bytes(b"half")
    assert restored(policy, tmp_path)[0] == 1


def test_checkpoints_are_due_every_so_often_but_not_at_the_end(policy: Policy, tmp_path: Path) -> None:
    optimizer = make_optimizer(policy.model, Sft())
    with Checkpoints(tmp_path, policy.model, optimizer) as checkpoints:
        for done in range(1, 11):
            checkpoints.after(done, 10, 5)
    assert names(tmp_path) == ["step-0000005.0-of-1.pt"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / FOLDER).iterdir())


def test_a_step_is_not_done_before_the_checkpoint_before_it_is_written(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer is held until the next step asks for it: then it must have been waited for."""
    optimizer, gate, order = make_optimizer(policy.model, Sft()), threading.Event(), []
    write = module._write

    def slow(path: Path, state: Any) -> None:
        gate.wait()
        write(path, state)
        order.append("written")

    monkeypatch.setattr(module, "_write", slow)
    with Checkpoints(tmp_path, policy.model, optimizer) as checkpoints:
        checkpoints.after(1, 10, 1)
        order.append("step 2 runs")
        gate.set()
        checkpoints.after(2, 10, 5)
        order.append("step 2 done")
    assert order == ["step 2 runs", "written", "step 2 done"]


def test_what_is_written_is_the_state_of_its_step(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training goes on while the file is written, and the file does not see it."""
    optimizer, gate = make_optimizer(policy.model, Sft()), threading.Event()
    write = module._write
    monkeypatch.setattr(module, "_write", lambda path, state: (gate.wait(), write(path, state)))
    step(policy, optimizer)
    seen = next(policy.model.parameters()).detach().clone()
    with Checkpoints(tmp_path, policy.model, optimizer) as checkpoints:
        checkpoints.begin(1)
        step(policy, optimizer)
        gate.set()
    assert torch.equal(restored(policy, tmp_path)[1], seen)


def test_a_failing_write_is_raised_by_the_next_step(
    policy: Policy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, state: Any) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with Checkpoints(tmp_path, policy.model, make_optimizer(policy.model, Sft())) as checkpoints:
        checkpoints.begin(1)
        with pytest.raises(OSError, match="No space left"):
            checkpoints.settle()


def test_half_a_checkpoint_of_several_workers_is_passed_over_and_forgotten(policy: Policy, tmp_path: Path) -> None:
    """What is trained from here on must not complete it."""
    saved(policy, tmp_path, 1)
    (tmp_path / FOLDER / "step-0000002.0-of-2.pt").write_bytes(b"the other worker was killed before it wrote")
    assert restored(policy, tmp_path)[0] == 1
    assert names(tmp_path) == ["step-0000001.0-of-1.pt"]


def test_what_else_learns_is_kept_too(policy: Policy, tmp_path: Path) -> None:
    head = torch.nn.Linear(2, 1)
    weight = head.weight.detach().clone()
    optimizer = make_optimizer(policy.model, Sft())
    with Checkpoints(tmp_path, policy.model, optimizer, {"critic": head}) as checkpoints:
        checkpoints.begin(3)
        checkpoints.settle()
        torch.nn.init.zeros_(head.weight)
        assert checkpoints.restore() == 3
    assert torch.equal(head.weight, weight)


def test_the_weights_of_one_checkpoint_are_read_alone(policy: Policy, tmp_path: Path) -> None:
    seen = saved(policy, tmp_path, 3, 5)
    found = module.trained_weights(tmp_path, 3)
    assert found is not None
    assert torch.equal(found[next(name for name, _ in policy.model.named_parameters())], seen[0])
    assert module.trained_weights(tmp_path, 4) is None


def test_a_checkpoint_of_another_training_is_refused(policy: Policy, tmp_path: Path) -> None:
    saved(policy, tmp_path, 1)
    weights.add_lora(policy.model, Lora(rank=2), 0)
    with pytest.raises(
        StepFailed, match=r"the checkpoint is of another training: .* is only in one of them"
    ) as refused:
        restored(policy, tmp_path)
    assert "delete this folder" in refused.value.help


def test_a_checkpoint_of_another_optimizer_is_refused(policy: Policy, tmp_path: Path) -> None:
    saved(policy, tmp_path, 1)
    muon = make_optimizer(policy.model, Sft(optimizer="muon"))
    with (
        Checkpoints(tmp_path, policy.model, muon) as checkpoints,
        pytest.raises(StepFailed, match="optimizer is another"),
    ):
        checkpoints.restore()


def test_parts_of_two_workers_are_read_by_one(policy: Policy, tmp_path: Path) -> None:
    """Two files with rows of each tensor, of uneven size, as two workers would have written them."""
    seen = saved(policy, tmp_path, 1)
    (path,) = (tmp_path / FOLDER).iterdir()
    state = torch.load(path)
    cut = [f"/model/{name}" for name in state["model"]]
    moments = state["optimizer"]["parts"][0]["state"]
    cut += [f"/optimizer/parts/0/state/{index}/{key}" for index in moments for key in ("exp_avg", "exp_avg_sq")]
    for number in range(2):
        part = copy.deepcopy(state) | {"cut": cut}
        for name, tensor in part["model"].items():
            part["model"][name] = tensor.split(-(-2 * len(tensor) // 3))[number]
        for values in part["optimizer"]["parts"][0]["state"].values():
            for key in ("exp_avg", "exp_avg_sq"):
                values[key] = values[key].split(-(-2 * len(values[key]) // 3))[number]
        torch.save(part, path.with_name(f"step-0000002.{number}-of-2.pt"))
    done, first = restored(policy, tmp_path)
    assert done == 2
    assert torch.equal(first, seen[0])
