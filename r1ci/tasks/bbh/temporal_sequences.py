"""When someone can have gone somewhere, given where they were seen."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.bbh.words import NAMES
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

PLACES = (
    "aquarium", "bakery", "bank", "barber shop", "bowling alley", "church", "farmers' market", "flower shop",
    "ice rink", "laundromat", "museum", "observatory", "pharmacy", "planetarium", "post office", "tennis court",
    "theatre", "town hall", "zoo",
)  # fmt: skip
SEEN = (
    "feeding the ducks in the park", "waiting at the bus stop", "reading in the library", "painting a fence",
    "washing a car", "fishing at the pier", "jogging along the canal", "having lunch at a diner",
    "rehearsing with a choir", "repairing a bicycle", "playing chess in a cafe", "walking a dog by the river",
    "swimming in the lake", "buying shoes at the mall", "watering the allotment", "sketching the old bridge",
    "attending a lecture", "sorting books at a stall",
)  # fmt: skip
_SEEN = re.compile(r"from (\d{1,2})(?::00)? ?([ap]m) to (\d{1,2})(?::00)? ?([ap]m)")
_WOKE = re.compile(r"woke up at (\d{1,2})(?::00)? ?([ap]m)")
_CLOSED = re.compile(r"was closed after (\d{1,2})(?::00)? ?([ap]m)")
_OPTION = re.compile(r"(\d{1,2})(?::00)? ?([ap]m) to (\d{1,2})(?::00)? ?([ap]m)")
Span = Sequence[int]
"""First and last hour, of 24."""


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/temporal_sequences."""

    min_sightings: int = param(3, "fewest times someone was seen", low=3, high=8)
    max_sightings: int = param(6, "most times someone was seen", low=3, high=8, at_least="min_sightings")
    shuffle: bool = param(True, "tell the sightings in random order")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_sightings": 3, "max_sightings": 4, "shuffle": False},
        "medium": {"min_sightings": 4, "max_sightings": 6},
        "hard": {"min_sightings": 7, "max_sightings": 8},
    }


@dataclass(frozen=True)
class TemporalSequences:
    """From waking up to closing time someone was seen all the time but once."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """A day cut into pieces, one of which nobody saw."""
        rng = item_rng(self.id, seed, index)
        sightings = rng.randint(self.config.min_sightings, self.config.max_sightings)
        wake, close = rng.randint(5, 9), rng.randint(19, 22)
        cuts = [wake, *sorted(rng.sample(range(wake + 1, close), sightings)), close]
        spans = [list(span) for span in itertools.pairwise(cuts)]
        free = rng.choice(spans)
        seen = [span for span in spans if span != free]
        wrong = rng.sample(seen, 3)
        if self.config.shuffle:
            rng.shuffle(seen)
        who, *witnesses = rng.sample(NAMES, sightings + 1)
        place, activities = rng.choice(PLACES), rng.sample(SEEN, sightings)
        told = "\n".join(
            f"{witness} saw {who} {activity} from {shown(span)}."
            for witness, activity, span in zip(witnesses, activities, seen, strict=True)
        )
        stem = (
            f"Today {who} went to the {place} once, and was seen at other places the rest of the time.\n"
            f"{who} woke up at {hour(wake)}.\n{told}\n"
            f"The {place} closed at {hour(close)}.\nBetween which times can {who} have been "
            f"at the {place}?"
        )
        options = [free, *wrong]
        rng.shuffle(options)
        data = {"wake": wake, "close": close, "seen": seen, "spans": options}
        return choose(self.id, index, stem, [shown(span) for span in options], options.index(free), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """The hours in which nobody saw them."""
        data = question.data
        return f"""\
seen = {data["seen"]!r}
options = {data["spans"]!r}
free = set(range({data["wake"]}, {data["close"]}))
for start, end in seen:
    free -= set(range(start, end))
for letter, (start, end) in zip("ABCDEFGH", options):
    if set(range(start, end)) == free:
        print(f"({{letter}})")
"""


def hour(value: int) -> str:
    """13 as 1pm."""
    return f"{(value - 1) % 12 + 1}{'am' if value % 24 < 12 else 'pm'}"


def shown(span: Span) -> str:
    """9am to 1pm."""
    return f"{hour(span[0])} to {hour(span[1])}"


def _read(number: str, half: str) -> int:
    return int(number) % 12 + (12 if half == "pm" else 0)


def free_hours(wake: int, close: int, seen: Sequence[Span]) -> set[int]:
    """The hours that begin unseen."""
    return set(range(wake, close)) - {hour for start, end in seen for hour in range(start, end)}


def read_official(sample: Sample) -> Official:
    """A row whose free hours are computed."""
    text = official.text_of(sample)
    stem, options = official.stem_of(text), official.options_of(text)
    wake, close = _WOKE.search(stem), _CLOSED.search(stem)
    spans = [_OPTION.fullmatch(option) for option in options]
    if wake is None or close is None or None in spans:
        raise ValueError("it lacks a time of waking, a time of closing or times as options")
    read = [[_read(m[1], m[2]), _read(m[3], m[4])] for m in spans if m]
    seen = [[_read(a, b), _read(c, d)] for a, b, c, d in _SEEN.findall(stem)]
    start, end = _read(wake[1], wake[2]), _read(close[1], close[2]) or 24
    free = free_hours(start, end, seen)
    fitting = [place for place, span in enumerate(read) if set(range(span[0], span[1] or 24)) == free]
    if len(fitting) != 1:
        raise ValueError("not one of its options is the time that is free")
    data = {"wake": start, "close": end, "seen": seen, "spans": read}
    return official.choice("temporal_sequences", sample, fitting[0], data)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return TemporalSequences(id, read_params(Config, params, id))
