"""Whether an athlete can plausibly have done something, by the sport they are known for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

ATHLETES: Mapping[str, tuple[str, ...]] = {
    "soccer": (
        "Lionel Messi", "Cristiano Ronaldo", "Zinedine Zidane", "Marta Vieira da Silva", "Megan Rapinoe", "Harry Kane",
        "Kylian Mbappe", "Luka Modric", "Mia Hamm", "Thierry Henry",
    ),
    "basketball": (
        "LeBron James", "Stephen Curry", "Kobe Bryant", "Magic Johnson", "Larry Bird", "Shaquille O'Neal",
        "Tim Duncan", "Sue Bird", "Kevin Durant", "Dirk Nowitzki",
    ),
    "baseball": (
        "Babe Ruth", "Derek Jeter", "Willie Mays", "Hank Aaron", "Mike Trout", "Shohei Ohtani", "Mookie Betts",
        "Ichiro Suzuki", "Jackie Robinson", "Ken Griffey Jr.",
    ),
    "American football": (
        "Tom Brady", "Peyton Manning", "Patrick Mahomes", "Jerry Rice", "Joe Montana", "Aaron Rodgers", "Emmitt Smith",
        "Drew Brees", "Rob Gronkowski", "Travis Kelce",
    ),
    "ice hockey": (
        "Wayne Gretzky", "Sidney Crosby", "Mario Lemieux", "Bobby Orr", "Gordie Howe", "Alexander Ovechkin",
        "Connor McDavid", "Jaromir Jagr", "Hayley Wickenheiser", "Patrick Roy",
    ),
    "tennis": (
        "Roger Federer", "Rafael Nadal", "Novak Djokovic", "Serena Williams", "Venus Williams", "Steffi Graf",
        "Andre Agassi", "Martina Navratilova", "Pete Sampras", "Naomi Osaka",
    ),
    "golf": (
        "Tiger Woods", "Jack Nicklaus", "Phil Mickelson", "Arnold Palmer", "Annika Sorenstam", "Rory McIlroy",
        "Gary Player", "Ernie Els", "Jordan Spieth", "Lorena Ochoa",
    ),
    "swimming": (
        "Michael Phelps", "Katie Ledecky", "Mark Spitz", "Ian Thorpe", "Ryan Lochte", "Caeleb Dressel",
        "Sarah Sjostrom", "Missy Franklin",
    ),
    "boxing": (
        "Muhammad Ali", "Mike Tyson", "Joe Frazier", "George Foreman", "Manny Pacquiao", "Floyd Mayweather",
        "Evander Holyfield", "Katie Taylor",
    ),
    "road cycling": (
        "Eddy Merckx", "Bernard Hinault", "Miguel Indurain", "Greg LeMond", "Chris Froome", "Tadej Pogacar",
        "Jonas Vingegaard", "Marianne Vos",
    ),
    "gymnastics": (
        "Simone Biles", "Nadia Comaneci", "Mary Lou Retton", "Gabby Douglas", "Aly Raisman", "Kohei Uchimura",
        "Sunisa Lee", "Larisa Latynina",
    ),
}  # fmt: skip
"""Athletes so well known that their sport is common knowledge."""
ACTIONS: Mapping[str, tuple[str, ...]] = {
    "soccer": (
        "curled a free kick over the wall", "headed in a corner kick", "took the throw-in near the corner flag",
        "was caught offside after a through ball from midfield", "scored from the penalty spot after a handball",
        "was shown a red card for a sliding tackle",
    ),
    "basketball": (
        "hit a three-pointer from the corner", "made both free throws after a shooting foul",
        "threw down an alley-oop dunk", "was called for double dribble", "blocked a layup at the rim",
        "sank a step-back jumper over two defenders",
    ),
    "baseball": (
        "hit a grand slam in the ninth inning", "stole second base", "bunted down the third base line",
        "turned a double play", "drew a walk with the bases loaded", "tagged up and slid into home plate",
    ),
    "American football": (
        "converted a fourth down with a quarterback sneak", "caught a screen pass at the line of scrimmage",
        "spiked the ball in the end zone after a touchdown", "was tackled at the thirty-yard line",
        "was flagged for a false start before the snap", "ran for the two-point conversion",
    ),
    "ice hockey": (
        "scored on the power play with a slap shot", "won the face-off in the neutral zone",
        "was sent to the penalty box for high-sticking", "beat the goalie with a wrist shot",
        "cleared the puck along the boards", "was checked into the boards",
    ),
    "tennis": (
        "served an ace on match point", "won the second set in a tie-break", "hit a backhand winner down the line",
        "double-faulted at deuce", "broke serve in the opening game", "lobbed the opponent at the net on clay",
    ),
    "golf": (
        "birdied the seventeenth hole", "chipped out of the bunker onto the green", "missed a short putt for par",
        "teed off with a driver", "made a hole in one on a par three", "hit the approach shot into the water hazard",
    ),
    "swimming": (
        "touched the wall first in the butterfly", "took the last leg of the medley relay in the pool",
        "made a fast flip turn in the freestyle", "set a record in the individual medley in the pool",
        "was slow off the starting block in the backstroke",
    ),
    "boxing": (
        "won by a knockout in the sixth round", "landed a left hook to the jaw", "was saved by the bell in round three",
        "beat the referee's count after a knockdown", "won the title fight on the judges' scorecards",
    ),
    "road cycling": (
        "attacked on the climb and left the peloton behind", "wore the yellow jersey after the mountain stage",
        "won the bunch sprint of the stage", "changed a wheel during the time trial", "sat in the breakaway all stage",
    ),
    "gymnastics": (
        "stuck the dismount from the high apparatus", "scored highest on the floor exercise",
        "landed a double layout on the mat at the end of the floor routine", "was perfect on the vault",
        "lost a tenth for a step on the landing of the vault",
    ),
}  # fmt: skip
"""What is done in one of these sports and in none of the others."""
WHEN = (
    "", " in the final", " one season", " in front of a full house", " on a rainy day", " against an old rival",
    " on a birthday", " early on", " late in the day", " twice", " after a long pause",
    " before the break", " with a smile", " on live television",
)  # fmt: skip

CITIES = (
    "Berlin", "Boston", "Cape Town", "Chicago", "Dublin", "Lisbon", "Lyon", "Madrid", "Melbourne", "Mexico City",
    "Montreal", "Nairobi", "Osaka", "Oslo", "Prague", "Rome", "Seattle", "Seoul", "Singapore", "Stockholm", "Sydney",
    "Toronto", "Vienna", "Zurich",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/sports_understanding."""

    when: bool = param(True, "whether a sentence says when and where")
    LEVELS: ClassVar[Levels] = {"easy": {"when": False}, "hard": {"when": True}}


