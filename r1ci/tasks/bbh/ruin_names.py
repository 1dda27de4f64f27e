"""Which edit of a name is a joke: the one that makes another real word of one of its words.

The official questions use names of real artists and films; these names are ours, and the other edits make no words.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right, mixed
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

FUNNY = {
    "battle": "bottle", "bear": "beer", "castle": "cattle", "crown": "clown", "dark": "dork", "dawn": "yawn",
    "dream": "cream", "duke": "duck", "fame": "lame", "father": "feather", "ghost": "goat", "gold": "mold",
    "hour": "sour", "knight": "weight", "love": "glove", "moon": "spoon", "pirate": "irate", "rain": "brain",
    "rider": "cider", "river": "liver", "road": "toad", "rose": "nose", "sea": "tea", "soul": "soup", "stone": "scone",
    "storm": "stork", "tiger": "timer", "tower": "towel", "war": "wart", "water": "waiter", "wind": "wink",
    "witch": "itch", "wolf": "golf", "world": "worm", "king": "wing", "queen": "queue", "mask": "mast", "hero": "hen",
    "blood": "broom", "curse": "purse",
}  # fmt: skip
"""A word and another real word that is one edit or rhyme away, and out of place in a solemn name."""
FILLERS = (
    "silver", "broken", "silent", "ancient", "burning", "crimson", "distant", "eternal", "forgotten", "frozen",
    "hidden",
    "lonely", "mighty", "sacred", "savage", "wicked", "hollow", "bitter", "fearless", "restless",
)  # fmt: skip
PATTERNS = (
    "the {filler} {word}", "{word} of the {filler} ones", "return to the {filler} {word}", "the last {filler} {word}",
    "children of the {filler} {word}", "a {filler} {word} rises", "under the {filler} {word}", "{filler} {word} blues",
    "beyond the {filler} {word}", "the {word} and the {filler} man",
)  # fmt: skip
WRONG = 3
"""Options that are not right."""
CONSONANTS = "bcdfghjklmnpqrstvwxz"


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/ruin_names."""

    same_word: bool = param(False, "whether all edits are made in the same word of the name")
    LEVELS: ClassVar[Levels] = {"easy": {"same_word": False}, "hard": {"same_word": True}}


@dataclass(frozen=True)
class RuinNames:
    """Names in lower case; a wrong edit doubles a first consonant or puts a letter where no English word has it."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A name, its joke and three misspellings."""
        rng = item_rng(self.id, seed, index)
        pattern, filler, word = rng.choice(PATTERNS), rng.choice(FILLERS), rng.choice(tuple(FUNNY))
        name = pattern.format(filler=filler, word=word)
        joke = pattern.format(filler=filler, word=FUNNY[word])
        wrong: list[str] = []
        while len(wrong) < WRONG:
            inside = self.config.same_word or rng.random() < 0.5
            pair = (filler, _misspelt(rng, word)) if inside else (_misspelt(rng, filler), word)
            edited = pattern.format(filler=pair[0], word=pair[1])
            if edited not in wrong:
                wrong.append(edited)
        options, right = mixed(rng, joke, wrong)
        stem = (
            f"One of the following edits of the title '{name}' is a joke: it puts another real English word in the "
            "place of one of its words. The others are mere misspellings. Which one is the joke?"
        )
        return choose(self.id, index, stem, options, right)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """None: it takes a dictionary."""
        return None


def _misspelt(rng: random.Random, word: str) -> str:
    """No English word: a doubled first letter, q without u, or x beside j, v or z."""
    kind = rng.randrange(3)
    if kind == 0 and word[0] in CONSONANTS:
        return word[0] + word
    places = [place for place in range(1, len(word)) if word[place] != "u"]
    place = rng.choice(places)
    if kind == 1:
        return f"{word[:place]}q{word[place:]}"
    return f"{word[:place]}{rng.choice(('jx', 'vx', 'xj', 'zx'))}{word[place:]}"


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right; one whose target is the unchanged name is refused."""
    read = official.choice("ruin_names", sample)
    options = read.question.data["options"]
    chosen = answers.option_of(read.question.answer, options) or "A"
    name = read.question.text.partition("Options:")[0].rpartition("name:")[2].strip(" \n'\"?`")
    if options[ord(chosen) - ord("A")].strip(" '\"").casefold() == name.casefold():
        raise ValueError("its target is the name without any edit")
    return read


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return RuinNames(id, read_params(Config, params, id))
