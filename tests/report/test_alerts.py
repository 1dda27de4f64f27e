"""What is told before a number is believed: each alert on a store in which only that is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import polars as pl
import pytest

from r1ci.report.contenders import compare
from r1ci.report.data import Findings
from r1ci.report.sections.alerts import Alert, alerts_data, alerts_html
from r1ci.report.tables import Split

Row = Mapping[str, float]


@pytest.fixture(scope="module")
def sound(findings: Findings) -> Findings:
    """The full store without its dirty checkouts and its stopped programs."""
    clean = {
        id: dataclasses.replace(step, provenance={**step.provenance, "git": {"commit": "a", "dirty": False}})
        for id, step in findings.steps.items()
    }
    attempts = {
        id: tuple(dataclasses.replace(attempt, statuses=("ok",)) for attempt in of)
        for id, of in findings.attempts.items()
    }
    return dataclasses.replace(findings, steps=clean, attempts=attempts)


def alerts(sound: Findings, **changes: object) -> tuple[Alert, ...]:
    return alerts_data(compare(dataclasses.replace(sound, **changes), None)).alerts  # type: ignore[arg-type]


def logged(sound: Findings, change: Callable[[Row], Row], stages: str = "cumulative") -> dict[str, pl.DataFrame]:
    """The metrics with the rows of one variant changed."""
    rl = {id for id, step in sound.steps.items() if step.inputs.get("stages") == stages}
    return {
        id: pl.DataFrame([change(row) for row in _rows(log)], infer_schema_length=None) if id in rl else log
        for id, log in sound.metrics.items()
    }


def _rows(log: pl.DataFrame) -> list[Row]:
    """What every step logged, without what it did not."""
    return [{key: value for key, value in row.items() if value is not None} for row in log.to_dicts()]


def test_a_clean_store_has_no_alert(sound: Findings) -> None:
    assert alerts(sound) == ()
    assert "Nothing to report" in alerts_html(alerts_data(compare(sound, None)))


@pytest.mark.parametrize(
    ("metric", "value", "title"),
    [
        ("kl", 0.8, "KL to the start is 0.8"),
        ("clip_fraction", 0.31, "31.0% of ratios are clipped"),
        ("mismatch", 1.2, "engine and trainer disagree by 1.2"),
        ("signal", 0.04, "only 4.0% of groups have signal"),
        ("status/timeout", 0.11, "11.0% of training programs timed out"),
    ],
)
def test_the_end_of_every_run_is_looked_at(sound: Findings, metric: str, value: float, title: str) -> None:
    found = alerts(sound, metrics=logged(sound, lambda row: {**row, metric: value}))
    assert [alert.title for alert in found] == [f"curriculum, tiny, seed {seed}: {title}" for seed in range(3)]
    usual = {"mismatch": 1.0, "signal": 0.5}.get(metric, 0.0)
    early = logged(sound, lambda row: {**row, metric: value if row["step"] < 36 else usual})
    assert alerts(sound, metrics=early) == ()


@pytest.mark.parametrize(("value", "word"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_numbers_that_are_none_are_errors(sound: Findings, value: float, word: str) -> None:
    def broken(row: Row) -> Row:
        return {**row, "grad_norm": value} if row["step"] == 7 else row

    found = alerts(sound, metrics=logged(sound, broken))
    assert [(alert.level, alert.title) for alert in found] == [
        ("error", f"grad_norm became {word} at step 7: curriculum/tiny/{seed}") for seed in range(3)
    ]


def test_a_reward_that_rises_while_held_out_accuracy_falls_is_suspected(sound: Findings) -> None:
    def gamed(row: Row) -> Row:
        held = {"new_accuracy": 0.7 - 0.005 * row["step"]} if "new_accuracy" in row else {}
        return {**row, "reward": 0.3 + 0.01 * row["step"], **held}

    found = alerts(sound, metrics=logged(sound, gamed))
    assert [alert.title for alert in found] == ["curriculum: the reward rose while accuracy on new questions fell"]
    assert found[0].detail == "reward by 0.36, accuracy by \u221218.0 points: was the reward gamed?"


def test_without_held_out_metrics_the_evaluations_are_held_against_each_other(sound: Findings) -> None:
    def rising(row: Row) -> Row:
        kept = {key: value for key, value in row.items() if key != "new_accuracy"}
        return {**kept, "reward": 0.3 + 0.01 * row["step"]}

    metrics = logged(sound, rising)
    assert alerts(sound, metrics=metrics) == ()
    rl = next(c for c in compare(sound, None).contenders if c.label == "curriculum").evaluations.values()
    fallen = {
        id: tuple(dataclasses.replace(a, correct=False) for a in of) if id in rl else of
        for id, of in sound.attempts.items()
    }
    titles = [alert.title for alert in alerts(sound, metrics=metrics, attempts=fallen)]
    assert titles == ["curriculum: the reward rose while accuracy on new questions fell"]


def test_variants_with_unequal_compute_are_named(sound: Findings) -> None:
    more = logged(sound, lambda row: {**row, "tokens": 12000.0})
    assert [alert.title for alert in alerts(sound, metrics=more)] == [
        "tiny: curriculum was given more sampled tokens than plain"
    ]
    assert alerts(sound, metrics={id: rows[:24] for id, rows in sound.metrics.items()}) == ()
    single = {id for id, step in sound.steps.items() if step.inputs.get("stages") == "single"}
    half = {id: rows[:24] if id in single else rows for id, rows in sound.metrics.items()}
    assert "tiny: curriculum was given more training steps than plain" in [a.title for a in alerts(sound, metrics=half)]


def test_questions_on_both_sides_of_the_split_are_errors(sound: Findings) -> None:
    id = next(iter(sound.splits))
    found = alerts(sound, splits={id: Split({"test": 48, "sft": 9}, {"test": 2})})
    assert [(alert.level, alert.title) for alert in found] == [("error", "2 of 48 test tasks are trained on, too")]


def test_episodes_out_of_tokens_and_programs_out_of_time_are_warned_of(sound: Findings) -> None:
    id = next(iter(sound.attempts))
    first = sound.attempts[id]

    def some(**changes: object) -> dict[str, object]:
        changed = tuple(dataclasses.replace(a, **changes) if i % 5 == 0 else a for i, a in enumerate(first))  # type: ignore[arg-type]
        return {**sound.attempts, id: changed}

    cut = alerts(sound, attempts=some(stop_reason="turn_length"))
    assert len(cut) == 1
    assert cut[0].title.endswith("% of episodes ran out of tokens")
    slow = alerts(sound, attempts=some(statuses=("timeout",)))
    assert len(slow) == 1
    assert slow[0].title.endswith("% of programs were stopped by a limit")


def test_seeds_that_were_not_evaluated_are_named(sound: Findings) -> None:
    plain = next(c for c in compare(sound, None).contenders if c.label == "plain")
    kept = {id: of for id, of in sound.attempts.items() if id != plain.evaluations[1]}
    found = alerts(sound, attempts=kept)
    assert [(alert.title, alert.detail) for alert in found] == [("plain: 2 of 3 seeds evaluated", "missing: 1")]
