"""Hidden text: caesar_cipher, emoji_mystery, figlet_font, letter_jumble."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

FIGLET = "reasoning_gym.cognition.figlet_fonts"
_PLAIN = str.maketrans({"\u201c": '"', "\u201d": '"', "\u2018": "'", "\u2019": "'", "\u2014": "-", "\u2013": "-"})


@dataclass(frozen=True)
class CaesarCipherConfig:
    """Parameters of rg/caesar_cipher."""

    min_words: int = param(3, "fewest words", low=1, high=30)
    max_words: int = param(20, "most words", low=3, high=50, at_least="min_words")
    min_rotation: int = param(1, "smallest rotation", low=1, high=25)
    max_rotation: int = param(25, "largest rotation", low=1, high=25, at_least="min_rotation")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_words": 3, "max_words": 5, "max_rotation": 5},
        "medium": {"min_words": 5, "max_words": 15, "max_rotation": 15},
        "hard": {"min_words": 15, "max_words": 25},
    }


@dataclass(frozen=True)
class EmojiMysteryConfig:
    """Parameters of rg/emoji_mystery."""

    min_words_in_sentence: int = param(3, "fewest words", low=1, high=40)
    max_words_in_sentence: int = param(35, "most words", low=5, high=80, at_least="min_words_in_sentence")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words_in_sentence": 10},
        "medium": {"min_words_in_sentence": 10, "max_words_in_sentence": 20},
        "hard": {"min_words_in_sentence": 20, "max_words_in_sentence": 40},
    }


@dataclass(frozen=True)
class FigletFontConfig:
    """Parameters of rg/figlet_font."""

    min_word_len: int = param(3, "fewest letters", low=2, high=12)
    max_word_len: int = param(7, "most letters", low=3, high=15, at_least="min_word_len")
    space_letters: bool = param(True, "whether a space parts the letters")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_word_len": 4},
        "medium": {},
        "hard": {"min_word_len": 8, "max_word_len": 12},
    }


@dataclass(frozen=True)
class LetterJumbleConfig:
    """Parameters of rg/letter_jumble."""

    min_word_len: int = param(1, "fewest letters of a word", low=1, high=10)
    max_word_len: int = param(64, "most letters of a word", low=4, high=64, at_least="min_word_len")
    min_words: int = param(3, "fewest words", low=1, high=100)
    max_words: int = param(20, "most words", low=1, high=100, at_least="min_words")
    min_corruption_level: float = param(0.1, "smallest share of letters swapped", low=0.0, high=1.0)
    max_corruption_level: float = param(
        0.9, "largest share of letters swapped", low=0.0, high=1.0, at_least="min_corruption_level"
    )
    consecutive_words: bool = param(True, "whether the words follow one another in a text")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words": 5, "max_corruption_level": 0.3},
        "medium": {},
        "hard": {"min_words": 15, "max_words": 40, "min_corruption_level": 0.6},
    }


def same_words(question: Question, answer_text: str) -> bool:
    """Equal words in equal order, in any case."""
    return words(answer_text) == words(question.answer)


def same_sentence(question: Question, answer_text: str) -> bool:
    """The same sentence, in any case and kind of quote and dash; whitespace and a final mark aside."""
    return _sentence(answer_text) == _sentence(question.answer)


def words(text: str) -> list[str]:
    """Words in small letters, without wrapping and a final full stop."""
    return answers.word(text).rstrip(".").lower().split()


def _sentence(text: str) -> str:
    return " ".join(answers.unwrap(text).translate(_PLAIN).split()).lower().rstrip(".!?\"'")


def _is_hidden(item: Item) -> bool:
    return item["answer"] not in item["question"]


def _is_plain(item: Item) -> bool:
    """The cipher loses letters outside the alphabet."""
    return bool(item["answer"].isascii())


def _is_one_character(item: Item) -> bool:
    """Two emojis end in a character that the package's hint decodes as part of the sentence."""
    return len(item["metadata"]["emoji"]) == 1


def _emoji_data(item: Item) -> Mapping[str, Any]:
    return {"encoded": item["question"].partition("from the emoji: ")[2].partition("\n")[0].strip()}


def _sort_fonts(dataset: Any) -> None:
    """The package takes the fonts in the order in which the folder lists them, which machines differ in."""
    module = importlib.import_module(FIGLET)
    vars(module)["OK_FONTS"] = sorted(set(vars(module)["OK_FONTS"]))


def _is_drawn(item: Item) -> bool:
    """The font has the letters: some draw nothing, or one shape for several."""
    letters = sorted(set(item["answer"]))
    drawn = [_drawing(item["metadata"]["font"], letter) for letter in letters]
    return all(drawn) and len(set(drawn)) == len(drawn) and item["answer"] not in item["question"]


@functools.lru_cache(maxsize=10_000)
def _drawing(font: str, letter: str) -> str:
    return "".join(_figlet(font).renderText(letter).split())


@functools.lru_cache(maxsize=600)
def _figlet(font: str) -> Any:
    return importlib.import_module("pyfiglet").Figlet(font=font)


def _caesar(data: Mapping[str, Any]) -> str:
    return f"""\
text = "{data["cipher_text"]}"
back = {data["rotation"]}
print("".join(chr((ord(c) - 65 - back) % 26 + 65) if c.isalpha() else c for c in text))"""


def _emoji(data: Mapping[str, Any]) -> str:
    return f"""\
text = {data["encoded"]!a}
codes = [ord(c) for c in text[1:]]
found = [c - 0xFE00 if c < 0xFE10 else c - 0xE0100 + 16 for c in codes if 0xFE00 <= c < 0xFE10 or c >= 0xE0100]
print(bytes(found).decode())"""


ROWS = {
    "rg/caesar_cipher": Row(CaesarCipherConfig, ("cipher_text", "rotation"), same_words, _caesar, fits=_is_plain),
    "rg/emoji_mystery": Row(EmojiMysteryConfig, (), same_sentence, _emoji, derive=_emoji_data, fits=_is_one_character),
    "rg/figlet_font": Row(FigletFontConfig, (), same_words, fits=_is_drawn, prepare=_sort_fonts),
    "rg/letter_jumble": Row(LetterJumbleConfig, (), same_words, fits=_is_hidden),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
