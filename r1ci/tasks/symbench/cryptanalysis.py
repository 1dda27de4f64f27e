"""Find a code of two digits and two letters from guesses and what is said of them."""

from __future__ import annotations

import itertools
import random
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng
from r1ci.tasks.symbench import official

DIGITS, LETTERS = string.digits, string.ascii_uppercase
MAX_GUESSES = 40

PROGRAM = """\
from itertools import permutations
guesses = {guesses}
def told(code, guess):
    right = sum(a == b for a, b in zip(code, guess))
    moved = sum(b in code for b in guess) - right
    wrong = [b for b in guess if b not in code]
    low = sum(b < min(code) for b in wrong)
    high = sum(b > max(code) for b in wrong)
    return [right, moved, low, high]
def find(items, part):
    for code in permutations(items, 2):
        if all(told(code, guess[part * 2:part * 2 + 2])[:{shown}] == facts[part] for guess, *facts in guesses):
            return "".join(code)
print(find("0123456789", 0) + find("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1))"""

_GUESS = re.compile(r"Guess: ?([0-9]{2}[A-Z]{2}), ?Feedback: ?([^\n]+)")
_COUNTS = {"one": 1, "both": 2}
_CLAUSE = re.compile(r"(one|both) (number|letter)s? (?:is|are) (incorrect|correct)(?: (?:and|but) ([a-z ]+))?")


class Facts(NamedTuple):
    """What is said of one half of a guess."""

    right: int
    """Items that are in the code and in their place."""
    moved: int
    """Items that are in the code but in the other place."""
    low: int
    """Items that are below both of the code."""
    high: int
    """Items that are above both of the code."""


@dataclass(frozen=True)
class Config:
    """Parameters of symbench/cryptanalysis."""

    min_guesses: int = param(3, "fewest guesses; there are always as many as it takes", low=1, high=30)
    hints: bool = param(True, "whether it is said of wrong items that they are too small or too large")

    LEVELS: ClassVar[Levels] = {"easy": {"min_guesses": 8}, "medium": {"min_guesses": 5}, "hard": {"hints": False}}


