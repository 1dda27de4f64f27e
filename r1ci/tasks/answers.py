"""Reading what a model gave as its answer: total, bounded, and never evaluated.

Every function takes any text and returns a value or None; none raises, and all are linear in a length that is capped.
Only ASCII digits count as digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

MAX_LENGTH = 20_000
"""Characters; a longer answer is no answer."""
MAX_DIGITS = 4000
"""Digits of a number; Python refuses to read more than 4300."""
MAX_LAYERS = 6
"""Layers of markup and brackets that are taken off."""

_FENCE = re.compile(r"```[A-Za-z0-9_+-]*\s(.*?)```|```(.*?)```", re.DOTALL)
_MARKUP = (("<<<", ">>>"), ("\\boxed{", "}"), ("\\(", "\\)"), ("\\[", "\\]"), ("**", "**"), ("$$", "$$"), ("$", "$"))
_QUOTES = (("`", "`"), ('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019"))
_BRACKETS = (("(", ")"), ("[", "]"), ("{", "}"))
_WHOLE = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_PLAIN = re.compile(r"-?[0-9]{1,18}")
_INTEGER = re.compile(rf"([+-]?{_WHOLE})(?:\.0*)?")
_DECIMAL = re.compile(rf"[+-]?(?:{_WHOLE}(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{{1,3}})?")
_RATIO = re.compile(r"([+-]?[0-9]+) ?/ ?([0-9]+)")
_HEXADECIMAL = re.compile(r"([+-]?)(?:(0[xX])([0-9a-fA-F]+)|([1-9a-fA-F][0-9a-fA-F]*))")
_OPTION = re.compile(r"\(?([A-Za-z])\)?(?:[.:)]?\s.*)?", re.DOTALL)
_CHOICE = re.compile(r"(?:option\s+)?[(\[]?([a-z])[)\]]?[.:]?(?:\s+(.*))?", re.DOTALL | re.IGNORECASE | re.ASCII)
_SEPARATORS = str.maketrans("()[]{};|", "        ")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-"})


def unwrap(text: str, *, brackets: bool = False) -> str:
    """The text without surrounding whitespace, code fence, TeX and Markdown marks, quotes and, if asked, brackets.

    A pair is taken off only if it cannot belong to the answer: a mark or quote that occurs again inside stays.
    """
    if len(text) > MAX_LENGTH:
        return ""
    text = text.strip()
    for _ in range(MAX_LAYERS):
        inner = _peel(text, brackets)
        if inner == text:
            break
        text = inner
    return text


def _peel(text: str, brackets: bool) -> str:
    fence = _FENCE.fullmatch(text)
    if fence:
        return str(fence[1] if fence[1] is not None else fence[2]).strip()
    for opening, closing in _MARKUP + _QUOTES:
        inner = _between(text, opening, closing)
        if inner is not None and opening not in inner and closing not in inner:
            return inner.strip()
    for opening, closing in _BRACKETS if brackets else ():
        inner = _between(text, opening, closing)
        if inner is not None:
            return inner.strip()
    return text


def _between(text: str, opening: str, closing: str) -> str | None:
    if len(text) < len(opening) + len(closing) or not text.startswith(opening) or not text.endswith(closing):
        return None
    return text[len(opening) : len(text) - len(closing)]


def integer(text: str) -> int | None:
    """A whole number: sign, thousands separators and trailing ``.0`` are fine."""
    text = unwrap(text, brackets=True).translate(_MINUS)
    match = _INTEGER.fullmatch(text) if len(text) <= MAX_DIGITS else None
    return int(match[1].replace(",", "")) if match else None


def same_integer(text: str, reference: str) -> bool:
    """Whether both are the same whole number."""
    value = integer(text)
    return value is not None and value == integer(reference)


def hexadecimal(text: str) -> int | None:
    """A whole number in hexadecimal with or without ``0x``; bare digits without a letter are decimal, as in Python."""
    text = unwrap(text, brackets=True).translate(_MINUS)
    match = _HEXADECIMAL.fullmatch(text) if len(text) <= MAX_DIGITS else None
    if match is None:
        return integer(text)
    sign, prefix, prefixed, bare = match.groups()
    value = int(prefixed, 16) if prefix else int(bare, 10 if bare.isdigit() else 16)
    return -value if sign == "-" else value


def number(text: str) -> Fraction | None:
    """A number, exactly: whole, decimal, with an exponent of at most three digits, or a ratio of two whole numbers."""
    text = unwrap(text, brackets=True).translate(_MINUS)
    if len(text) > MAX_DIGITS:
        return None
    ratio = _RATIO.fullmatch(text)
    if ratio:
        bottom = int(ratio[2])
        return Fraction(int(ratio[1]), bottom) if bottom else None
    return Fraction(text.replace(",", "")) if _DECIMAL.fullmatch(text) else None


def close(value: Fraction | None, expected: Fraction, *, relative: Fraction = Fraction(0)) -> bool:
    """Whether a number is within a share of the expected one; exactly equal by default."""
    return value is not None and abs(value - expected) <= abs(expected) * relative


def boolean(text: str) -> bool | None:
    """True or False as a whole word, in any case, with or without a full stop."""
    word = unwrap(text, brackets=True).rstrip(".").lower()
    return {"true": True, "false": False}.get(word)


def yes_no(text: str) -> bool | None:
    """Yes or no as a whole word, in any case, with or without a full stop."""
    word = unwrap(text, brackets=True).rstrip(".").lower()
    return {"yes": True, "no": False}.get(word)


def option(text: str) -> str | None:
    """The capital letter of a multiple-choice answer: ``B``, ``(B)``, ``B.`` or ``(B) its text``."""
    match = _OPTION.fullmatch(unwrap(text).rstrip("."))
    return match[1].upper() if match else None


def option_of(text: str, options: Sequence[str]) -> str | None:
    """The capital letter of the option that is meant: ``B``, ``(B)``, ``(B) its text`` or its text if no other has it.

    A letter with another option's text is none.
    """
    text = unwrap(text).rstrip(".")
    texts = [_plain(option) for option in options]
    match = _CHOICE.fullmatch(text)
    if match:
        place = ord(match[1].upper()) - ord("A")
        if place < len(texts) and _plain(match[2] or "") in ("", texts[place]):
            return match[1].upper()
    same = [place for place, option in enumerate(texts) if option and option == _plain(text)]
    return chr(ord("A") + same[0]) if len(same) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .'\"`")


def word(text: str) -> str:
    """One word or string without its wrapping."""
    return unwrap(text, brackets=True)


def tokens(text: str) -> tuple[str, ...]:
    """The items of a list, in or out of brackets, parted by commas or whitespace, each in or out of quotes."""
    text = unwrap(text)
    for opening, closing in _BRACKETS:
        inner = _between(text, opening, closing)
        if inner is not None:
            text = inner
            break
    return tuple(item.strip("'\"`") for item in re.split(r"[\s,]+", text) if item)


def flat(text: str) -> tuple[str, ...]:
    """The items of a list or of a list of rows, row by row, whatever brackets hold the rows."""
    return tokens(unwrap(text).translate(_SEPARATORS))


def integers(text: str) -> tuple[int, ...] | None:
    """The whole numbers of a list or of a list of rows, or None if an item is none."""
    values = tuple(int(item) if _PLAIN.fullmatch(item) else integer(item) for item in flat(text))
    found = tuple(value for value in values if value is not None)
    return found if len(found) == len(values) else None


def numbers(text: str) -> tuple[Fraction, ...] | None:
    """The numbers of a list, or None if an item is none. Without thousands separators: a comma parts two items."""
    values = tuple(number(item) for item in tokens(text))
    found = tuple(value for value in values if value is not None)
    return found if len(found) == len(values) else None
