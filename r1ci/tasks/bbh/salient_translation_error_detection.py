"""The kind of error in a translation from German.

The official pairs are taken from a news corpus; these come from a small grammar, which plants exactly one error.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.bbh.choice import choose, is_right
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

CLASSES = (
    "Modifiers or Adjectives", "Numerical Values", "Negation or Antonyms", "Named Entities", "Dropped Content", "Facts",
)  # fmt: skip
MEANINGS = (
    "Modifiers or Adjectives: an adjective that describes a thing is replaced by another that is not its opposite. "
    "Numerical Values: a number, a date or a year is changed. "
    "Negation or Antonyms: a not is put in or left out, or a comparative is replaced by its opposite. "
    "Named Entities: the name of a person or of a place is replaced by another name. "
    "Dropped Content: a whole clause is left out. "
    "Facts: a common noun is replaced by that of another thing or profession."
)
Pair = tuple[str, str]
"""German and English."""
Slots = Mapping[str, Sequence[Pair]]

PLACES: tuple[Pair, ...] = (
    ("K\u00f6ln", "Cologne"), ("M\u00fcnchen", "Munich"), ("Wien", "Vienna"), ("N\u00fcrnberg", "Nuremberg"),
    ("Prag", "Prague"), ("Rom", "Rome"), ("Lissabon", "Lisbon"), ("Warschau", "Warsaw"), ("Genf", "Geneva"),
    ("Venedig", "Venice"), ("Hamburg", "Hamburg"), ("Basel", "Basel"), ("Kopenhagen", "Copenhagen"),
)  # fmt: skip
PEOPLE: tuple[Pair, ...] = tuple(
    (name, name)
    for name in ("Karl Lindner", "Johann Vogt", "Emil Hartwig", "Otto Brandt", "Ludwig Seidel", "Anton Reuter",
                 "Felix Kern", "Paul Wieland")
)  # fmt: skip
ADJECTIVES: tuple[Pair, ...] = (
    ("rot", "red"), ("gr\u00fcn", "green"), ("blau", "blue"), ("gelb", "yellow"), ("braun", "brown"),
    ("barock", "Baroque"), ("gotisch", "Gothic"), ("h\u00f6lzern", "wooden"), ("quadratisch", "square"),
)  # fmt: skip
COLORS = ADJECTIVES[:5]
YEARS: tuple[Pair, ...] = tuple((str(year), str(year)) for year in range(1703, 1999, 7))
COUNTS: tuple[Pair, ...] = tuple((str(count), str(count)) for count in range(3, 90))
DAYS: tuple[Pair, ...] = tuple((str(day), str(day)) for day in range(1, 31))


@dataclass(frozen=True)
class Pattern:
    """A sentence in both languages, and what may stand in its slots.

    ``versus`` has comparatives or negations with their opposites: the slot is filled from one side of a pair.
    """

    german: str
    english: str
    slots: Slots
    versus: Sequence[tuple[Pair, Pair]]


PATTERNS = (
    Pattern(
        "Das {adjective}e {fact} in {place} wurde im Jahr {number} gebaut und ist {versus} als der Bahnhof{clause}.",
        "The {adjective} {fact} in {place} was built in {number} and is {versus} than the railway station{clause}.",
        {
            "adjective": ADJECTIVES,
            "place": PLACES,
            "number": YEARS,
            "fact": (
                ("Rathaus", "town hall"), ("Museum", "museum"), ("Theater", "theater"), ("Schloss", "castle"),
                ("Kloster", "monastery"), ("Krankenhaus", "hospital"), ("Schulhaus", "schoolhouse"),
            ),
            "clause": (
                (", obwohl nur wenige Menschen es besuchen", ", although only few people visit it"),
                (", weil ein Kaufmann viel Geld daf\u00fcr gab", ", because a merchant gave much money for it"),
                (", wie man in alten Briefen lesen kann", ", as one can read in old letters"),
            ),
        },
        ((("gr\u00f6\u00dfer", "larger"), ("kleiner", "smaller")), (("\u00e4lter", "older"), ("j\u00fcnger", "newer")),
         (("h\u00f6her", "taller"), ("niedriger", "lower"))),
    ),
    Pattern(
        "{person} war {number} Jahre lang {fact} in {place} und wohnte in einem {adjective}en Haus, das {versus} war "
        "als die Kirche{clause}.",
        "{person} was a {fact} in {place} for {number} years and lived in a {adjective} house that was {versus} than "
        "the church{clause}.",
        {
            "person": PEOPLE,
            "place": PLACES,
            "number": COUNTS[:40],
            "adjective": ADJECTIVES,
            "fact": (
                ("Maler", "painter"), ("Arzt", "doctor"), ("Lehrer", "teacher"), ("B\u00e4cker", "baker"),
                ("Richter", "judge"), ("Komponist", "composer"), ("G\u00e4rtner", "gardener"),
            ),
            "clause": (
                (", bis ein Sturm es zerst\u00f6rte", ", until a storm destroyed it"),
                (", obwohl er lieber am Meer gelebt h\u00e4tte", ", although he would rather have lived by the sea"),
                (", bevor er mit seiner Schwester auswanderte", ", before he emigrated with his sister"),
            ),
        },
        ((("gr\u00f6\u00dfer", "larger"), ("kleiner", "smaller")), (("\u00e4lter", "older"), ("j\u00fcnger", "newer"))),
    ),
    Pattern(
        "Der {adjective}e Zug nach {place} hat {number} Wagen und h\u00e4lt{versus} am {fact}{clause}.",
        "The {adjective} train to {place} has {number} cars and {versus} at the {fact}{clause}.",
        {
            "adjective": COLORS,
            "place": PLACES,
            "number": COUNTS[:15],
            "fact": (
                ("Flughafen", "airport"), ("Hafen", "harbor"), ("Stadion", "stadium"), ("Zoo", "zoo"),
                ("Marktplatz", "market square"), ("Friedhof", "cemetery"), ("Kraftwerk", "power plant"),
            ),
            "clause": (
                (", wenn im Winter viel Schnee f\u00e4llt", ", when much snow falls in winter"),
                (", weil die Stadt das so wollte", ", because the city wanted it so"),
                (", seit es den neuen Fahrplan gibt", ", since there is the new timetable"),
            ),
        },
        ((("", "stops"), (" nicht", "does not stop")), (("", "stops"), (" nicht", "does not stop"))),
    ),
    Pattern(
        "Auf dem Markt in {place} kaufte {person} {number} {adjective}e {fact}, die {versus} waren als im "
        "Vorjahr{clause}.",
        "At the market in {place}, {person} bought {number} {adjective} {fact} that were {versus} than in the year "
        "before{clause}.",
        {
            "person": PEOPLE,
            "place": PLACES,
            "number": COUNTS,
            "adjective": COLORS,
            "fact": (
                ("St\u00fchle", "chairs"), ("Tische", "tables"), ("H\u00fcte", "hats"), ("Kr\u00fcge", "jugs"),
                ("Schachteln", "boxes"), ("Teppiche", "carpets"), ("Lampen", "lamps"),
            ),
            "clause": (
                (", und verschenkte sie an seine Nachbarn", ", and gave them to his neighbors"),
                (", obwohl er eigentlich nur spazieren gehen wollte", ", although he only wanted to go for a walk"),
                (", weil bald G\u00e4ste kommen sollten", ", because guests were to come soon"),
            ),
        },
        ((("billiger", "cheaper"), ("teurer", "more expensive")), (("leichter", "lighter"), ("schwerer", "heavier"))),
    ),
    Pattern(
        "Am {number}. Mai er\u00f6ffnete {person} in {place} ein {adjective}es {fact}, das {versus} war als "
        "das alte{clause}.",
        "On May {number}, {person} opened a {adjective} {fact} in {place} that was {versus} than the old one{clause}.",
        {
            "person": PEOPLE,
            "place": PLACES,
            "number": DAYS,
            "adjective": ADJECTIVES,
            "fact": (
                ("Caf\u00e9", "caf\u00e9"), ("Gasthaus", "guesthouse"), ("Kino", "cinema"), ("Museum", "museum"),
                ("Schwimmbad", "swimming pool"), ("Theater", "theater"), ("Postamt", "post office"),
            ),
            "clause": (
                (", obwohl die Miete sehr hoch war", ", although the rent was very high"),
                (", nachdem die Bank ihm Geld geliehen hatte", ", after the bank had lent him money"),
                (", w\u00e4hrend auf dem Platz eine Kapelle spielte", ", while a band was playing in the square"),
            ),
        },
        ((("gr\u00f6\u00dfer", "larger"), ("kleiner", "smaller")), (("heller", "brighter"), ("dunkler", "darker"))),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/salient_translation_error_detection."""

    sentences: int = param(1, "sentences, one of which has the error", low=1, high=5)
    LEVELS: ClassVar[Levels] = {"easy": {"sentences": 1}, "medium": {"sentences": 2}, "hard": {"sentences": 4}}


