"""Small machines to run by hand: ab, bf."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

OPTIMIZER = "reasoning_gym.code.contrib.bfit.Compiler.Optimizer"
BIGGEST_SUM = 160
"""Of the numbers in a program with a loop: below what a cell holds, and soon counted."""


@dataclass(frozen=True)
class AbConfig:
    """Parameters of rg/ab."""

    length: int = param(10, "tokens of the program", low=2, high=100)
    LEVELS: ClassVar[Levels] = {"easy": {"length": 10}, "medium": {"length": 25}, "hard": {"length": 50}}


@dataclass(frozen=True)
class BfConfig:
    """Parameters of rg/bf."""

    difficulty: int = param(1, "1 prints a word, 2 runs a loop, 3 a loop with a condition", low=1, high=3)
    LEVELS: ClassVar[Levels] = {"easy": {"difficulty": 1}, "medium": {"difficulty": 2}, "hard": {"difficulty": 3}}


def same_tokens(question: Question, answer_text: str) -> bool:
    """Equal tokens in equal order; what parts them does not matter."""
    return "".join(answers.tokens(answer_text)) == "".join(question.answer.split())


def same_output(question: Question, answer_text: str) -> bool:
    """The same output, whitespace around it aside."""
    return answers.unwrap(answer_text) == question.answer.strip()


def _ab_data(item: Item) -> Mapping[str, Any]:
    text = item["question"].rpartition("following program:")[2].partition("Return")[0]
    return {"tokens": text.split()}


def _is_not_empty(item: Item) -> bool:
    return bool(item["answer"].strip())


class _SpacedTemplate(str):
    """A template that parts runs of <, which would read as an answer's mark; the language ignores spaces."""

    def format(self, *values: object, **named: object) -> str:
        """The text with the program in it."""
        return super().format(bf_program=re.sub("<(?=<<)", "< ", str(named["bf_program"])))


def _mend_bf(dataset: Any) -> None:
    """Its compiler prints a dot for each program, and a loop whose bound does not fit a cell may never end."""
    vars(importlib.import_module(OPTIMIZER))["print"] = lambda *words, **options: None
    dataset._prompt_templates = [_SpacedTemplate(template) for template in dataset._prompt_templates]
    write = dataset.generate_bfit_code
    dataset.generate_bfit_code = lambda difficulty, rng: _small_program(write, difficulty, rng)


def _small_program(write: Callable[[int, Random], str], difficulty: int, rng: Random) -> str:
    while True:
        code = write(difficulty, rng)
        if sum(map(int, re.findall(r"(?:target|x|y) = ([0-9]+);", code))) <= BIGGEST_SUM:
            return code


def _is_rewritten(item: Item) -> bool:
    """Something happens, and something is left."""
    return _is_not_empty(item) and item["answer"].split() != _ab_data(item)["tokens"]


def _ab(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"program = {data['tokens']}",
            "i = 0",
            "while i < len(program) - 1:",
            "    a, b = program[i], program[i + 1]",
            '    if a[1] == "#" and b[0] == "#":',
            "        program[i : i + 2] = [] if a[0] == b[1] else [b, a]",
            "        i = max(i - 1, 0)",
            "    else:",
            "        i += 1",
            'print(" ".join(program))',
        )
    )


def _bf(data: Mapping[str, Any]) -> str:
    code = "".join(letter for letter in data["bf_program"] if letter in "<>+-.,[]")
    return "\n".join(
        (
            f'code = "{code}"',
            "stack, match = [], {}",
            "for i, c in enumerate(code):",
            '    if c == "[":',
            "        stack.append(i)",
            '    elif c == "]":',
            "        match[i] = stack.pop()",
            "        match[match[i]] = i",
            "cells, at, i, out = {}, 0, 0, []",
            "while i < len(code):",
            "    c, value = code[i], cells.get(at, 0)",
            '    if c in "<>":',
            '        at += 1 if c == ">" else -1',
            '    elif c in "+-":',
            '        cells[at] = (value + (1 if c == "+" else -1)) % 256',
            '    elif c == ".":',
            "        out.append(chr(value))",
            '    elif c == "[" and not value or c == "]" and value:',
            "        i = match[i]",
            "    i += 1",
            'print("".join(out))',
        )
    )


ROWS = {
    "rg/ab": Row(AbConfig, (), same_tokens, _ab, derive=_ab_data, fits=_is_rewritten),
    "rg/bf": Row(BfConfig, ("bf_program",), same_output, _bf, fits=_is_not_empty, prepare=_mend_bf),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
