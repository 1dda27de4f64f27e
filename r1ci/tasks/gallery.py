"""The gallery of tasks: one section per task with an example, generated into docs/reference/tasks.md.

python -m r1ci.tasks.gallery
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from r1ci.tasks.base import TaskInfo
from r1ci.tasks.params import parameters
from r1ci.tasks.registry import get_task
from r1ci.tasks.table import TABLE

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "tasks.md"
SPEEDS = ROOT / "docs" / "reference" / "task_speed.json"
"""Written by benchmarks/tasks.py."""
_SUITES = {"symbench": "SymBench", "bbh": "BIG-Bench-Hard", "rg": "Reasoning-Gym"}
_LONGEST = 1500
"""Characters of an example that are shown."""


def page(speeds: Mapping[str, Mapping[str, float]]) -> str:
    """The whole page. Raises EnvironmentMissing if reasoning-gym is not installed."""
    train = sum(info.split == "train" for info in TABLE)
    lines = [
        "# The tasks, one by one",
        "",
        f"{len(TABLE)} tasks: {train} to train on, {len(TABLE) - train} held out. "
        f"{sum(info.has_program for info in TABLE)} have a reference program. "
        "This page is generated (`python -m r1ci.tasks.gallery`); [tasks](../tasks.md) explains the contract.",
        "",
        '"Questions/s" and "checks/s" are of one process on the machine of [benchmarks](../benchmarks.md).',
        "",
    ]
    for suite, name in _SUITES.items():
        infos = [info for info in TABLE if info.suite == suite]
        lines += [f"## {name}", "", f"{len(infos)} tasks.", ""]
        for info in infos:
            lines += _section(info, speeds.get(info.id, {}))
    return "\n".join(lines).rstrip() + "\n"


def _section(info: TaskInfo, speed: Mapping[str, float]) -> list[str]:
    task = get_task(info.id)
    question = task.question(0, 0)
    levels: Mapping[str, Any] = getattr(getattr(task, "config", None), "LEVELS", {})
    shown = parameters(task)
    facts = [
        ("split", info.split),
        (
            "source",
            info.source if info.source != "generated" else "generated: our own material, never the official text",
        ),
        ("answer", info.answer),
        ("checker", info.check + ("; several answers are right" if info.shared else "")),
        ("reference program", "yes" if info.has_program else "no"),
        ("levels", "; ".join(f"{name} ({_params(level)})" for name, level in levels.items())),
        ("parameters", ", ".join(f"{one.name} ({_value(one.default)})" for one in shown)),
        ("different questions", f"about {info.space}" if info.space is not None else ""),
        ("faults of the official task", info.faults),
        ("questions/s", f"{speed['questions_per_s']:g}" if speed else ""),
        ("checks/s", f"{speed['checks_per_s']:g}" if speed else ""),
    ]
    table = [f"| {name} | {text.replace('|', '&#124;')} |" for name, text in facts if text]
    heading = [f"### {info.id}", "", info.summary[:1].upper() + info.summary[1:] + ".", "", "| | |", "|---|---|"]
    example = ["", "```text", *_cut(question.text).splitlines(), "```", "", "Reference answer:", ""]
    return [*heading, *table, *example, "```text", *_cut(question.answer).splitlines(), "```", ""]


def _params(level: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_value(value)}" for name, value in level.items()) or "the defaults"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cut(text: str) -> str:
    text = text.replace("```", "'''")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n... {len(text) - _LONGEST} more characters"


def read_speeds() -> dict[str, dict[str, float]]:
    """The measured rates; empty where none were written."""
    if not SPEEDS.is_file():
        return {}
    speeds: dict[str, dict[str, float]] = json.loads(SPEEDS.read_text())
    return speeds


if __name__ == "__main__":
    PAGE.write_text(page(read_speeds()))
