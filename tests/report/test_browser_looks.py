"""What the page looks like, against screenshots that somebody has looked at.

They are kept at half size. Fonts differ from machine to machine, so the pages are compared as a grid of mean shades:
a part that is missing, moved, overlapping or of the wrong colour shows, a letter does not. ``--snapshot-update`` takes
them anew.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

sys.path.insert(0, str(Path(__file__).parent))

from browser import CHROMIUM, Browser

from r1ci.report.build import build

NOW = datetime(2026, 1, 2, tzinfo=UTC)
KEPT = Path(__file__).parent / "__screens__"
SIZE, GRID = (1300, 1000), (65, 50)
TOLERANCE = 5.0
"""Largest mean difference of two grids, of 255 shades."""
DRAWN = {
    "top": "true",
    "curves": "document.querySelectorAll('#curves .js-plotly-plot .scatterlayer .trace').length > 8",
    "trajectories": "document.getElementById('count').textContent === '576 trajectories'",
}
"""What is scrolled to, and when it is there."""

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")]


@pytest.fixture(scope="module")
def page(full: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(full, ["quickstart"], tmp_path_factory.mktemp("page"), now=NOW).html


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile", SIZE) as opened:
        yield opened


def grid(image: Image.Image) -> Image.Image:
    return image.convert("RGB").resize(GRID, Image.Resampling.BOX)


def apart(a: Image.Image, b: Image.Image) -> float:
    """Mean difference of two pictures' grids, in shades of 255."""
    return max(ImageStat.Stat(ImageChops.difference(grid(a), grid(b))).mean)


def screenshot(browser: Browser, page: Path, theme: str, part: str) -> Image.Image:
    """The part of the page that is scrolled to, drawn, once nothing moves any more."""
    browser.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    browser.open(page)
    if part != "top":
        browser.value(f"document.getElementById('{part}').scrollIntoView({{behavior: 'instant'}})")
    browser.until(DRAWN[part])
    browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return Image.open(io.BytesIO(base64.b64decode(browser.send("Page.captureScreenshot", format="png")["data"])))


@pytest.mark.parametrize("part", DRAWN)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_looks_as_somebody_found_it_to(
    page: Path, browser: Browser, theme: str, part: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kept, seen = KEPT / f"{theme}-{part}.png", screenshot(browser, page, theme, part)
    if request.config.getoption("update_snapshots"):
        KEPT.mkdir(exist_ok=True)
        half = seen.convert("RGB").resize((SIZE[0] // 2, SIZE[1] // 2), Image.Resampling.LANCZOS)
        half.quantize(64).save(kept, optimize=True)
    now = tmp_path / kept.name
    seen.save(now)
    assert apart(Image.open(kept), seen) <= TOLERANCE, f"{now} does not look like {kept}"


def test_another_theme_or_part_is_told_apart() -> None:
    pictures = [Image.open(path).convert("RGB") for path in sorted(KEPT.glob("*.png"))]
    assert len(pictures) == 2 * len(DRAWN)
    assert all(apart(a, b) > TOLERANCE for i, a in enumerate(pictures) for b in pictures[:i])
