"""Reports as files, and the gate for automation."""

from __future__ import annotations

import csv
import gzip
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from r1ci.errors import UsageError
from r1ci.report import export as exporting
from r1ci.report.build import Report, build
from r1ci.report.export import export
from r1ci.report.figures import figures
from r1ci.report.gate import Gate, parse, regressions
from r1ci.report.sections.leaderboard import leaderboard_data

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def report(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return build(full, ["quickstart"], tmp_path_factory.mktemp("page"), now=NOW).report


@pytest.fixture(scope="module")
def folder(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("export")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "rasterize", lambda drawings: None)
        result = export(report, made)
    assert result.left_out.startswith("figures are SVG only")
    assert set(result.paths) == {path for path in made.rglob("*") if path.is_file()}
    return made


def test_the_tables_say_what_the_leaderboard_says(report: Report, folder: Path) -> None:
    data = leaderboard_data(report.comparison)
    lines = list(csv.DictReader((folder / "leaderboard.csv").open()))
    assert [(line["name"], line["set"]) for line in lines] == [
        (row.name, set) for row in data.rows for set in row.scores
    ]
    best = data.rows[2].scores["new"]
    assert best.accuracy is not None
    assert best.to_baseline is not None
    assert (float(lines[4]["accuracy"]), float(lines[4]["low"])) == (best.accuracy.value, best.accuracy.low)
    assert float(lines[4]["vs_baseline_p_holm"]) == best.to_baseline.holm
    table = (folder / "leaderboard.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == ["| base", "| SFT", "| curriculum", "| plain"]
    assert len({line.count("|") for line in table}) == 1
    tex = (folder / "leaderboard.tex").read_text()
    assert len({line.count(" & ") for line in tex.splitlines() if line.endswith(r"\\")}) == 1
    assert not re.search(r"(?<!\\)[%_]", tex)


def test_metrics_have_a_line_per_training_step_and_trajectories_all_that_were_kept(folder: Path) -> None:
    metrics = pl.read_parquet(folder / "metrics.parquet")
    assert metrics.group_by("kind").len().sort("kind").rows() == [("rl", 6 * 48), ("sft", 3 * 60)]
    assert metrics.shape == pl.read_csv(folder / "metrics.csv", infer_schema_length=None).shape
    with gzip.open(folder / "trajectories.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    assert len(lines) == 576
    assert lines[0]["record"]["trajectory"]["turns"]


def test_figures_stand_alone(folder: Path) -> None:
    drawn = sorted((folder / "figures").glob("*.svg"))
    assert len(drawn) > 20
    for path in drawn:
        text = path.read_text()
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(--" not in text
        assert re.fullmatch(r"[a-z]+-\d\d-[a-z0-9-]+\.svg", path.name)


def test_a_page_without_charts_has_no_figures() -> None:
    assert figures([]) == {}


def test_a_gate_fails_only_where_the_whole_interval_is_below(report: Report) -> None:
    gates = [Gate("new", 0.0), Gate("test", 0.0)]
    assert regressions(report.comparison, gates) == []
    turned = replace(report.comparison, baseline="curriculum")
    (sentence,) = regressions(turned, [Gate("new", 0.0)])
    assert sentence.startswith("plain against curriculum on new questions of training tasks: \u2212")
    assert "95% interval" in sentence
    assert regressions(turned, [Gate("new", 1.0)]) == []


def test_a_gate_does_not_pass_where_nothing_was_measured(report: Report) -> None:
    plain = next(c for c in report.comparison.contenders if c.name == "plain")
    lost = {
        id: () if id in plain.evaluations.values() else of for id, of in report.comparison.findings.attempts.items()
    }
    comparison = replace(report.comparison, findings=replace(report.comparison.findings, attempts=lost))
    (sentence,) = regressions(comparison, [Gate("new", 1.0)])
    assert sentence.endswith("so nothing is known")


def test_a_gate_without_a_baseline_is_refused(report: Report) -> None:
    with pytest.raises(UsageError, match="no variant can be held against a baseline on test tasks"):
        regressions(replace(report.comparison, baseline=None), [Gate("test", 0.0)])


@pytest.mark.parametrize(
    ("text", "message"),
    [("reward=1", "there is no metric 'reward'"), ("new", "'' is no number"), ("new=-1", "between 0 and 100")],
)
def test_gates_that_cannot_be_read_say_how(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        parse(text)
    assert "METRIC=POINTS" in refused.value.help


def test_a_gate_is_in_points() -> None:
    assert parse("test=2.5") == Gate("test", 0.025)
