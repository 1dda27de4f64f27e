"""Declared reports on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from r1ci.cli import report

TEXT = "report_version: 1\nruns: [small, 'pap*']\ntitle: Mine\nsections: [verdict]\n"


def layout(folder: str) -> Any:
    return json.loads((Path("reports/out") / folder / "layout.json").read_text())


def test_a_report_file_says_what_is_compared_and_how(cli: Any, steps: Any) -> None:
    Path("reports").mkdir()
    Path("reports/mine.yaml").write_text(TEXT)
    for name in ("reports/mine.yaml", "mine"):
        assert cli("report", name).out == "reports/out/mine/index.html\n"
        assert Path("reports/out/mine/index.html").read_text() == "small pap*"
        assert (layout("mine")["title"], layout("mine")["paper"]) == ("Mine", False)
    assert cli("report", "mine", "--paper", "--out", "there").code == 0
    assert json.loads(Path("there/layout.json").read_text())["paper"] is True


def test_a_run_comes_before_a_report_of_its_name(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec, "--no-report")
    Path("reports").mkdir()
    Path("reports/small.yaml").write_text("nonsense: true")
    assert cli("report", "small").code == 0
    assert layout("small")["title"] == ""
    assert cli("report", "reports/small.yaml").code == 2


def test_a_report_file_stands_alone(cli: Any, steps: Any) -> None:
    Path("mine.yaml").write_text(TEXT)
    result = cli("report", "small", "mine.yaml")
    assert result.code == 2
    assert "a report file stands alone" in result.err


def test_check_and_schema_know_report_files(cli: Any) -> None:
    Path("mine.yaml").write_text(TEXT)
    assert cli("check", "mine.yaml").out == "mine.yaml: ok\n"
    Path("mine.yaml").write_text(TEXT + "sectoins: []\n")
    result = cli("check", "mine.yaml")
    assert result.code == 2
    assert "mine.yaml:5:1" in result.err
    assert "did you mean 'sections'?" in result.err
    assert cli("schema", "report").json["title"] == "r1ci report"
    assert cli("schema", "twin").json["title"] == "r1ci report, index.json"


def test_a_report_file_that_is_not_there_says_so(cli: Any) -> None:
    result = cli("report", "mine.yaml")
    assert result.code == 2
    assert "no such file: mine.yaml" in result.err


def test_watch_writes_the_page_until_the_run_has_ended(
    cli: Any, spec: Path, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("run", spec, "--no-report")
    status = Path("runs/experiments/small/status.json")
    ended = status.read_text()
    running = {**json.loads(ended), "state": "running", "host": "elsewhere"}
    status.write_text(json.dumps(running))
    slept = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert json.loads(Path("reports/out/small/live.json").read_text()) == report.WATCH_S
        if len(slept) == 2:
            status.write_text(ended)

    monkeypatch.setattr(report.time, "sleep", sleep)
    result = cli("report", "small", "--watch")
    assert (result.code, result.out) == (0, "reports/out/small/index.html\n")
    assert result.err.count("the run goes on") == len(slept) == 2
    assert json.loads(Path("reports/out/small/live.json").read_text()) is None


def test_a_gate_that_cannot_be_read_ends_before_anything_is_written(cli: Any, spec: Path, steps: Any) -> None:
    cli("run", spec, "--no-report")
    result = cli("report", "small", "--fail-on-regression", "speed=1")
    assert result.code == 2
    assert "METRIC=POINTS" in result.err
    assert not Path("reports/out/small").exists()


def test_steps_that_only_the_url_has_are_brought_here(
    cli: Any, spec: Path, steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ("--root", f"file://{tmp_path / 'there'}")
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "a"))
    assert cli(*store, "run", spec, "--no-report").code == 0
    plan = json.loads((tmp_path / "there/experiments/small/plan.json").read_text())
    ids = {step["id"] for step in plan["steps"]}

    def here(cache: str) -> set[str]:
        return {path.parent.name for path in (tmp_path / cache).glob("*/steps/*/done.json")}

    assert here("a") == ids
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "b"))
    assert cli(*store, "report", "small").code == 0
    assert here("b") == ids
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "c"))
    shown = cli(*store, "--json", "show", "run", "small").json
    assert shown["done"] == len(ids)
    assert here("c") == {name for name in ids if name.startswith("evaluation-")}
    step = min(ids - here("c"))
    assert "output.txt" in cli(*store, "--json", "show", step).json["files"]
    assert here("c") == {step, *(name for name in ids if name.startswith("evaluation-"))}


def test_watch_sees_a_run_elsewhere_end_through_the_url(
    cli: Any, spec: Path, steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ("--root", f"file://{tmp_path / 'there'}")
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "a"))
    cli(*store, "run", spec, "--no-report")
    status = tmp_path / "there/experiments/small/status.json"
    ended = status.read_text()
    status.write_text(json.dumps({**json.loads(ended), "state": "running", "host": "elsewhere"}))
    monkeypatch.setenv("R1CI_CACHE", str(tmp_path / "b"))
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(slept) < 5
        if len(slept) == 2:
            status.write_text(ended)

    monkeypatch.setattr(report.time, "sleep", sleep)
    assert cli(*store, "report", "small", "--watch").code == 0
