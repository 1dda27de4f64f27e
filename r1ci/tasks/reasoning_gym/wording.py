"""Words and letters: needle_haystack, palindrome_generation, palindrome_partitioning, ransom_note, sentence_reordering,
word_ladder, word_sequence_reversal, word_sorting."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym import library
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

MAX_ANSWER = 10_000
"""Characters of a list of partitions."""

CUT_OFF = ("mr.", "mrs.", "dr.", "no.", "www.")
BEHIND_TITLES = ("edith", "faithburn", "fritz", "john", "nathaniel", "samuel", "smith", "wilkins")
"""The package ends a sentence at a title's full stop and begins another with the name."""

_SPACE = re.compile(r"\s+")
_STEPS = re.compile(r"[\s,;|>\-\u2192]+")
_PARTITIONS = re.compile(r"\[\[[a-z,]*\](?:,\[[a-z,]*\])*\]")


@dataclass(frozen=True)
class NeedleHaystackConfig:
    """Parameters of rg/needle_haystack."""

    min_num_statements: int = param(10, "fewest statements", low=1, high=1000)
    max_num_statements: int = param(100, "most statements", low=1, high=1000, at_least="min_num_statements")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_num_statements": 20},
        "medium": {"min_num_statements": 50, "max_num_statements": 100},
        "hard": {"min_num_statements": 200, "max_num_statements": 500},
    }


@dataclass(frozen=True)
class PalindromeGenerationConfig:
    """Parameters of rg/palindrome_generation."""

    min_length: int = param(3, "fewest letters", low=1, high=500)
    max_length: int = param(10, "most letters", low=2, high=500, at_least="min_length")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_length": 6},
        "medium": {"min_length": 8, "max_length": 20},
        "hard": {"min_length": 30, "max_length": 100},
    }


@dataclass(frozen=True)
class PalindromePartitioningConfig:
    """Parameters of rg/palindrome_partitioning."""

    min_string_len: int = param(5, "fewest letters", low=1, high=20)
    max_string_len: int = param(15, "most letters", low=5, high=20, at_least="min_string_len")
    min_substring_palindrome_len: int = param(1, "shortest palindrome to build from", low=1, high=5)
    max_substring_palindrome_len: int = param(
        5, "longest palindrome to build from", low=1, high=5, at_least="min_substring_palindrome_len"
    )
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_string_len": 7, "max_substring_palindrome_len": 3},
        "medium": {"min_string_len": 8, "max_string_len": 12},
        "hard": {"min_string_len": 15, "max_string_len": 18, "min_substring_palindrome_len": 2},
    }


@dataclass(frozen=True)
class RansomNoteConfig:
    """Parameters of rg/ransom_note."""

    min_note_length: int = param(1, "fewest letters of the note", low=1, high=500)
    max_note_length: int = param(10, "most letters of the note", low=1, high=500, at_least="min_note_length")
    min_magazine_length: int = param(2, "fewest letters of the magazine", low=2, high=1000)
    max_magazine_length: int = param(30, "most letters of the magazine", low=2, high=1000, more_than="max_note_length")
    p_solvable: float = param(0.5, "share of the notes that can be made", low=0, high=1)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_note_length": 5, "max_magazine_length": 12},
        "medium": {"min_note_length": 8, "max_note_length": 20, "max_magazine_length": 60},
        "hard": {
            "min_note_length": 50, "max_note_length": 100, "min_magazine_length": 200, "max_magazine_length": 400,
        },
    }  # fmt: skip


@dataclass(frozen=True)
class SentenceReorderingConfig:
    """Parameters of rg/sentence_reordering."""

    min_words_in_sentence: int = param(3, "fewest words", low=2, high=30)
    max_words_in_sentence: int = param(20, "most words", low=4, high=60, at_least="min_words_in_sentence")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words_in_sentence": 6},
        "medium": {"min_words_in_sentence": 6, "max_words_in_sentence": 12},
        "hard": {"min_words_in_sentence": 12, "max_words_in_sentence": 30},
    }


@dataclass(frozen=True)
class WordLadderConfig:
    """Parameters of rg/word_ladder."""

    min_word_length: int = param(4, "fewest letters", low=3, high=5)
    max_word_length: int = param(4, "most letters", low=3, high=5, at_least="min_word_length")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_word_length": 3, "max_word_length": 3},
        "medium": {"min_word_length": 4, "max_word_length": 4},
        "hard": {"min_word_length": 5, "max_word_length": 5},
    }


