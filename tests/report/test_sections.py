"""The sections' data objects, and their HTML on stores that are whole, partial or broken."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from r1ci.errors import UsageError
from r1ci.report.contenders import Comparison, compare
from r1ci.report.data import read_findings
from r1ci.report.sections import SECTIONS
from r1ci.report.sections.alerts import alerts_data, alerts_html
from r1ci.report.sections.changes import changes_data, changes_html
from r1ci.report.sections.cost import cost_data
from r1ci.report.sections.curves import curves_data
from r1ci.report.sections.executor import executor_use
from r1ci.report.sections.interpreter import error_class, interpreter_data, interpreter_html
from r1ci.report.sections.leaderboard import leaderboard_data, leaderboard_html
from r1ci.report.sections.potential import potential_data
from r1ci.report.sections.provenance import provenance_data
from r1ci.report.sections.tasks import tasks_data, tasks_html
from r1ci.report.sections.trajectories import trajectories_data
from r1ci.report.sections.verdict import verdict_data, verdict_html

MakeStore = Callable[..., Path]
ONE = {"curriculum": {}}


def comparison_of(root: Path, *names: str, baseline: str | None = None) -> Comparison:
    return compare(read_findings(root, names or ("quickstart",)), baseline)


@pytest.fixture(scope="module")
def comparison(full: Path) -> Comparison:
    return comparison_of(full)


# ---------------------------------------------------------------- who is compared


def test_shared_steps_make_one_row_and_variants_one_each(comparison: Comparison) -> None:
    assert [(c.label, c.checkpoint, c.variants) for c in comparison.contenders] == [
        ("base", "base", ("curriculum", "plain")),
        ("SFT", "sft", ("curriculum", "plain")),
        ("curriculum", "rl", ("curriculum",)),
        ("plain", "rl", ("plain",)),
    ]
    assert len({contender.colour for contender in comparison.contenders}) == 4


def test_the_baseline_is_the_specs_unless_another_is_named(full: Path) -> None:
    assert comparison_of(full).baseline == "plain"
    assert comparison_of(full, baseline="curriculum").baseline == "curriculum"
    with pytest.raises(UsageError, match="no variant 'plan'") as caught:
        comparison_of(full, baseline="plan")
    assert caught.value.help == "the variants are: curriculum, plain"


def test_an_unknown_experiment_is_refused_with_those_there_are(full: Path) -> None:
    with pytest.raises(UsageError, match="no experiment 'quick'") as caught:
        read_findings(full, ["quick"])
    assert caught.value.help == "the store has: quickstart"


def test_two_experiments_stand_side_by_side(full: Path, make_store: MakeStore) -> None:
    other = make_store(name="other", variants={"longer": {}}, gain={"longer": 2.0})
    for folder in (*full.glob("experiments/*"), *full.glob("steps/*")):
        target = other / folder.relative_to(full)
        if not target.exists():
            target.symlink_to(folder)
    both = comparison_of(other, "quickstart", "other")
    labels = [contender.label for contender in both.contenders]
    assert labels == ["base", "SFT", "curriculum, longer", "plain"]
    assert both.baseline == "longer"


def test_variants_called_alike_in_two_experiments_carry_the_experiments_name(full: Path, make_store: MakeStore) -> None:
    other = make_store(name="other", variants={"plain": {}}, gain={"plain": 2.0})
    for folder in (*full.glob("experiments/*"), *full.glob("steps/*")):
        target = other / folder.relative_to(full)
        if not target.exists():
            target.symlink_to(folder)
    both = comparison_of(other, "quickstart", "other", baseline="plain")
    assert both.variants == ("curriculum", "quickstart/plain", "other/plain")
    assert both.baseline == "other/plain"


# ---------------------------------------------------------------- verdict


def test_verdict_of_three_seeds(comparison: Comparison, snapshot: SnapshotAssertion) -> None:
    assert verdict_html(verdict_data(comparison)) == snapshot


def test_one_seed_never_beats_and_says_why(make_store: MakeStore) -> None:
    verdict = verdict_data(comparison_of(make_store(seeds=(0,), gain={"curriculum": 9.0, "plain": 0.0})))
    assert verdict.claim == "above"
    assert verdict.headline[0].startswith("In this one run, curriculum scored ")
    assert verdict.caveats[0].startswith("One seed: nothing can be said about the variance between seeds")
    assert not any("beats" in statement.sentence for statement in verdict.statements)


def test_equal_variants_cannot_be_told_apart(make_store: MakeStore) -> None:
    verdict = verdict_data(comparison_of(make_store(gain={"curriculum": 1.0, "plain": 1.0})))
    assert verdict.claim == "undecided"
    assert "cannot be told apart" in verdict.headline[0]


def test_a_comparison_that_cannot_be_made_is_not_the_headline(make_store: MakeStore) -> None:
    verdict = verdict_data(
        comparison_of(make_store(failed=lambda role, variant, seed: (role, variant) == ("rl", "plain")))
    )
    assert verdict.headline[0].startswith("curriculum beats SFT by ")
    assert verdict.statements[-1].sentence.endswith("they share no finished seed and question.")


# ---------------------------------------------------------------- leaderboard and tasks


def test_leaderboard_numbers_are_those_of_the_scores(comparison: Comparison) -> None:
    board = leaderboard_data(comparison)
    row = next(row for row in board.rows if row.label == "curriculum")
    attempts = [a for c in comparison.contenders if c.label == "curriculum" for a in comparison.attempts(c)]
    new = [attempt for attempt in attempts if attempt.set == "new"]
    estimate = row.scores["new"].accuracy
    assert estimate is not None
    assert estimate.value == pytest.approx(sum(a.correct for a in new) / len(new))
    assert (estimate.seeds, estimate.tasks, estimate.questions) == (3, 8, 96)
    assert row.use is not None
    assert row.use.calls == sum(a.calls for a in attempts) / len(attempts)
    assert row.use.code_errors == sum(a.code_errors for a in attempts) / sum(a.calls for a in attempts)
    assert row.use.tool_use == sum(a.calls > 0 for a in attempts) / len(attempts)
    to_baseline = row.scores["new"].to_baseline
    assert to_baseline is not None
    plain = next(row for row in board.rows if row.label == "plain").scores["new"].accuracy
    assert to_baseline.estimate is not None
    assert plain is not None
    assert to_baseline.estimate.value == pytest.approx(estimate.value - plain.value)
    assert row.scores["new"].to_start is not None
    assert board.rows[0].scores["new"].to_baseline is None


def test_leaderboard_html(comparison: Comparison, snapshot: SnapshotAssertion) -> None:
    assert leaderboard_html(leaderboard_data(comparison)) == snapshot


def test_heat_map_rows_go_from_easy_to_hard_within_each_set_and_source(comparison: Comparison) -> None:
    data = tasks_data(comparison)
    assert [row.set for row in data.rows] == ["new"] * 8 + ["test"] * 4
    assert list(dict.fromkeys((row.set, row.source) for row in data.rows))[:3] == [
        ("new", "BIG-Bench Hard"), ("new", "Reasoning Gym"), ("new", "SymBench")
    ]  # fmt: skip
    gym = [row for row in data.rows if (row.set, row.source) == ("new", "Reasoning Gym")]
    best = [max(a for a in row.accuracies if a is not None) for row in gym]
    assert best == sorted(best, reverse=True)
    assert all(change.change > 0 for change in data.improved)
    assert {change.against for change in data.improved} == {"plain"}


# ---------------------------------------------------------------- curves, potential, interpreter


def test_curves_have_every_seed_their_mean_and_stage_boundaries(comparison: Comparison) -> None:
    curves = curves_data(comparison)
    reward = curves.rl[0]
    assert [(series.label, len(series.lines)) for series in reward.series] == [("curriculum", 3), ("plain", 3)]
    assert [(b.step, b.stage, b.label) for b in reward.boundaries] == [
        (12, 2, "curriculum"), (24, 3, "curriculum"), (36, 4, "curriculum")
    ]  # fmt: skip
    first = reward.series[0]
    assert first.mean.values[5] == pytest.approx(sum(line.values[5] for line in first.lines) / 3)
    assert [panel.id for panel in curves.rl[:3]] == ["rl-reward", "rl-reward-correctness", "rl-reward-format"]
    assert [series.label for series in curves.sft[0].series] == ["SFT"]
    evaluated = next(panel for panel in curves.rl if panel.id == "rl-new-accuracy")
    assert evaluated.series[0].mean.steps == (11, 23, 35, 47)
    assert [step for step, _ in evaluated.table()] == [11, 23, 35, 47]


def test_histogram_counts_every_question_once_in_its_group(comparison: Comparison) -> None:
    data = potential_data(comparison)
    assert [histogram.title for histogram in data.histograms] == [f"curriculum, tiny, seed {s}" for s in range(3)]
    for histogram in data.histograms:
        assert {group: sum(counts) for group, counts in histogram.counts.items()} == {1: 60, 2: 60, 3: 60, 4: 60}
        edges = [(group.lowest, group.highest) for group in histogram.groups]
        assert all(a[0] >= b[1] for a, b in itertools.pairwise(edges) if a[0] is not None and b[1] is not None)


@pytest.mark.parametrize(
    ("execution", "name"),
    [
        ({"status": "error", "stderr": "Traceback\nNameError: name 'x'"}, "NameError"),
        ({"status": "error", "stderr": "Traceback\nnumpy.linalg.LinAlgError: no\n\n"}, "numpy.linalg.LinAlgError"),
        ({"status": "error", "stderr": "KeyboardInterrupt"}, "KeyboardInterrupt"),
        ({"status": "error", "stderr": "something <img> else"}, "error"),
        ({"status": "error", "stderr": ""}, "error"),
        ({"status": "timeout", "stderr": "", "stdout": "half"}, "timeout"),
        ({"status": "memory", "stderr": "MemoryError"}, "MemoryError"),
    ],
)
def test_a_failure_is_named_by_the_last_line_of_stderr_or_its_status(execution: dict[str, str], name: str) -> None:
    assert error_class(execution) == name


def test_interpreter_counts(comparison: Comparison) -> None:
    data = interpreter_data(comparison)
    use = next(use for use in data.uses if use.label == "curriculum")
    attempts = [a for c in comparison.contenders if c.label == "curriculum" for a in comparison.attempts(c)]
    failed = [a for a in attempts if a.code_errors]
    assert use.with_error == len(failed)
    assert use.recovered == sum(a.correct for a in failed)
    assert sum(use.statuses.values()) == pytest.approx(1)
    assert sum(count.share for count in use.by_calls) == pytest.approx(1)
    assert set(data.classes) == {"NameError", "SyntaxError", "ZeroDivisionError", "timeout"}
    assert data.statuses[0] == "ok"


def test_the_executors_counts_add_up_over_all_steps(comparison: Comparison) -> None:
    use = executor_use(comparison)
    by_kind = {step.kind: step for step in use.steps}
    assert list(by_kind) == ["demonstrations", "potential", "rl", "evaluation"]
    assert by_kind["rl"].programs == 6 * 48 * 100
    assert by_kind["rl"].times == ((0.001, 0.001), (0.005, 0.01), (0.02, None))
    assert [(share.name, share.share) for share in use.statuses] == [("ok", 0.9), ("error", 0.08), ("timeout", 0.02)]
    assert [(share.name, share.share) for share in use.tiers] == [("numpy", 0.9), ("std", 0.1)]
    assert use.restarts[0][0] == "restart/recycled"
    assert use.warnings == ()


def test_weak_isolation_and_missing_layers_are_warned_of(full: Path) -> None:
    """Programs that never ran had no need of isolation."""
    findings = read_findings(full, ["quickstart"])
    evaluation = next(id for id, step in findings.steps.items() if step.kind == "evaluation")
    counts = (("runs", "ok/std/rlimits", 3), ("runs", "infrastructure//", 2), ("events", "missing_layers", 4))
    rows = tuple({"measure": measure, "name": name, "count": count} for measure, name, count in counts)
    line = {"trajectory": {"turns": [{"execution": {"missing": ["seccomp: not built"]}}, {"execution": None}]}}
    changed = dataclasses.replace(findings, executions={evaluation: rows}, trajectories={evaluation: (line,)})
    assert executor_use(compare(changed, None)).warnings == (
        "3 programs ran with less isolation than the spec's landlock",
        "4 programs ran without every layer of isolation: seccomp: not built",
    )


def test_a_store_without_executor_counts_says_nothing_of_them(full: Path) -> None:
    findings = dataclasses.replace(read_findings(full, ["quickstart"]), executions={})
    assert "The executor" not in interpreter_html(interpreter_data(compare(findings, None)))


# ---------------------------------------------------------------- trajectories


def test_every_kept_trajectory_travels_and_decodes(comparison: Comparison) -> None:
    import base64

    data = trajectories_data(comparison)
    decoded = json.loads(gzip.decompress(base64.b64decode(data.payload)))["entries"]
    assert len(decoded) == data.kept == len(data.entries) == 576
    assert len({entry["id"] for entry in decoded}) == 576
    assert decoded[0]["run"] == "curriculum"
    assert "ids" not in decoded[0]["record"]["trajectory"]


def test_a_budget_keeps_a_sample_and_says_so(comparison: Comparison) -> None:
    data = trajectories_data(comparison, budget=20_000)
    assert 0 < len(data.entries) < data.kept == 576
    assert len(data.payload) <= 20_000
    assert data.entries == trajectories_data(comparison, budget=20_000).entries


# ---------------------------------------------------------------- what differs, cost, provenance, alerts


def test_changes_list_the_keys_that_differ_with_the_baseline_first(comparison: Comparison) -> None:
    data = changes_data(comparison)
    assert data.variants == ("plain", "curriculum")
    assert [(row.key, row.values, row.changed) for row in data.rows] == [
        ("curriculum.stages", ('"single"', '"cumulative"'), (False, True))
    ]
    assert data.equal > 60


def test_changes_html(comparison: Comparison, snapshot: SnapshotAssertion) -> None:
    html = changes_html(changes_data(comparison))
    assert html.partition("<details>")[0] == snapshot


def test_cost_counts_shared_steps_once(comparison: Comparison) -> None:
    cost = cost_data(comparison)
    kinds = {kind.kind: kind for kind in cost.kinds}
    assert (kinds["sft"].steps, kinds["sft"].uses, kinds["sft"].seconds) == (3, 6, 240.0)
    assert kinds["rl"].tokens == 6 * 48 * 9000
    assert cost.seconds == pytest.approx(sum(kind.seconds for kind in cost.kinds))


def test_provenance_counts_values_over_steps(comparison: Comparison) -> None:
    data = provenance_data(comparison)
    facts = {fact.key: fact.values for fact in data.facts}
    assert facts["git.dirty"] == {"false": 26, "true": 6}
    assert {fact.key: fact.values for fact in data.packages}["torch"] == {"2.13.0": 32}
    assert "git.diff" not in facts
    assert not any(key.startswith("process") for key in facts)


def test_alerts_name_dirty_code_and_programs_stopped_by_limits(comparison: Comparison) -> None:
    titles = [alert.title for alert in alerts_data(comparison).alerts]
    assert titles[0] == "6 steps ran with uncommitted changes"
    assert any(title.startswith("curriculum: ") and title.endswith("stopped by a limit") for title in titles)


# ---------------------------------------------------------------- partial and broken stores


def test_a_failed_seed_is_an_alert_and_a_note_in_its_row(make_store: MakeStore) -> None:
    root = make_store(failed=lambda role, variant, seed: (role, variant, seed) == ("rl", "plain", 2))
    comparison = comparison_of(root)
    alerts = alerts_data(comparison).alerts
    assert alerts[0].title == "rl failed: plain/tiny/2"
    assert alerts[0].detail.startswith("StepFailed: rl ran out of memory ")
    assert alerts[1].title == "1 step is blocked"
    assert alerts[1].detail.startswith("1 x evaluation; it needs rl-")
    assert "<img" not in alerts_html(alerts_data(comparison))
    row = next(row for row in leaderboard_data(comparison).rows if row.label == "plain")
    assert row.seeds == (0, 1)
    assert row.missing == ("seed 2: blocked",)
    contrast = next(r for r in leaderboard_data(comparison).rows if r.label == "curriculum").scores["new"].to_baseline
    assert contrast is not None
    assert contrast.estimate is not None
    assert contrast.estimate.seeds == 2


PARTIAL: dict[str, dict[str, object]] = {
    "sft only": {"until": "sft"},
    "one variant": {"variants": ONE},
    "one run": {"variants": ONE, "seeds": (3,)},
    "one seed": {"seeds": (0,)},
    "nothing done": {"failed": lambda role, variant, seed: role == "questions"},
    "no sft": {"failed": lambda role, variant, seed: role == "sft"},
    "no evaluation": {"failed": lambda role, variant, seed: role.startswith("evaluation")},
    "a potential missing": {"failed": lambda role, variant, seed: role == "potential" and seed == 1},
}


@pytest.mark.parametrize("choices", PARTIAL.values(), ids=PARTIAL)
def test_partial_experiments_render_every_section(make_store: MakeStore, choices: dict[str, object]) -> None:
    comparison = comparison_of(make_store(**choices))
    for section in SECTIONS:
        html = section.html(section.data(comparison))
        assert html.strip()
        assert "<img" not in html


def test_an_unfinished_run_shows_what_it_logged_so_far(make_store: MakeStore) -> None:
    root = make_store(failed=lambda role, variant, seed: role == "rl")
    for folder in root.glob("steps/rl-*"):
        (folder / "metrics.jsonl").write_text('{"step": 0, "time": 1.0, "reward": 0.5}\n{"step": 1, "rew')
    reward = curves_data(comparison_of(root)).rl[0]
    assert reward.series[0].mean.steps == (0,)


def test_a_diverged_run_is_an_alert_and_keeps_its_finite_steps(make_store: MakeStore) -> None:
    root = make_store(failed=lambda role, variant, seed: role == "rl", seeds=(0,))
    for folder in root.glob("steps/rl-*"):
        rows = ({"step": 0, "time": 1.0, "loss": 1.0}, {"step": 1, "time": 2.0, "loss": "nan"})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    comparison = comparison_of(root)
    assert curves_data(comparison).rl[0].series[0].mean.steps == (0,)
    assert "loss became NaN at step 1: plain/tiny/0" in [alert.title for alert in alerts_data(comparison).alerts]


def test_damaged_files_are_alerts_not_crashes(make_store: MakeStore) -> None:
    root = make_store(seeds=(0,))
    evaluation = min(root.glob("steps/evaluation-*"))
    (evaluation / "scores.parquet").write_bytes(b"PAR1 not really")
    lines = evaluation / "trajectories.jsonl.gz"
    lines.write_bytes(lines.read_bytes()[:500])
    next(root.glob("steps/partition-*/partition.parquet")).unlink()
    next(root.glob("steps/rl-*/provenance.json")).write_text("{")
    (root / "experiments" / "quickstart" / "status.json").write_text("[]")
    comparison = comparison_of(root)
    titles = "\n".join(alert.title for alert in alerts_data(comparison).alerts)
    for name in (
        "scores.parquet cannot be read",
        "trajectories.jsonl.gz only its first",
        "is missing",
        "provenance.json",
    ):
        assert name in titles
    for section in SECTIONS:
        assert section.html(section.data(comparison)).strip()


def test_heat_map_html(make_store: MakeStore, snapshot: SnapshotAssertion) -> None:
    root = make_store(seeds=(0,), questions=4, until="sft", variants=ONE)
    assert tasks_html(tasks_data(comparison_of(root))) == snapshot
