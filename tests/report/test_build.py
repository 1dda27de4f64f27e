from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from r1ci.errors import R1ciError, UsageError
from r1ci.report import contenders
from r1ci.report.build import build
from r1ci.report.sections import SECTIONS

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def files(full: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    made = build(full, ["quickstart"], tmp_path_factory.mktemp("out"), now=NOW)
    return made.html, made.json


class Page(HTMLParser):
    """Tags with their attributes, and the content of script elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_same_store_gives_the_same_bytes(full: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    again = build(full, ["quickstart"], tmp_path / "deep" / "er", now=NOW)
    assert again.html.read_bytes() == files[0].read_bytes()
    assert again.json.read_bytes() == files[1].read_bytes()


def test_the_page_loads_nothing_and_is_small_enough(files: tuple[Path, Path]) -> None:
    text = files[0].read_text(encoding="utf-8")
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "img"), tag
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)
    own = re.sub(r'<script type="text/plain" id="plotly">.*?</script>', "", text, flags=re.DOTALL)
    assert not re.search(r"https?://|url\(|@import", own)
    assert len(text) < 8_000_000


def test_every_script_that_may_run_is_named_by_its_hash(files: tuple[Path, Path]) -> None:
    text = files[0].read_text(encoding="utf-8")
    policy = next(a["content"] for tag, a in Page(text).tags if tag == "meta" and "http-equiv" in a)
    assert policy is not None
    assert "default-src 'none'" in policy
    script = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert re.fullmatch(r"script-src( 'sha256-[A-Za-z0-9+/]+='){5}", script)


def test_hostile_text_can_neither_close_a_script_nor_open_a_tag(files: tuple[Path, Path]) -> None:
    page = Page(files[0].read_text(encoding="utf-8"))
    assert [tag for tag, _ in page.tags].count("script") == 7
    assert not [tag for tag, _ in page.tags if tag == "img"]


def test_the_twin_holds_the_same_sections(files: tuple[Path, Path]) -> None:
    twin = json.loads(files[1].read_text(encoding="utf-8"))
    assert set(twin["sections"]) == {section.id for section in SECTIONS} - {"paper", "sweep"}
    assert twin["head"]["made"] == "2026-01-02T03:04:05+00:00"
    row = next(row for row in twin["sections"]["leaderboard"]["rows"] if row["label"] == "curriculum")
    page = files[0].read_text(encoding="utf-8")
    assert f"<b>{100 * row['scores']['new']['accuracy']['value']:.1f}</b>" in page
    assert len(twin["sections"]["trajectories"]["entries"]) == 576


def test_a_path_to_a_page_is_taken_as_it_is(full: Path, tmp_path: Path) -> None:
    made = build(full, ["quickstart", "quickstart"], tmp_path / "mine.html", now=NOW)
    assert (made.html.name, made.json.name) == ("mine.html", "mine.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "mine.json"]


def test_a_report_of_nothing_is_refused(full: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one experiment"):
        build(full, [], tmp_path, now=NOW)


def test_a_place_that_cannot_be_written_is_an_error_with_a_way_out(full: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(R1ciError, match="cannot be written") as caught:
        build(full, ["quickstart"], tmp_path / "file" / "out", now=NOW)
    assert caught.value.help == "choose another folder with --out"


def test_a_page_without_curves_leaves_plotly_out(make_store: Callable[..., Path], tmp_path: Path) -> None:
    root = make_store(failed=lambda role, variant, seed: role == "questions")
    made = build(root, ["quickstart"], tmp_path / "out", now=NOW)
    assert made.html.stat().st_size < 200_000


def test_of_many_variants_the_baseline_and_the_first_are_drawn_and_the_page_says_so(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contenders, "MOST_DRAWN", 1)
    files = build(full, ["quickstart"], tmp_path, baseline="plain", now=NOW)
    page = files.html.read_text()
    said = "of 4, the baseline and the first others. All are in index.json."
    assert page.count(said) == 2, "of checkpoints: tasks and the use of code"
    assert page.count("Drawn here: 1 of 2, the baseline") == 3, "of runs: curriculum, reward, signals by task"
    assert "Drawn here: 1 of 2 runs" in page
    assert 'data-run="plain" data-task' in page
    assert 'data-run="curriculum" data-task' not in page
    twin = json.loads(files.json.read_text())["sections"]
    assert [run["drawn"] for run in twin["curriculum"]["runs"]] == [False, True]
    assert len(twin["tasks"]["rows"][0]["accuracies"]) == 4
    assert len(twin["leaderboard"]["rows"]) == 4
