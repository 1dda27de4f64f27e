"""A policy with its engine and executor, made from a spec's sections."""

from importlib.util import find_spec

import pytest

from r1ci.agents.actor import Actor
from r1ci.agents.episode import Attempt
from r1ci.errors import EnvironmentMissing, UsageError
from r1ci.models.load import Policy
from r1ci.spec.models import AgentSpec, LocalExecutor, OpenaiEngine, ScriptedEngine, VllmEngine
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


def test_a_server_for_teachers_samples_no_episodes(tokenizer) -> None:
    with pytest.raises(UsageError, match=r"set engine\.kind to hf or vllm"):
        Actor(Policy(NoModel(), tokenizer), OpenaiEngine(model="m"), AGENT, LocalExecutor())


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vllm is installed")
@pytest.mark.parametrize("placement", ["colocated", "actors"])
def test_a_machine_without_vllm_is_told_what_to_install(tokenizer, placement: str) -> None:
    with pytest.raises(EnvironmentMissing, match=r"pip install 'r1ci\[vllm\]'"):
        Actor(Policy(NoModel(), tokenizer), VllmEngine(placement=placement), AGENT, LocalExecutor())
