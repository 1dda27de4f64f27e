"""The episode loop, with scripted replies and a fake executor."""

import asyncio
from dataclasses import replace

import pytest
from agents_fakes import FakeExecutor

from r1ci.agents import prompts
from r1ci.agents.episode import Attempt, Team, episode_seed, guidance, run_episode
from r1ci.agents.rollout import rollout
from r1ci.agents.trajectory import StopReason, Trajectory, Turn, Violation
from r1ci.engines.scripted import ScriptedEngine
from r1ci.executors.protocol import Execution, Status
from r1ci.models.chat import decode
from r1ci.spec.models import AgentSpec, LocalExecutor
from r1ci.tasks.base import Question

QUESTION = Question("fake/sum", 0, "What is 1 + 2?", "3")
CODE = "```python\nprint(3)\n```\n"


def play(tokenizer, replies, *, kind="code_agent", executor=None, sessions=False, **agent) -> Trajectory:
    spec = AgentSpec(kind=kind, **{"turn_tokens": 200, "context_tokens": 2000, **agent})
    limits = LocalExecutor(sessions=sessions)
    team = Team(ScriptedEngine(replies, tokenizer), tokenizer, executor or FakeExecutor(), limits)
    return asyncio.run(run_episode(Attempt(QUESTION, spec, 0, 1.0, 7), team, 0))


def sampled_text(trajectory: Trajectory, tokenizer) -> str:
    return decode(tokenizer, [i for i, m in zip(trajectory.ids, trajectory.mask, strict=True) if m])


def test_a_program_runs_and_its_results_continue_the_turn(tokenizer) -> None:
    executor = FakeExecutor()
    trajectory = play(tokenizer, [f"{CODE}", "<<<3>>>"], executor=executor)
    assert executor.ran == ["print(3)"]
    assert (trajectory.stop_reason, trajectory.answer, trajectory.calls) == (StopReason.ANSWER, "3", 1)
    text = decode(tokenizer, trajectory.ids)
    assert "Code Execution Results:\nprint(3)\n<<<3>>>" in text.replace("<|im_end|>", "").replace("<|im_start|>", "")


def test_results_come_as_a_user_turn_where_the_model_ended_its_own(tokenizer) -> None:
    trajectory = play(tokenizer, ["```python\nprint(3)\n```", "<<<3>>>"])
    text = decode(tokenizer, trajectory.ids)
    shown = "Code Execution Results:\nprint(3)\n"
    assert f"```<|im_end|>\n<|im_start|>user\n{shown}<|im_end|>\n<|im_start|>assistant\n" in text


def test_the_mask_covers_exactly_what_was_sampled(tokenizer) -> None:
    trajectory = play(tokenizer, [CODE + "ignored", "so <<<3>>>"])
    assert sampled_text(trajectory, tokenizer) == CODE + "so <<<3>>><|im_end|>"
    turns = [decode(tokenizer, trajectory.ids[turn.start : turn.end]) for turn in trajectory.turns]
    assert turns == [CODE, "so <<<3>>><|im_end|>"]
    assert not any(trajectory.mask[: trajectory.prompt_tokens])


def test_a_fence_of_another_language_does_not_end_the_turn(tokenizer) -> None:
    trajectory = play(tokenizer, ["table:\n```\n1\n```\nso <<<3>>>"])
    assert (trajectory.stop_reason, trajectory.answer, len(trajectory.turns)) == (StopReason.ANSWER, "3", 1)


def test_a_void_turn_ends_the_episode(tokenizer) -> None:
    trajectory = play(tokenizer, ["I give up."])
    assert trajectory.stop_reason is StopReason.VOID_TURN
    assert trajectory.turns[-1].violations == (Violation.VOID_TURN,)


def test_after_the_last_call_the_model_must_answer(tokenizer) -> None:
    trajectory = play(tokenizer, [CODE, CODE, "<<<3>>>"], max_code_calls=2)
    assert (trajectory.stop_reason, trajectory.calls) == (StopReason.ANSWER, 2)
    assert decode(tokenizer, trajectory.ids).count(prompts.LAST_CALL) == 1


def test_wanting_more_calls_than_there_are_ends_without_an_answer(tokenizer) -> None:
    executor = FakeExecutor()
    trajectory = play(tokenizer, [CODE], executor=executor, max_code_calls=2)
    assert (trajectory.stop_reason, trajectory.answer, len(executor.ran)) == (StopReason.CALLS_USED_UP, None, 2)
    assert Violation.NO_ANSWER in trajectory.turns[-1].violations


