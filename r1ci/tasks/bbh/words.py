"""Names and small wordings that several tasks draw from."""

from __future__ import annotations

from collections.abc import Sequence

NAMES = (
    "Ada", "Bela", "Carla", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Lars", "Mina",
    "Nadia", "Oskar", "Petra", "Quentin", "Rosa", "Stefan", "Tomas", "Ulla", "Viktor", "Wanda", "Xenia", "Yusuf",
    "Zora", "Amir", "Birgit", "Cyril", "Daria", "Emil", "Fatima", "Gideon", "Hanna", "Ivo", "Jasmin", "Kofi", "Leila",
    "Marek", "Noor",
)  # fmt: skip
NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def listed(items: Sequence[str]) -> str:
    """Items parted by commas, the last by and."""
    if len(items) < 3:
        return " and ".join(items)
    return f"{', '.join(items[:-1])}, and {items[-1]}"


def with_article(noun: str) -> str:
    """A cup, an apple."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def capital(text: str) -> str:
    """The text with its first letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]
