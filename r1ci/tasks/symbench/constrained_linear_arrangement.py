"""Deduce which cards an opponent played from one's own cards and the results."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

GAMES: Mapping[str, tuple[str, ...]] = {
    "elements": ("Wood", "Fire", "Earth", "Metal", "Water"),
    "stick": ("Stick", "Tiger", "Chicken", "Worm"),
    "animals": ("Elephant", "Lion", "Tiger", "Leopard", "Wolf", "Dog", "Cat", "Mouse"),
}
"""Names of a game's cards: each of the first two is a cycle, the third goes from strong to weak."""
LETTERS = "ABCDEFGH"
RESULTS = {"win": "win", "won": "win", "loss": "loss", "lose": "loss", "lost": "loss", "draw": "draw", "tie": "draw"}
SIGNS = {"elements": "Generation", "stick": "Chicken eats Worm", "animals": "Elephant"}
"""What an official question says only in the rules of that game."""

_ROUND = re.compile(r"Round [0-9]+: ?([A-H]), ?([a-z]+)")

PROGRAM = """\
from itertools import permutations
order = "{order}"
mine = "{mine}"
results = {results}
def outcome(a, b):
    i, j = order.index(a), order.index(b)
{rule}
for theirs in permutations(order, len(mine)):
    if [outcome(a, b) for a, b in zip(mine, theirs)] == results:
        print(",".join(theirs))
        break"""
