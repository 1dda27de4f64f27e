"""Which trajectories the viewer gets: strata, and groups of training."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from training import write_ledger

from r1ci.report.contenders import compare
from r1ci.report.data import Findings, read_findings
from r1ci.report.ledgers import GROUPS, shares
from r1ci.report.sections.trajectories import trajectories_data


def test_a_sample_takes_every_stratum_in_turn(findings: Findings) -> None:
    whole = trajectories_data(compare(findings, None))
    strata = Counter((entry.run, entry.set, entry.task, entry.correct) for entry in whole.entries)
    data = trajectories_data(compare(findings, None), budget=30_000)
    shown = Counter((entry.run, entry.set, entry.task, entry.correct) for entry in data.entries)
    assert len(strata) <= len(data.entries) < len(whole.entries)
    assert shown.keys() == strata.keys()
    level = max(shown.values())
    assert all(shown[stratum] >= min(strata[stratum], level - 1) for stratum in strata)
    assert f"{len(data.entries)} of 576 that the store has: a sample with seed 0" in data.rule


def test_training_gives_whole_groups_whose_rewards_differ(make_store: Callable[..., Path]) -> None:
    root = make_store(seeds=(0,), variants={"only": {}})
    write_ledger(root, steps=(0, 1, 2, 3, 4, 5, 6))
    findings = read_findings(root, ["quickstart"])
    ((lines),) = findings.groups.values()
    assert Counter((line["step"], line["trajectory"]["question_id"]) for line in lines) == {
        (step, "rg/gcd#1"): 4 for step in (0, 2, 4, 6)
    }
    assert lines[0]["tokens"] == {
        "texts": ["<user>", "What", "?", "print", "(", "12", "out"], "mask": [3, 3, 1], "advantages": None, "of": 7,
    }  # fmt: skip
    data = trajectories_data(compare(findings, None))
    assert data.trained == 16
    trained = [entry for entry in data.entries if entry.set == "training"]
    assert {entry.run for entry in trained} == {"only"}
    assert {entry.advantage for entry in trained} == {0.5, -0.5}
    assert len({entry.id for entry in data.entries}) == len(data.entries)


def test_a_damaged_ledger_is_a_problem_and_no_end(make_store: Callable[..., Path]) -> None:
    root = make_store(seeds=(0,), variants={"only": {}})
    write_ledger(root)
    next((root / "steps").glob("rl-*/ledger/*.parquet")).write_bytes(b"nonsense")
    findings = read_findings(root, ["quickstart"])
    assert [problem.where.rpartition("/")[2] for problem in findings.problems] == ["ledger"]


def test_groups_are_shared_out_among_runs() -> None:
    assert shares(["a", "b"]) == {"a": 4, "b": 4}
    assert set(shares([str(run) for run in range(30)]).values()) == {1}
    many = shares([str(run) for run in range(100)])
    assert len(many) == sum(many.values()) == GROUPS
    assert shares([]) == {}
