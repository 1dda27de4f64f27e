"""The episode loop: turns of a model and runs of its programs until there is a final answer.

An episode never raises for what the model or its program did: whatever goes wrong is a stop reason on the
trajectory. Token ids are only ever appended: what the model sampled, verbatim (mask 1), and glue (mask 0).

Departures from the paper, which leaves these open: the results of a program continue the assistant's turn, as the
paper says, unless the model itself ended its turn after the block; then they come as a user turn of the model's chat
template. The CodeSteer agent's guide is a set of rules instead of a second model.
"""

from __future__ import annotations

import ast
import hashlib
import math
import uuid
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from r1ci.agents import prompts
from r1ci.agents.parser import CODE_STOP, Parsed, final_answer, parse
from r1ci.agents.trajectory import StopReason, Trajectory, Turn, Violation, digest
from r1ci.engines.protocol import Engine, Finish, Request
from r1ci.executors.observe import observation
from r1ci.executors.protocol import Execution, Executor, Program, Status
from r1ci.models.chat import decode, encode, prompt_ids, user_turn_ids
from r1ci.spec.models import AgentSpec, ExecutorLimits
from r1ci.tasks.base import Question

GUIDE_TURNS = 2
"""Times the CodeSteer guide may ask for another answer."""


@dataclass(frozen=True)
class Attempt:
    """One episode to run."""

    question: Question
    agent: AgentSpec
    sample: int
    temperature: float
    seed: int
    """Seed of this episode's sampling; see ``episode_seed``."""
    top_p: float = 1.0
    prompt_format: str = ""
    """Sentence added to the agent's prompt."""


@dataclass(frozen=True)
class Team:
    """What an episode runs on."""

    engine: Engine
    tokenizer: Any
    executor: Executor
    limits: ExecutorLimits


