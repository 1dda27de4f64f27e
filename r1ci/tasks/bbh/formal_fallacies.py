"""Whether an argument about groups of people is deductively valid."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.words import ORDINALS, capital
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

GROUPS = (
    "a member of the rowing club", "a subscriber to the Gazette", "a fan of Porto", "a collector of stamps",
    "a student of chemistry", "a resident of Lindau", "a singer in the choir", "a friend of Greta", "a cousin of Kofi",
    "a user of Orbit soap", "a customer of the north bank", "a player of the oboe", "a reader of old maps",
    "a voter for the green list", "a neighbor of Hugo", "a keeper of bees", "a speaker of Finnish",
    "an owner of a red bicycle", "an admirer of Rilke", "an employee of the mill",
)  # fmt: skip
MAX_DRAWS = 400
Literal = list[Any]
"""[group, whether one is in it]."""
Rule = dict[str, Any]
"""{"if": literals, "any": whether one of them is enough, "then": literal}."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/formal_fallacies."""

    min_premises: int = param(2, "fewest premises", low=1, high=6)
    max_premises: int = param(3, "most premises", low=1, high=6, at_least="min_premises")
    groups: int = param(4, "groups spoken of", low=3, high=8)
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_premises": 1, "max_premises": 2, "groups": 3},
        "medium": {"min_premises": 2, "max_premises": 3, "groups": 4},
        "hard": {"min_premises": 4, "max_premises": 5, "groups": 6},
    }


