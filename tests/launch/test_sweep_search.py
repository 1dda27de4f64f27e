"""Where trials come from: draws, and Optuna as a function of seed, number and records."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sweep_fakes import sweep

from r1ci.launch.sweep.search import known_total, proposer
from r1ci.spec.sweep.models import Sweep
from r1ci.store.sweeps import TrialRecord

SPACE: dict[str, Any] = {
    "rl.x": {"kind": "uniform", "low": 0.0, "high": 1.0},
    "rl.rate": {"kind": "loguniform", "low": 1e-5, "high": 1e-1},
    "rl.optimizer": {"kind": "choice", "values": ["adamw", "muon"]},
    "rl.n": {"kind": "randint", "low": 2, "high": 10, "step": 2},
    "rl.q": {"kind": "quniform", "low": 0.0, "high": 0.3, "q": 0.1},
    "rl.only": {"kind": "choice", "values": [1, 2], "when": {"rl.optimizer": "muon"}},
}


def optuna(**search: Any) -> Sweep:
    return sweep(space=SPACE, search={"kind": "optuna", "startup": 5, **search}, trials=30)


def played(of: Sweep, count: int, records: tuple[TrialRecord, ...] = ()) -> tuple[TrialRecord, ...]:
    """Trials one after another; the nearer rl.x is to 0.8, the better. Every fifth fails, every fourth is stopped."""
    propose = proposer(of)
    made = list(records)
    for number in range(len(records), count):
        proposal = propose(number, made)
        assert proposal is not None
        trial = proposal.trial
        value = 1 - abs(trial.values["rl.x"] - 0.8)
        record = TrialRecord(number, "s", trial.values, trial.overrides, "done", informed_by=proposal.informed_by)
        if number % 5 == 4:
            made.append(dataclasses.replace(record, state="failed"))
        elif number % 4 == 3:
            made.append(dataclasses.replace(record, state="stopped", curve=((1.0, value - 0.1), (2.0, value))))
        else:
            made.append(dataclasses.replace(record, metric=value))
    return tuple(made)


def test_a_grid_is_proposed_in_order_and_ends() -> None:
    propose = proposer(sweep())
    found = [propose(number, ()) for number in (1, 0, 2, 3)]
    assert [each and each.trial.values["rl.x"] for each in found] == [0.2, 0.1, 0.3, None]
    assert known_total(sweep()) == 3


@pytest.mark.parametrize(
    ("search", "trials", "total"), [("random", 7, 7), ("random", None, None), ("optuna", 7, 7), ("optuna", None, None)]
)
def test_the_number_of_trials_is_known_unless_a_budget_ends_them(search: str, trials: int | None, total: int) -> None:
    assert known_total(sweep(space=SPACE, search={"kind": search}, trials=trials, budget={"time_s": 1})) == total


def test_optunas_suggestions_are_the_same_every_time_and_after_a_resume() -> None:
    pytest.importorskip("optuna")
    whole = played(optuna(), 14)
    assert played(optuna(), 14) == whole
    assert played(optuna(), 14, whole[:9]) == whole
    assert played(optuna(seed=1), 14) != whole


def test_optuna_learns_from_done_and_stopped_trials_and_says_from_which() -> None:
    pytest.importorskip("optuna")
    records = played(optuna(), 30)
    assert records[8].informed_by == (0, 1, 2, 3, 5, 6, 7)
    late = [abs(record.values["rl.x"] - 0.8) for record in records[20:]]
    early = [abs(record.values["rl.x"] - 0.8) for record in records[:10]]
    assert sum(late) / len(late) < sum(early) / len(early)
    assert proposer(optuna())(30, records) is None


def test_optuna_keeps_to_the_space() -> None:
    pytest.importorskip("optuna")
    records = played(optuna(), 25)
    for values in (record.values for record in records):
        assert set(values) - {"rl.only"} == set(SPACE) - {"rl.only"}
        assert ("rl.only" in values) == (values["rl.optimizer"] == "muon")
        assert values["rl.n"] in (2, 4, 6, 8, 10)
        assert values["rl.q"] in (0.0, 0.1, 0.2, 0.3)
        assert 1e-5 <= values["rl.rate"] <= 1e-1
        assert values["rl.rate"] == float(f"{values['rl.rate']:.6g}")
    assert len({record.values["rl.x"] for record in records}) > 20