def test_a_turn_that_runs_out_of_tokens_ends_the_episode(tokenizer) -> None:
    trajectory = play(tokenizer, ["a" * 300], turn_tokens=20)
    assert (trajectory.stop_reason, trajectory.generated_tokens) == (StopReason.TURN_LENGTH, 20)


def test_a_context_that_runs_out_ends_the_episode_within_it(tokenizer) -> None:
    trajectory = play(tokenizer, [CODE], context_tokens=300)
    assert trajectory.stop_reason is StopReason.CONTEXT_LENGTH
    assert len(trajectory.ids) <= 300


def test_a_prompt_longer_than_the_context_is_a_stop_reason(tokenizer) -> None:
    trajectory = play(tokenizer, [CODE], context_tokens=10)
    assert (trajectory.stop_reason, trajectory.turns) == (StopReason.CONTEXT_LENGTH, ())


def test_a_hung_program_costs_a_turn_and_the_model_reads_so(tokenizer) -> None:
    hung = Execution(Status.TIMEOUT, stdout="part\n")
    trajectory = play(tokenizer, [CODE, "<<<3>>>"], executor=FakeExecutor({"print(3)": hung}))
    assert trajectory.answer == "3"
    assert "part" in trajectory.turns[0].observation
    assert "TimeoutExpired" in trajectory.turns[0].observation


def test_an_infrastructure_failure_ends_the_episode_unscored(tokenizer) -> None:
    broken = Execution(Status.INFRASTRUCTURE, reason="no process")
    trajectory = play(tokenizer, [CODE], executor=FakeExecutor({"print(3)": broken}))
    assert trajectory.stop_reason is StopReason.INFRASTRUCTURE
    assert not trajectory.scored


def test_a_rejected_program_is_the_models_and_it_reads_why(tokenizer) -> None:
    rejected = Execution(Status.REJECTED, reason="the program is 2000000 bytes long")
    trajectory = play(tokenizer, [CODE, "<<<3>>>"], executor=FakeExecutor({"print(3)": rejected}))
    assert "2000000 bytes long" in trajectory.turns[0].observation
    assert (trajectory.answer, trajectory.scored) == ("3", True)


def test_programs_of_an_episode_share_a_session_only_where_asked_and_it_ends_with_them(tokenizer) -> None:
    alone, shared = FakeExecutor(), FakeExecutor()
    play(tokenizer, [CODE, CODE, "<<<3>>>"], executor=alone)
    assert (alone.sessions, alone.ended) == (["", ""], [])
    play(tokenizer, [CODE, CODE, "<<<3>>>"], executor=shared, sessions=True)
    assert shared.sessions[0]
    assert shared.sessions == shared.ended * 2


class Spoilt(ScriptedEngine):
    """Its log-probabilities are no numbers."""

    async def generate(self, request):
        completion = await super().generate(request)
        return replace(completion, logprobs=(float("nan"),) * len(completion.ids))


def test_log_probabilities_that_are_no_numbers_leave_the_episode_unscored(tokenizer) -> None:
    limits = LocalExecutor()
    team = Team(Spoilt([CODE], tokenizer), tokenizer, FakeExecutor(), limits)
    trajectory = asyncio.run(run_episode(Attempt(QUESTION, AgentSpec(), 0, 1.0, 7), team, 0))
    assert (trajectory.stop_reason, trajectory.scored, trajectory.turns) == (StopReason.ENGINE, False, ())


class Reference:
    """Takes the reference answer alone."""

    def check(self, question, answer_text):
        return answer_text == question.answer


class Broken:
    """A checker that raises."""

    def check(self, question, answer_text):
        raise RuntimeError("no idea")


def test_a_checker_that_raises_loses_the_episode_alone(tokenizer) -> None:
    other = Question("fake/broken", 0, "?", "3")
    spec = AgentSpec(turn_tokens=200, context_tokens=2000)
    team = Team(ScriptedEngine(["<<<3>>>"], tokenizer), tokenizer, FakeExecutor(), LocalExecutor())
    attempts = [Attempt(question, spec, 0, 1.0, 7) for question in (other, QUESTION)]
    broken, sound = asyncio.run(rollout(attempts, team, {"fake/broken": Broken(), "fake/sum": Reference()}))
    assert (broken.stop_reason, broken.scored) == (StopReason.SCORING, False)
    assert sound.correct


