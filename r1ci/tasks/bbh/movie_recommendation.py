"""Which film is nearest to some that somebody liked, by features that the question gives.

The official questions ask for what viewers of real films rated; these films are ours, and the answer is a count.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.bbh.words import NAMES
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

FEATURES = (
    "adventure", "animated", "based on a novel", "black and white", "comedy", "courtroom", "crime", "documentary",
    "family", "fantasy", "heist", "historical", "horror", "musical", "mystery", "road trip", "romance", "satire",
    "science fiction", "set at sea", "silent", "sports", "war", "western",
)  # fmt: skip
FIRST = (
    "The Amber", "The Broken", "The Crooked", "The Distant", "The Empty", "The Frozen", "The Golden", "The Hidden",
    "The Iron", "The Last", "The Midnight", "The Paper", "The Quiet", "The Second", "The Winter", "A Borrowed",
    "A Foreign", "A Lonely",
)  # fmt: skip
SECOND = (
    "Archive", "Bridge", "Carousel", "Divide", "Echo", "Frontier", "Garden", "Harbor", "Island", "Lantern", "Machine",
    "Orchard", "Passenger", "Railway", "Summer", "Tower", "Violin", "Witness",
)  # fmt: skip
MAX_DRAWS = 200


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/movie_recommendation."""

    liked: int = param(4, "films that were liked", low=1, high=8)
    options: int = param(4, "films to choose from", low=2, high=8)
    features: int = param(3, "features of each film", low=1, high=5)
    pool: int = param(8, "features that occur at all", low=6, high=24)
    LEVELS: ClassVar[Levels] = {
        "easy": {"liked": 2, "features": 2},
        "medium": {"liked": 4, "features": 3},
        "hard": {"liked": 6, "options": 6, "features": 5, "pool": 12},
    }


@dataclass(frozen=True)
class MovieRecommendation:
    """Films with features; one of the options has more points than any other."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Features drawn until one option is best."""
        rng = item_rng(self.id, seed, index)
        titles = self._titles(rng)
        pool = rng.sample(FEATURES, self.config.pool)
        for _ in range(MAX_DRAWS):
            films: list[list[Any]] = [[title, sorted(rng.sample(pool, self.config.features))] for title in titles]
            liked, offered = films[: self.config.liked], films[self.config.liked :]
            scores = points(liked, offered)
            if scores.count(max(scores)) == 1:
                break
        told = "\n".join(f"{title}: {', '.join(features)}" for title, features in rng.sample(films, len(films)))
        stem = (
            f"These films have these features:\n{told}\n{rng.choice(NAMES)} liked {', '.join(f[0] for f in liked)}. "
            "A film gets one point for each of its features and each liked film that has this feature too. Which of "
            "the following films gets the most points?"
        )
        data = {"liked": liked, "offered": offered}
        return choose(self.id, index, stem, [film[0] for film in offered], scores.index(max(scores)), data)

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """Count the points."""
        if "liked" not in question.data:
            return None
        return f"""\
liked = {dict(question.data["liked"])!r}
options = {dict(question.data["offered"])!r}
points = []
for title, features in options.items():
    points.append(sum(feature in other for feature in features for other in liked.values()))
print("(" + "ABCDEFGH"[points.index(max(points))] + ")")
"""

    def _titles(self, rng: random.Random) -> list[str]:
        count = self.config.liked + self.config.options
        first, second = rng.sample(FIRST, count), rng.sample(SECOND, count)
        return [f"{a} {b}" for a, b in zip(first, second, strict=True)]


def points(liked: Sequence[Sequence[Any]], offered: Sequence[Sequence[Any]]) -> list[int]:
    """The points of each film on offer."""
    return [sum(feature in other for feature in features for _, other in liked) for _, features in offered]


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right; one that is cut off at a comma in the options is completed."""
    return official.choice("movie_recommendation", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return MovieRecommendation(id, read_params(Config, params, id))
