"""The page's charts as pictures of their own: SVG that needs no style sheet, and PNG where there is a Chromium."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from markupsafe import Markup

from r1ci.report.render import embed, source

_CHART = re.compile(r'<svg class="chart[^"]*".*?</svg>', re.DOTALL)
_LABEL = re.compile(r'aria-label="([^"]*)"')
_VARIABLE = re.compile(r"var\(--([\w-]+)\)")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SCALE = 3
"""Pixels of a PNG per pixel of the drawing."""
_DRAW = """
const drawings = JSON.parse(document.getElementById("drawings").textContent);
const done = {};
Promise.all(Object.entries(drawings).map(async ([name, svg]) => {
  const image = new Image();
  image.src = "data:image/svg+xml;base64," + svg;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width * SCALE;
  canvas.height = image.height * SCALE;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  done[name] = canvas.toDataURL("image/png").split(",")[1];
})).then(() => { document.getElementById("pictures").textContent = JSON.stringify(done); });
""".replace("SCALE", str(_SCALE))


def figures(sections: Sequence[tuple[str, Markup]]) -> dict[str, str]:
    """Every chart of drawn sections, by a name made of the section, its place in it and what it shows."""
    style = _style()
    found = {}
    for section, body in sections:
        for number, svg in enumerate(_CHART.findall(body), start=1):
            label = _LABEL.search(svg)
            about = Markup(label.group(1)).unescape() if label else ""
            about = re.split(r"\.( |$)|\(|;|[:,] [^a-z]", about.lower(), maxsplit=1)[0]
            slug = re.sub(r"[^a-z0-9]+", "-", about)[:60].strip("-")
            opening, _, rest = svg.partition(">")
            opening = opening.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
            found[f"{section}-{number:02d}-{slug}"] = f"{opening}><style>{style}</style>{rest}\n"
    return found


def rasterize(drawings: Mapping[str, str]) -> dict[str, bytes] | None:
    """PNG of every drawing; None where there is no browser, or it fails."""
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        return None
    coded = {name: base64.b64encode(svg.encode()).decode("ascii") for name, svg in drawings.items()}
    page = (
        f'<script type="application/json" id="drawings">{embed(coded)}</script><pre id="pictures"></pre>'
        f"<script>{_DRAW}</script>"
    )
    with tempfile.TemporaryDirectory(prefix="r1ci-figures-") as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        root = ["--no-sandbox"] if os.geteuid() == 0 else []
        flags = ["--headless", "--disable-gpu", "--virtual-time-budget=60000", f"--user-data-dir={folder}/profile"]
        command = [browser, *flags, *root, "--dump-dom", file.as_uri()]
        try:
            shown = subprocess.run(command, capture_output=True, check=True, timeout=300).stdout.decode()
        except (OSError, subprocess.SubprocessError):
            return None
    pictures = re.search(r'<pre id="pictures">(\{.*?\})</pre>', shown, re.DOTALL)
    return {name: base64.b64decode(png) for name, png in json.loads(pictures.group(1)).items()} if pictures else None


def _style() -> str:
    """The page's rules for charts in its light colours, written out: not every program knows variables."""
    sheet = source("report.css")
    light = dict(re.findall(r"--([\w-]+): ([^;]+);", sheet[: sheet.index("@media")]))
    rules = sheet[sheet.index("/* charts */") : sheet.index("/* trajectories */")]
    kept = "\n".join(line for line in rules.splitlines() if not line.startswith(("/*", ".chart")))
    return _VARIABLE.sub(lambda found: light[found.group(1)], kept) + "svg { font-family: sans-serif; }"
