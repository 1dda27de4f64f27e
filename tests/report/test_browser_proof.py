"""The page in a real browser: hostile and huge stores, keys, accessibility, print, tokens of training."""

from __future__ import annotations

import base64
import gzip
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from browser import CHROMIUM, Browser
from training import write_ledger

from r1ci.report.build import build

NOW = datetime(2026, 1, 2, tzinfo=UTC)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile") as opened:
        opened.send(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
        )
        yield opened


def press(browser: Browser, key: str) -> None:
    browser.value(
        f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{key: {json.dumps(key)}, bubbles: true}}))"
    )


def choose(browser: Browser, filter: str, value: str) -> None:
    field = f"document.getElementById('filter-{filter}')"
    browser.value(f"{field}.value = {json.dumps(value)}, {field}.dispatchEvent(new Event('input'))")


def rewrite(root: Path, lines: list[dict[str, Any]]) -> None:
    """One evaluation of a store keeps these trajectories, the others none."""
    for index, path in enumerate(sorted((root / "steps").glob("evaluation-*/trajectories.jsonl.gz"))):
        path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines if not index).encode()))


def line(index: int, text: str = "so 12", code: str = "print(12)", stdout: str = "12") -> dict[str, Any]:
    execution = {"status": "ok", "stdout": stdout, "stderr": stdout, "exit_code": 0, "wall_s": 0.1, "reason": text}
    turns = [{"text": f"{text}\n```python\n{code}\n```", "code": code, "execution": execution, "violations": []}]
    trajectory = {
        "task": "rg/gcd", "question_id": f"rg/gcd#{index}", "agent": "code_agent", "sample": 0, "correct": True,
        "stop_reason": "answer", "answer": text, "rewards": {"correctness": 1.0}, "turns": turns, "text": text,
    }  # fmt: skip
    return {"set": "new", "question": text, "reference": text, "trajectory": trajectory}


EVIL = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1"><svg onload="window.hacked=1">'


def test_thousands_of_trajectories_with_hostile_ones_are_a_short_list_of_plain_text(
    make_store: Callable[..., Path], tmp_path: Path, browser: Browser
) -> None:
    root = make_store(seeds=(0,), variants={"only": {}})
    hostile = [line(0, EVIL, EVIL, EVIL), line(1, "a\u202eb\u200fc\x1bd"), line(2, "l" * 10**6, "x=" + "1" * 10**6)]
    rewrite(root, hostile + [line(index) for index in range(3, 5000)])
    browser.open(build(root, ["quickstart"], tmp_path / "out", now=NOW).html)
    browser.value("document.getElementById('trajectories').scrollIntoView()")
    browser.until("document.getElementById('count').textContent === '5,000 trajectories'")
    assert browser.value("document.querySelectorAll('#items button').length") < 60
    browser.value("document.getElementById('scroller').scrollTop = 1e9")
    browser.until("document.querySelector('#items li:last-child').getAttribute('aria-posinset') === '5000'")
    choose(browser, "text", "window.hacked")
    browser.until("document.getElementById('pane').textContent.split('</script><script>').length >= 8")
    choose(browser, "text", "rg/gcd#1/")
    browser.until("document.getElementById('pane').textContent.includes('a\\\\u{202e}b\\\\u{200f}c\\\\u{1b}d')")
    choose(browser, "text", "l" * 50)
    browser.until("document.getElementById('pane').textContent.includes('show all 1,000,000 characters')")
    assert browser.value("document.getElementById('pane').textContent.length") < 200_000
    assert browser.value("document.querySelectorAll('img').length") == 0
    assert browser.value("window.hacked === undefined")
    assert browser.complaints() == []
    assert len(browser.requests()) == 1


