"""Exchange crops for products by methods in turn."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import exchange, official
from r1ci.tasks.symbench.exchange import Method
from r1ci.tasks.symbench.grids import is_list

CROPS = "ABC"
THINGS = "ABCXY"
MAX_COUNT = 5000
_METHOD = re.compile(r"Method [0-9]+: (.*?) can be exchanged for (.*?)(?:, and this|\.|$)", re.MULTILINE)
_AMOUNT = re.compile(r"([0-9]{1,4}) units? of (?:crop|product|agricultural product) ([ABCXY])\b")
_ASKED = re.compile(r"\[(remaining_A[A-Za-z_, ]*)\]")


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/synthesis_decomposition."""

    methods: int = param(4, "how many methods there are", low=2, high=6)
    crops: int = param(3, "how many crops: A and B, or A, B and C", low=2, high=3)
    products: int = param(2, "how many products: X, or X and Y", low=1, high=2)
    low: int = param(3, "fewest units of a crop at first", low=1, high=500)
    high: int = param(9, "most units of a crop at first", low=1, high=500, at_least="low")

    LEVELS: ClassVar[Levels] = {
        "easy": {"methods": 2, "crops": 2, "products": 1, "low": 3, "high": 6},
        "medium": {"methods": 3, "crops": 3, "products": 1, "low": 3, "high": 8},
        "hard": {"methods": 4, "low": 4, "high": 9},
        "very_hard": {"methods": 6, "low": 10, "high": 40},
    }


@dataclass(frozen=True)
class SynthesisDecomposition:
    """Every method gives fewer units than it takes, so the exchange comes to an end."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Random methods."""
        rng = item_rng(self.id, seed, index)
        crops, products = CROPS[: self.config.crops], "XY"[: self.config.products]
        order = [*crops, *products]
        counts = {crop: rng.randint(self.config.low, self.config.high) for crop in crops}
        methods = _draw(rng, crops, products, self.config.methods)
        lines = "\n".join(
            f"{number}. {_tell(method.takes)} can be exchanged for {_tell(method.gives)}."
            for number, method in enumerate(methods, 1)
        )
        text = (
            f"A farmer has crops {_listed(crops)} and exchanges them for product{'s' * (len(products) > 1)} "
            f"{_listed(products)} by these methods:\n{lines}\nThe methods take turns in this order, and after the last "
            "it is the turn of method 1 again. In its turn a method is used exactly once if what it takes is there, "
            "and skipped if not. This ends when no method can be used any more. At first there are "
            f"{_tell(counts)}, and no products. How many units of each are there in the end? Answer with "
            f"{len(order)} whole numbers separated by commas, in the order {', '.join(order)}."
        )
        return _question(self.id, index, text, counts, methods, order)

    def check(self, question: Question, answer_text: str) -> bool:
        """The counts asked for, in order."""
        return is_list(answer_text, [int(count) for count in question.answer.split(", ")])

    def program(self, question: Question) -> str | None:
        """Do as the question says."""
        methods = [Method(takes, gives) for takes, gives in question.data["methods"]]
        return exchange.program(question.data["counts"], methods, question.data["order"])


def _question(
    id: str, index: int, text: str, counts: Mapping[str, int], methods: Sequence[Method], order: Sequence[str]
) -> Question:
    end = exchange.run(counts, methods)
    answer = ", ".join(str(end.get(thing, 0)) for thing in order)
    told = [[dict(method.takes), dict(method.gives)] for method in methods]
    return Question(id, index, text, answer, {"counts": dict(counts), "methods": told, "order": list(order)})


def _draw(rng: random.Random, crops: str, products: str, count: int) -> list[Method]:
    """Methods of which the first gives a product for every crop, and the others whatever is fewer than they take."""
    methods = [Method({crop: rng.randint(1, 2) for crop in crops}, {products[0]: 1})]
    while len(methods) < count:
        last = len(methods) == count - 1
        things = crops + (products[0] if len(products) > 1 else "")
        taken = sorted(rng.sample(things, rng.randint(1, 2)), key=THINGS.index)
        takes = {thing: rng.randint(1, 3) for thing in taken}
        wanted = products[-1] if last else rng.choice(crops + products)
        most = sum(takes.values()) - 1
        if most and wanted not in takes and all(dict(method.takes) != takes for method in methods):
            methods.append(Method(takes, {wanted: rng.randint(1, min(most, 3))}))
    return methods


def _tell(amounts: Mapping[str, int]) -> str:
    kinds = {thing: "crop" if thing in CROPS else "product" for thing in amounts}
    return _listed([f"{count} unit{'s' * (count != 1)} of {kinds[x]} {x}" for x, count in amounts.items()])


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def read_official(sample: Sample) -> Official:
    """Use the official methods ourselves; an official answer names five counts, of which the asked ones are taken."""
    text = official.text_of(sample)
    found = _METHOD.findall(text)
    methods = [Method(_amounts(takes), _amounts(gives)) for takes, gives in found]
    initial = _amounts(official.after(text, "Initially there are").partition("\n")[0])
    asked = _ASKED.search(text)
    if not methods or not initial or asked is None or not all(method.takes and method.gives for method in methods):
        raise ValueError("its methods or its crops cannot be read")
    if max(initial.values()) > MAX_COUNT:
        raise ValueError("its crops are too many")
    order = [name.strip()[-1] for name in asked[1].split(",")]
    question = _question("symbench/synthesis_decomposition", 0, text, initial, methods, order)
    return Official(question, official.listed(_gold(official.gold_of(sample), order)))


def _amounts(text: str) -> dict[str, int]:
    return {thing: int(count) for count, thing in _AMOUNT.findall(text)}


def _gold(gold: Any, order: Sequence[str]) -> Any:
    if isinstance(gold, Mapping):
        gold = gold.get("answer")
    if isinstance(gold, list) and len(gold) == len(THINGS) and set(order) <= set(THINGS):
        return [gold[THINGS.index(thing)] for thing in order]
    return gold


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return SynthesisDecomposition(id, read_params(Config, params, id))
