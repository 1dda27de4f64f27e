"""Sort words alphabetically."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from r1ci.tasks import answers
from r1ci.tasks.base import Official, Question, Sample, Task
from r1ci.tasks.bbh import official
from r1ci.tasks.params import Levels, param, read_params
from r1ci.tasks.seeding import item_rng

_TEXT = """
    acorn amber anchor anvil apron arch arrow ash atlas attic autumn badge bagel ballad bamboo banner barley barn basin
    basket beacon beam bell berry birch bishop blanket bloom bonfire bottle boulder bowl branch brass bread brick bridge
    brisk bronze brook brush bucket butter cabin cable cactus camel candle canoe canyon caravan carpet castle cedar
    cellar chain chalk charm chest chimney cider cinder clay cliff cloak clock clover coast cobble comet compass copper
    coral cotton crane crater cricket crown crystal curtain daisy dawn deer desert diamond dolphin donkey door dragon
    drum dune eagle earth echo elbow ember engine falcon feather fence fern ferry fiddle field finch flame flask fleet
    flint flood flour flute forest forge fossil fountain fox frost galaxy garden garlic gate gem ginger glacier glove
    goblet gold goose grain granite grape gravel grove gull hammer harbor harvest hazel heron hill hinge honey horn hut
    icicle indigo ink iron island ivory ivy jacket jar jewel journal jungle kettle keyhole kitten kiwi knot ladder
    lake lantern lark lava leaf lemon lever lily linen lion lizard loaf lotus lumber magnet mango maple marble
    market marsh meadow melon mesa meteor mill mirror mist moat moon mosaic moss moth mountain mustard myrtle needle
    nest nickel north nutmeg oak oasis oat ocean olive onion opal orchard orchid otter owl oyster paddle palace panda
    paper parrot path pearl pebble pepper piano pigeon pine planet plum pocket pond poppy prairie prism pumpkin puzzle
    quarry quartz quill quilt rabbit radish raft rain raven reef ribbon ridge river robin rocket rope rose ruby saddle
    saffron sail salmon sand sapphire satin scarf shadow shell shield silk silver slate sleigh smoke snail snow spark
    spice spider spruce stable star statue stone storm stream summit sunset swan sword tailor teapot temple thicket
    thimble thistle thorn thunder tiger timber torch tower trail tulip tunnel turnip turtle umbrella valley vanilla
    velvet vessel village vine violet violin wagon walnut water wave wheat whistle willow window winter wizard wolf
    wool wren yarn yew zebra zephyr zinc
"""
WORDS = tuple(_TEXT.split())


@dataclass(frozen=True)
class Config:
    """Parameters of bbh/word_sorting."""

    min_words: int = param(3, "fewest words", low=3, high=200)
    max_words: int = param(20, "most words", low=3, high=200, at_least="min_words")
    LEVELS: ClassVar[Levels] = {
        "easy": {"min_words": 3, "max_words": 6},
        "medium": {"min_words": 8, "max_words": 16},
        "hard": {"min_words": 30, "max_words": 60},
    }


@dataclass(frozen=True)
class WordSorting:
    """Different English words in lower case, so that there is one order."""

    id: str
    config: Config

    def question(self, index: int, seed: int) -> Question:
        """Words in an order that is not the one asked for."""
        rng = item_rng(self.id, seed, index)
        words = rng.sample(WORDS, rng.randint(self.config.min_words, self.config.max_words))
        while words == sorted(words):
            rng.shuffle(words)
        text = (
            f"Sort the following words alphabetically from a to z: {' '.join(words)}\n"
            "Answer with all words in order, separated by spaces."
        )
        return Question(self.id, index, text, " ".join(sorted(words)), {"words": words})

    def check(self, question: Question, answer_text: str) -> bool:
        """The same words in the same order, in any case, parted by spaces, commas or line breaks."""
        return len(answer_text) <= answers.MAX_LENGTH and answers.tokens(answer_text.lower()) == answers.tokens(
            question.answer.lower()
        )

    def program(self, question: Question) -> str | None:
        """Python's own sorting."""
        return f"print(*sorted({question.data['words']!r}))"


def read_official(sample: Sample) -> Official:
    """A row whose words are sorted here."""
    text = official.text_of(sample)
    _, found, rest = text.rpartition("List:")
    words = rest.split()
    if not found or len(words) < 2:
        raise ValueError("its question has no words after List:")
    return official.item("word_sorting", text, " ".join(sorted(words)), official.target_of(sample), {"words": words})


def make(id: str, params: Mapping[str, Any]) -> Task:
    """The task with validated parameters."""
    return WordSorting(id, read_params(Config, params, id))
