"""What both trainers of training.py are given: a model of random weights, scripted episodes, lengths.

A random model writes no programs, so what is sampled is scripted: every contender runs its forward passes and draws
its tokens as always, and then the script's token takes the place of the drawn one. Both sample the same number of
tokens in every turn and run the same program; only the form of the call differs (a fenced block here, Qwen2.5's
tool call there).

Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import trl

from r1ci.agents.episode import Attempt
from r1ci.agents.trajectory import StopReason, Trajectory, Turn
from r1ci.models.build import build_tiny
from r1ci.models.chat import encode, prompt_ids
from r1ci.models.load import Policy
from r1ci.models.tokenizer import train_tokenizer
from r1ci.spec.models import AgentSpec, TinyModel
from r1ci.spec.models import LocalExecutor as LocalSpec
from r1ci.tasks.base import Question

GROUP = 8
AGENT = AgentSpec(max_code_calls=1, turn_tokens=320, context_tokens=1024, max_output_tokens=32)
LIMITS = LocalSpec(timeout_s=5, memory_mb=256)
MODEL = TinyModel(layers=4, width=256, heads=8, kv_heads=2, feedforward=640, vocabulary=2048)
PROMPT_TOKENS = 300
SPREAD = (32, 320)
"""Shortest and longest completion of the updates: a spread of 10:1."""
WORDS = " we add the values of the line and go on with what is left until nothing remains to be done"
TOOL = '{"type": "function", "function": {"name": "python", "description": "Run a program and return what it prints"}}'
END = "<|im_end|>"

_TAG = re.compile(r"# (\d+) (\d+)")
_NAME = re.compile(r"Question (\d+)\.")


@dataclass(frozen=True)
class Script:
    """One episode: its turns as ids, the first ending in a call of the program."""

    fenced: tuple[tuple[int, ...], tuple[int, ...]]
    called: tuple[tuple[int, ...], tuple[int, ...]]
    """The same with a tool call."""

    @property
    def tokens(self) -> int:
        """Sampled tokens of the episode."""
        return sum(map(len, self.fenced))


def policy(vocabulary: int = MODEL.vocabulary, width: int = MODEL.width, layers: int = MODEL.layers) -> Policy:
    """Random weights; the tokenizer has Qwen2.5's chat template, whose tool calls TRL can parse."""
    template = (Path(trl.__file__).parent / "chat_templates" / "qwen2_5.jinja").read_text()
    sample = [WORDS, *(_call(1, 2, form) for form in ("fenced", "called")), TOOL, template]
    tokenizer = train_tokenizer(sample * 3, MODEL.vocabulary)
    tokenizer.chat_template = template
    shape = MODEL.model_copy(update={"vocabulary": vocabulary, "width": width, "layers": layers})
    return Policy(build_tiny(shape, tokenizer, 0).eval(), tokenizer)