@dataclass(frozen=True)
class WordSequenceReversalConfig:
    """Parameters of rg/word_sequence_reversal."""

    min_words: int = param(3, "fewest words", low=1, high=500)
    max_words: int = param(8, "most words", low=2, high=500, at_least="min_words")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words": 5},
        "medium": {"min_words": 10, "max_words": 25},
        "hard": {"min_words": 50, "max_words": 100},
    }


@dataclass(frozen=True)
class WordSortingConfig:
    """Parameters of rg/word_sorting."""

    min_words: int = param(3, "fewest words", low=2, high=300)
    max_words: int = param(10, "most words", low=2, high=300, at_least="min_words")
    min_word_length: int = param(3, "fewest letters of a word", low=1, high=10)
    max_word_length: int = param(12, "most letters of a word", low=4, high=20, at_least="min_word_length")
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_words": 5},
        "medium": {"min_words": 10, "max_words": 25},
        "hard": {"min_words": 50, "max_words": 100},
    }


def same_name(question: Question, answer_text: str) -> bool:
    """Equal names, in any case, with or without a full stop."""
    return answers.word(answer_text).rstrip(".").lower() == question.answer.lower()


def _statements(item: Item) -> Mapping[str, Any]:
    text, _, query = item["question"].strip().rpartition("\n")
    claim = query.partition("? ")[0].removeprefix("Who ")
    return {"statements": text.strip().removesuffix(".").split(". "), "claim": claim}


def _is_one_needle(item: Item) -> bool:
    data = _statements(item)
    ends = [str(statement).endswith(f" {data['claim']}") for statement in data["statements"]]
    return sum(ends) == 1


def _find(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f"statements = {data['statements']}",
            f"claim = {' ' + data['claim']!r}",
            "print(next(s for s in statements if s.endswith(claim)).removesuffix(claim))",
        )
    )


def is_palindrome(question: Question, answer_text: str) -> bool:
    """The same backward, of the given letters, each as often as given."""
    word = answers.word(answer_text).lower()
    return bool(word) and word == word[::-1] and sorted(word) == sorted(question.data["letters"])


def _build(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f'letters = "{"".join(data["letters"])}"',
            'half = "".join(x * (letters.count(x) // 2) for x in sorted(set(letters)))',
            'middle = "".join(x for x in sorted(set(letters)) if letters.count(x) % 2)',
            "print(half + middle + half[::-1])",
        )
    )


@functools.lru_cache(maxsize=1024)
def count_partitions(string: str) -> int:
    """In how many ways a string can be cut into palindromes."""
    ways = [1] + [0] * len(string)
    for end in range(1, len(string) + 1):
        for start in range(end):
            part = string[start:end]
            if part == part[::-1]:
                ways[end] += ways[start]
    return ways[-1]


def all_partitions(question: Question, answer_text: str) -> bool:
    """Different partitions into palindromes, and as many as there are."""
    text = _SPACE.sub("", answers.unwrap(answer_text)).replace('"', "").replace("'", "").lower()
    if not _PARTITIONS.fullmatch(text):
        return False
    string = question.data["string"]
    found = set(text[2:-2].split("],["))
    return len(found) == count_partitions(string) and all(
        partition.replace(",", "") == string and all(part and part == part[::-1] for part in partition.split(","))
        for partition in found
    )


def _is_bounded(item: Item) -> bool:
    return len(item["answer"]) <= MAX_ANSWER


def _partition(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            "import json",
            f'string = "{data["string"]}"',
            "def partitions(s):",
            "    if not s:",
            "        return [[]]",
            "    heads = [s[:n] for n in range(1, len(s) + 1)]",
            "    return [[h] + rest for h in heads if h == h[::-1] for rest in partitions(s[len(h):])]",
            "print(json.dumps(partitions(string)))",
        )
    )


def same_truth(question: Question, answer_text: str) -> bool:
    """True or False, in any case."""
    value = answers.boolean(answer_text)
    return value is not None and value == (question.answer == "True")


class _Ordered(set[str]):
    """A set that is walked in order."""

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(super().__iter__()))

    def __sub__(self, other: Any) -> _Ordered:
        return _Ordered(super().__sub__(other))


def _order_letters(dataset: Any) -> None:
    """The package draws them from a set, in an order that differs from process to process."""
    dataset.letters = _Ordered(dataset.letters)


def _can_make(data: Mapping[str, Any]) -> str:
    return "\n".join(
        (
            f'note, magazine = "{data["ransom_note"]}", "{data["magazine"]}"',
            "print(all(magazine.count(x) >= note.count(x) for x in set(note)))",
        )
    )


