"""How code was used, from attempts and kept trajectories."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest

from r1ci.report.contenders import compare
from r1ci.report.data import Attempt, Findings
from r1ci.report.sections.behaviour import Behaviour, behaviour_data, behaviour_html


def attempt(task: str, calls: int, correct: bool, stop: str = "answer") -> Attempt:
    return Attempt(
        set="new", task=task, question_id=f"{task}#0", sample=0, correct=correct, calls=calls, code_errors=0,
        statuses=("ok",) * calls, turns=calls + 1, generated_tokens=9, stop_reason=stop, answer="12",
    )  # fmt: skip


def turn(code: str, stdout: str, text: str = "", **execution: object) -> dict[str, Any]:
    ran = {"status": "ok", "stdout": stdout, "wall_s": 0.02, **execution}
    return {"text": f"{text}\n```python\n{code}\n```", "code": code, "execution": ran}


def episode(*turns: dict[str, Any], answer: str | None = "12", correct: bool = True) -> dict[str, Any]:
    return {"trajectory": {"task": "t", "turns": turns, "answer": answer, "correct": correct}}


def of(findings: Findings, lines: Sequence[dict[str, Any]], attempts: Sequence[Attempt] = ()) -> Behaviour:
    """The base checkpoint if one of its evaluations left this, and the others nothing."""
    base = next(c for c in compare(findings, None).contenders if c.label == "base")
    first = base.evaluations[0]
    changed = dataclasses.replace(
        findings,
        trajectories={first: tuple(lines)},
        attempts={first: tuple(attempts) or (attempt("t", 1, True),)},
    )
    return behaviour_data(compare(changed, None)).contenders[0]


def test_code_is_held_against_text_within_the_tasks_that_have_both(findings: Findings) -> None:
    attempts = [
        attempt("hard", 1, False), attempt("hard", 1, True), attempt("hard", 0, False),
        attempt("easy", 0, True), attempt("easy", 0, True), attempt("hard", 1, True, "infrastructure"),
    ]  # fmt: skip
    against = of(findings, [], attempts).against
    assert (against.code.episodes, against.code.accuracy) == (2, 0.5)
    assert against.text.episodes == 3
    assert against.text.accuracy == pytest.approx(2 / 3)
    assert (against.tasks, against.paired) == (1, 0.5)


def test_programs_that_check_themselves_are_counted_by_program_and_by_episode(findings: Findings) -> None:
    checked = turn("a = 3\nb = a * 4\nassert b % a == 0\nprint(b)", "12")
    plain = turn("print(12)", "12")
    kept = of(findings, [episode(checked, plain), episode(plain, correct=False), episode()]).kept
    assert kept is not None
    assert (kept.episodes, kept.programs) == (3, 3)
    assert kept.checked == pytest.approx(1 / 3)
    assert (kept.checking.episodes, kept.checking.accuracy) == (1, 1.0)
    assert (kept.unchecked.episodes, kept.unchecked.accuracy) == (1, 0.0)


def test_answers_are_traced_to_what_was_said_and_printed_before(findings: Findings) -> None:
    lines = [
        episode(turn("print(12)", "12\n", text="I think <<<11>>>.")),
        episode(turn("print(12)", "12\n", text="I think <<<12>>>.")),
        episode(turn("print(10)", "sum\n10\n"), turn("print(12)", "12\n")),
        episode(turn("print(9)", "9\n"), turn("1/0", "", status="error"), answer="7"),
        episode(turn("print(9)", "9\n"), answer=None),
        episode(turn("x = 1", "")),
    ]
    kept = of(findings, lines).kept
    assert kept is not None
    assert (kept.stated, kept.changed) == (2, 1)
    assert (kept.repeated, kept.revised) == (1, 1)
    assert (kept.answered, kept.taken) == (4, 3)


def test_histograms_put_every_program_into_one_class(findings: Findings) -> None:
    lines = [
        episode(turn("print(1)\n\nprint(2)", "", wall_s=0.01), turn("\n".join(["x = 1"] * 50), "ab", wall_s=9.0)),
        episode(turn("print('\u00fc')", "\u00fc" * 6, wall_s=0.2, stdout_truncated=True)),
    ]
    kept = of(findings, lines).kept
    assert kept is not None
    third = 1 / 3
    code, seconds, output = kept.histograms
    assert list(code.shares) == pytest.approx([2 * third, 0, 0, 0, 0, third])
    assert list(seconds.shares) == pytest.approx([third, 0, 0, third, 0, 0, third])
    assert list(output.shares) == pytest.approx([third, third, third, 0, 0, 0])
    assert code.median == 2.0
    assert kept.truncated == pytest.approx(third)


def test_tasks_have_their_own_row(findings: Findings) -> None:
    attempts = [attempt("t", 2, True), attempt("t", 0, False), attempt("u", 0, True)]
    tasks = of(findings, [episode(turn("print(1)", "1"))], attempts).tasks
    assert [(task.task, task.calls, task.code, task.checked) for task in tasks] == [
        ("t", 1.0, 0.5, 0.0),
        ("u", 0.0, 0.0, None),
    ]
    assert tasks[1].errors is None


def test_training_stages_have_their_programs_per_episode(findings: Findings) -> None:
    stages = {run.label: run.calls for run in behaviour_data(compare(findings, None)).stages}
    assert stages == {"curriculum": {1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0}, "plain": {1: 1.0}}


def test_the_page_says_how_well_the_detector_does(findings: Findings) -> None:
    html = behaviour_html(behaviour_data(compare(findings, None)))
    assert "91.0% of what it finds is right and it finds 50.0% of what there is" in html
    assert "<img" not in html
    assert html.count('role="img" aria-label="') == 3 * 3