@dataclass(frozen=True)
class SportsUnderstanding:
    """Half of the sentences give an athlete an action of their own sport, half one of another."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """An athlete and an action."""
        rng = item_rng(self.id, seed, index)
        sport, plausible = rng.choice(tuple(ATHLETES)), rng.random() < 0.5
        other = sport if plausible else rng.choice([name for name in ACTIONS if name != sport])
        when, where = (rng.choice(WHEN), f" in {rng.choice(CITIES)}") if self.config.when else ("", "")
        sentence = f"{rng.choice(ATHLETES[sport])} {rng.choice(ACTIONS[other])}{when}{where}."
        text = (
            "A sentence about a famous athlete is plausible if the action belongs to the sport that made the athlete "
            f'famous. Is the following sentence plausible? "{sentence}" Answer with yes or no.'
        )
        return Question(self.id, index, text, "yes" if plausible else "no", {"sport": sport, "action": other})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same of yes and no, in any case."""
        value = answers.yes_no(answer_text)
        return value is not None and value == answers.yes_no(question.answer)

    def program(self, question: Question) -> str | None:
        """None: it takes knowledge."""
        return None


def read_official(sample: Sample) -> Official:
    """A row whose target is taken for right."""
    return official.yes_no("sports_understanding", sample)


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return SportsUnderstanding(id, read_params(Config, params, id))