def episode_seed(*parts: object) -> int:
    """A seed from anything with a stable repr: equal parts give equal seeds on every machine."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=7).digest())


class _NoNumbers(Exception):
    """The engine returned log-probabilities that are not finite."""


@dataclass
class _Episode:
    """The growing record of an episode."""

    attempt: Attempt
    team: Team
    number: int
    ids: list[int] = field(default_factory=list)
    mask: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    finish: Finish = Finish.EOS
    version: int = 0
    session: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Name under which the executor keeps what this episode's programs define, if it does."""

    def glue(self, ids: Sequence[int]) -> None:
        """Append tokens that the policy did not sample."""
        self.ids += ids
        self.mask += [0] * len(ids)
        self.logprobs += [0.0] * len(ids)

    @property
    def room(self) -> int:
        """Tokens that the next turn may have."""
        agent = self.attempt.agent
        return min(agent.turn_tokens, agent.context_tokens - len(self.ids))

    async def turn(self, *, stop_at_code: bool) -> Parsed:
        """Sample one turn and record it."""
        start, text = len(self.ids), ""
        limit = self.room
        returned: list[int] = []
        while True:
            completion = await self.team.engine.generate(
                Request(
                    ids=self.ids,
                    max_tokens=limit - (len(self.ids) - start),
                    temperature=self.attempt.temperature,
                    top_p=self.attempt.top_p,
                    seed=episode_seed(self.attempt.seed, len(self.ids)),
                    stop=(CODE_STOP,) if stop_at_code else (),
                    episode=self.number,
                )
            )
            if not all(map(math.isfinite, completion.logprobs)):
                raise _NoNumbers
            returned += completion.ids
            self.ids += completion.ids
            self.mask += [1] * len(completion.ids)
            self.logprobs += completion.logprobs
            self.finish, self.version = completion.finish, completion.policy_version
            sampled = self.ids[start:-1] if self.finish is Finish.EOS else self.ids[start:]
            text = decode(self.team.tokenizer, sampled)
            parsed = parse(text)
            done = parsed.code is not None or parsed.answer is not None or len(self.ids) - start >= limit
            if self.finish is not Finish.STOP or done:
                break
        if Violation.SEVERAL_BLOCKS in parsed.violations and parsed.code is not None:
            text = self._cut(start, parsed.code_end)
        seal = digest(returned[: len(self.ids) - start])
        self.turns.append(Turn(start, len(self.ids), text, violations=parsed.violations, digest=seal))
        return parsed

    def _cut(self, start: int, end: int) -> str:
        """Drop what the turn says after its first ``end`` characters."""
        sampled, tokenizer = self.ids[start:], self.team.tokenizer
        count = bisect_left(range(len(sampled)), end, key=lambda n: len(decode(tokenizer, sampled[:n])))
        for column in (self.ids, self.mask, self.logprobs):
            del column[start + count :]
        self.finish = Finish.STOP
        return decode(self.team.tokenizer, self.ids[start:])

    async def run(self, code: str) -> Execution:
        """Run a program and record what it did with the last turn."""
        session = self.session if self.team.limits.sessions else ""
        execution = await self.team.executor.run(Program(code, session=session))
        seen = observation(execution, self.team.limits)
        shown = _shorten(self.team.tokenizer, seen, self.attempt.agent.max_output_tokens)
        self.turns[-1] = replace(self.turns[-1], code=code, execution=execution, observation=shown)
        return execution

    def show(self, text: str) -> bool:
        """Append a program's results; false where the context has no room for them and one more token."""
        if self.finish is Finish.EOS:
            ids = user_turn_ids(self.team.tokenizer, text)
        else:
            ids = encode(self.team.tokenizer, text if self.turns[-1].text.endswith("\n") else f"\n{text}")
        return self._fits(ids)

    def say(self, text: str) -> bool:
        """Append a user turn, closing the assistant's where the model had not."""
        closing = () if self.finish is Finish.EOS else (self.team.tokenizer.eos_token_id,)
        return self._fits((*closing, *user_turn_ids(self.team.tokenizer, text)))

    def _fits(self, ids: Sequence[int]) -> bool:
        if len(self.ids) + len(ids) >= self.attempt.agent.context_tokens:
            return False
        self.glue(ids)
        return True

    def unfinished(self) -> StopReason:
        """Why a turn without program and answer ended the episode."""
        if self.finish is not Finish.LENGTH:
            return StopReason.VOID_TURN
        full = len(self.ids) >= self.attempt.agent.context_tokens
        return StopReason.CONTEXT_LENGTH if full else StopReason.TURN_LENGTH

    def record(self, reason: StopReason, answer: str | None) -> Trajectory:
        """The finished trajectory."""
        if answer is None and self.turns:
            last = self.turns[-1]
            if Violation.VOID_TURN not in last.violations:
                self.turns[-1] = replace(last, violations=(*last.violations, Violation.NO_ANSWER))
        return Trajectory(
            task=self.attempt.question.task,
            question_id=self.attempt.question.id,
            agent=self.attempt.agent.kind,
            sample=self.attempt.sample,
            temperature=self.attempt.temperature,
            ids=tuple(self.ids),
            mask=tuple(self.mask),
            logprobs=tuple(self.logprobs),
            prompt_tokens=next((i for i, sampled in enumerate(self.mask) if sampled), len(self.ids)),
            turns=tuple(self.turns),
            stop_reason=reason,
            answer=answer,
            policy_version=self.version,
        )


async def run_episode(attempt: Attempt, team: Team, number: int) -> Trajectory:
    """One attempt at a question by its agent; ``correct`` and ``rewards`` are not set yet."""
    episode = _Episode(attempt, team, number)
    text = prompts.prompt(attempt.agent.kind, attempt.question.text, attempt.prompt_format)
    episode.glue(prompt_ids(team.tokenizer, text))
    if episode.room < 1:
        return episode.record(StopReason.CONTEXT_LENGTH, None)
    await team.engine.open(number)
    try:
        reason, answer = await _AGENTS[attempt.agent.kind](episode)
    except _NoNumbers:
        reason, answer = StopReason.ENGINE, None
    finally:
        await team.engine.release(number)
        if team.limits.sessions:
            await team.executor.end(episode.session)
    return episode.record(reason, answer)


