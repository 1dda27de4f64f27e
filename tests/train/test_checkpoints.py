"""Checkpoints: the newest readable one is where a resumed run begins."""

from pathlib import Path

import pytest
import torch

from r1ci.models.load import Policy
from r1ci.spec.models import Sft
from r1ci.train import checkpoints
from r1ci.train.optimizer import TrainOptimizer, apply_gradients, make_optimizer


def step(policy: Policy, optimizer: TrainOptimizer) -> None:
    policy.model(torch.tensor([[5, 6, 7]])).logits.square().mean().backward()
    apply_gradients(policy.model, optimizer, 0.01, 1.0)


def saved(policy: Policy, folder: Path, *steps: int) -> list[torch.Tensor]:
    """Save after these numbers of steps; the first parameter as it was at each."""
    optimizer = make_optimizer(policy.model, Sft())
    seen = []
    for done in steps:
        step(policy, optimizer)
        checkpoints.save(folder, done, policy.model, optimizer)
        seen.append(next(policy.model.parameters()).detach().clone())
    return seen


def restored(policy: Policy, folder: Path) -> tuple[int, torch.Tensor]:
    with torch.no_grad():
        for parameter in policy.model.parameters():
            parameter.zero_()
    done = checkpoints.restore(folder, policy.model, make_optimizer(policy.model, Sft()))
    return done, next(policy.model.parameters()).detach()


def test_a_folder_without_checkpoints_begins_at_zero(policy: Policy, tmp_path: Path) -> None:
    assert restored(policy, tmp_path)[0] == 0


def test_the_newest_is_restored_and_two_are_kept(policy: Policy, tmp_path: Path) -> None:
    seen = saved(policy, tmp_path, 2, 9, 10)
    assert [path.name for path in sorted((tmp_path / checkpoints.FOLDER).iterdir())] == [
        "step-0000009.pt",
        "step-0000010.pt",
    ]
    done, weights = restored(policy, tmp_path)
    assert done == 10
    assert torch.equal(weights, seen[-1])


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.99], ids=str)
def test_a_torn_one_is_skipped(policy: Policy, tmp_path: Path, kept: float) -> None:
    seen = saved(policy, tmp_path, 1, 2)
    newest = tmp_path / checkpoints.FOLDER / "step-0000002.pt"
    whole = newest.read_bytes()
    newest.write_bytes(whole[: int(kept * len(whole))])
    done, weights = restored(policy, tmp_path)
    assert done == 1
    assert torch.equal(weights, seen[0])


def test_one_overwritten_with_something_else_is_skipped(policy: Policy, tmp_path: Path) -> None:
    saved(policy, tmp_path, 1, 2)
    (tmp_path / checkpoints.FOLDER / "step-0000002.pt").write_bytes(b"not a checkpoint at all")
    assert restored(policy, tmp_path)[0] == 1


def test_a_write_that_a_kill_stopped_is_not_seen(policy: Policy, tmp_path: Path) -> None:
    saved(policy, tmp_path, 1)
    (tmp_path / checkpoints.FOLDER / ".part-2").write_bytes(b"half")
    assert restored(policy, tmp_path)[0] == 1


def test_checkpoints_are_due_every_so_often_but_not_at_the_end() -> None:
    assert [done for done in range(1, 11) if checkpoints.due(done, 10, {"checkpoint_every": 5})] == [5]
