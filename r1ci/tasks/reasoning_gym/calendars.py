"""Dates and weekdays: calendar_arithmetic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Question, Task
from r1ci.tasks.params import Levels, param
from r1ci.tasks.reasoning_gym.task import Item, Row, gym_task

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
NUMBERS = ("count_days", "count_business_days", "recurring_event_day")
KEPT = (
    "task", "start_date", "end_date", "target_date", "offset_days", "year", "month", "ordinal", "weekday", "first_day",
)  # fmt: skip
DATES = ("start_date", "end_date", "target_date")


@dataclass(frozen=True)
class CalendarArithmeticConfig:
    """Parameters of rg/calendar_arithmetic."""

    year: int = param(2022, "year of the dates", low=1600, high=9000)
    offset_upper_bound: int = param(100, "most days between two dates", low=2, high=365)
    leap_year_range: int = param(200, "width of the range of years around it for leap years", low=2, high=1000)
    LEVELS: ClassVar[Levels] = {
        "easy": {"offset_upper_bound": 30},
        "medium": {"offset_upper_bound": 100},
        "hard": {"offset_upper_bound": 365},
    }


def same_day_or_number(question: Question, answer_text: str) -> bool:
    """The same weekday in any case, number, or yes or no, as the question asks."""
    kind = question.data["task"]
    if kind in NUMBERS:
        return answers.same_integer(answer_text, question.answer)
    if kind == "is_leap_year":
        return answers.yes_no(answer_text) == answers.yes_no(question.answer)
    word = answers.word(answer_text).rstrip(".").lower()
    return word in WEEKDAYS and word == question.answer.lower()


def _data(item: Item) -> Mapping[str, Any]:
    metadata = item["metadata"]
    data = {key: metadata[key] for key in KEPT if key in metadata}
    if metadata["task"] == "count_days":
        text = re.sub(r"(?:from|to|Between|and) [A-Z][a-z]+day,", "", item["question"])
        named = [day for day in WEEKDAYS if day.capitalize() in text]
        data["weekday"] = named[0].capitalize()
    return data


def _is_stated(item: Item) -> bool:
    """All dates lie in the year that the question names, or in a part of the year that leap years share."""
    metadata = item["metadata"]
    if metadata["task"] == "weekday_of_date_from_first_date":
        return bool(metadata["target_date"][5:] < "02-29")
    if metadata["task"] == "count_business_days":
        return bool(metadata["start_date"][:4] == metadata["end_date"][:4])
    return True


def _calendar(data: Mapping[str, Any]) -> str:
    lines = ["from datetime import date, timedelta", f"names = {[day.capitalize() for day in WEEKDAYS]}"]
    lines += [
        f"{name} = date({', '.join(str(int(part)) for part in data[name].split('-'))})"
        for name in DATES
        if name in data
    ]
    span = "[start_date + timedelta(i) for i in range((end_date - start_date).days + 1)]"
    match data["task"]:
        case "weekday_offset":
            lines.append(f"print(names[(start_date + timedelta({data['offset_days']})).weekday()])")
        case "weekday_of_date":
            lines.append("print(names[target_date.weekday()])")
        case "weekday_of_date_from_first_date":
            lines.append(f"days = (target_date - date({data['year']}, 1, 1)).days")
            lines.append(f'print(names[(names.index("{data["first_day"]}") + days) % 7])')
        case "recurring_event_day":
            lines += [
                f"first = date({data['year']}, {data['month']}, 1)",
                "days = [first + timedelta(i) for i in range(31)]",
                f'fit = [d.day for d in days if d.month == first.month and names[d.weekday()] == "{data["weekday"]}"]',
                f'order = ["first", "second", "third", "fourth"].index("{data["ordinal"]}")'
                if data["ordinal"] != "last"
                else "order = -1",
                "print(fit[order])",
            ]
        case "count_days":
            lines.append(f'print(sum(names[d.weekday()] == "{data["weekday"]}" for d in {span}))')
        case "count_business_days":
            lines.append(f"print(sum(d.weekday() < 5 for d in {span}))")
        case "is_leap_year":
            return f'import calendar\nprint("Yes" if calendar.isleap({data["year"]}) else "No")'
    return "\n".join(lines)


ROWS = {
    "rg/calendar_arithmetic": Row(
        CalendarArithmeticConfig, (), same_day_or_number, _calendar, derive=_data, fits=_is_stated
    ),
}


def make(id: str, params: Mapping[str, Any]) -> Task:
    """One of ROWS."""
    return gym_task(ROWS, id, params)
