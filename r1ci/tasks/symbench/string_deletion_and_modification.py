"""Rewrite a string by the first rule that applies, until none does."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from r1ci.errors import UsageError
from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

LETTERS = "abc"
MAX_STEPS = 60
"""Steps after which rules count as never ending; a loop never ends either."""
MAX_DRAWS = 400
MAX_LENGTH = 60

_NUMBERS = {"character": 1, "one": 1, "first": 1, "two": 2, "three": 3}
_CASES = (
    ("even", re.compile(r"contains an even number of '([a-z])'s")),
    ("longer", re.compile(r"length is (?:greater|more|longer) than ([0-9]{1,3})")),
    ("later", re.compile(r"contains '([a-z]{1,9})' \(not at the start\)")),
    ("contains", re.compile(r"contains '([a-z]{1,9})'")),
    ("starts", re.compile(r"(?:prefix is|starts with|begins with) '([a-z]{1,9})'")),
    ("ends", re.compile(r"(?:suffix is|ends with) '([a-z]{1,9})'")),
)
_REPLACE = re.compile(r"(?:replace|reverse)[^']*'([a-z]{0,9})'")
_CUT = re.compile(r"(?:delete|remove) the (first|second|last|middle)(?: (two|three))? character")
_ADD = re.compile(r"(append|prepend) '([a-z]{1,9})'")
_INITIAL = re.compile(r"[Ff]or the string \"?'?([a-z]+)")

PROGRAM = """\
s = "{string}"
rules = {rules}
def change(s, case, pattern, put, front, back, cut):
    n = len(pattern)
    if case == "longer":
        middle = len(s) // 2
        return s[:middle] + s[middle + 1:] if len(s) > int(pattern) else None
    if case == "even":
        return s + back if s.count(pattern) and s.count(pattern) % 2 == 0 else None
    at = {{"starts": 0 if s.startswith(pattern) else -1, "contains": s.find(pattern), "later": s.find(pattern, 1),
          "ends": len(s) - n if s.endswith(pattern) else -1}}[case]
    if at < 0:
        return None
    s = s[:at] + put + s[at + n:]
    return front + s[:len(s) - cut] + back
changed = True
while changed:
    changed = False
    for rule in rules:
        t = change(s, *rule)
        if t is not None:
            s, changed = t, True
            break
print(s)"""


@dataclass(frozen=True)
class Rule:
    """When a string is changed, and how."""

    case: str
    """starts, ends, contains, later (contains, but not at the start), even (count of a letter) or longer."""
    pattern: str
    put: str = ""
    """What takes the pattern's place."""
    front: str = ""
    back: str = ""
    cut: int = 0
    """Characters dropped from the end before ``back`` is added."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/string_deletion_and_modification."""

    rules: int = param(6, "how many rules there are", low=1, high=12)
    min_length: int = param(10, "shortest string", low=3, high=40)
    max_length: int = param(20, "longest string", low=3, high=40, at_least="min_length")
    min_steps: int = param(4, "fewest steps until no rule applies", low=1, high=20)
    max_steps: int = param(20, "most steps", low=1, high=50, at_least="min_steps")

    LEVELS: ClassVar[Levels] = {
        "easy": {"rules": 4, "min_length": 6, "max_length": 10, "min_steps": 2, "max_steps": 4},
        "medium": {"min_steps": 4, "max_steps": 7},
        "hard": {"min_steps": 8, "max_steps": 20},
    }


@dataclass(frozen=True)
class StringDeletionAndModification:
    """After each step the rules are looked through again from the first."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Rules that end. Raises UsageError if the parameters hardly ever give any."""
        rng = item_rng(self.id, seed, index)
        for _ in range(MAX_DRAWS):
            rules = _draw(rng, self.config.rules)
            string = "".join(rng.choices(LETTERS, k=rng.randint(self.config.min_length, self.config.max_length)))
            states = rewrite(string, rules)
            if states is not None and self.config.min_steps < len(states) <= self.config.max_steps + 1 and states[-1]:
                break
        else:
            raise UsageError(f"{self.id}: {MAX_DRAWS} draws of rules had too few or too many steps", "allow more steps")
        lines = "\n".join(f"{number}. {tell(rule)}" for number, rule in enumerate(rules, 1))
        text = (
            f"A string is rewritten step by step. These are the rules:\n{lines}\nIn each step, find the first rule in "
            "the list that applies to the string as it is now, apply that rule once, and begin the next step at rule 1 "
            f"again. Stop when no rule applies. What does the string {string} become in the end? Answer with the final "
            "string."
        )
        return Question(self.id, index, text, states[-1], {"string": string, "rules": [asdict(rule) for rule in rules]})

    def check(self, question: Question, answer_text: str) -> bool:
        """Equal strings, in any case."""
        return answers.word(answer_text).strip(" \"'").lower() == question.answer.lower()

    def program(self, question: Question) -> str | None:
        """Do as the question says."""
        rules = ",\n    ".join(str(tuple(rule.values())) for rule in question.data["rules"])
        return PROGRAM.format(string=question.data["string"], rules=f"[\n    {rules},\n]")


def change(string: str, rule: Rule) -> str | None:
    """The string after one use of a rule; None where it does not apply."""
    if rule.case == "longer":
        middle = len(string) // 2
        return string[:middle] + string[middle + 1 :] if len(string) > int(rule.pattern) else None
    if rule.case == "even":
        count = string.count(rule.pattern)
        return string + rule.back if count and count % 2 == 0 else None
    at = {
        "starts": 0 if string.startswith(rule.pattern) else -1,
        "ends": len(string) - len(rule.pattern) if string.endswith(rule.pattern) else -1,
        "contains": string.find(rule.pattern),
        "later": string.find(rule.pattern, 1),
    }[rule.case]
    if at < 0:
        return None
    changed = string[:at] + rule.put + string[at + len(rule.pattern) :]
    return rule.front + changed[: max(0, len(changed) - rule.cut)] + rule.back