def same_sentence(question: Question, answer_text: str) -> bool:
    """Equal words in equal order, in any case."""
    return answers.unwrap(answer_text).lower().split() == question.answer.lower().split()


def _is_sentence(item: Item) -> bool:
    """The package groups words that occur twice, and cuts its book at titles and at notes in brackets."""
    words = item["answer"].lower().split()
    cut = words[-1] in CUT_OFF or words[0] in BEHIND_TITLES or bool(set(item["answer"]) & set('[]{}*_"'))
    return bool(item["answer"][:1].isupper()) and not cut and len(set(words)) == len(words)


@functools.cache
def dictionary(length: int) -> frozenset[str]:
    """The words of a length that the package knows, in capitals."""
    lines = library.data_file("words.csv").read_text("utf-8").splitlines()
    column = lines[0].split(",").index(f"{length}_letter")
    words = (line.split(",")[column].strip().upper() for line in lines[1:])
    return frozenset(word for word in words if word)


@functools.cache
def _neighbors(length: int) -> Mapping[str, Sequence[str]]:
    words = sorted(dictionary(length))
    groups: dict[str, list[str]] = {}
    for word in words:
        for place in range(length):
            groups.setdefault(f"{word[:place]}_{word[place + 1 :]}", []).append(word)
    return {
        word: [
            other for place in range(length) for other in groups[f"{word[:place]}_{word[place + 1 :]}"] if other != word
        ]
        for word in words
    }


def shortest_ladder(start: str, end: str) -> list[str]:
    """The first of the shortest ladders between two words, in the order of the alphabet and of the places; empty if
    there is none."""
    neighbors, before = _neighbors(len(start)), {start: ""}
    edge = [start]
    for word in edge:
        if word == end:
            break
        for other in neighbors[word]:
            if other not in before:
                before[other] = word
                edge.append(other)
    ladder = [end] if end in before else []
    while ladder and before[ladder[-1]]:
        ladder.append(before[ladder[-1]])
    return ladder[::-1]


def _ladder(item: Item) -> str:
    return ",".join(shortest_ladder(item["metadata"]["start_word"], item["metadata"]["end_word"]))


def climbs(question: Question, answer_text: str) -> bool:
    """Words of the package's list, each one letter off the one before, from the first word to the last."""
    words = _STEPS.split(answers.word(answer_text).upper())
    start, end = question.data["start_word"], question.data["end_word"]
    known = dictionary(len(start))
    return (
        (words[0], words[-1]) == (start, end)
        and all(word in known for word in words)
        and all(sum(a != b for a, b in zip(word, other, strict=True)) == 1 for word, other in itertools.pairwise(words))
    )


def _keep_size(dataset: Any) -> None:
    """The package makes no item beyond the dataset's size, and shrinks it where it finds none."""
    dataset.__class__ = type("Endless", (type(dataset),), {"size": property(lambda _: 2**64, lambda *_: None)})


def same_words(question: Question, answer_text: str) -> bool:
    """Equal words in equal order."""
    return answers.tokens(answer_text) == answers.tokens(question.answer)


def _reverse(data: Mapping[str, Any]) -> str:
    return f'words = {data["words"]}\nprint(", ".join(reversed(words)))'


def _sort(data: Mapping[str, Any]) -> str:
    reverse = data["direction"] == "descending"
    return f'words = {data["transformed_words"]}\nprint(", ".join(sorted(words, reverse={reverse})))'


ROWS = {
    "rg/needle_haystack": Row(NeedleHaystackConfig, (), same_name, _find, derive=_statements, fits=_is_one_needle),
    "rg/palindrome_generation": Row(PalindromeGenerationConfig, ("letters",), is_palindrome, _build),
    "rg/palindrome_partitioning": Row(
        PalindromePartitioningConfig,
        ("string",),
        all_partitions,
        _partition,
        fits=_is_bounded,
        note="Answer with all partitions.",
    ),
    "rg/ransom_note": Row(RansomNoteConfig, ("ransom_note", "magazine"), same_truth, _can_make, prepare=_order_letters),
    "rg/sentence_reordering": Row(
        SentenceReorderingConfig, (), same_sentence, fits=_is_sentence, note="Answer with the sentence."
    ),
    "rg/word_ladder": Row(WordLadderConfig, ("start_word", "end_word"), climbs, answer=_ladder, prepare=_keep_size),
    "rg/word_sequence_reversal": Row(WordSequenceReversalConfig, ("words",), same_words, _reverse),
    "rg/word_sorting": Row(WordSortingConfig, ("transformed_words", "direction"), same_words, _sort),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
