"""Where the results come from: commit, versions, hardware, command lines, models, data and their checksums.

Host names are not shown: a digest says which steps ran on the same machine. provenance.json of a step has the name.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.data import Json, StepRecord
from r1ci.report.render import render
from r1ci.spec.diff import flatten

_OWN = ("started", "ended", "outcome", "seed", "step", "attempt", "process")
"""What every step has for itself and so cannot be the same for all."""

_LENGTHY = ("git.diff", "git.untracked_count")
_NAMED = ("name", "id", "path", "file", "revision", "kind")
"""Keys of a model that say which it is."""
DIFF_CHARACTERS = 20_000
"""Longest diff in the page; provenance.json has more."""


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
class Diff:
    """Uncommitted changes that steps ran with."""

    text: str
    characters: int
    """Of the whole diff; more than the text has where it was cut."""
    steps: int


@dataclass(frozen=True)
class Environment:
    """One set of package versions."""

    digest: str
    """SHA-256 of the requirements, one name==version a line, by name."""
    requirements: str
    steps: int


@dataclass(frozen=True)
class Model:
    """A model that cells start from."""

    name: str
    facts: dict[str, str]


@dataclass(frozen=True)
class DataFile:
    """A file that questions, demonstrations or groups came from."""

    step: str
    path: str
    bytes: int
    sha256: str | None


@dataclass(frozen=True)
class Provenance:
    """Facts over all steps that ran, then every step."""

    steps_with_record: int
    started: str
    ended: str
    """First start and last end of any step."""
    commands: dict[str, int]
    """Command lines, and how many steps ran under each."""
    hosts: dict[str, int]
    """Digests of host names."""
    seeds: tuple[int, ...]
    models: tuple[Model, ...]
    data: tuple[DataFile, ...]
    diffs: tuple[Diff, ...]
    environments: tuple[Environment, ...]
    facts: tuple[Fact, ...]
    packages: tuple[Fact, ...]
    """Versions, by package."""
    steps: tuple[StepSource, ...]


def provenance_data(comparison: Comparison) -> Provenance:
    """Flatten the records and count their values."""
    steps = tuple(comparison.findings.steps.values())
    records = [step.provenance for step in steps if step.provenance]
    counts: dict[str, dict[str, int]] = {}
    for record in records:
        for key, value in flatten(record):
            if value != {} and key.split(".")[0] not in (*_OWN, "command") and not key.startswith(_LENGTHY):
                values, text = counts.setdefault(key, {}), _text(value)
                values[text] = values.get(text, 0) + 1
    times = [sorted(str(record[key]) for record in records if record.get(key)) for key in ("started", "ended")]
    hosts = [str(host) for record in records if (host := (record.get("process") or {}).get("host"))]
    return Provenance(
        steps_with_record=len(records),
        started=times[0][0] if times[0] else "",
        ended=times[1][-1] if times[1] else "",
        commands=_counted(str(record["command"]) for record in records if record.get("command")),
        hosts=_counted(hashlib.sha256(host.encode()).hexdigest()[:8] for host in hosts),
        seeds=tuple(sorted({cell.seed for cell in comparison.findings.cells})),
        models=_models(comparison),
        data=tuple(
            DataFile(id, str(file.get("path")), int(file.get("bytes", 0)), file.get("sha256"))
            for id, files in comparison.findings.files.items()
            for file in files
        ),
        diffs=_diffs(records),
        environments=_environments(records),
        facts=tuple(_facts(counts, lambda key: not key.startswith("packages."))),
        packages=tuple(_facts(counts, lambda key: key.startswith("packages."))),
        steps=tuple(_source(step) for step in steps),
    )


def _source(step: StepRecord) -> StepSource:
    git = step.provenance.get("git") or {}
    return StepSource(
        id=step.id,
        kind=step.kind,
        state=step.state,
        commit=str(git.get("commit") or ""),
        dirty=git.get("dirty"),
        started=str(step.provenance.get("started") or ""),
        ended=str(step.provenance.get("ended") or ""),
    )


def _counted(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _models(comparison: Comparison) -> tuple[Model, ...]:
    """What the model steps were given; the names of the cells."""
    found: dict[str, dict[str, str]] = {}
    for cell in comparison.findings.cells:
        step = comparison.findings.steps.get(cell.steps.get("model", ""))
        if step is not None:
            facts = flatten(step.inputs.get("model") or {})
            found[cell.model] = {key: _text(v) for key, v in facts if key.split(".")[-1] in _NAMED and v is not None}
    return tuple(Model(name, facts) for name, facts in found.items())


def _diffs(records: Iterable[Json]) -> tuple[Diff, ...]:
    texts = [(str(git["diff"]), git) for record in records if (git := record.get("git")) and git.get("diff")]
    sizes = {text: max(len(text), int(git.get("diff_bytes") or 0)) for text, git in texts}
    return tuple(
        Diff(text[:DIFF_CHARACTERS], sizes[text], count) for text, count in _counted(text for text, _ in texts).items()
    )


def _environments(records: Iterable[Json]) -> tuple[Environment, ...]:
    sets = [
        "".join(f"{name}=={version}\n" for name, version in sorted(record["packages"].items()))
        for record in records
        if record.get("packages")
    ]
    return tuple(
        Environment(hashlib.sha256(text.encode()).hexdigest(), text, count) for text, count in _counted(sets).items()
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
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)
