"""Who is what to whom: family_relationships."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

MEN = (
    "James", "John", "Robert", "Michael", "William", "David", "Richard", "Joseph", "Thomas", "Charles", "Peter",
    "Daniel", "Matthew", "Christopher", "Andrew", "George", "Edward", "Benjamin", "Henry", "Samuel", "Oliver", "Jack",
    "Harry", "Jacob", "Noah", "Ethan", "Lucas", "Sebastian", "Theodore", "Owen", "Liam", "Finn",
)  # fmt: skip
WOMEN = (
    "Mary", "Patricia", "Jennifer", "Linda", "Elizabeth", "Barbara", "Susan", "Jessica", "Sarah", "Karen", "Emma",
    "Lisa", "Anna", "Margaret", "Victoria", "Charlotte", "Sophia", "Isabella", "Olivia", "Ava", "Mia", "Emily",
    "Abigail", "Amelia", "Eleanor", "Grace", "Alice", "Lucy", "Chloe", "Lily", "Hannah", "Zoe",
)  # fmt: skip
"""Those of the package's names that tell man from woman: its stories do not say."""
WORDS = {
    "parent": ("father", "mother"), "child": ("son", "daughter"), "spouse": ("husband", "wife"),
    "sibling": ("brother", "sister"), "grandparent": ("grandfather", "grandmother"), "pibling": ("uncle", "aunt"),
    "nibling": ("nephew", "niece"), "child-in-law": ("son-in-law", "daughter-in-law"),
}  # fmt: skip
_STORY = re.compile(r"(\w+) is married to (\w+)\.(?: They have (?:a child|children) called ([\w, ]+)\.)?")
_ASKED = re.compile(r"(?:What|How|What relation) is (\w+) (?:related )?to (\w+)\?")


@dataclass(frozen=True)
class FamilyRelationshipsConfig:
    """Parameters of rg/family_relationships."""

    min_family_size: int = param(4, "fewest people", low=4, high=16)
    max_family_size: int = param(8, "most people", low=4, high=16, at_least="min_family_size")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_family_size": 5},
        "medium": {},
        "hard": {"min_family_size": 9, "max_family_size": 14},
    }


def same_relation(question: Question, answer_text: str) -> bool:
    """The same word, in any case and with or without hyphens."""
    return _plain(answers.word(answer_text).rstrip(".")) == _plain(question.answer)


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("-", " ").split())


def relation(couples: list[list[Any]], first: str, second: str) -> str | None:
    """What the first person is to the second; a couple is two names and the names of its children."""
    parents = {child: (a, b) for a, b, children in couples for child in children}
    spouse = {x: y for a, b, _ in couples for x, y in ((a, b), (b, a))}
    mine, yours = parents.get(first, ()), parents.get(second, ())
    over_me = {x for parent in mine for x in parents.get(parent, ())}
    over_you = {x for parent in yours for x in parents.get(parent, ())}
    found = {
        "parent": first in yours,
        "child": second in mine,
        "spouse": spouse.get(first) == second,
        "sibling": bool(mine) and mine == yours,
        "grandparent": first in over_you,
        "pibling": bool(over_you & set(mine)),
        "nibling": bool(over_me & set(yours)),
        "child-in-law": second in parents.get(spouse.get(first, ""), ()),
    }
    kind = next((kind for kind, holds in found.items() if holds), None)
    return WORDS[kind][first in WOMEN] if kind else None


def _settings(config: FamilyRelationshipsConfig) -> Mapping[str, Any]:
    return {
        "min_family_size": config.min_family_size, "max_family_size": config.max_family_size,
        "male_names": MEN, "female_names": WOMEN,
    }  # fmt: skip


def _data(item: Item) -> Mapping[str, Any]:
    asked = _ASKED.search(item["question"])
    if asked is None:
        raise ValueError("no question in the story")
    couples = [
        [a, b, re.split(r", | and ", names) if names else []] for a, b, names in _STORY.findall(item["question"])
    ]
    return {"couples": couples, "first": asked[1], "second": asked[2]}


def _answer(item: Item) -> str:
    """Ours: the package names an in-law and a niece or nephew from the other side."""
    data = _data(item)
    return relation(data["couples"], data["first"], data["second"]) or ""


def _is_related(item: Item) -> bool:
    return bool(_answer(item))


def _program(data: Mapping[str, Any]) -> str:
    women = [name for name in WOMEN if any(name in (a, b, *names) for a, b, names in data["couples"])]
    return f"""\
couples = {data["couples"]}
women = {women}
me, you = "{data["first"]}", "{data["second"]}"
parents = {{child: {{a, b}} for a, b, children in couples for child in children}}
spouse = {{x: y for a, b, _ in couples for x, y in ((a, b), (b, a))}}
mine, yours = parents.get(me, set()), parents.get(you, set())
grand_mine = {{x for p in mine for x in parents.get(p, ())}}
grand_yours = {{x for p in yours for x in parents.get(p, ())}}
if me in yours:
    words = "father", "mother"
elif you in mine:
    words = "son", "daughter"
elif spouse.get(me) == you:
    words = "husband", "wife"
elif mine and mine == yours:
    words = "brother", "sister"
elif me in grand_yours:
    words = "grandfather", "grandmother"
elif mine & grand_yours:
    words = "uncle", "aunt"
elif yours & grand_mine:
    words = "nephew", "niece"
elif you in parents.get(spouse.get(me), ()):
    words = "son-in-law", "daughter-in-law"
print(words[me in women])"""


ROWS = {
    "rg/family_relationships": Row(
        FamilyRelationshipsConfig, (), same_relation, _program,
        derive=_data, answer=_answer, fits=_is_related, settings=_settings,
    ),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
