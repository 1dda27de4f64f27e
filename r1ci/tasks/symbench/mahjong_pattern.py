"""Judge the last of a few rounds with letter cards."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
HAND = 13
PASS, PENG, CHI = 0, 1, 2

_CARDS = re.compile(r"initial cards: ?([A-Z]+)")
_ROUND = re.compile(r"Round [0-9]+: Add an? ([A-Z]) card(?: and remove an? ([A-Z]) card)?")

PROGRAM = """\
hand = list("{cards}")
for add, remove in {rounds}:
    near = [chr(ord(add) + step) in hand for step in (-2, -1, 1, 2)]
    if hand.count(add) >= 2:
        result = 1
    elif {chi} and any(near[i] and near[i + 1] for i in range(3)):
        result = 2
    else:
        result = 0
    hand.append(add)
    if remove:
        hand.remove(remove)
print(result)"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/mahjong_pattern."""

    min_rounds: int = param(1, "fewest rounds", low=1, high=30)
    max_rounds: int = param(5, "most rounds", low=1, high=30, at_least="min_rounds")
    allow_chi: bool = param(True, "whether three consecutive letters count")

    LEVELS: ClassVar[Levels] = {
        "easy": {"max_rounds": 2, "allow_chi": False},
        "medium": {"min_rounds": 3, "max_rounds": 4},
        "hard": {"min_rounds": 5, "max_rounds": 10},
    }


@dataclass(frozen=True)
class MahjongPattern:
    """Peng is a third equal card, Chi a third consecutive one; the rule is always in the question."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Cards and rounds whose last result is any of the possible ones, equally often."""
        rng = item_rng(self.id, seed, index)
        chi = self.config.allow_chi
        cards = "".join(rng.sample(LETTERS * 2, HAND))
        count = rng.randint(self.config.min_rounds, self.config.max_rounds)
        rounds = _rounds(rng, cards, count, chi)
        text = _text(cards, rounds, chi)
        answer = str(judge(cards, rounds, chi))
        return Question(self.id, index, text, answer, {"cards": cards, "rounds": rounds, "chi": chi})

    def check(self, question: Question, answer_text: str) -> bool:
        """The number of the result; its name is fine too."""
        word = answers.word(answer_text).lower()
        value = {"pass": PASS, "peng": PENG, "chi": CHI}.get(word)
        return (answers.integer(word) if value is None else value) == int(question.answer)

    def program(self, question: Question) -> str | None:
        """Keep the hand, round by round."""
        data = question.data
        return PROGRAM.format(cards=data["cards"], rounds=[tuple(pair) for pair in data["rounds"]], chi=data["chi"])


def _rounds(rng: random.Random, cards: str, count: int, chi: bool) -> list[list[str]]:
    hand, rounds = list(cards), []
    for place in range(count):
        wanted = rng.choice((PASS, PENG, CHI) if chi else (PASS, PENG))
        fitting = [letter for letter in LETTERS if result(hand, letter, chi) == wanted]
        add = rng.choice(fitting or LETTERS)
        hand.append(add)
        remove = rng.choice(hand) if place < count - 1 else ""
        if remove:
            hand.remove(remove)
        rounds.append([add, remove])
    return rounds


def _text(cards: str, rounds: Sequence[Sequence[str]], chi: bool) -> str:
    lines = [
        f"Round {place}: card {add} is added" + (f", then a card {remove} is removed." if remove else ".")
        for place, (add, remove) in enumerate(rounds, 1)
    ]
    more = (
        "Otherwise it is Chi (2) if the added card and two cards of the hand are three consecutive letters of the "
        "alphabet, such as ABC or OPQ; Z is not followed by A. "
        if chi
        else ""
    )
    form = "0, 1 or 2" if chi else "0 or 1"
    return (
        f"A hand of letter cards starts as {cards}. In each round a card is added and the round is judged by the hand "
        "as it was before: it is Peng (1) if the hand has at least two cards equal to the added one. "
        f"{more}Otherwise it is Pass (0). The added card then belongs to the hand. Removing a card has no part in "
        f"judging its round.\n{chr(10).join(lines)}\n"
        f"How is the last round judged? Answer with its number, {form}."
    )


def result(hand: Sequence[str], add: str, chi: bool) -> int:
    """How a round is judged that adds a card to a hand."""
    if hand.count(add) >= 2:
        return PENG
    near = [chr(ord(add) + step) in hand for step in (-2, -1, 1, 2)]
    return CHI if chi and any(near[place] and near[place + 1] for place in range(3)) else PASS


def judge(cards: str, rounds: Sequence[Sequence[str]], chi: bool) -> int:
    """How the last round is judged. Raises ValueError if a removed card is not in the hand."""
    hand, judged = list(cards), PASS
    for add, remove in rounds:
        judged = result(hand, add, chi)
        hand.append(add)
        if remove and remove not in hand:
            raise ValueError(f"the card {remove} is removed but not in the hand")
        if remove:
            hand.remove(remove)
    return judged


def read_official(sample: Sample) -> Official:
    """Judge the official rounds ourselves, with Chi only where the question has that rule."""
    text = official.text_of(sample)
    cards, rounds = _CARDS.search(text), [list(pair) for pair in _ROUND.findall(text)]
    if cards is None or not rounds:
        raise ValueError("its cards or its rounds cannot be read")
    data = {"cards": cards[1], "rounds": rounds, "chi": '"Chi' in text}
    answer = str(judge(cards[1], rounds, data["chi"] is True))
    return official.item("mahjong_pattern", text, answer, data, official.listed(official.gold_of(sample)))


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return MahjongPattern(id, read_params(Config, params, id))
