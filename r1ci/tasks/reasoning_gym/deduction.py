"""Truth values: circuit_logic, knights_knaves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.integers import same_integer
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

GATES = {"&": "AND", "\u2191": "NAND", "\u2295": "XOR"}
FILLERS = frozenset(("is", "a", "an", "and", "the"))


@dataclass(frozen=True)
class CircuitLogicConfig:
    """Parameters of rg/circuit_logic."""

    min_terms: int = param(3, "fewest gates before the last", low=2, high=30)
    max_terms: int = param(5, "most gates before the last", low=2, high=30, at_least="min_terms")
    min_inputs: int = param(2, "fewest inputs of a gate", low=2, high=10)
    max_inputs: int = param(4, "most inputs of a gate", low=2, high=10, at_least="min_inputs")
    neg_prob: float = param(0.3, "share of inputs that are negated", low=0.0, high=1.0)
    allow_reuse: bool = param(True, "whether an input may feed several gates")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_terms": 2, "max_terms": 3, "max_inputs": 2},
        "medium": {},
        "hard": {"min_terms": 10, "max_terms": 20, "max_inputs": 6},
    }


@dataclass(frozen=True)
class KnightsKnavesConfig:
    """Parameters of rg/knights_knaves."""

    n_people: int = param(2, "people", low=2, high=8)
    depth_constraint: int = param(2, "depth of a statement", low=1, high=4)
    width_constraint: int = param(2, "most parts of a statement", low=2, high=3)
    LEVELS: ClassVar[Levels] = {
        "easy": {},
        "medium": {"n_people": 3, "depth_constraint": 3},
        "hard": {"n_people": 5, "depth_constraint": 3, "width_constraint": 3},
    }


def same_roles(question: Question, answer_text: str) -> bool:
    """A role for each person, as it is in the puzzle; in any order."""
    roles = question.data["roles"]
    found: dict[str, str] = {}
    person = ""
    for word in re.findall(r"[a-z]+|[^a-z\s,.;:]", answers.unwrap(answer_text).lower()):
        if word in roles:
            person = word
        elif word in question.data["terms"] and person and person not in found:
            found[person], person = word, ""
        elif word not in FILLERS:
            return False
    return bool(found == roles)


def _circuit_data(item: Item) -> Mapping[str, Any]:
    metadata = item["metadata"]
    gates = []
    for term in metadata["term_strings"]:
        sign = next(sign for sign in GATES if sign in term)
        gates.append([GATES[sign], term.split(sign)])
    return {"gates": gates, "last": metadata["final_gate"], "inputs": dict(metadata["assignments"])}


def _knights_data(item: Item) -> Mapping[str, Any]:
    metadata = item["metadata"]
    names = [str(name) for name in metadata["names"]]
    terms = [str(metadata["knight_knave_terms"][key]) for key in ("knight", "knave")]
    roles = {name.lower(): terms[not honest] for name, honest in zip(names, metadata["solution"], strict=True)}
    return {"names": names, "terms": terms, "roles": roles, "statements": _listed(metadata["statements"])}


def _listed(statement: Any) -> Any:
    return [_listed(part) for part in statement] if isinstance(statement, tuple) else statement


def _circuit(data: Mapping[str, Any]) -> str:
    return f"""\
inputs = {data["inputs"]}
gates = {data["gates"]}
def gate(name, bits):
    return {{"AND": all(bits), "NAND": not all(bits), "OR": any(bits), "NOR": not any(bits),
            "XOR": sum(bits) % 2}}[name]
values = []
for name, wires in gates:
    bits = [1 - inputs[wire[:-1]] if wire.endswith("'") else inputs[wire] for wire in wires]
    values.append(int(gate(name, bits)))
print(int(gate("{data["last"]}", values)))"""


def _knights(data: Mapping[str, Any]) -> str:
    return f"""\
from itertools import product
names, terms = {data["names"]}, {data["terms"]}
statements = {data["statements"]}
def holds(s, honest):
    if s[0] == "telling-truth":
        return honest[s[1]]
    if s[0] == "lying":
        return not honest[s[1]]
    parts = [holds(part, honest) for part in s[1:]]
    return {{"not": not parts[0], "and": all(parts), "or": any(parts), "->": not parts[0] or parts[-1],
            "<=>": parts[0] == parts[-1]}}[s[0]]
for honest in product([True, False], repeat=len(names)):
    if all(holds(s, honest) == honest[i] for i, s in enumerate(statements)):
        print(", ".join(f"{{n}} is a {{terms[0] if h else terms[1]}}" for n, h in zip(names, honest)))"""


ROWS = {
    "rg/circuit_logic": Row(
        CircuitLogicConfig, (), same_integer, _circuit, derive=_circuit_data,
        note="An XOR gate of more than two inputs gives 1 when an odd number of them are 1. Answer with 0 or 1.",
    ),
    "rg/knights_knaves": Row(KnightsKnavesConfig, (), same_roles, _knights, derive=_knights_data),
}  # fmt: skip


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
