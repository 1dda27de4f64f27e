"""The results of a suite for people, for programs and for a page: pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from r1ci.executors.conformance.case import LEVELS, Verdict
from r1ci.executors.conformance.soak import Soak
from r1ci.executors.conformance.suite import Result, in_groups

HEADER = ("group", "cases", "passed", "failed", "skipped")


def rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    """Counts by group, and their sum."""
    named = [*in_groups(results), ("all", list(results))]
    return [(group, str(len(part)), *(str(count(part, verdict)) for verdict in Verdict)) for group, part in named]


def count(results: Sequence[Result], verdict: Verdict) -> int:
    """How many came out like this."""
    return sum(result.verdict is verdict for result in results)


def held(results: Sequence[Result]) -> bool:
    """Whether nothing failed and something passed."""
    return not count(results, Verdict.FAILED) and count(results, Verdict.PASSED) > 0


def headline(target: str, results: Sequence[Result]) -> list[str]:
    """What was tested, the levels its results said they had, and the layers they said were missing."""
    levels = sorted({result.level for result in results if result.level}, key=_rank)
    lines = [f"executor: {target}", f"isolation: {', '.join(levels) or 'not told; judged as rlimits'}"]
    missing = sorted({reason for result in results for reason in result.missing})
    return lines + [f"missing: {reason}" for reason in missing]


def failures(results: Sequence[Result]) -> list[str]:
    """One line for each failure."""
    return [
        f"{result.group}/{result.name} ({result.status or 'not run'}): {result.problem}"
        for result in results
        if result.verdict is Verdict.FAILED
    ]


def as_json(target: str, results: Sequence[Result], soaked: Soak | None) -> dict[str, Any]:
    """Everything, for programs."""
    return {
        "executor": target,
        "ok": held(results) and not (soaked and soaked.wrong),
        "levels": sorted({result.level for result in results if result.level}, key=_rank),
        "missing": sorted({reason for result in results for reason in result.missing}),
        "counts": {verdict.value: count(results, verdict) for verdict in Verdict},
        "results": [asdict(result) for result in results],
        "soak": None if soaked is None else asdict(soaked) | {"rate": soaked.rate},
    }


def as_markdown(target: str, results: Sequence[Result], soaked: Soak | None) -> str:
    """A page: the headline, the table, every failure and skip, the soak."""
    lines = [
        "# Conformance",
        "",
        *(f"- {line}" for line in headline(target, results)),
        "",
        *_table(HEADER, rows(results)),
    ]
    for title, part in (("Failures", failures(results)), ("Skipped", _skipped(results))):
        lines += ["", f"## {title}", "", *(f"- {_escaped(line)}" for line in part)] if part else []
    if soaked is not None:
        lines += ["", "## Soak", "", *(f"- {_escaped(line)}" for line in soak_lines(soaked))]
    return "\n".join(lines) + "\n"


def soak_lines(soaked: Soak) -> list[str]:
    """The soak in words."""
    statuses = ", ".join(f"{number} {status}" for status, number in sorted(soaked.statuses.items()))
    memory, descriptors = soaked.memory_mb, soaked.descriptors
    return [
        f"soak: {soaked.runs} runs in {soaked.seconds:.1f} s ({soaked.rate:.0f}/s), {soaked.wrong} wrong; {statuses}",
        f"memory of this process: {memory[0]:.1f} MB before, {memory[1]:.1f} MB after; "
        f"descriptors: {descriptors[0]} before, {descriptors[1]} after",
        *(f"wrong: {example}" for example in soaked.examples),
    ]


def _skipped(results: Sequence[Result]) -> list[str]:
    return [f"{r.group}/{r.name}: {r.problem}".rstrip(": ") for r in results if r.verdict is Verdict.SKIPPED]


def _table(header: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *body]
    return [f"| {' | '.join(map(_escaped, line))} |" for line in lines]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else -1
