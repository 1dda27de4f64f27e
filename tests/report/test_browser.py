"""The page in a real browser, from the disk: nothing fails, nothing is fetched, hostile text stays text."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser import CHROMIUM, Browser

from r1ci.report.build import build

NOW = datetime(2026, 1, 2, tzinfo=UTC)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture(scope="module")
def page(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(full, ["quickstart"], tmp_path_factory.mktemp("page"), now=NOW).html


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile") as opened:
        yield opened


def test_the_page_draws_everything_without_a_complaint_or_a_request(page: Path, browser: Browser) -> None:
    browser.open(page)
    assert browser.value("document.querySelectorAll('.js-plotly-plot').length") == 0, "charts wait until they are seen"
    browser.value("document.getElementById('curves').scrollIntoView()")
    browser.until("document.querySelectorAll('.js-plotly-plot .scatterlayer .trace').length > 8")
    browser.value("document.getElementById('smoothing').dispatchEvent(new Event('input'))")
    browser.value("document.querySelector('.legend .run').click()")
    browser.value("document.getElementById('theme').click()")
    browser.value("document.getElementById('trajectories').scrollIntoView()")
    browser.until("document.getElementById('count').textContent === '576 trajectories'")
    assert browser.value("document.getElementById('failure').hidden")
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]


def test_it_prints_in_light_and_goes_back_to_dark(page: Path, browser: Browser) -> None:
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    browser.open(page)
    ink = "getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()"
    assert browser.value(ink) == "#e8eaed"
    browser.value("window.dispatchEvent(new Event('beforeprint'))")
    assert browser.value(ink) == "#14171b"
    assert browser.value("[...document.querySelectorAll('figure details')].every((details) => details.open)")
    browser.value("window.dispatchEvent(new Event('afterprint'))")
    assert browser.value(ink) == "#e8eaed"


def test_the_leaderboard_sorts_hides_columns_and_writes_itself_as_text(page: Path, browser: Browser) -> None:
    browser.open(page)
    names = "[...document.querySelectorAll('#board tbody th[data-text]')].map((head) => head.dataset.text)"
    sort = "document.querySelector('#board th[data-id=\"new-accuracy\"] .sort')"
    assert browser.value(names) == ["base", "SFT", "curriculum", "plain"]
    for order, expected in (
        ("descending", ["curriculum", "plain", "SFT", "base"]),
        ("ascending", ["base", "SFT", "plain", "curriculum"]),
        (None, ["base", "SFT", "curriculum", "plain"]),
    ):
        browser.value(f"{sort}.click()")
        assert browser.value(names) == expected
        assert browser.value(f"{sort}.closest('th').getAttribute('aria-sort')") == order
    shown = "[...document.querySelectorAll('#board td')].filter((cell) => cell.offsetWidth).length"
    before = browser.value(shown)
    browser.value("document.querySelector('[data-column=\"new-baseline\"]').click()")
    browser.value("document.querySelector('[data-column=\"wall\"]').click()")
    browser.value("document.querySelector('[data-column=\"calls\"]').click()")
    assert browser.value(shown) == before - 4
    assert browser.value("document.querySelector('th[data-group=\"Per episode\"]').colSpan") == 3
    browser.value("document.querySelector('[data-copy=markdown]').click()")
    lines = browser.value("document.getElementById('copy-text').value").split("\n")
    assert [line.split(" | ")[0] for line in lines] == [
        "| Checkpoint", "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|", "| base", "| SFT",
        "| curriculum", "| plain",
    ]  # fmt: skip
    assert "wall time" in lines[0]
    assert "calls" not in lines[0]
    browser.value("document.querySelector('[data-copy=latex]').click()")
    latex = browser.value("document.getElementById('copy-text').value")
    assert latex.startswith("\\begin{tabular}{lrrr")
    assert "New questions of training tasks: \\%" in latex
    browser.until("document.getElementById('copied').textContent")
    assert browser.complaints() == []


def test_hostile_text_is_shown_as_text(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.value("document.getElementById('trajectories').scrollIntoView()")
    browser.until("document.querySelectorAll('#items button').length > 0")
    browser.value("document.getElementById('filter-text').value = 'window.hacked'")
    browser.value("document.getElementById('filter-text').dispatchEvent(new Event('input'))")
    browser.until("document.getElementById('pane').textContent.includes('</script><img src=x onerror')")
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert browser.value("window.hacked === undefined")
    assert browser.complaints() == []


def test_keys_walk_the_trajectories_and_the_address_names_them(page: Path, browser: Browser) -> None:
    browser.open(page)
    for times in (1, 2):
        browser.value("document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'j', bubbles: true}))")
        browser.until(f"document.querySelector('#items li:nth-child({times + 1}) [aria-current=true]')")
    fragment = browser.value("location.hash")
    assert fragment.startswith("#t=")
    shown = browser.value("document.querySelector('#pane h3').textContent")
    browser.open(page.parent / "index.json")
    browser.open(page, fragment)
    browser.until("document.querySelector('#pane h3')")
    assert browser.value("document.querySelector('#pane h3').textContent") == shown


def test_a_number_of_the_heat_map_leads_to_its_trajectories(page: Path, browser: Browser) -> None:
    browser.open(page)
    browser.value('document.querySelector(\'a[data-run="curriculum"][data-task="rg/gcd"]\').click()')
    browser.until("document.getElementById('count').textContent === '12 trajectories'")
    assert browser.value("document.querySelector('#pane h3').textContent").startswith("rg/gcd#")


def test_a_page_of_a_broken_experiment_has_no_complaint(
    make_store: Callable[..., Path], tmp_path: Path, browser: Browser
) -> None:
    root = make_store(failed=lambda role, variant, seed: role in ("sft", "evaluation:base:code_agent"))
    page = build(root, ["quickstart"], tmp_path / "out", now=NOW).html
    browser.open(page)
    browser.value("document.getElementById('methods').scrollIntoView()")
    assert browser.complaints() == []


def test_what_can_be_copied_is_copied_or_left_selected(page: Path, browser: Browser) -> None:
    browser.open(page)
    assert not browser.value("document.querySelector('[data-copies=command-1]').hidden")
    browser.value("document.querySelector('[data-copies=command-1]').click()")
    browser.until("document.querySelector('[data-copies=command-1]').textContent !== 'Copy'")
    assert browser.value("getSelection().toString().trim()") == "r1ci run specs/quickstart.yaml"
    assert browser.complaints() == []


def test_every_drawing_is_named_and_nothing_stands_out_of_the_page(page: Path, browser: Browser) -> None:
    browser.open(page)
    unnamed = "[...document.querySelectorAll('svg')].filter((svg) => !svg.matches('[role=img][aria-label]')).length"
    assert browser.value(unnamed) == 0
    bare = "[...document.querySelectorAll('figure')].filter((box) => !box.querySelector('details table')).length"
    assert browser.value(bare) == 0
    ids = browser.value("[...document.querySelectorAll('[id]')].map((element) => element.id)")
    assert len(ids) == len(set(ids))
    browser.value("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
    for width in (1300, 390):
        browser.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        assert browser.value("document.documentElement.scrollWidth") <= width


def test_the_page_saves_its_data_as_files(page: Path, browser: Browser, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    browser.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(saved))
    browser.open(page)
    for name in ("leaderboard.csv", "metrics.csv", "trajectories.jsonl.gz"):
        browser.value(f"document.querySelector('[data-download=\"{name}\"]').click()")
        for _ in range(600):
            if (saved / name).exists():
                break
            browser.value("new Promise((done) => setTimeout(done, 50))")
    twin = json.loads(page.with_suffix(".json").read_text())["sections"]
    board = list(csv.DictReader((saved / "leaderboard.csv").open()))
    assert [line["checkpoint"] for line in board] == ["base", "SFT", "curriculum", "plain"]
    first = twin["leaderboard"]["rows"][0]["scores"]["new"]["accuracy"]["value"]
    assert float(board[0]["New questions of training tasks: %"]) == first
    points = list(csv.DictReader((saved / "metrics.csv").open()))
    assert {line["seed"] for line in points if line["metric"] == "rl-reward"} == {"", "0", "1", "2"}
    with gzip.open(saved / "trajectories.jsonl.gz", "rt") as file:
        lines = [json.loads(line) for line in file]
    assert [line["id"] for line in lines] == [entry["id"] for entry in twin["trajectories"]["entries"]]
    assert lines[0]["record"]["trajectory"]["turns"]
    assert browser.value("document.getElementById('twin').getAttribute('href')") == "index.json"
    assert browser.complaints() == []
    assert browser.requests() == [page.resolve().as_uri()]
