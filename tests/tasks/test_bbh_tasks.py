"""BIG-Bench-Hard's kinds of question: the rules they state, held against a second way to find the answer."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest

from r1ci.tasks.base import Question
from r1ci.tasks.bbh import (
    causal_judgement,
    date_understanding,
    dyck_languages,
    formal_fallacies,
    geometric_shapes,
    logical_deduction,
    movie_recommendation,
    navigate,
    ruin_names,
    salient_translation_error_detection,
    snarks,
    sports_understanding,
    word_sorting,
)
from r1ci.tasks.registry import catalog, get_task, task_info
from r1ci.tasks.validate import validate

IDS = [info.id for info in catalog() if info.suite == "bbh"]
MANY = 200


def _questions(name: str, params: dict[str, Any] | None = None, count: int = MANY) -> list[Question]:
    task = get_task(f"bbh/{name}", params or {})
    return [task.question(index, 11) for index in range(count)]


def _letter(question: Question) -> int:
    return ord(question.answer[1]) - ord("A")


def _levels() -> list[tuple[str, str]]:
    return [(id, level) for id in IDS for level in getattr(get_task(id), "config").LEVELS]  # noqa: B009


@pytest.mark.parametrize(("id", "level"), _levels())
def test_every_level_makes_questions_that_pass(id: str, level: str) -> None:
    assert validate(get_task(id, {"level": level}), task_info(id), 6).faults == ()


def test_all_of_the_official_list_are_there() -> None:
    assert len(IDS) == 27


@pytest.mark.parametrize("id", IDS)
def test_an_options_text_is_as_good_as_its_letter(id: str) -> None:
    task = get_task(id)
    for question in (task.question(index, 5) for index in range(20)):
        options: Sequence[str] = question.data.get("options", ())
        for place, option in enumerate(options):
            letter = chr(ord("A") + place)
            right = question.answer == f"({letter})"
            for text in (letter, letter.lower(), f"({letter})", f"{letter}.", f"({letter}) {option}"):
                assert task.check(question, text) is right, (question, text)
            if [other.casefold() for other in options].count(option.casefold()) == 1:
                assert task.check(question, option) is right


@pytest.mark.parametrize("id", IDS)
def test_yes_and_no_are_read_in_any_case(id: str) -> None:
    task = get_task(id)
    for question in (task.question(index, 5) for index in range(20)):
        if question.answer.lower() in ("yes", "no", "true", "false", "valid", "invalid"):
            assert task.check(question, question.answer.upper())
            assert task.check(question, f"{question.answer.lower()}.")
            assert not task.check(question, f"not {question.answer}")


def test_dyck_sequences_reduce_to_nothing_with_their_answer() -> None:
    for question in _questions("dyck_languages"):
        text = "".join(question.data["sequence"]) + question.answer.replace(" ", "")
        while (shorter := re.sub(r"\(\)|\[\]|\{\}|<>", "", text)) != text:
            text = shorter
        assert text == ""


@pytest.mark.parametrize("answer", ["])", "] )", "], )", "<<<] )>>>", "']' ')'"])
def test_dyck_reads_brackets_however_they_are_spaced(answer: str) -> None:
    question = Question("bbh/dyck_languages", 0, "", "] )")
    assert get_task("bbh/dyck_languages").check(question, answer)


@pytest.mark.parametrize("answer", [")]", "]", "] ) )", "( [ ] )", "] }"])
def test_dyck_refuses_other_brackets(answer: str) -> None:
    question = Question("bbh/dyck_languages", 0, "", "] )")
    assert not get_task("bbh/dyck_languages").check(question, answer)


def test_dyck_says_what_is_not_well_formed() -> None:
    with pytest.raises(ValueError, match="closes"):
        dyck_languages.closing(["(", "]"])


def test_formal_fallacies_agree_with_trying_every_person() -> None:
    for question in _questions("formal_fallacies", {"level": "hard"}):
        premises, conclusion = question.data["premises"], question.data["conclusion"]

        def true(rule: dict[str, Any], person: tuple[bool, ...]) -> bool:
            met = [person[group] == inside for group, inside in rule["if"]]
            group, inside = rule["then"]
            return person[group] == inside or not (any(met) if rule["any"] else all(met))

        people = itertools.product((False, True), repeat=question.data["groups"])
        against = [p for p in people if all(true(rule, p) for rule in premises) and not true(conclusion, p)]
        assert question.answer == ("invalid" if against else "valid")


def test_formal_fallacies_take_whole_words() -> None:
    task = get_task("bbh/formal_fallacies")
    question = Question("bbh/formal_fallacies", 0, "", "invalid")
    assert task.check(question, "Invalid.")
    assert not task.check(question, "valid")
    assert not task.check(Question("bbh/formal_fallacies", 0, "", "valid"), "invalid")
    assert formal_fallacies.follows([], {"if": [[0, True]], "any": False, "then": [0, True]}, 1)


@pytest.mark.parametrize("size", ["three", "five", "seven"])
@pytest.mark.parametrize("places", [True, False])
def test_logical_deduction_leaves_one_order_and_needs_every_statement(size: str, places: bool) -> None:
    for question in _questions(f"logical_deduction_{size}_objects", {"places": places}, 20 if size == "seven" else 60):
        statements, things = question.data["statements"], len(question.data["things"])
        orders = list(itertools.permutations(range(things)))

        def left(chosen: Sequence[Any], orders: Sequence[tuple[int, ...]] = orders) -> list[tuple[int, ...]]:
            return [
                order
                for order in orders
                if all(order[a] < order[b] if kind == "before" else order[a] == b for kind, a, b in chosen)
            ]

        (order,) = left(statements)
        assert order[_letter(question)] == question.data["asked"]
        for statement in statements:
            assert len(left([other for other in statements if other is not statement])) > 1
    assert logical_deduction.solutions([], 3) == list(itertools.permutations(range(3)))


def test_navigate_agrees_with_single_steps() -> None:
    for question in _questions("navigate"):
        x, y, dx, dy = 0, 0, 0, 1
        for move in question.data["moves"]:
            turns = {"forward": 0, "right": 1, "backward": 2, "around": 2, "left": 3}[move[-1]]
            ax, ay = dx, dy
            for _ in range(turns):
                ax, ay = ay, -ax
            if move[0] == "turn":
                dx, dy = ax, ay
            else:
                x, y = x + move[1] * ax, y + move[1] * ay
        assert question.answer == ("Yes" if (x, y) == (0, 0) else "No")
    assert navigate.returns([])


def test_web_of_lies_has_one_consistent_world() -> None:
    for question in _questions("web_of_lies", {"shuffle": True, "max_people": 7}, 60):
        claims, asked = question.data["claims"], question.data["asked"]
        people = [other if speaker is None else speaker for speaker, other, _ in claims]
        worlds = [
            dict(zip(people, world, strict=True)) for world in itertools.product((True, False), repeat=len(people))
        ]
        fitting = [
            world
            for world in worlds
            if all(
                (world[other] == truth) == (True if speaker is None else world[speaker])
                for speaker, other, truth in claims
            )
        ]
        assert [world[asked] for world in fitting] == [question.answer == "Yes"]


def test_tracking_agrees_with_following_one_thing() -> None:
    for question in _questions("tracking_shuffled_objects_seven_objects"):
        data = question.data
        holder = data["names"][_letter(question)]
        for swap in data["swaps"]:
            if holder in swap:
                holder = swap[1 - swap.index(holder)]
        assert holder == data["asked"]


def test_temporal_sequences_leave_one_time() -> None:
    for question in _questions("temporal_sequences"):
        data = question.data
        seen = {hour for start, end in data["seen"] for hour in range(start, end)}
        free = [not seen & set(range(start, end)) for start, end in data["spans"]]
        assert free.index(True) == _letter(question)
        assert free.count(True) == 1


def test_causal_judgement_agrees_with_taking_the_act_away() -> None:
    for question in _questions("causal_judgement"):
        people, needed = question.data["people"], question.data["needed"]
        acted, allowed, wanted = next(person[1:] for person in people if person[0] == question.data["asked"])
        total = sum(person[1] for person in people)
        assert total >= needed
        without = total - acted >= needed
        part = question.data["rule"] in ("part", "fault")
        cause = acted and (part or not without)
        cause = cause and not (question.data["rule"] in ("norm", "fault") and allowed)
        cause = cause and not (question.data["rule"] == "wish" and not wanted)
        assert question.answer == ("Yes" if cause else "No")
    assert set(causal_judgement.RULES) == {"part", "need", "norm", "wish", "fault"}


def test_dates_are_all_different_and_real() -> None:
    for question in _questions("date_understanding", {"level": "hard"}):
        assert len(set(question.data["options"])) == 6
        for option in question.data["options"]:
            month, day, year = map(int, option.split("/"))
            assert date_understanding.shown(date_understanding.datetime.date(year, month, day)) == option


def test_films_have_one_best() -> None:
    for question in _questions("movie_recommendation"):
        scores = movie_recommendation.points(question.data["liked"], question.data["offered"])
        assert scores.index(max(scores)) == _letter(question)
        assert scores.count(max(scores)) == 1


def _corners(path: str) -> list[tuple[float, float]]:
    points = [tuple(map(float, pair.split(","))) for pair in re.findall(r"\d+\.\d,\d+\.\d", path)]
    return [(x, y) for x, y in dict.fromkeys(points)]


def _sides(points: Sequence[tuple[float, float]]) -> list[float]:
    return [
        round((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2, 3) for a, b in zip(points, [*points[1:], points[0]], strict=True)
    ]


def test_shapes_are_what_they_are_called() -> None:
    for question in _questions("geometric_shapes", {"pieces": False}, 600):
        shape = geometric_shapes.SHAPES[_letter(question)]
        points = _corners(question.data["path"])
        sides = _sides(points)
        if shape == "rectangle":
            assert sides[0] == sides[2] != sides[1] == sides[3]
        if shape == "kite":
            pairs = [sides[0] == sides[1] and sides[2] == sides[3], sides[1] == sides[2] and sides[3] == sides[0]]
            assert pairs.count(True) == 1
        if shape in geometric_shapes.CORNERS:
            assert len(points) == geometric_shapes.CORNERS[shape]
            tenths = [(round(10 * x), round(10 * y)) for x, y in points]
            assert not _crosses(tenths)


def _crosses(points: Sequence[tuple[int, int]]) -> bool:
    def side(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> bool:
        return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])

    edges = list(zip(points, [*points[1:], points[0]], strict=True))
    return any(
        len({a, b, c, d}) == 4 and side(a, b, c) != side(a, b, d) and side(c, d, a) != side(c, d, b)
        for (a, b), (c, d) in itertools.combinations(edges, 2)
    )


def test_colored_objects_and_penguins_have_options_of_their_own() -> None:
    for name in ("reasoning_about_colored_objects", "penguins_in_a_table"):
        for question in _questions(name, {"level": "hard"}):
            assert len(set(question.data["options"])) == len(question.data["options"]) >= 5


def test_misspellings_of_names_are_no_words() -> None:
    words = {*word_sorting.WORDS, *ruin_names.FUNNY, *ruin_names.FUNNY.values(), *ruin_names.FILLERS}
    frame = {word for pattern in ruin_names.PATTERNS for word in pattern.split()}
    for question in _questions("ruin_names"):
        for place, option in enumerate(question.data["options"]):
            real = all(word in words | frame for word in option.split())
            assert real == (place == _letter(question)), option


def test_a_translation_has_its_error_and_no_other() -> None:
    module = salient_translation_error_detection
    pairs = {pair for pattern in module.PATTERNS for slot in pattern.slots.values() for pair in slot}
    for question in _questions("salient_translation_error_detection"):
        error = module.CLASSES[_letter(question)]
        source = re.search(r"Source: (.*)\nTranslation: (.*)\n", question.text)
        assert source
        names = [english for german, english in module.PLACES + module.PEOPLE if german in source[1]]
        assert all(name in source[2] for name in names) == (error != "Named Entities")
        numbers = [re.findall(r"\d+", text) for text in source.groups()]
        assert (numbers[0] == numbers[1]) == (error != "Numerical Values")
        clauses = [english for german, english in pairs if german.startswith(", ") and german in source[1]]
        assert all(clause in source[2] for clause in clauses) == (error != "Dropped Content")


def test_sarcasm_is_praise_of_what_nobody_wants() -> None:
    bad = {event for event, _ in snarks.EVENTS}
    for question in _questions("snarks"):
        for place, option in enumerate(question.data["options"]):
            said, event = option.split('"')[1].rstrip(".").split(": ")
            assert (said in snarks.PRAISES and event in bad) == (place == _letter(question))


def test_every_sport_has_athletes_and_actions_of_its_own() -> None:
    assert set(sports_understanding.ATHLETES) == set(sports_understanding.ACTIONS)
    for table in (sports_understanding.ATHLETES, sports_understanding.ACTIONS):
        everything = [entry for entries in table.values() for entry in entries]
        assert len(set(everything)) == len(everything)


def test_words_to_sort_are_lower_case_and_different() -> None:
    assert len(set(word_sorting.WORDS)) == len(word_sorting.WORDS)
    assert all(word.isascii() and word.islower() and word.isalpha() for word in word_sorting.WORDS)
    question = Question("bbh/word_sorting", 0, "", "ash bell")
    assert get_task("bbh/word_sorting").check(question, "['Ash', 'bell']")
    assert not get_task("bbh/word_sorting").check(question, "bell ash")


def _digest(id: str) -> str:
    task = get_task(id)
    text = repr([(question := task.question(index, 0), task.program(question)) for index in range(50)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


DIGESTS = {
    "bbh/causal_judgement": "48caf8894eb48a54",
    "bbh/date_understanding": "82b0a9b8605b8316",
    "bbh/disambiguation_qa": "7201964dac7cc0da",
    "bbh/dyck_languages": "11ae1e903f204c79",
    "bbh/formal_fallacies": "dabb476de534c348",
    "bbh/geometric_shapes": "7435d54979a25503",
    "bbh/hyperbaton": "0058f462dd2b0812",
    "bbh/logical_deduction_five_objects": "669ec4da5af71cc8",
    "bbh/logical_deduction_seven_objects": "cf9c613c72e0780e",
    "bbh/logical_deduction_three_objects": "742cfdf9ac1722f9",
    "bbh/movie_recommendation": "f96185edee23895f",
    "bbh/multistep_arithmetic_two": "2f2ffca2830912b6",
    "bbh/navigate": "f0a52d1f46ed7722",
    "bbh/penguins_in_a_table": "f34c1d75cee19940",
    "bbh/reasoning_about_colored_objects": "592dc51732c247da",
    "bbh/ruin_names": "4536addc1c5a3f3e",
    "bbh/salient_translation_error_detection": "f01733be5a0fffef",
    "bbh/snarks": "1ea325b4a91501bc",
    "bbh/sports_understanding": "91a066226a612aee",
    "bbh/temporal_sequences": "ea61a7742e11e93e",
    "bbh/tracking_shuffled_objects_five_objects": "d7c84a126f6ab405",
    "bbh/tracking_shuffled_objects_seven_objects": "51886bc9c327a66f",
    "bbh/tracking_shuffled_objects_three_objects": "2f9931a42b0d0cdc",
    "bbh/web_of_lies": "a106638a34372b18",
    "bbh/word_sorting": "00d54982b71d53c3",
}


@pytest.mark.parametrize("id", DIGESTS)
def test_the_questions_are_the_same_as_ever(id: str) -> None:
    """A change here changes every experiment: it must be meant."""
    assert _digest(id) == DIGESTS[id]