@dataclass(frozen=True)
class Cryptanalysis:
    """Only one code fits."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Random guesses until one code is left."""
        rng = item_rng(self.id, seed, index)
        code = "".join(rng.sample(DIGITS, 2) + rng.sample(LETTERS, 2))
        guesses = self._guess(rng, code)
        lines = "\n".join(
            f"{number}. {guess}: {_tell(digits, self.config.hints, 'digit')}; "
            f"{_tell(letters, self.config.hints, 'letter')}."
            for number, (guess, digits, letters) in enumerate(guesses, 1)
        )
        hints = (
            "A digit is called too small if it is smaller than both digits of the code and too large if it is larger "
            "than both; for letters the same goes by the alphabet, where A is the smallest. A wrong digit or letter of "
            "which nothing is said is neither. "
        )
        text = (
            "A code consists of two different digits followed by two different capital letters. A digit or letter of a "
            "guess is right if it is in the code at that place, misplaced if it is in the code at another place, and "
            f"wrong if it is not in the code. {hints if self.config.hints else ''}This is known of some guesses:\n"
            f"{lines}\nWhat is the code? Answer with its four characters."
        )
        shown = 4 if self.config.hints else 2
        data = {"guesses": [[guess, list(d[:shown]), list(x[:shown])] for guess, d, x in guesses], "shown": shown}
        return Question(self.id, index, text, code, data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same four characters, together or as a list."""
        return len(answer_text) <= answers.MAX_LENGTH and "".join(answers.flat(answer_text)).upper() == question.answer

    def program(self, question: Question) -> str | None:
        """Try every pair of digits and every pair of letters; an official question has none."""
        if "guesses" not in question.data:
            return None
        guesses = ",\n    ".join(str(tuple(guess)) for guess in question.data["guesses"])
        return PROGRAM.format(guesses=f"[\n    {guesses},\n]", shown=question.data["shown"])

    def _guess(self, rng: random.Random, code: str) -> list[tuple[str, Facts, Facts]]:
        shown = 4 if self.config.hints else 2
        digits, letters = _pairs(DIGITS), _pairs(LETTERS)
        guesses: list[tuple[str, Facts, Facts]] = []
        while len(guesses) < self.config.min_guesses or len(digits) > 1 or len(letters) > 1:
            guess = "".join(rng.sample(DIGITS, 2) + rng.sample(LETTERS, 2))
            of_digits, of_letters = facts(code[:2], guess[:2]), facts(code[2:], guess[2:])
            left = [pair for pair in digits if facts(pair, guess[:2])[:shown] == of_digits[:shown]]
            left_letters = [pair for pair in letters if facts(pair, guess[2:])[:shown] == of_letters[:shown]]
            useful = len(left) < len(digits) or len(left_letters) < len(letters)
            done = len(digits) == 1 == len(letters)
            if guess != code and (useful or done) and all(guess != other for other, _, _ in guesses):
                guesses.append((guess, of_digits, of_letters))
                digits, letters = left, left_letters
        return guesses


def facts(code: str, guess: str) -> Facts:
    """What holds of a guessed pair."""
    right = (code[0] == guess[0]) + (code[1] == guess[1])
    low_end, high_end = min(code), max(code)
    known = (guess[0] in code) + (guess[1] in code)
    low = (guess[0] < low_end) + (guess[1] < low_end)
    return Facts(right, known - right, low, (guess[0] > high_end) + (guess[1] > high_end))


def _pairs(items: str) -> list[str]:
    return ["".join(pair) for pair in itertools.permutations(items, 2)]


def _tell(told: Facts, hints: bool, kind: str) -> str:
    parts = [
        f"{count} {kind}{'s' * (count > 1)} {what}"
        for count, what in ((told.right, "right"), (told.moved, "misplaced"))
        if count
    ]
    wrong = 2 - told.right - told.moved
    if wrong:
        notes = [f"{count} too {what}" for count, what in ((told.low, "small"), (told.high, "large")) if count]
        parts.append(f"{wrong} {kind}{'s' * (wrong > 1)} wrong" + (f" ({', '.join(notes)})" if hints and notes else ""))
    return ", ".join(parts)


def read_feedback(text: str, kind: str) -> Callable[[Facts], bool]:
    """What an official feedback demands of the numbers or the letters of a code. Raises ValueError if it says nothing.

    Of two wrong items it says small or large only where both are; of one it says neither only where it is neither.
    """
    right = moved = wrong = 0
    note = ""
    for count, what, how, rest in _CLAUSE.findall(text.lower()):
        number = _COUNTS[count]
        if what != kind:
            continue
        if how == "incorrect":
            wrong, note = wrong + number, rest
        elif "wrong position" in rest:
            moved += number
        else:
            right += number
    if right + moved + wrong != 2:
        raise ValueError(f"its feedback {text[:80]!r} is not understood")
    low, high = ("small" in note or "early" in note) * wrong, ("large" in note or "late" in note) * wrong

    def fits(told: Facts) -> bool:
        if (told.right, told.moved) != (right, moved):
            return False
        if wrong == 2 and not note:
            return 2 not in (told.low, told.high)
        return (told.low, told.high) == (low, high)

    return fits


def _candidates(items: str, guesses: Sequence[tuple[str, Callable[[Facts], bool]]]) -> list[str]:
    return [pair for pair in _pairs(items) if all(fits(facts(pair, guess)) for guess, fits in guesses)]


def read_official(sample: Sample) -> Official:
    """Find the official code ourselves; an item is refused if no code or more than one fits."""
    text = official.text_of(sample)
    said = _GUESS.findall(text)[:MAX_GUESSES]
    if not said:
        raise ValueError("its guesses cannot be found")
    digits = _candidates(DIGITS, [(guess[:2], read_feedback(told, "number")) for guess, told in said])
    letters = _candidates(LETTERS, [(guess[2:], read_feedback(told, "letter")) for guess, told in said])
    if len(digits) * len(letters) != 1:
        raise ValueError(f"{len(digits) * len(letters)} codes fit its guesses")
    solution = official.solution_of(sample)
    gold = solution.get("answer", solution.get("solution")) if isinstance(solution, Mapping) else solution
    return official.item("cryptanalysis", text, digits[0] + letters[0], {}, official.listed(gold))


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return Cryptanalysis(id, read_params(Config, params, id))
