"""A policy with its engine and executor, made from a spec's sections."""

import pytest

from r1ci.agents.actor import Actor
from r1ci.agents.episode import Attempt
from r1ci.errors import UsageError
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, LocalExecutor, ScriptedEngine, VllmEngine
from r1ci.tasks.base import Question


class Echo:
    """Accepts the reference answer."""

    id = "fake/echo"

    def check(self, question: Question, answer_text: str) -> bool:
        return answer_text == question.answer


class NoModel:
    """All that an actor asks of a model whose engine is scripted."""

    training = False

    def eval(self) -> None:
        return None

    def train(self, mode: bool) -> None:
        return None


AGENT = AgentSpec(turn_tokens=100, context_tokens=1000)


def test_scripted_replies_run_on_the_real_executor(tokenizer) -> None:
    replies = ["```python\nprint(6 * 7)\n```\n", "<<<42>>>"]
    engine = ScriptedEngine(replies=replies)
    with Actor(Policy(NoModel(), tokenizer), engine, AGENT, LocalExecutor(timeout_s=5)) as actor:
        attempts = [Attempt(Question("fake/echo", i, "6 * 7?", "42"), AGENT, 0, 1.0, 0) for i in range(3)]
        done = actor.attempt(attempts, {"fake/echo": Echo()})
        executed = actor.executed()
        assert actor.executed().rows() == []
    assert sum(row["count"] for row in executed.rows() if row["measure"] == "runs") == 3
    assert [item.correct for item in done] == [True] * 3
    assert all(item.turns[0].observation == "42" for item in done)


def test_an_engine_that_is_only_named_says_what_to_set(tokenizer) -> None:
    with pytest.raises(UsageError, match=r"set engine\.kind to hf"):
        Actor(Policy(NoModel(), tokenizer), VllmEngine(), AGENT, LocalExecutor())
