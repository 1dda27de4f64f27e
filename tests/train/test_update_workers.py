"""An update by two workers is the update by one, for every preset: the parts of the loss add up."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import update_worker

WORKER = Path(__file__).parent / "update_worker.py"


def of_two(folder: Path) -> Any:
    out = folder / "two.pt"
    started = [
        subprocess.Popen([sys.executable, str(WORKER), str(rank), "2", str(folder / "meet"), str(out)])
        for rank in range(2)
    ]
    assert [process.wait() for process in started] == [0, 0]
    return torch.load(out)


def of_one(folder: Path) -> Any:
    update_worker.main(0, 1, "", folder / "one.pt")
    return torch.load(folder / "one.pt")


@pytest.mark.slow
def test_two_workers_make_the_update_of_one(tmp_path: Path) -> None:
    """Five questions over two workers: shares of three and two, and micro-batches of other sizes."""
    alone, together = of_one(tmp_path), of_two(tmp_path)
    assert alone.keys() == together.keys()
    for choice, one in alone.items():
        two = together[choice]
        assert two["values"]["loss"] == pytest.approx(one["values"]["loss"], abs=1e-6), choice
        assert max(float(value.abs().max()) for value in one["moved"].values()) > 1e-4, choice
        for name, weight in one["weights"].items():
            torch.testing.assert_close(two["weights"][name], weight, atol=1e-6, rtol=0, msg=f"{choice}: {name}")
        for name, value in one["values"].items():
            assert two["values"][name] == pytest.approx(value, rel=1e-4, abs=1e-5), (choice, name)


@pytest.mark.parametrize("in_", ["loss", "reward"])
def test_a_policy_without_its_adapters_is_the_reference_that_a_second_copy_is(tokenizer: Any, in_: str) -> None:
    ours, theirs = (update_worker.adapted(tokenizer, in_, second_copy=choice) for choice in (False, True))
    assert ours["values"] == theirs["values"]
    assert ours["values"]["kl"] > 1e-3
    for name, weight in ours["weights"].items():
        assert torch.equal(weight, theirs["weights"][name])