def rewrite(string: str, rules: Sequence[Rule], most: int = MAX_STEPS) -> list[str] | None:
    """The string, and what it is after each step; None if the rules run in a loop or too long."""
    states = [string]
    while len(states) <= most:
        following = next((new for rule in rules if (new := change(states[-1], rule)) is not None), None)
        if following is None:
            return states
        if following in states or len(following) > MAX_LENGTH:
            return None
        states.append(following)
    return None


def tell(rule: Rule) -> str:
    """A rule in words."""
    match rule.case:
        case "longer":
            return (
                f"If the string has more than {rule.pattern} characters, delete its middle character (of the two in "
                "the middle of an even number of characters, the right one)."
            )
        case "even":
            return f"If the number of {rule.pattern} in the string is even and not 0, add {rule.back} at the end."
        case "starts" | "ends":
            where = f"If the string {rule.case} with {rule.pattern}"
            what = "that part" if rule.case == "starts" else "that ending"
        case "later":
            where = f"If {rule.pattern} occurs anywhere but at the start of the string"
            what = "the leftmost such occurrence"
        case _:
            where, what = f"If the string contains {rule.pattern}", "its leftmost occurrence"
    act = f"replace {what} with {rule.put}" if rule.put else f"delete {what}"
    extra = f", then add {rule.front} at the front" if rule.front else ""
    extra += f", then add {rule.back} at the end" if rule.back else ""
    return f"{where}, {act}{extra}."


def _draw(rng: random.Random, count: int) -> list[Rule]:
    rules: list[Rule] = []
    while len(rules) < count:
        rule = _draw_one(rng)
        if all((rule.case, rule.pattern) != (other.case, other.pattern) for other in rules):
            rules.append(rule)
    return rules


def _draw_one(rng: random.Random) -> Rule:
    case = rng.choice(("starts", "starts", "starts", "ends", "ends", "ends", "contains", "contains", "contains",
                       "later", "even", "longer"))  # fmt: skip
    if case == "longer":
        return Rule(case, str(rng.randint(8, 16)))
    if case == "even":
        return Rule(case, rng.choice(LETTERS), back=_letters(rng, rng.randint(1, 2)))
    pattern = _letters(rng, 3 if case == "contains" else 2)
    put = _letters(rng, rng.choice((0, 1, 2, 2, len(pattern))))
    if put == pattern:
        put = put[1:]
    other_end = _letters(rng, rng.choice((0, 0, 0, 1, 2)))
    front, back = (other_end, "") if case == "ends" else ("", other_end if case == "starts" else "")
    return Rule(case, pattern, put, front, back)


def _letters(rng: random.Random, count: int) -> str:
    return "".join(rng.choice(LETTERS) for _ in range(count))


def read_rule(text: str) -> Rule:
    """An official rule. Raises ValueError for one that is not understood."""
    condition, _, action = text.partition(", ")
    case, pattern = next(
        ((case, found[1]) for case, known in _CASES if (found := known.search(condition)) is not None), ("", "")
    )
    added = dict(_ADD.findall(action))
    front, back = added.get("prepend", ""), added.get("append", "")
    cut, put, replaced = _CUT.search(action), pattern, _REPLACE.search(action)
    drop = 0
    if case in ("", "longer", "even"):
        if not case or (case == "even" and not back) or (case == "longer" and "middle character" not in action):
            raise ValueError(f"its rule {text[:80]!r} is not understood")
        return Rule(case, pattern, back=back)
    if replaced:
        put = replaced[1]
        drop = int(case == "starts" and cut is not None and cut[1] == "last")
    elif cut:
        put, drop = _cut(case, pattern, cut[1], _NUMBERS[cut[2] or "one"])
    elif "first occurrence" in action and re.search("delete|remove", action):
        put = ""
    elif not added:
        raise ValueError(f"its rule {text[:80]!r} is not understood")
    return Rule(case, pattern, put, front, back, drop)


def _cut(case: str, pattern: str, which: str, count: int) -> tuple[str, int]:
    """What stays of a pattern when characters are cut, and how many go from the string's end."""
    if case == "starts":
        return {"first": (pattern[count:], 0), "second": (pattern[:1] + pattern[2:], 0)}.get(which, (pattern, count))
    return (pattern[:-count], 0) if case == "ends" and which == "last" else ("", 0)


def read_official(sample: Sample) -> Official:
    """Apply the official rules ourselves, the first that applies in each step."""
    text = official.text_of(sample)
    solution = official.solution_of(sample)
    initial = _INITIAL.search(text)
    if initial is None:
        raise ValueError("its string cannot be found")
    rules = [read_rule(found[1].strip()) for found in re.finditer(r"^ *[0-9]+[.)] *(If .*)$", text, re.MULTILINE)]
    if not rules:
        raise ValueError("it has no rules")
    states = rewrite(initial[1], rules, 1000)
    if states is None:
        raise ValueError("its rules never end")
    data = {"string": initial[1], "rules": [asdict(rule) for rule in rules]}
    gold = solution.get("final_string", solution.get("solution")) if isinstance(solution, Mapping) else solution
    return official.item("string_deletion_and_modification", text, states[-1], data, official.listed(gold))


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return StringDeletionAndModification(id, read_params(Config, params, id))