def test_training_shows_masks_advantages_the_group_and_two_attempts_side_by_side(
    make_store: Callable[..., Path], tmp_path: Path, browser: Browser
) -> None:
    root = make_store(seeds=(0,), variants={"only": {}})
    write_ledger(root)
    page = build(root, ["quickstart"], tmp_path / "out", now=NOW).html
    browser.open(page)
    browser.value("document.getElementById('trajectories').scrollIntoView()")
    browser.until("document.getElementById('count').textContent")
    choose(browser, "set", "training")
    assert browser.value("document.getElementById('count').textContent") == "4 trajectories"
    press(browser, "t")
    assert browser.value("document.querySelectorAll('.tokens .own').length") == 3
    press(browser, "t")
    assert browser.value("[...document.querySelectorAll('.tokens .plus')].map((span) => span.textContent)") == [
        "print", "(", "12",
    ]  # fmt: skip
    caption = browser.value("document.querySelector('.attempts caption').textContent")
    assert caption.startswith("4 attempts of one group")
    browser.value("document.querySelectorAll('.attempts tbody tr')[3].querySelector('td:last-child button').click()")
    assert browser.value("document.querySelectorAll('#pane > article').length") == 2
    fragment = browser.value("location.hash")
    assert "&with=" in fragment
    browser.open(page.parent / "index.json")
    browser.open(page, fragment)
    browser.until("document.querySelectorAll('#pane > article').length === 2")
    assert browser.complaints() == []


def test_every_part_can_be_reached_by_keys(make_store: Callable[..., Path], tmp_path: Path, browser: Browser) -> None:
    root = make_store(seeds=(0,), variants={"only": {}})
    browser.open(build(root, ["quickstart"], tmp_path / "out", now=NOW).html)
    browser.value("document.getElementById('trajectories').scrollIntoView()")
    browser.until("document.getElementById('count').textContent")
    press(browser, "?")
    assert browser.value("document.getElementById('keys').open")
    for kind in ("keyDown", "keyUp"):
        browser.send("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)
    browser.until("!document.getElementById('keys').open")
    press(browser, "/")
    assert browser.value("document.activeElement.id") == "filter-text"
    reached = []
    for _ in range(4):
        for kind in ("keyDown", "keyUp"):
            browser.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        reached.append(browser.value("document.activeElement.id || document.activeElement.closest('[id]').id"))
    assert {"scroller", "items"} <= set(reached)


MANY = {f"v{number}": {"rl.group_size": number + 2} for number in range(20)}


@pytest.mark.parametrize(
    "choices",
    [
        pytest.param({"failed": lambda role, variant, seed: True}, id="nothing-done"),
        pytest.param({"seeds": (0,), "variants": {"only": {}}}, id="one-run"),
        pytest.param({"seeds": (0,)}, id="one-seed"),
        pytest.param({"until": "sft"}, id="no-rl"),
        pytest.param({"variants": MANY, "questions": 2}, id="60-runs"),
    ],
)  # fmt: skip
def test_experiments_of_every_shape_open_and_print(
    choices: dict[str, Any], make_store: Callable[..., Path], tmp_path: Path, browser: Browser
) -> None:
    browser.open(build(make_store(**choices), ["quickstart"], tmp_path / "out", now=NOW).html)
    for section in ("curves", "trajectories", "methods"):
        browser.value(f"document.getElementById('{section}').scrollIntoView()")
        browser.value("new Promise((done) => setTimeout(done, 50))")
    pdf = base64.b64decode(browser.send("Page.printToPDF")["data"])
    assert pdf.startswith(b"%PDF")
    assert browser.value("document.getElementById('failure').hidden")
    assert browser.complaints() == []


def _axe() -> str | None:
    found = importlib.util.find_spec("axe_core_python")
    return (Path(found.origin or "").parent / "axe.min.js").read_text(encoding="utf-8") if found else None


@pytest.mark.skipif(_axe() is None, reason="axe-core-python is not installed")
def test_axe_finds_nothing_serious_in_light_and_dark(full: Path, tmp_path: Path, browser: Browser) -> None:
    page = build(full, ["quickstart"], tmp_path / "out", now=NOW, reload_s=1000).html
    browser.open(page)
    browser.value("document.getElementById('curves').scrollIntoView()")
    browser.until("document.querySelectorAll('.js-plotly-plot').length > 0")
    browser.value("document.getElementById('trajectories').scrollIntoView()")
    browser.until("document.querySelectorAll('#items button').length > 0")
    browser.value("document.querySelectorAll('main details').forEach((details) => { details.open = true; })")
    browser.value(f"{_axe()}; 0")
    for scheme in ("light", "dark"):
        browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        found = browser.value(
            "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations"
            ".filter((one) => ['serious', 'critical'].includes(one.impact))"
            ".map((one) => one.id + ': ' + one.nodes[0].html.slice(0, 200)))"
        )
        assert found == []
