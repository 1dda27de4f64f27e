"""The ledger: what goes in comes out, and a resumed run forgets what it makes again."""

from pathlib import Path
from typing import Any

import pytest
import torch

from r1ci.errors import StoreError
from r1ci.train import ledger
from r1ci.train.ledger import Recorder


def recorded(episodes: Any) -> tuple[list[Any], list[ledger.Row]]:
    """Four episodes of which the last two were run, and their rows."""
    made = episodes([1.0, 0.0, 0.0, 1.0], group_size=2, unscored=[1])
    recorder = Recorder(updates=[{"loss": 0.5, "tokens": 9, "sequences": 3, "prompts": 2}])
    lengths = [len(item.ids) for item in made[2:]]
    values_BT = torch.arange(2 * max(lengths)).reshape(2, -1) / 7
    recorder.keep([2, 3], lengths, old_logps=values_BT, ref_logps=None)
    return made, ledger.rows(made, [0.0, 0.0, -1.0, 1.0], recorder)


def test_what_is_written_is_read_back(episodes: Any, tmp_path: Path) -> None:
    made, rows = recorded(episodes)
    ledger.write(tmp_path, 4, rows, {"loss": float("nan"), "updates": []})
    facts, found = ledger.read(ledger.path(tmp_path, 4))
    assert facts["step"] == 4
    assert [tuple(row["ids"]) for row in found] == [item.ids for item in made]
    assert [row["update"] for row in found] == [None, None, 1, 1]
    assert found[0]["old_logps"] is None
    assert found[2]["ref_logps"] is None
    assert found[3]["old_logps"] == rows[3]["old_logps"]
    assert len(found[3]["old_logps"]) == len(made[3].ids)
    again = ledger.trajectory(found[0])
    assert (again.reward, again.scored, again.generated_tokens) == (1.0, True, made[0].generated_tokens)
    assert not ledger.trajectory(found[1]).scored


def test_a_resumed_run_forgets_the_steps_that_it_makes_again(episodes: Any, tmp_path: Path) -> None:
    rows = recorded(episodes)[1]
    for step in (0, 2, 4, 12):
        ledger.write(tmp_path, step, rows, {})
    ledger.rewind(tmp_path, 4)
    assert ledger.steps(tmp_path) == [0, 2]
    assert ledger.steps(tmp_path / "elsewhere") == []


@pytest.mark.parametrize(("every", "steps"), [(1, [0, 1, 2, 3, 4]), (3, [0, 3]), (0, [])])
def test_the_spec_says_which_steps_are_written_down(every: int, steps: list[int]) -> None:
    assert [step for step in range(5) if ledger.due(step, {"ledger_every": every})] == steps


def test_a_step_without_episodes_is_written_down_too(tmp_path: Path) -> None:
    ledger.write(tmp_path, 0, [], {})
    assert ledger.read(ledger.path(tmp_path, 0)).rows == []


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"nothing of the kind" * 9], ids=["empty", "torn", "other"])
def test_what_is_no_ledger_is_one_clear_error(damage: bytes, tmp_path: Path) -> None:
    file = tmp_path / "step-0000000.parquet"
    file.write_bytes(damage)
    with pytest.raises(StoreError, match="is not a ledger that can be read"):
        ledger.read(file)


def test_a_ledger_of_another_version_is_refused(episodes: Any, tmp_path: Path) -> None:
    ledger.write(tmp_path, 0, recorded(episodes)[1], {"version": 99})
    with pytest.raises(StoreError, match="has version 99"):
        ledger.read(ledger.path(tmp_path, 0))
