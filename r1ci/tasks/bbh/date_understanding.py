"""A date, from what is said about another."""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right, mixed
from r1ci.tasks.bbh.words import NAMES
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
WRONG = 5
"""Options that are not right."""
EVENTS = ("dentist appointment", "piano recital", "job interview", "chess match", "housewarming", "driving test")


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/date_understanding."""

    first_year: int = param(1900, "earliest year", low=1600, high=2400)
    last_year: int = param(2050, "latest year", low=1600, high=2400, at_least="first_year")
    max_days: int = param(30, "most days between two dates of a question", low=2, high=3000)
    LEVELS: ClassVar[Levels] = {"easy": {"max_days": 7}, "medium": {"max_days": 30}, "hard": {"max_days": 400}}


@dataclass(frozen=True)
class DateUnderstanding:
    """What day it is follows from one date; another day near it is asked for."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A day, what is said of it, and a step from it."""
        rng = item_rng(self.id, seed, index)
        today = datetime.date(rng.randint(self.config.first_year, self.config.last_year), 1, 1)
        today += datetime.timedelta(rng.randrange(365))
        told, given, shift = self._clue(rng, today)
        asked, unit, count = self._ask(rng, today)
        right = moved(today, unit, count)
        wrong = _wrong(rng, today, right, count if unit == "days" else 1)
        options, place = mixed(rng, shown(right), [shown(date) for date in wrong])
        data = {"given": [given.year, given.month, given.day], "shift": shift, "unit": unit, "count": count}
        verb = "was" if count < 0 else "will be" if count > 0 else "is"
        stem = f"{told} What {verb} the date {asked}, in MM/DD/YYYY?"
        return choose(self.id, index, stem, options, place, data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """The library's calendar."""
        data = question.data
        if "given" not in data:
            return None
        year, month, day = data["given"]
        step = f"today += timedelta(days={data['count']})\n"
        if data["unit"] == "months":
            step = (
                f"months = today.year * 12 + today.month - 1 + {data['count']}\n"
                "today = today.replace(year=months // 12, month=months % 12 + 1)\n"
            )
        return (
            "from datetime import date, timedelta\n"
            f"options = {data['options']!r}\n"
            f"today = date({year}, {month}, {day}) + timedelta(days={data['shift']})\n"
            f"{step}"
            'text = f"{today.month:02}/{today.day:02}/{today.year}"\n'
            'print("(" + "ABCDEF"[options.index(text)] + ")")\n'
        )

    def _clue(self, rng: random.Random, today: datetime.date) -> tuple[str, datetime.date, int]:
        """What is said, the date in it, and how many days later today is."""
        days = rng.randint(2, self.config.max_days)
        name, event = rng.choice(NAMES), rng.choice(EVENTS)
        kind, shift = rng.choice(
            (
                ("Today is {date}.", 0),
                ("Yesterday was {date}.", 1),
                ("Tomorrow is {date}.", -1),
                ("The day before yesterday was {date}.", 2),
                ("The day after tomorrow is {date}.", -2),
                (f"Exactly {days} days ago it was {{date}}.", days),
                (f"In exactly {days} days it will be {{date}}.", -days),
                (f"{name}'s {event} is today. It was planned for {{date}} but was put off by {days} days.", days),
                (f"{name}'s {event} is today. It was planned for {{date}} but was moved up by {days} days.", -days),
                ("{year} began {ago} days ago, on January 1.", 0),
                ("In the order day/month/year, today is written {uk}.", 0),
            )
        )
        given = today - datetime.timedelta(shift)
        if "{ago}" in kind:
            given = datetime.date(today.year, 1, 1)
            shift = (today - given).days
        told = kind.format(
            date=f"{MONTHS[given.month - 1]} {given.day}, {given.year}",
            year=today.year,
            ago=shift,
            uk=f"{today.day:02}/{today.month:02}/{today.year}",
        )
        return told.replace(" 1 days", " 1 day"), given, shift

    def _ask(self, rng: random.Random, today: datetime.date) -> tuple[str, str, int]:
        days = rng.randint(3, max(3, self.config.max_days))
        asks = [
            ("today", "days", 0), ("tomorrow", "days", 1), ("yesterday", "days", -1), ("a week ago", "days", -7),
            ("two weeks from now", "days", 14),
            (f"{days} days ago", "days", -days), (f"{days} days from now", "days", days),
        ]  # fmt: skip
        if today.day <= 28:
            asks += [
                ("on the same day of last month", "months", -1), ("on the same day of next month", "months", 1),
                ("on the same day of last year", "months", -12), ("on the same day of next year", "months", 12),
            ]  # fmt: skip
        return rng.choice(asks)


def moved(date: datetime.date, unit: str, count: int) -> datetime.date:
    """A date some days or months later; in a month that has that day."""
    if unit == "days":
        return date + datetime.timedelta(count)
    months = date.year * 12 + date.month - 1 + count
    return date.replace(year=months // 12, month=months % 12 + 1)


def shown(date: datetime.date) -> str:
    """MM/DD/YYYY."""
    return f"{date.month:02}/{date.day:02}/{date.year:04}"


def _wrong(rng: random.Random, today: datetime.date, right: datetime.date, step: int) -> list[datetime.date]:
    """Dates that a slip would give: a day or a month off, the wrong way, the wrong year."""
    slips = [right + datetime.timedelta(days) for days in (-1, 1, -2, 2, 7, -7, 10, -10, 30, -30)]
    slips += [today - datetime.timedelta(step), today]
    if right.day <= 28:
        slips += [moved(right, "months", months) for months in (-12, 12, -1, 1, 120)]
    if right.day <= 12:
        slips.append(datetime.date(right.year, right.day, right.month))
    return rng.sample([date for date in dict.fromkeys(slips) if date != right], WRONG)


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("date_understanding", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return DateUnderstanding(id, read_params(Config, params, id))
