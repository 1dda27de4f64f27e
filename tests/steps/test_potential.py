"""The potential step: who attempts what, and what is written of it."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from r1ci.agents.episode import Attempt
from r1ci.agents.trajectory import StopReason, Trajectory
from r1ci.errors import R1ciError
from r1ci.spec.models import AgentSpec, Potential
from r1ci.steps import potential
from r1ci.tasks.base import Question
from r1ci.tasks.storage import write_questions


class Answers:
    """Stands in for policy, engine and executor: question n is solved by the first n attempts."""

    def __init__(self, episode: Any, broken: set[tuple[str, str, int]]) -> None:
        self._episode, self._broken = episode, broken
        self.attempts: list[Attempt] = []

    def __call__(self, context: Any, policy: Any, attempts: list[Attempt]) -> list[Trajectory]:
        self.attempts = attempts
        done: dict[str, int] = {}
        made = []
        for item in attempts:
            name = item.question.id
            done[name] = done.get(name, 0) + 1
            broken = (name, item.agent.kind, item.sample) in self._broken
            stop = StopReason.INFRASTRUCTURE if broken else StopReason.ANSWER
            correct = not broken and done[name] <= item.question.index
            made.append(self._episode(name, item.sample, agent=item.agent.kind, correct=correct, stop=stop))
        return made


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, context: Any, episode: Any) -> Any:
    """Run the step on three questions with two agents at two temperatures."""
    folder = tmp_path / "questions-1"
    folder.mkdir()
    drawn = [Question("fake/digits", index, f"Write {index}.", str(index)) for index in range(3)]
    write_questions(folder, {"sft": [], "rl": drawn, "new": [], "test": []})
    monkeypatch.setattr(potential, "sampled_policy", lambda context: None)

    def run(broken: set[tuple[str, str, int]]) -> tuple[Answers, pl.DataFrame, pl.DataFrame]:
        answers = Answers(episode, broken)
        monkeypatch.setattr(potential, "run_attempts", answers)
        spec = Potential(agents=["all_code", "code_agent"], temperatures=[0.5, 1.0])
        inputs = {"potential": spec.model_dump(mode="json"), "agent": AgentSpec().model_dump(mode="json"), "seed": 0}
        given = context("potential", inputs, {"questions": folder, "policy": tmp_path})
        potential.run(given)
        tables = [pl.read_parquet(given.folder / f"{name}.parquet") for name in ("potential", "attempts")]
        return answers, *tables

    return run


def test_every_agent_attempts_every_question_at_every_temperature(measure: Any) -> None:
    answers, _, attempts = measure(set())
    assert [(item.agent.kind, item.temperature) for item in answers.attempts[:4]] == [
        ("all_code", 0.5),
        ("all_code", 1.0),
        ("code_agent", 0.5),
        ("code_agent", 1.0),
    ]
    assert len(answers.attempts) == attempts.height == 12
    assert len({item.seed for item in answers.attempts}) == 12


def test_potential_is_that_of_the_share_solved(measure: Any) -> None:
    _, table, _ = measure(set())
    assert table.select("question_id", "attempts", "correct", "p", "potential").rows() == [
        ("fake/digits#0", 4, 0, 0.0, 0.0),
        ("fake/digits#1", 4, 1, 0.25, 0.75),
        ("fake/digits#2", 4, 2, 0.5, 1.0),
    ]


def test_attempts_that_were_not_scored_are_not_counted(measure: Any) -> None:
    """One attempt of question 2 is lost, all of question 1."""
    lost = {("fake/digits#1", kind, sample) for kind in ("all_code", "code_agent") for sample in (0, 1)}
    _, table, attempts = measure({("fake/digits#2", "code_agent", 1), *lost})
    assert table.select("question_id", "attempts", "correct").rows() == [
        ("fake/digits#0", 4, 0),
        ("fake/digits#2", 3, 2),
    ]
    assert attempts.height == 12
    assert attempts.filter(pl.col("stop_reason") == "infrastructure").height == 5


def test_no_scored_attempt_at_all_is_one_clear_error(measure: Any) -> None:
    lost = {(f"fake/digits#{n}", kind, s) for n in range(3) for kind in ("all_code", "code_agent") for s in (0, 1)}
    with pytest.raises(R1ciError, match="no attempt could be scored"):
        measure(lost)