@dataclass(frozen=True)
class FormalFallacies:
    """Every premise and the conclusion say who is in a group; half of the arguments are valid."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Rules drawn until the conclusion follows, or does not, as a coin said."""
        rng = item_rng(self.id, seed, index)
        groups = rng.sample(GROUPS, self.config.groups)
        wanted = rng.random() < 0.5
        premises, conclusion = self._argument(rng, wanted)
        told = " ".join(
            f"{capital(ORDINALS[place])}: {_told(rng, groups, premise)}." for place, premise in enumerate(premises)
        )
        text = (
            "In this argument, or includes the case of both.\n"
            f'"{told} Therefore: {_told(rng, groups, conclusion)}."\n'
            "Is the argument, from the premises as stated, deductively valid or invalid? Answer with valid or invalid."
        )
        answer = "valid" if follows(premises, conclusion, len(groups)) else "invalid"
        data = {"premises": premises, "conclusion": conclusion, "groups": len(groups)}
        return Question(self.id, index, text, answer, data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same word, in any case, as a whole word."""
        value = _validity(answer_text)
        return value is not None and value == _validity(question.answer)

    def program(self, question: Question) -> str | None:
        """Look at every kind of person there could be."""
        data = question.data
        if "premises" not in data:
            return None
        premises = "\n        and ".join(_code(premise) for premise in data["premises"])
        return f"""\
from itertools import product
verdict = "valid"
for p in product([False, True], repeat={data["groups"]}):
    premises = (
        {premises}
    )
    conclusion = {_code(data["conclusion"])}
    if premises and not conclusion:
        verdict = "invalid"
print(verdict)
"""

    def _argument(self, rng: random.Random, wanted: bool) -> tuple[list[Rule], Rule]:
        """A valid argument, or one that looks like it: its conclusion is turned round or an end is negated."""
        groups = self.config.groups
        for _ in range(MAX_DRAWS):
            count = rng.randint(self.config.min_premises, self.config.max_premises)
            premises = [_rule(rng, groups) for _ in range(count)]
            conclusion = _rule(rng, groups)
            if any(premise in premises[:place] for place, premise in enumerate(premises)):
                continue
            if (
                not follows(premises, conclusion, groups)
                or conclusion in premises
                or _empty(premises, conclusion, groups)
            ):
                continue
            if wanted:
                return premises, conclusion
            near = _near(rng, conclusion)
            if not follows(premises, near, groups) and not _empty(premises, near, groups):
                return premises, near
        return premises, conclusion


def _rule(rng: random.Random, groups: int) -> Rule:
    count = rng.choice((1, 1, 2))
    chosen = rng.sample(range(groups), count + 1)
    literals = [[group, rng.random() < 0.65] for group in chosen]
    return {"if": literals[:-1], "any": count == 2 and rng.random() < 0.5, "then": literals[-1]}


def _near(rng: random.Random, rule: Rule) -> Rule:
    """The converse, or the same with its end negated."""
    *ifs, last = rule["if"]
    if rng.random() < 0.6:
        return {"if": [*ifs, rule["then"]], "any": rule["any"], "then": last}
    return {**rule, "then": [rule["then"][0], not rule["then"][1]]}


@functools.cache
def _rows(group: int, groups: int) -> int:
    """The kinds of person, as bits, who are in a group: person n is in group g if bit g of n is set."""
    return sum(1 << person for person in range(1 << groups) if person >> group & 1)


def _literal(literal: Literal, groups: int) -> int:
    group, inside = literal
    rows = _rows(group, groups)
    return rows if inside else rows ^ ((1 << (1 << groups)) - 1)


def _condition(rule: Rule, groups: int) -> int:
    masks = [_literal(literal, groups) for literal in rule["if"]]
    if rule["any"]:
        return functools.reduce(lambda a, b: a | b, masks)
    return functools.reduce(lambda a, b: a & b, masks)


def _violated(rule: Rule, groups: int) -> int:
    group, inside = rule["then"]
    return _condition(rule, groups) & _literal([group, not inside], groups)


def _allowed(premises: Sequence[Rule], groups: int) -> int:
    everyone = (1 << (1 << groups)) - 1
    return functools.reduce(lambda rows, rule: rows & ~_violated(rule, groups), premises, everyone)


def follows(premises: Sequence[Rule], conclusion: Rule, groups: int) -> bool:
    """Whether no kind of person that the premises allow violates the conclusion.

    All statements are about everybody, so one such person would make a world where the argument fails.
    """
    return not _allowed(premises, groups) & _violated(conclusion, groups)


def _empty(premises: Sequence[Rule], conclusion: Rule, groups: int) -> bool:
    """Whether the premises leave nobody whom the conclusion speaks of."""
    return not _allowed(premises, groups) & _condition(conclusion, groups)


def _is(groups: Sequence[str], literal: Literal) -> str:
    group, inside = literal
    return groups[group] if inside else f"not {groups[group]}"


def _told(rng: random.Random, groups: Sequence[str], rule: Rule) -> str:
    """A rule in words; a negation comes last, so that it cannot be read as one of all that follows."""
    then = _is(groups, rule["then"])
    if len(rule["if"]) == 2:
        positive_first = sorted(rule["if"], key=lambda literal: not literal[1])
        joined = (" or " if rule["any"] else " and ").join(_is(groups, literal) for literal in positive_first)
        return rng.choice((f"whoever is {joined} is {then}", f"everybody who is {joined} is {then}"))
    who = _is(groups, rule["if"][0])
    options = [
        f"whoever is {who} is {then}", f"being {who} is sufficient for being {then}",
        f"being {then} is necessary for being {who}", f"somebody is {who} only if they are {then}",
    ]  # fmt: skip
    if not rule["then"][1]:
        options.append(f"nobody who is {who} is {groups[rule['then'][0]]}")
    return rng.choice(options)


def _code(rule: Rule) -> str:
    terms = [f"p[{group}]" if inside else f"not p[{group}]" for group, inside in rule["if"]]
    group, inside = rule["then"]
    return f"(not ({(' or ' if rule['any'] else ' and ').join(terms)}) or {'' if inside else 'not '}p[{group}])"


def _validity(text: str) -> bool | None:
    word = answers.unwrap(text, brackets=True).removeprefix("- ").strip(" .").lower()
    return {"valid": True, "invalid": False}.get(word)


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    text, target = official.text_of(sample), official.target_of(sample)
    if _validity(target) is None:
        raise ValueError(f"its target {target[:80]!r} is neither valid nor invalid")
    return official.item("formal_fallacies", text, "valid" if _validity(target) else "invalid", target)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return FormalFallacies(id, read_params(Config, params, id))