RULES = {
    "elements": '    return ["draw", "loss", "win", "loss", "win"][(j - i) % 5]',
    "stick": '    return ["draw", "win", "draw", "loss"][(j - i) % 4]',
    "animals": (
        '    if i == j:\n        return "draw"\n    if {i, j} == {0, 7}:\n        return "win" if i == 7 else "loss"\n'
        '    return "win" if i < j else "loss"'
    ),
}
ONE_SIDED = '    return ["draw", "loss", "win", "draw", "draw"][(j - i) % 5]'


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/constrained_linear_arrangement."""

    min_rounds: int = param(3, "fewest rounds", low=3, high=8)
    max_rounds: int = param(6, "most rounds; never more than the game has cards", low=3, high=8, at_least="min_rounds")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rounds": 3},
        "medium": {"min_rounds": 4, "max_rounds": 5},
        "hard": {"min_rounds": 6, "max_rounds": 8},
    }


@dataclass(frozen=True)
class ConstrainedLinearArrangement:
    """Any cards are right that the opponent has, plays once, and that give the results."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Two random hands of one of three games, whose cards have letters in random order."""
        rng = item_rng(self.id, seed, index)
        game = rng.choice(tuple(GAMES))
        names = GAMES[game]
        order = "".join(rng.sample(LETTERS[: len(names)], len(names)))
        rounds = min(len(names), rng.randint(self.config.min_rounds, self.config.max_rounds))
        mine, theirs = rng.sample(order, rounds), rng.sample(order, rounds)
        results = [outcome(game, order, a, b) for a, b in zip(mine, theirs, strict=True)]
        lines = [
            f"Round {n}: I play {card}, {_RESULT_WORDS[result]}."
            for n, (card, result) in enumerate(zip(mine, results, strict=True), 1)
        ]
        text = (
            f"Two players have the same {len(names)} cards, each card once: {_named(names, order)}. In each round both "
            f"put down a card at the same time; a card that was played is not used again. {_rules(game, order)}\n"
            f"{chr(10).join(lines)}\nWhich cards can my opponent have played? "
            "Answer with the letters of the opponent's cards, round by round, separated by commas."
        )
        data = {"game": game, "order": order, "mine": mine, "results": results}
        return Question(self.id, index, text, ",".join(theirs), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """Cards that the opponent has, none twice, with the given results."""
        items = answers.flat(answer_text)
        cards = tuple("".join(items).upper()) if all(item.isalpha() for item in items) else ()
        return any(_fits(question.data, cards, one_sided) for one_sided in _readings(question.data))

    def program(self, question: Question) -> str | None:
        """Try the opponent's hands one after the other."""
        data = question.data
        rule = ONE_SIDED if data.get("one_sided") else RULES[data["game"]]
        return PROGRAM.format(order=data["order"], mine="".join(data["mine"]), results=data["results"], rule=rule)


_RESULT_WORDS = {"win": "and win", "loss": "and lose", "draw": "and it is a draw"}


def _named(names: Sequence[str], order: str) -> str:
    return ", ".join(f"{name} ({letter})" for name, letter in zip(names, order, strict=True))


def _rules(game: str, order: str) -> str:
    names = GAMES[game]
    if game == "animals":
        return (
            "They are listed from the strongest to the weakest. The stronger card wins, except that the Mouse wins "
            "against the Elephant; equal cards are a draw."
        )
    if game == "stick":
        beats = ", ".join(f"{name} beats {names[(place + 1) % 4]}" for place, name in enumerate(names))
        return f"{beats}. Any other pair is a draw."
    generates = ", ".join(f"{name} generates {names[(place + 1) % 5]}" for place, name in enumerate(names))
    overcomes = ", ".join(f"{name} overcomes {names[(place + 2) % 5]}" for place, name in enumerate(names))
    return (
        f"{generates}. {overcomes}. Whoever's card overcomes the other one wins. Whoever's card generates the other "
        "one loses. Equal cards are a draw."
    )


def outcome(game: str, order: str, mine: str, theirs: str, one_sided: bool = False) -> str:
    """Result for me: win, loss or draw.

    ``one_sided`` is how the official solutions read the rules of the elements: only what my card does counts.
    """
    mine_at, theirs_at = order.index(mine), order.index(theirs)
    if game == "animals":
        if {mine_at, theirs_at} == {0, 7}:
            return "win" if mine_at == 7 else "loss"
        return "draw" if mine_at == theirs_at else "win" if mine_at < theirs_at else "loss"
    if game == "stick":
        return ("draw", "win", "draw", "loss")[(theirs_at - mine_at) % 4]
    table = ("draw", "loss", "win", "draw", "draw") if one_sided else ("draw", "loss", "win", "loss", "win")
    return table[(theirs_at - mine_at) % 5]


def _readings(data: Mapping[str, Any]) -> tuple[bool, ...]:
    """The official rules of the elements can be read in two ways, and either is right."""
    return (False, True) if "one_sided" in data else (False,)


def _fits(data: Mapping[str, Any], cards: Sequence[str], one_sided: bool) -> bool:
    order, mine = data["order"], data["mine"]
    if len(cards) != len(mine) or len(set(cards)) != len(cards) or not set(cards) <= set(order):
        return False
    results = [outcome(data["game"], order, a, b, one_sided) for a, b in zip(mine, cards, strict=True)]
    return bool(results == data["results"])


def read_official(sample: Sample) -> Official:
    """Recognise the game and deduce the cards ourselves."""
    text = official.text_of(sample)
    game = next((game for game, sign in SIGNS.items() if sign in text), None)
    rounds = _ROUND.findall(text)
    if game is None or not rounds or any(result not in RESULTS for _, result in rounds):
        raise ValueError("its game or its rounds cannot be read")
    order = LETTERS[: len(GAMES[game])]
    mine = [card for card, _ in rounds]
    if len(set(mine)) != len(mine) or not set(mine) <= set(order):
        raise ValueError("a card is played twice, or is not of its game")
    data: dict[str, Any] = {
        "game": game, "order": order, "mine": mine, "results": [RESULTS[result] for _, result in rounds],
    }  # fmt: skip
    if game == "elements":
        data["one_sided"] = False
    hands = ((cards, one_sided) for one_sided in _readings(data) for cards in itertools.permutations(order, len(mine)))
    found = next(((cards, one_sided) for cards, one_sided in hands if _fits(data, cards, one_sided)), None)
    if found is None:
        raise ValueError("no cards of the opponent give its results")
    if game == "elements":
        data["one_sided"] = found[1]
    gold = official.listed(official.gold_of(sample))
    return official.item("constrained_linear_arrangement", text, ",".join(found[0]), data, gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return ConstrainedLinearArrangement(id, read_params(Config, params, id))