def test_long_results_keep_head_and_tail_and_say_so(tokenizer) -> None:
    long = Execution(Status.OK, stdout="head" + "x" * 5000 + "tail")
    executor = FakeExecutor({"print(3)": long})
    trajectory = play(tokenizer, [CODE, "<<<3>>>"], executor=executor, max_output_tokens=60)
    shown = trajectory.turns[0].observation
    assert shown.startswith("head")
    assert shown.endswith("tail")
    assert "tokens left out" in shown


def test_all_text_never_runs_code(tokenizer) -> None:
    executor = FakeExecutor()
    trajectory = play(tokenizer, [f"{CODE}<<<3>>>"], kind="all_text", executor=executor)
    assert (trajectory.answer, executor.ran) == ("3", [])


@pytest.mark.parametrize(("printed", "answer"), [("3\n", "3"), ("so <<<4>>>\n", "4"), ("[1,\n 2]\n", "[1,\n 2]")])
def test_all_code_takes_the_output_as_the_answer(tokenizer, printed: str, answer: str) -> None:
    executor = FakeExecutor({"print(3)": Execution(Status.OK, stdout=printed)})
    assert play(tokenizer, [CODE], kind="all_code", executor=executor).answer == answer


def test_all_code_has_no_answer_where_the_program_failed(tokenizer) -> None:
    executor = FakeExecutor({"print(3)": Execution(Status.ERROR, stdout="3", stderr="ValueError")})
    trajectory = play(tokenizer, [CODE], kind="all_code", executor=executor)
    assert (trajectory.answer, trajectory.stop_reason) == (None, StopReason.CALLS_USED_UP)


def test_the_guide_asks_for_code_and_the_last_answer_counts(tokenizer) -> None:
    computed = "```python\nx = 1 + 2\nprint(x)\n```\n"
    trajectory = play(tokenizer, ["<<<4>>>", computed, "<<<3>>>"], kind="codesteer")
    assert (trajectory.answer, trajectory.calls) == ("3", 1)
    assert decode(tokenizer, trajectory.ids).count("Guide:") == 1


def test_the_guide_gives_up_after_its_turns(tokenizer) -> None:
    trajectory = play(tokenizer, ["<<<4>>>"], kind="codesteer")
    assert (trajectory.answer, len(trajectory.turns)) == ("4", 3)


def test_guidance_by_what_the_programs_did() -> None:
    def turn(code: str, status: Status) -> Turn:
        return Turn(0, 1, "", code=code, execution=Execution(status))

    assert guidance([Turn(0, 1, "")]) == prompts.STEER_TO_CODE
    assert guidance([turn("x", Status.ERROR)]) == prompts.STEER_AWAY
    assert guidance([turn("print(3)", Status.OK)]) == prompts.STEER_CHECK
    assert guidance([turn("print(1 + 2)", Status.OK)]) is None


def test_a_trajectory_survives_json(tokenizer) -> None:
    trajectory = play(tokenizer, [CODE, "<<<3>>>"])
    assert Trajectory.from_json(trajectory.to_json()) == trajectory


def test_rollouts_come_back_in_order_and_checked(tokenizer) -> None:
    class Sum:
        id = "fake/sum"

        def check(self, question: Question, answer_text: str) -> bool:
            return answer_text == question.answer

    spec = AgentSpec(turn_tokens=50, context_tokens=1000)
    questions = [Question("fake/sum", index, "What?", str(index)) for index in range(5)]
    team = Team(ScriptedEngine(["<<<3>>>"], tokenizer), tokenizer, FakeExecutor(), LocalExecutor())
    attempts = [Attempt(question, spec, 0, 1.0, 0) for question in questions]
    done = asyncio.run(rollout(attempts, team, {"fake/sum": Sum()}, wave=2))
    assert [item.question_id for item in done] == [question.id for question in questions]
    assert [item.correct for item in done] == [False, False, False, True, False]


def test_episode_seeds_depend_on_every_part() -> None:
    seeds = {episode_seed("rl", s, t, q) for s in range(3) for t in range(3) for q in ("a", "b")}
    assert len(seeds) == 18
    assert episode_seed("rl", 0) == episode_seed("rl", 0)
