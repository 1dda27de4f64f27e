"""What went wrong or should be known before a number is believed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from r1ci.report.contenders import Comparison
from r1ci.report.data import Json, StepRecord
from r1ci.report.render import render
from r1ci.report.text import percent, plural

TIMEOUT_SHARE = 0.05
"""Share of calls stopped by a limit above which results depend on the limits."""
_LIMITS = ("timeout", "cpu", "memory", "output")


@dataclass(frozen=True)
class Alert:
    """One thing to know."""

    level: str
    """error: something is missing; warning: something makes numbers doubtful."""
    title: str
    detail: str


@dataclass(frozen=True)
class Alerts:
    """Errors first."""

    alerts: tuple[Alert, ...]


def alerts_data(comparison: Comparison) -> Alerts:
    """Steps that did not finish, damaged files, dirty code, executions lost or stopped, diverged training."""
    found = [
        *_steps(comparison),
        *(Alert("error", f"{p.where} {p.message}", "") for p in comparison.findings.problems),
        *_dirty(comparison),
        *_executions(comparison),
        *_training(comparison),
    ]
    return Alerts(tuple(sorted(found, key=lambda alert: alert.level)))


def alerts_html(data: Alerts) -> Markup:
    """A list, or one line that says there is nothing."""
    return render("alerts.html", data=data)


def _steps(comparison: Comparison) -> Iterator[Alert]:
    """One alert per failed or damaged step, one for all that wait in the same state."""
    waiting: dict[str, list[StepRecord]] = {}
    for step in comparison.findings.steps.values():
        if step.state in ("failed", "damaged"):
            yield Alert("error", f"{step.kind} {step.state}: {_users(comparison, step.id)}", step.error or step.id)
        elif not step.done:
            waiting.setdefault(step.state, []).append(step)
    for state, steps in waiting.items():
        why = dict.fromkeys(step.error for step in steps if step.error)
        detail = "; ".join([_counts([step.kind for step in steps]), *why])
        yield Alert("error", f"{plural(len(steps), 'step')} {'is' if len(steps) == 1 else 'are'} {state}", detail)


def _counts(kinds: Sequence[str]) -> str:
    return ", ".join(f"{count} x {kind}" for kind, count in Counter(kinds).items())


def _users(comparison: Comparison, id: str) -> str:
    """The cells that need a step, for people."""
    names = [f"{c.variant}/{c.model}/{c.seed}" for c in comparison.findings.cells if id in c.steps.values()]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _dirty(comparison: Comparison) -> Iterator[Alert]:
    steps = comparison.findings.steps.values()
    dirty = [step.kind for step in steps if _git(step).get("dirty")]
    if dirty:
        yield Alert("warning", f"{plural(len(dirty), 'step')} ran with uncommitted changes", _counts(dirty))
    commits = {_git(step).get("commit") for step in steps} - {None}
    if len(commits) > 1:
        yield Alert("warning", "Steps ran at different commits", ", ".join(sorted(c[:12] for c in commits if c)))


def _git(step: StepRecord) -> Json:
    """What provenance says of the checkout; nothing where r1ci was installed."""
    return step.provenance.get("git") or {}


def _executions(comparison: Comparison) -> Iterator[Alert]:
    for contender in comparison.contenders:
        attempts = comparison.attempts(contender)
        lost = sum(not attempt.scored for attempt in attempts)
        if lost:
            text = f"{contender.label}: {plural(lost, 'attempt')} lost to failures that are not the model's, not scored"
            yield Alert("warning", text, f"of {len(attempts)}")
        statuses = Counter(status for attempt in attempts for status in attempt.statuses)
        stopped = sum(statuses[limit] for limit in _LIMITS)
        if stopped > TIMEOUT_SHARE * max(1, statuses.total()):
            share = percent(stopped / statuses.total())
            counts = ", ".join(f"{statuses[limit]} x {limit}" for limit in _LIMITS if statuses[limit])
            yield Alert("warning", f"{contender.label}: {share}% of programs were stopped by a limit", counts)


def _training(comparison: Comparison) -> Iterator[Alert]:
    for id, rows in comparison.findings.metrics.items():
        for row in rows:
            bad = [key for key in ("loss", "grad_norm", "reward") if row.get(key, 0.0) != row.get(key, 0.0)]
            if bad:
                where = _users(comparison, id)
                yield Alert("error", f"{' and '.join(bad)} became NaN at step {row.get('step')}: {where}", id)
                break
