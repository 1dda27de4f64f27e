"""Time between two moments: time_intervals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

DAY = timedelta(days=1)
DAYS, CLOCKS = "D days", ("HH:MM", "HH:MM:SS", "HH:MM:SS.mmm")
DIRECTIVES = {
    "%Y": "[0-9]{4}", "%m": "[0-9]{2}", "%d": "[0-9]{2}", "%H": "[0-9]{2}", "%M": "[0-9]{2}", "%S": "[0-9]{2}",
    "%f": "[0-9]{3}", "%z": "[+-][0-9]{4}", "%B": "[A-Z][a-z]+", "%b": "[A-Z][a-z]{2}", "%A": "[A-Z][a-z]+day",
    "%a": "[A-Z][a-z]{2}",
}  # fmt: skip

_DURATION = re.compile(
    r"(?:([0-9]{1,7}) ?(?:d|days?),? ?(?:and )?)?"
    r"(?:([0-9]{1,7}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6}))?)?)?"
)


@dataclass(frozen=True)
class TimeIntervalsConfig:
    """Parameters of rg/time_intervals."""

    max_time_difference_seconds: int = param(86_400, "longest time within a day, in seconds", low=60, high=86_400)
    max_date_difference_days: int = param(100, "longest time in days", low=1, high=3650)
    LEVELS: ClassVar[Levels] = {
        "easy": {"max_time_difference_seconds": 3600, "max_date_difference_days": 7},
        "medium": {"max_time_difference_seconds": 21_600, "max_date_difference_days": 30},
        "hard": {"max_time_difference_seconds": 86_400, "max_date_difference_days": 1825},
    }


def moments(item: Item) -> tuple[datetime, datetime] | None:
    """Both moments as the question shows them; None if it does not show exactly two."""
    form = item["metadata"]["format"]
    pattern = re.sub(r"\\?%[A-Za-z]", lambda match: DIRECTIVES[match[0][-2:]], re.escape(form))
    shown = re.findall(pattern, item["question"])
    if len(shown) != 2:
        return None
    start, end = (datetime.strptime(text, form) for text in shown)  # noqa: DTZ007
    return start, end


def _data(item: Item) -> Mapping[str, Any]:
    shown, form = moments(item), item["metadata"]["expected_format"]
    if shown is None:
        raise ValueError("the question does not show two moments")
    start, end = shown
    if form in CLOCKS and end < start:
        end += DAY
    return {"start": start.isoformat(), "end": end.isoformat(), "form": form}


def _difference(data: Mapping[str, Any]) -> timedelta:
    return datetime.fromisoformat(data["end"]) - datetime.fromisoformat(data["start"])


def _is_sound(item: Item) -> bool:
    """Whether there are two moments, the second is not before the first, and nothing is cut off by the form asked."""
    try:
        data = _data(item)
    except ValueError:
        return False
    difference = _difference(data)
    return difference >= timedelta(0) and (data["form"].find("SS") >= 0 or difference.seconds % 60 == 0)


def _text(item: Item) -> str:
    data = _data(item)
    difference = _difference(data)
    days, seconds = difference.days, difference.seconds
    if data["form"] == DAYS:
        return f"{days} days"
    if data["form"] in CLOCKS:
        days, seconds = 0, days * 86_400 + seconds
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    if "SS" in data["form"]:
        text += f":{seconds % 60:02d}"
    if "mmm" in data["form"]:
        text += f".{difference.microseconds // 1000:03d}"
    return text if data["form"] in CLOCKS else f"{days} days, {text}"


def same_duration(question: Question, answer_text: str) -> bool:
    """Equally long; hours and minutes are written, whole days may stand alone where only they are asked for."""
    text = " ".join(answers.word(answer_text).lower().split())
    if question.data["form"] == DAYS and text.isdecimal():
        text += " days"
    match = _DURATION.fullmatch(text) if len(text) < 60 else None
    if match is None or not match[0]:
        return False
    days, hours, minutes, seconds, fraction = match.groups()
    if hours is None and question.data["form"] != DAYS:
        return False
    given = timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int((fraction or "").ljust(6, "0")),
    )
    return given == _difference(question.data)


def _subtract(data: Mapping[str, Any]) -> str:
    lines = [
        "from datetime import datetime",
        f'start, end = datetime.fromisoformat("{data["start"]}"), datetime.fromisoformat("{data["end"]}")',
        "difference = end - start",
    ]
    if data["form"] == DAYS:
        return "\n".join((*lines, 'print(difference.days, "days")'))
    whole = "difference.seconds" if data["form"] not in CLOCKS else "difference.days * 86400 + difference.seconds"
    lines += [
        f"seconds = {whole}",
        'text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"',
        *(['text += f".{difference.microseconds // 1000:03d}"'] if "mmm" in data["form"] else []),
        "print(text)" if data["form"] in CLOCKS else 'print(f"{difference.days} days, {text}")',
    ]
    return "\n".join(lines)


ROWS = {
    "rg/time_intervals": Row(
        TimeIntervalsConfig, (), same_duration, _subtract, derive=_data, answer=_text, fits=_is_sound
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
