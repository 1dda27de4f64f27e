"""Where the results come from: commit, versions, hardware, command lines, per step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.render import render
from r1ci.spec.diff import flatten

_OWN = ("started", "ended", "outcome", "seed", "step", "attempt", "process")
"""What every step has for itself and so cannot be the same for all."""

_LENGTHY = ("git.diff", "git.untracked_count")


@dataclass(frozen=True)
class Fact:
    """One dotted key of provenance.json with the values that steps have, and how many steps have each."""

    key: str
    values: dict[str, int]


@dataclass(frozen=True)
class StepSource:
    """One step."""

    id: str
    kind: str
    state: str
    commit: str
    dirty: bool | None
    started: str
    ended: str


@dataclass(frozen=True)
class Provenance:
    """Facts over all steps that ran, then every step."""

    steps_with_record: int
    facts: tuple[Fact, ...]
    packages: tuple[Fact, ...]
    """Versions, by package."""
    steps: tuple[StepSource, ...]


def provenance_data(comparison: Comparison) -> Provenance:
    """Flatten the records and count their values."""
    steps = tuple(comparison.findings.steps.values())
    counts: dict[str, dict[str, int]] = {}
    for step in steps:
        for key, value in flatten(step.provenance):
            if value != {} and key.split(".")[0] not in _OWN and not key.startswith(_LENGTHY):
                values, text = counts.setdefault(key, {}), _text(value)
                values[text] = values.get(text, 0) + 1
    return Provenance(
        steps_with_record=sum(bool(step.provenance) for step in steps),
        facts=tuple(_facts(counts, lambda key: not key.startswith("packages."))),
        packages=tuple(_facts(counts, lambda key: key.startswith("packages."))),
        steps=tuple(
            StepSource(
                id=step.id,
                kind=step.kind,
                state=step.state,
                commit=str((step.provenance.get("git") or {}).get("commit") or ""),
                dirty=(step.provenance.get("git") or {}).get("dirty"),
                started=str(step.provenance.get("started") or ""),
                ended=str(step.provenance.get("ended") or ""),
            )
            for step in steps
        ),
    )


def provenance_html(data: Provenance) -> Markup:
    """A table of facts; a table of the steps folded below."""
    return render("provenance.html", data=data)


def _facts(counts: Mapping[str, dict[str, int]], wanted: Callable[[str], bool]) -> Iterator[Fact]:
    for key, values in sorted(counts.items()):
        if wanted(key):
            yield Fact(key.removeprefix("packages."), dict(sorted(values.items())))


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(str(item) for item in value) or "none"
    return value if isinstance(value, str) else json.dumps(value)