async def _all_text(episode: _Episode) -> tuple[StopReason, str | None]:
    parsed = await episode.turn(stop_at_code=False)
    return (StopReason.ANSWER if parsed.answer is not None else episode.unfinished()), parsed.answer


async def _all_code(episode: _Episode) -> tuple[StopReason, str | None]:
    parsed = await episode.turn(stop_at_code=True)
    if parsed.code is None:
        return (StopReason.ANSWER if parsed.answer is not None else episode.unfinished()), parsed.answer
    execution = await episode.run(parsed.code)
    if execution.status is Status.INFRASTRUCTURE:
        return StopReason.INFRASTRUCTURE, None
    if execution.status is not Status.OK or not execution.stdout.strip():
        return StopReason.CALLS_USED_UP, None
    return StopReason.ANSWER, final_answer(execution.stdout) or execution.stdout.strip()


async def _code_agent(episode: _Episode) -> tuple[StopReason, str | None]:
    """Turns of text and code until an answer, a void turn, or a limit."""
    agent = episode.attempt.agent
    while True:
        if episode.room < 1:
            return StopReason.CONTEXT_LENGTH, None
        calls = sum(turn.execution is not None for turn in episode.turns)
        parsed = await episode.turn(stop_at_code=calls < agent.max_code_calls)
        if parsed.answer is not None:
            return StopReason.ANSWER, parsed.answer
        if parsed.code is None:
            return episode.unfinished(), None
        if calls == agent.max_code_calls:
            return StopReason.CALLS_USED_UP, None
        execution = await episode.run(parsed.code)
        if execution.status is Status.INFRASTRUCTURE:
            return StopReason.INFRASTRUCTURE, None
        shown = prompts.results(episode.turns[-1].observation)
        if not episode.show(f"{shown}{prompts.LAST_CALL}\n" if calls + 1 == agent.max_code_calls else shown):
            return StopReason.CONTEXT_LENGTH, None


async def _codesteer(episode: _Episode) -> tuple[StopReason, str | None]:
    """The code agent with a guide that may ask for another answer; the last answer counts."""
    reason, answer = await _code_agent(episode)
    for _ in range(GUIDE_TURNS):
        advice = guidance(episode.turns)
        if reason is not StopReason.ANSWER or advice is None or not episode.say(advice):
            break
        reason, again = await _code_agent(episode)
        if reason is StopReason.INFRASTRUCTURE:
            return reason, None
        answer = again if again is not None else answer
    return (StopReason.ANSWER if answer is not None else reason), answer


_AGENTS = {"all_text": _all_text, "all_code": _all_code, "code_agent": _code_agent, "codesteer": _codesteer}


def guidance(turns: Sequence[Turn]) -> str | None:
    """What the CodeSteer guide says to an answer; None where it has nothing to add.

    The rules stand for CodeSteer's symbolic checker: no program, a program that failed, a program that prints a
    constant.
    """
    runs = [turn for turn in turns if turn.execution is not None]
    if not runs:
        return prompts.STEER_TO_CODE
    last = runs[-1]
    if last.execution is not None and last.execution.status is not Status.OK:
        return prompts.STEER_AWAY
    return prompts.STEER_CHECK if last.code is not None and _prints_a_constant(last.code) else None


def _prints_a_constant(code: str) -> bool:
    """Whether a program is nothing but prints of literals."""
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return bool(body) and all(
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "print"
        and all(isinstance(argument, ast.Constant) for argument in node.value.args)
        for node in body
    )


def _shorten(tokenizer: Any, text: str, max_tokens: int) -> str:
    """Head and tail of a text of more than ``max_tokens`` tokens, with what was left out said between them."""
    if len(text.encode()) <= max_tokens:
        return text
    ids = encode(tokenizer, text)
    if len(ids) <= max_tokens:
        return text
    head, tail = max_tokens * 3 // 4, max_tokens // 4
    left_out = f"\n... [{len(ids) - head - tail} tokens left out] ...\n"
    return decode(tokenizer, ids[:head]) + left_out + decode(tokenizer, ids[len(ids) - tail :])
