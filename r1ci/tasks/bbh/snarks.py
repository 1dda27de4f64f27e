"""Which of two statements is sarcastic: the one that praises what nobody would praise.

The official pairs are people's comments; these are ours, and only one of the two says the opposite of what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right, mixed
from r1ci.tasks.bbh.words import NAMES
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

EVENTS = (
    ("the train was cancelled again", "the train was on time again"),
    ("the soup was cold and full of sand", "the soup was hot and full of herbs"),
    ("my neighbor drilled holes all night", "my neighbor was quiet all night"),
    ("the new software deletes my files", "the new software saves my files"),
    ("they doubled the rent", "they lowered the rent"),
    ("the hotel room smelled of mold", "the hotel room smelled of fresh linen"),
    ("the meeting lasted five hours and decided nothing", "the meeting lasted ten minutes and decided everything"),
    ("the printer ate my only copy", "the printer made a perfect copy"),
    ("it rained through the whole picnic", "the sun shone through the whole picnic"),
    ("the dog chewed up my passport", "the dog found my passport"),
    ("he forgot my birthday for the third time", "he remembered my birthday for the third time"),
    ("the dentist pulled the wrong tooth", "the dentist saved the bad tooth"),
    ("my suitcase was sent to another continent", "my suitcase was the first on the belt"),
    ("the movers dropped the piano down the stairs", "the movers carried the piano safely up the stairs"),
    ("the waiter spilled wine on my wedding dress", "the waiter got the wine out of my wedding dress"),
    ("the phone broke a day after the warranty ended", "the phone still works years after the warranty ended"),
    ("someone scratched my new car", "someone washed my old car"),
    ("the bakery sold me moldy bread", "the bakery gave me free bread"),
    ("our goalkeeper let in nine goals", "our goalkeeper let in no goals"),
    ("I have been on hold for three hours", "I was put through at once"),
    ("the elevator is out of order and I live on the ninth floor", "the elevator works and I live on the ninth floor"),
    ("the babysitter fell asleep and the kids painted the cat", "the babysitter cooked and the kids slept well"),
    ("the repair cost more than the bicycle", "the repair cost almost nothing"),
    ("my tent collapsed in the storm", "my tent held in the storm"),
    ("the exam was on the one chapter I skipped", "the exam was on the one chapter I knew by heart"),
    ("the parcel arrived in pieces", "the parcel arrived a day early"),
    ("they painted my fence the wrong color", "they painted my fence for free"),
    ("the concert was called off when we reached the hall", "the concert went on twice as long as planned"),
    ("he lost the keys and then the spare keys", "he found the keys and the spare keys"),
    ("the internet fails whenever I have a deadline", "the internet has not failed for a year"),
    ("the barber cut off twice as much as I asked", "the barber cut it exactly as I asked"),
    ("the cake collapsed before the guests came", "the cake rose and the guests loved it"),
    ("I got a parking ticket in my own driveway", "I found a free parking space at the door"),
    ("the heating broke down on the coldest day", "the heating was repaired before the coldest day"),
    ("my boss took the credit for my work", "my boss thanked me for my work"),
    ("the mosquitoes kept me awake until dawn", "the sound of the sea put me to sleep"),
)
"""What nobody wants, and what everybody wants, of the same thing."""
PRAISES = (
    "What a treat", "How lovely", "Just what I was hoping for", "I could not be happier", "Lucky me", "Excellent news",
    "What a wonderful day", "I feel so fortunate", "How very thoughtful", "That was worth every cent",
    "Now this is quality", "My day is complete", "I am so impressed",
)  # fmt: skip
COMPLAINTS = (
    "What a shame", "How annoying", "Just what I was afraid of", "I am really upset", "Poor me", "Bad news",
    "What a miserable day", "I feel so unlucky", "How very careless", "That was a waste of money", "This is a disgrace",
    "My day is ruined", "I am so disappointed",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/snarks."""

    same_event: bool = param(True, "whether the two may differ in the judgement only, not in what happened")
    LEVELS: ClassVar[Levels] = {"easy": {"same_event": False}, "hard": {"same_event": True}}


@dataclass(frozen=True)
class Snarks:
    """Praise of something bad is sarcastic; praise of something good and a complaint about something bad are not."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Two statements of one person to another that differ in what happened or in what is said of it."""
        rng = item_rng(self.id, seed, index)
        name, (bad, good) = " to ".join(rng.sample(NAMES, 2)), rng.choice(EVENTS)
        praise = rng.choice(PRAISES)
        sarcastic = f'{name}: "{praise}: {bad}."'
        if self.config.same_event and rng.random() < 0.5:
            sincere = f'{name}: "{rng.choice(COMPLAINTS)}: {bad}."'
        else:
            sincere = f'{name}: "{praise}: {good}."'
        options, right = mixed(rng, sarcastic, [sincere])
        stem = "One of these statements means what it says, the other says the opposite. Which statement is sarcastic?"
        return choose(self.id, index, stem, options, right)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """None: it takes knowledge of what people like."""
        return None


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("snarks", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Snarks(id, read_params(Config, params, id))
