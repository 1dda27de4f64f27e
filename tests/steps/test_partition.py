"""Cutting the groups, from measured potentials and at random."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from r1ci.spec.models import BetaScore, Partition
from r1ci.steps import partition
from r1ci.tasks.base import Question
from r1ci.tasks.storage import write_questions
from r1ci.train.rl import read_groups

MEASURED = {0: 0.5, 1: 1.0, 2: 0.25, 3: 0.0, 4: 0.6, 5: 0.95}
"""Accuracy by question; the potentials are 1, 0, 0.75, 0, 0.96, 0.19."""


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    folder = tmp_path / "questions-1"
    folder.mkdir()
    drawn = [Question("fake/digits", index, f"Write {index}.", str(index)) for index in range(8)]
    write_questions(folder, {"sft": drawn[6:], "rl": drawn[:6], "new": [], "test": []})
    return folder


@pytest.fixture
def potential(tmp_path: Path) -> Path:
    return measured(tmp_path / "potential-1", list(MEASURED))


def measured(folder: Path, indices: Sequence[int]) -> Path:
    folder.mkdir()
    rows = [
        {
            "question_id": f"fake/digits#{index}",
            "task": "fake/digits",
            "attempts": 20,
            "correct": round(20 * MEASURED[index]),
            "p": MEASURED[index],
            "potential": 4 * MEASURED[index] * (1 - MEASURED[index]),
        }
        for index in indices
    ]
    pl.DataFrame(rows).write_parquet(folder / "potential.parquet")
    return folder


def run(context: Any, spec: Partition, reads: dict[str, Path], seed: int = 0) -> Path:
    given = context("partition", {"partition": spec.model_dump(mode="json"), "seed": seed}, reads)
    partition.run(given)
    folder: Path = given.folder
    return folder


def ids(*indices: int) -> list[str]:
    return [f"fake/digits#{index}" for index in indices]


def test_groups_follow_the_potential(context: Any, questions: Path, potential: Path) -> None:
    folder = run(context, Partition(by="potential", groups=3), {"questions": questions, "potential": potential})
    groups = read_groups(folder)
    assert groups[:2] == [ids(0, 4), ids(2, 5)]
    assert sorted(groups[2]) == ids(1, 3)
    table = pl.read_parquet(folder / "partition.parquet")
    assert table.columns == ["question_id", "task", "group", "p", "potential"]
    assert table.filter(pl.col("question_id") == "fake/digits#5").row(0) == (
        "fake/digits#5",
        "fake/digits",
        2,
        0.95,
        pytest.approx(0.19),
    )
    spans = json.loads((folder / "groups.json").read_text())
    assert [(span["group"], span["size"]) for span in spans] == [(1, 2), (2, 2), (3, 2)]
    assert (spans[0]["highest"], spans[0]["lowest"]) == (1.0, pytest.approx(0.96))


def test_groups_follow_the_difficulty(context: Any, questions: Path, potential: Path) -> None:
    folder = run(context, Partition(by="difficulty", groups=2), {"questions": questions, "potential": potential})
    assert read_groups(folder) == [ids(1, 5, 4), ids(0, 2, 3)]


def test_another_score_of_the_same_measurement_cuts_other_groups(
    context: Any, questions: Path, potential: Path
) -> None:
    harder = Partition(by="potential", groups=2, score=BetaScore(a=1, b=20))
    folder = run(context, harder, {"questions": questions, "potential": potential})
    table = pl.read_parquet(folder / "partition.parquet")
    assert table.sort("potential", descending=True)["p"].to_list()[:3] == [0.25, 0.5, 0.6]


def test_groups_at_random_need_no_potential(context: Any, questions: Path) -> None:
    folder = run(context, Partition(by="random", groups=3), {"questions": questions})
    groups = read_groups(folder)
    assert [len(group) for group in groups] == [2, 2, 2]
    assert sorted(name for group in groups for name in group) == ids(*range(6))
    table = pl.read_parquet(folder / "partition.parquet")
    assert table["potential"].null_count() == table["p"].null_count() == 6
    assert {span["highest"] for span in json.loads((folder / "groups.json").read_text())} == {None}


def test_an_empty_group_is_kept_as_empty(context: Any, questions: Path, potential: Path) -> None:
    spec = Partition(by="potential", edges=[0.9, 0.8, 0.1])
    folder = run(context, spec, {"questions": questions, "potential": potential})
    groups = read_groups(folder)
    assert groups[:3] == [ids(0, 4), [], ids(2, 5)]
    assert sorted(groups[3]) == ids(1, 3)


def test_questions_that_were_not_measured_are_in_no_group(context: Any, questions: Path, tmp_path: Path) -> None:
    reads = {"questions": questions, "potential": measured(tmp_path / "potential-2", [0, 2, 4])}
    groups = read_groups(run(context, Partition(by="potential", groups=3), reads))
    assert groups == [ids(0), ids(4), ids(2)]
