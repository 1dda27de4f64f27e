"""Count a letter in a word and say where it stands."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

_MARKS = str.maketrans(dict.fromkeys("\"'{}*`()", " "))
_LABELLED = re.compile(r"(?:count ?[:=]? ?)?([0-9]{1,6}) ?[,;.]? ?(?:and )?positions? ?[:=]? ?\[?([0-9, ]*)\]?[ .]*")
_BARE = re.compile(r"(?:count ?[:=]? ?)?([0-9]{1,6}) ?[,;.]? ?\[([0-9, ]*)\][ .]*")
_ASKED = re.compile(r"How many '(.)'?s are in the word '([^']+)'")
_FOLDER = re.compile(r"([a-z])_[0-9]+_[0-9]+")
MAX_WORD = 5000

PROGRAM = """\
word, letter = "{word}", "{letter}"
positions = [i for i, x in enumerate(word, 1) if x == letter]
print(f"Count: {{len(positions)}}, Positions: {{positions}}")"""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/letters."""

    min_length: int = param(5, "shortest word", low=1, high=800)
    max_length: int = param(30, "longest word", low=2, high=800, at_least="min_length")
    min_count: int = param(0, "fewest times the letter is planted", low=0, high=100)
    max_count: int = param(5, "most times the letter is planted; never in more than half of the word",
                           low=0, high=100, at_least="min_count")  # fmt: skip

    LEVELS: ClassVar[Levels] = {
        "easy": {"min_length": 5, "max_length": 10, "max_count": 3},
        "medium": {"min_length": 10, "max_length": 20},
        "hard": {"min_length": 20, "max_length": 30},
        "very_hard": {"min_length": 200, "max_length": 800, "min_count": 5, "max_count": 30},
    }


@dataclass(frozen=True)
class Letters:
    """Words of random letters, which no model has seen."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A word with the letter planted at random places."""
        rng = item_rng(self.id, seed, index)
        letter = rng.choice(string.ascii_lowercase)
        length = rng.randint(self.config.min_length, self.config.max_length)
        count = min(length // 2, rng.randint(self.config.min_count, self.config.max_count))
        others = string.ascii_lowercase.replace(letter, "")
        letters = [letter] * count + [rng.choice(others) for _ in range(length - count)]
        rng.shuffle(letters)
        word = "".join(letters)
        return Question(self.id, index, ask(word, letter), tell(word, letter), {"word": word, "letter": letter})

    def check(self, question: Question, answer_text: str) -> bool:
        """The count, and the positions in any order."""
        text = " ".join(answers.unwrap(answer_text).translate(_MARKS).lower().split()).replace("none", "[]")
        found = _LABELLED.fullmatch(text) or _BARE.fullmatch(text)
        if found is None:
            return False
        places = positions(question.data["word"], question.data["letter"])
        given = [item for item in re.split("[, ]+", found[2]) if item]
        return int(found[1]) == len(places) == len(given) and set(given) == {str(place) for place in places}

    def program(self, question: Question) -> str | None:
        """Look at each letter."""
        return PROGRAM.format(word=question.data["word"], letter=question.data["letter"])


def positions(word: str, letter: str) -> list[int]:
    """Where the letter stands, counted from 1."""
    return [place for place, other in enumerate(word, 1) if other == letter]


def tell(word: str, letter: str) -> str:
    """The answer."""
    places = positions(word, letter)
    return f"Count: {len(places)}, Positions: {places}"


def ask(word: str, letter: str) -> str:
    """The question."""
    return (
        f"How often does the letter {letter} occur in {word}, and at which positions, counting the letters of the word "
        "from 1? If it does not occur, the list of positions is empty: []. Answer in the form "
        "Count: X, Positions: [Y, Z]"
    )


def read_official(sample: Sample) -> Official:
    """Count ourselves; an item is the word in test_words.json and the letter in the folder's name, or a question."""
    words = next((content for name, content in sample.files.items() if name.endswith("test_words.json")), None)
    if words is None:
        text = official.text_of(sample)
        asked = _ASKED.search(text)
        if asked is None:
            raise ValueError("its word and letter cannot be found")
        letter, word = asked[1], asked[2]
    else:
        folder = _FOLDER.search(sample.name.replace("\\", "/").rpartition("/")[2] or sample.name)
        word = official.json_of(words)
        if folder is None or not isinstance(word, str):
            raise ValueError("its folder does not name the letter, or it holds no word")
        letter, text = folder[1], ask(word, folder[1])
    if not 0 < len(word) <= MAX_WORD or not word.isascii():
        raise ValueError("its word is empty, too long or not of plain letters")
    gold = official.gold_of(sample)
    data = {"word": word, "letter": letter}
    return official.item("letters", text, tell(word, letter), data, gold if isinstance(gold, str) else _told(gold))


def _told(gold: Any) -> str | None:
    return None if gold is None else json.dumps(gold)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Letters(id, read_params(Config, params, id))