def question(number: int, words: int = 0) -> str:
    """The text of a question, behind as many words of instructions as make prompts equally long."""
    text = " ".join((WORDS.split() * (1 + words // 8))[:words])
    return f"{text}\nQuestion {number}. What is {number + 12} times {number + 7}?"


def attempts(policy: Policy, episodes: int, prompt_tokens: int) -> list[Attempt]:
    """Groups of attempts at questions whose prompts have as many tokens as asked for, or a few more."""
    words = next(
        n for n in range(2000) if len(prompt_ids(policy.tokenizer, _agent_prompt(question(0, n)))) >= prompt_tokens
    )
    return [
        Attempt(Question("scripted", number, question(number, words), ""), AGENT, sample, 1.0, number * GROUP + sample)
        for number in range(episodes // GROUP)
        for sample in range(GROUP)
    ]


def _agent_prompt(text: str) -> str:
    from r1ci.agents.prompts import prompt

    return prompt(AGENT.kind, text)


def scripts(tokenizer: Any, episodes: int) -> dict[tuple[int, int], Script]:
    """By question and sample: first turns of 70 to 300 tokens, most of them short, and answers of 15 to 60."""
    rng = random.Random(0)
    made: dict[tuple[int, int], Script] = {}
    for number in range(episodes // GROUP):
        for sample in range(GROUP):
            first, second = 70 + int(230 * rng.random() ** 3), rng.randrange(15, 61)
            answer = _filled(tokenizer, f" The answer is <<<{number}>>>{END}", second)
            fenced, called = (_filled(tokenizer, _call(number, sample, form), first) for form in ("fenced", "called"))
            made[number, sample] = Script((fenced, answer), (called, answer))
    return made


def _call(number: int, sample: int, form: str) -> str:
    code = f"print({number + 12} * {number + 7})  # {number} {sample}"
    if form == "fenced":
        return f"\n```python\n{code}\n```\n"
    return f'\n<tool_call>\n{{"name": "python", "arguments": {{"code": "{code}"}}}}\n</tool_call>{END}'


def _filled(tokenizer: Any, ending: str, tokens: int) -> tuple[int, ...]:
    last, filler = encode(tokenizer, ending), encode(tokenizer, WORDS)
    count = tokens - len(last)
    return (*(filler * (1 + count // len(filler)))[:count], *last)


class Prompter:
    """Tells which script a context follows, and which of its turns comes next."""

    def __init__(self, tokenizer: Any, scripts: dict[tuple[int, int], Script]) -> None:
        self._tokenizer, self._scripts = tokenizer, scripts

    def turn(self, ids: Sequence[int], sample: int, form: str) -> tuple[int, ...]:
        """The ids to sample after a context; ``sample`` says which attempt an untouched prompt belongs to."""
        text = self._tokenizer.decode(list(ids))
        tag = _TAG.search(text)
        if tag is not None:
            turns: tuple[tuple[int, ...], tuple[int, ...]]
            turns = getattr(self._scripts[int(tag[1]), int(tag[2])], form)
            return turns[1]
        turns = getattr(self._scripts[self.number(text), sample], form)
        return turns[0]

    @staticmethod
    def number(text: str) -> int:
        """The question a prompt asks."""
        found = _NAME.search(text)
        if found is None:
            raise ValueError(f"no question in {text!r}")
        return int(found[1])


def trajectories(
    groups: int, prompt_tokens: int = PROMPT_TOKENS, vocabulary: int = 2000, spread: tuple[int, int] = SPREAD
) -> list[Trajectory]:
    """Episodes of random ids whose completions spread evenly over a range; no two rewards of neighbours are equal."""
    rng = random.Random(1)
    made: list[Trajectory] = []
    for number in range(groups):
        prompt = tuple(rng.randrange(3, vocabulary) for _ in range(prompt_tokens))
        for sample in range(GROUP):
            length = spread[0] + (spread[1] - spread[0]) * sample // (GROUP - 1)
            made.append(_trajectory(prompt, [rng.randrange(3, vocabulary) for _ in range(length)], number, sample))
    return made


def _trajectory(prompt: tuple[int, ...], sampled: list[int], number: int, sample: int) -> Trajectory:
    bare = Trajectory(
        task="scripted",
        question_id=f"scripted#{number}",
        agent=AGENT.kind,
        sample=sample,
        temperature=1.0,
        ids=(*prompt, *sampled),
        mask=(0,) * len(prompt) + (1,) * len(sampled),
        logprobs=(0.0,) * len(prompt) + (-7.6,) * len(sampled),
        prompt_tokens=len(prompt),
        turns=(Turn(len(prompt), len(prompt) + len(sampled), ""),),
        stop_reason=StopReason.ANSWER,
        answer="",
    )
    return replace(bare, rewards={"correct": float(sample % 2)})


def forced(tokens: torch.Tensor, rows: Sequence[Sequence[int]], step: Sequence[int]) -> torch.Tensor:
    """The scripts' tokens (R) in place of those drawn; a finished script goes on as drawn."""
    values = [
        row[at] if at < len(row) else int(drawn) for row, at, drawn in zip(rows, step, tokens.tolist(), strict=True)
    ]
    return torch.tensor(values, device=tokens.device)
