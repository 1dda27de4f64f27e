"""Declared reports: what their files may say, what the page makes of it, and the schema of its JSON twin."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest

from r1ci.errors import UsageError
from r1ci.report.build import build
from r1ci.report.markdown import markdown
from r1ci.report.sections import SECTIONS
from r1ci.report.sections.paper import paper_data
from r1ci.report.twin import twin_schema
from r1ci.spec.diagnostics import SpecError, render
from r1ci.spec.reference import REPORT_REFERENCE, REPORT_SCHEMA, report_reference_text, report_schema_text
from r1ci.spec.report import SECTION_IDS, DeclaredReport, Layout, load_report
from r1ci.spec.schema import report_schema

REPOSITORY = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MakeStore = Callable[..., Path]


def declared(tmp_path: Path, text: str) -> DeclaredReport:
    path = tmp_path / "mine.yaml"
    path.write_text(f"report_version: 1\n{text}")
    return load_report(path)


# ---------------------------------------------------------------- the language


def test_the_language_knows_the_sections_that_there_are() -> None:
    assert tuple(section.id for section in SECTIONS) == SECTION_IDS


@pytest.mark.parametrize("path", sorted((REPOSITORY / "reports").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_reports_are_valid(path: Path) -> None:
    import yaml

    assert load_report(path).runs
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), report_schema())


@pytest.mark.parametrize(
    ("text", "place", "message", "help"),
    [
        ("runs: []", "2:7", "runs is too short", "Names of experiments"),
        ("run: [a]\nruns: [a]", "2:1", "unknown key 'run'", "did you mean 'runs'?"),
        ("runs: [a]\nsections: [verdict, bord]", "3:21", "not a value of 'sections'", ""),
        ("runs: [a]\nsections: [tasks, tasks]", "3:19", "tasks is listed twice", "listed once"),
        ("runs: [a]\nsections: [paper]", "3:12", "the paper's figures are not asked for", "paper: true"),
        ("runs: [a]\nsections: [tasks]\nexclude: [cost]", "4:10", "nothing to exclude", ""),
        ("runs: [a]\nnotes: {leaderbord: x}", "3:21", "no section is called 'leaderbord'", "'leaderboard'?"),
        ("runs: [a]\nexclude: [cost]\nnotes: {cost: x}", "4:15", "a note for cost, which is not shown", "show it"),
        ("runs: a", "2:7", "expected a list", ""),
        ("title: x", "1:1", "missing key 'runs'", ""),
    ],
)
def test_a_wrong_report_file_says_where_and_what_to_do(
    tmp_path: Path, text: str, place: str, message: str, help: str
) -> None:
    with pytest.raises(SpecError) as caught:
        declared(tmp_path, text)
    said = render(caught.value.diagnostics)
    assert f"mine.yaml:{place}" in said
    assert message in said
    assert help in said


def test_sections_are_shown_in_the_order_listed_and_the_papers_figures_after_the_leaderboard() -> None:
    assert Layout().shown == tuple(name for name in SECTION_IDS if name != "paper")
    assert Layout(paper=True).shown == SECTION_IDS
    assert Layout(exclude=["alerts"], paper=True).shown == tuple(name for name in SECTION_IDS if name != "alerts")
    assert Layout(sections=["tasks", "verdict"]).shown == ("tasks", "verdict")
    assert Layout(sections=["leaderboard", "tasks"], paper=True).shown == ("leaderboard", "paper", "tasks")
    assert Layout(sections=["tasks"], paper=True).shown == ("tasks", "paper")
    assert Layout(sections=["paper", "tasks"], paper=True).shown == ("paper", "tasks")


def test_the_reference_and_the_schema_are_those_of_the_models() -> None:
    assert (REPOSITORY / REPORT_REFERENCE).read_text(encoding="utf-8") == report_reference_text()
    assert (REPOSITORY / REPORT_SCHEMA).read_text(encoding="utf-8") == report_schema_text()


# ---------------------------------------------------------------- the page


def test_a_layout_decides_title_sections_notes_and_how_many_trajectories(full: Path, tmp_path: Path) -> None:
    layout = Layout(
        title="Mine <1>",
        sections=["trajectories", "verdict"],
        notes={"top": "# Why\n\nBecause **so**.", "verdict": "Read *this*."},
        trajectories=7,
    )
    files = build(full, ["quick*"], tmp_path, layout=layout, now=NOW)
    page, twin = files.html.read_text(encoding="utf-8"), json.loads(files.json.read_text(encoding="utf-8"))
    assert "<h1>Mine &lt;1&gt;</h1>" in page
    assert re.findall(r'<section id="(\w+)"', page) == ["trajectories", "verdict"]
    assert "<h3>Why</h3>\n<p>Because <strong>so</strong>.</p>" in page
    assert page.index("Because") < page.index('id="trajectories"') < page.index("<em>this</em>")
    assert list(twin["sections"]) == ["trajectories", "verdict"]
    assert twin["notes"]["verdict"] == "Read *this*."
    assert len(twin["sections"]["trajectories"]["entries"]) == 7
    assert 'href="#trajectories"' in page
    assert len(page) < 300_000, "no learning curves, no plotly"


def test_the_papers_figures_are_shown_only_where_asked_for_and_marked(full: Path, tmp_path: Path) -> None:
    without = build(full, ["quickstart"], tmp_path / "without", now=NOW).html.read_text(encoding="utf-8")
    files = build(full, ["quickstart"], tmp_path / "with", layout=Layout(paper=True), now=NOW)
    page = files.html.read_text(encoding="utf-8")
    assert "Published figures" not in without
    assert "Not measured here" in page
    assert "arXiv 2505.21668 v3" in page
    assert json.loads(files.json.read_text(encoding="utf-8"))["sections"]["paper"]["figures"][0]["value"] == 72.4


def test_the_papers_figures_are_the_well_attested_ones() -> None:
    figures = {(f.system, f.measure): f.value for f in paper_data(None).figures}  # type: ignore[arg-type]
    assert figures["R1-CI-14B", "37 test tasks"] == 72.4
    assert figures["14B model before training", "37 test tasks"] == 44.1
    assert not {64.1, 36.4, 31.5, 74.4, 65.6, 63.1, 66.5} & set(figures.values()), "another version, or hearsay"


def test_a_pattern_that_fits_no_run_is_refused_with_those_there_are(full: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no experiment fits 'paper-\*'") as caught:
        build(full, ["paper-*"], tmp_path, now=NOW)
    assert caught.value.help == "the store has: quickstart"


# ---------------------------------------------------------------- notes


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a | b\n--|--\n1 | 2", "<table>"),
        ("## Two", "<h4>Two</h4>"),
        ("`x < y`", "<code>x &lt; y</code>"),
        ("[docs](https://example.org)", '<a href="https://example.org">docs</a>'),
    ],
)
def test_notes_are_markdown(text: str, html: str) -> None:
    assert html in markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        "<script>hacked()</script>",
        "<img src=x onerror=hacked()>",
        "![x](https://example.org/x.png)",
        "[x](javascript:hacked())",
        "[x](data:text/html;base64,AAAA)",
        '"><svg onload=hacked()>',
        '[x](https://a"onmouseover=hacked())',
    ],
)
def test_notes_can_run_and_load_nothing(text: str) -> None:
    html = markdown(text)
    tags = set(re.findall(r"<(\w+)", html))
    assert tags <= {"p", "a"}
    assert not re.search(r"<[^>]*\son\w+\s*=", html)
    assert not re.search(r'(href|src)="(javascript|data)', html)


# ---------------------------------------------------------------- the twin


@pytest.mark.parametrize(
    "choices",
    [{}, {"seeds": (0,)}, {"until": "sft"}, {"failed": lambda role, variant, seed: role == "questions"}],
    ids=["whole", "one seed", "no rl", "nothing done"],
)
def test_index_json_is_what_its_schema_says(make_store: MakeStore, tmp_path: Path, choices: dict[str, object]) -> None:
    files = build(make_store(**choices), ["quickstart"], tmp_path / "out", layout=Layout(paper=True), now=NOW)
    schema = twin_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    twin = json.loads(files.json.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(twin)
    twin["sections"]["verdict"]["claim"] = 7
    with pytest.raises(jsonschema.ValidationError, match="7 is not of type 'string'"):
        jsonschema.Draft202012Validator(schema).validate(twin)
