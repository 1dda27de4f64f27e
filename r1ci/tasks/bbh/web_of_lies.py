"""Who tells the truth, when each says of another whether they lie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.words import NAMES
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

_SENTENCE = re.compile(r"(?:([^.?]{1,60}?) says (?:that )?)?([^.?]{1,60}?) (tells the truth|lies)")
_ASKED = re.compile(r"Does ([^.?]{1,60}?) tell the truth\?")
Claim = list[Any]
"""[speaker or None, person spoken of, whether they are said to tell the truth]."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/web_of_lies."""

    min_people: int = param(5, "fewest people", low=2, high=40)
    max_people: int = param(8, "most people", low=2, high=40, at_least="min_people")
    shuffle: bool = param(False, "give the statements in random order")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_people": 3, "max_people": 4},
        "medium": {"min_people": 5, "max_people": 8},
        "hard": {"min_people": 10, "max_people": 16, "shuffle": True},
    }


@dataclass(frozen=True)
class WebOfLies:
    """A chain: the first person is known, and each next speaks of the one before."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Claims drawn by coins, so that half of the answers are Yes."""
        rng = item_rng(self.id, seed, index)
        people = rng.sample(NAMES, rng.randint(self.config.min_people, self.config.max_people))
        claims: list[Claim] = [[None, people[0], rng.random() < 0.5]]
        for speaker, other in zip(people[1:], people, strict=False):
            claims.append([speaker, other, rng.random() < 0.5])
        if self.config.shuffle:
            rng.shuffle(claims)
        told = " ".join(f"{_told(claim)}." for claim in claims)
        text = (
            f"Each person either always tells the truth or always lies. {told} Does {people[-1]} tell the truth? "
            "Answer with Yes or No."
        )
        answer = "Yes" if honesty(claims)[people[-1]] else "No"
        return Question(self.id, index, text, answer, {"claims": claims, "asked": people[-1]})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same of Yes and No, in any case."""
        value = answers.yes_no(answer_text)
        return value is not None and value == answers.yes_no(question.answer)

    def program(self, question: Question) -> str | None:
        """Follow the claims until all are used."""
        return f"""\
claims = {question.data["claims"]!r}
honest = {{}}
while len(honest) < len(claims):
    for speaker, other, truth in claims:
        if speaker is None:
            honest[other] = truth
        elif other in honest:
            honest[speaker] = honest[other] == truth
print("Yes" if honest[{question.data["asked"]!r}] else "No")
"""


def _told(claim: Claim) -> str:
    speaker, other, truth = claim
    said = f"{other} {'tells the truth' if truth else 'lies'}"
    return said if speaker is None else f"{speaker} says that {said}"


def honesty(claims: Sequence[Claim]) -> dict[str, bool]:
    """Who is known to tell the truth and who to lie, from the claims in whatever order."""
    honest: dict[str, bool] = {other: truth for speaker, other, truth in claims if speaker is None}
    for _ in claims:
        for speaker, other, truth in claims:
            if speaker is not None and other in honest:
                honest[speaker] = honest[other] == truth
    return honest


def read_official(sample: Sample) -> Official:
    """A row whose chain of claims is followed."""
    text = official.text_of(sample)
    asked = _ASKED.search(text)
    if asked is None:
        raise ValueError("its question does not ask whether someone tells the truth")
    claims: list[Claim] = []
    for sentence in text[: asked.start()].removeprefix("Question:").split("."):
        match = _SENTENCE.fullmatch(sentence.strip())
        if match is None and sentence.strip():
            raise ValueError(f"cannot read its sentence {sentence.strip()[:80]!r}")
        if match:
            claims.append([match[1], match[2], match[3] != "lies"])
    honest = honesty(claims)
    if asked[1] not in honest or len(honest) != len(claims):
        raise ValueError("its claims do not settle the question")
    return official.yes_no("web_of_lies", sample, honest[asked[1]], {"claims": claims, "asked": asked[1]})


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return WebOfLies(id, read_params(Config, params, id))