@dataclass(frozen=True)
class SalientTranslationErrorDetection:
    """Sentences with a name, a number, an adjective, a comparison, a noun and a clause, each of which may go wrong."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Each kind of error is as likely."""
        rng = item_rng(self.id, seed, index)
        error = rng.choice(CLASSES)
        count = self.config.sentences
        wrong = rng.randrange(count)
        patterns = rng.sample(PATTERNS, count)
        pairs = [_sentence(rng, pattern, error if n == wrong else None) for n, pattern in enumerate(patterns)]
        stem = (
            f"This translation from German to English has exactly one error, of one of these kinds. {MEANINGS}\n"
            f"Source: {' '.join(german for german, _ in pairs)}\n"
            f"Translation: {' '.join(english for _, english in pairs)}\nOf which kind is the error?"
        )
        return choose(self.id, index, stem, CLASSES, CLASSES.index(error))

    def check(self, question: Question, answer_text: str) -> bool:
        """The same option."""
        return is_right(question, answer_text)

    def program(self, question: Question) -> str | None:
        """None: it takes knowledge of German."""
        return None


def _sentence(rng: random.Random, pattern: Pattern, error: str | None) -> Pair:
    """A German sentence and its translation, with an error of a kind or none."""
    filled = {slot: rng.choice(list(pairs)) for slot, pairs in pattern.slots.items()}
    sides = rng.sample(rng.choice(list(pattern.versus)), 2)
    filled["versus"] = sides[0]
    german = pattern.german.format(**{slot: pair[0] for slot, pair in filled.items()})
    english = {slot: pair[1] for slot, pair in filled.items()}
    if error == "Negation or Antonyms":
        english["versus"] = sides[1][1]
    elif error == "Dropped Content":
        english["clause"] = ""
    elif error is not None:
        slot = _slot(rng, pattern, error)
        others = [other for _, other in pattern.slots[slot] if other != english[slot]]
        english[slot] = rng.choice(others)
    return german, pattern.english.format(**english)


def _slot(rng: random.Random, pattern: Pattern, error: str) -> str:
    if error == "Named Entities":
        return rng.choice([slot for slot in ("person", "place") if slot in pattern.slots])
    return {"Modifiers or Adjectives": "adjective", "Numerical Values": "number", "Facts": "fact"}[error]


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.choice("salient_translation_error_detection", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return SalientTranslationErrorDetection(id, read_params(Config, params, id))
