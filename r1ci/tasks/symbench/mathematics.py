"""What the two tasks of mathematics share: problems of our own, and answers that are equal as numbers."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from r1ci.tasks import answers, exact
from r1ci.tasks.base import Official, Question, Sample
from r1ci.tasks.params import Levels, param
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official, templates
from r1ci.tasks.symbench.templates import Template

CLOSE = 1e-9
"""Relative; how near a decimal of at least ten digits must be to a root or a multiple of pi."""
MAX_LENGTH = 400
MAX_PARTS = 12

_LONG_DECIMAL = re.compile(r"-?[0-9]*\.[0-9]{9,20}(?:e-?[0-9]{1,2})?")
_ASSIGNMENT = re.compile(r"[\\a-zA-Z_ ]{1,20}(?:\([a-zA-Z]\))?\s*=([^=]+)")
_IGNORED = re.compile(r"\\(?:left|right|text|mathrm|mbox|displaystyle)(?![a-zA-Z])|\\[!,;: ]|[\s${}]")
_TUPLE = re.compile(r"(?:\\left)?\s*([(\[])(.*?)(?:\\right)?\s*([)\]])", re.DOTALL)


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/math_geometry and symbench/math_counting_probability."""

    grow: int = param(4, "how many times larger than in the easiest problems the numbers get", low=1, high=10)

    LEVELS: ClassVar[Levels] = {"easy": {"grow": 1}, "medium": {"grow": 3}, "hard": {"grow": 10}}


@dataclass(frozen=True)
class Mathematics:
    """A problem with an exact answer, which any equal expression answers."""

    id: str
    config: Config
    problems: Sequence[Template]
    form: str
    """How to answer: the last sentence of a question."""

    def question(self, index: int, seed: int) -> Question:
        """A problem of a random kind with random numbers."""
        problem = templates.draw(item_rng(self.id, seed, index), self.problems, self.config.grow)
        return Question(self.id, index, f"{problem.text} {self.form}", problem.answer, {"program": problem.program})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal numbers, or tuples of them; the same text where the right answer is no number."""
        return same(answer_text, question.answer)

    def program(self, question: Question) -> str | None:
        """Compute exactly with the numbers of the text; none for official items."""
        program: str | None = question.data.get("program")
        return program


def same(text: str, expected: str) -> bool:
    """Whether an answer says the same as the right one."""
    text = _unboxed(answers.unwrap(text))
    if not text or len(text) > MAX_LENGTH:
        return False
    assignment = _ASSIGNMENT.fullmatch(text)
    texts = [text, assignment[1]] if assignment else [text]
    return any(_same(candidate, expected) for candidate in texts)


def _same(text: str, expected: str) -> bool:
    right = _read(expected)
    if right is not None:
        return _equal(text, right)
    parts, right_parts = _parts(text), _parts(expected)
    if right_parts and len(parts) == len(right_parts):
        pairs = list(zip(parts, map(_read, right_parts), strict=True))
        if all(value is not None and _equal(part, value) for part, value in pairs):
            return True
    return _plain(text) == _plain(expected) != ""


@functools.lru_cache(maxsize=4096)
def _read(expected: str) -> exact.Number | None:
    return exact.read(_side(expected))


def _equal(text: str, right: exact.Number) -> bool:
    value = exact.read(text.rstrip(". "))
    if value == right:
        return True
    decimal = _LONG_DECIMAL.fullmatch(text.strip())
    return decimal is not None and math.isclose(float(decimal[0]), float(right), rel_tol=CLOSE)


def _side(text: str) -> str:
    """What an answer such as x = 5 says of x."""
    assignment = _ASSIGNMENT.fullmatch(text)
    return assignment[1] if assignment else text


def _parts(text: str) -> list[str]:
    """The parts of (a, b), of an interval, or of a list."""
    inside = _TUPLE.fullmatch(text.strip())
    parts = (inside[2] if inside else text).split(",")
    return [part.strip() for part in parts] if 1 < len(parts) <= MAX_PARTS else []


def _plain(text: str) -> str:
    return _IGNORED.sub("", text).replace("dfrac", "frac").replace("tfrac", "frac").rstrip(".").lower()


def _unboxed(text: str) -> str:
    boxed = boxed_in(text)
    return boxed if boxed is not None else text


def boxed_in(text: str) -> str | None:
    """What the last box of a TeX text holds; None if it has no box."""
    start = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if start < 0:
        return None
    rest = text[start:].partition("box" if text.startswith("\\fbox", start) else "boxed")[2].lstrip()
    if not rest.startswith("{"):
        return re.split(r"[\s$]", rest, maxsplit=1)[0]
    depth = 0
    for place, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return rest[1:place].strip()
    return None


def read_official(task: str, sample: Sample) -> Official:
    """A problem and the last box of its solution, which is the answer: we do not compute it."""
    row = official.fields(sample)
    text = (row.get("problem") or row.get("question") or "").strip()
    answer = row.get("answer") or boxed_in(row.get("solution") or "")
    if not text:
        raise ValueError("it has no problem")
    if not answer or not answer.strip():
        raise ValueError("its solution has no box")
    if not same(answer, answer):
        raise ValueError("its answer cannot be compared")
    return official.item(task, text, answer.strip(), {}, answer.strip())
