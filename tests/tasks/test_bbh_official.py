"""Rows in the format of the official BIG-Bench-Hard files, of our own content."""

from __future__ import annotations

import importlib
import re

import pytest

from r1ci.tasks.base import Official, Sample
from r1ci.tasks.bbh import boolean_expressions
from r1ci.tasks.registry import get_task, task_info
from r1ci.tasks.validate import run_trusted

ORDER = "The statements are logically consistent within each paragraph. "
SWAPS = (
    "Ann, Ben, and Cid are dancers at a square dance. At the start of a song, they each have a partner: Ann is dancing "
    "with Lola, Ben is dancing with Max, and Cid is dancing with Rodrigo.\nThroughout the song, the dancers "
    "often trade "
    "partners. First, Ann and Ben switch partners. Then, Ben and Cid switch partners. Finally, Ann and Cid switch "
    "partners. At the end of the dance, Cid is dancing with\nOptions:\n(A) Lola\n(B) Max\n(C) Rodrigo"
)
BOOKS = (
    "Ann, Ben, Cid, Dee, and Eve are friends who trade books. At the start of the semester, they each buy one "
    "new book: "
    "Ann gets The Pearl, Ben gets Ulysses, Cid gets Catch-22, Dee gets Hound of the Hills, and Eve gets "
    "Lolita.\nAs the "
    "semester proceeds, they start trading around the new books. First, Ann and Eve swap books. Finally, Eve "
    "and Dee swap "
    "books. At the end of the semester, Dee has\nOptions:\n(A) The Pearl\n(B) Ulysses\n(C) Catch-22\n"
    "(D) Hound of the Hills\n(E) Lolita"
)
BIRDS = (
    f"{ORDER}On a branch, there are three birds: a crow, a blue jay, and a hawk. The blue jay is to the left of "
    f"the crow. "
    "The hawk is the rightmost.\nOptions:\n(A) The crow is the leftmost\n(B) The blue jay is the leftmost\n"
    "(C) The hawk is the leftmost"
)
GOLF = (
    f"{ORDER}In a golf tournament, there were five golfers: Ann, Bo, Cy, Di, and Ed. Ann finished first. Bo finished "
    "below Cy. Di finished above Cy. Ed finished second-to-last.\nOptions:\n(A) Ann finished last\n(B) Bo "
    "finished last\n"
    "(C) Cy finished last\n(D) Di finished last\n(E) Ed finished last"
)
FRUITS = (
    f"{ORDER}A fruit stand sells seven fruits: kiwis, pears, plums, figs, dates, limes, and apples. The kiwis are the "
    "cheapest. The pears are the second-cheapest. The plums are the third-cheapest. The figs are the most "
    "expensive. The "
    "dates are the second-most expensive. The limes are less expensive than the apples.\nOptions:\n"
    + "\n".join(
        f"({letter}) The {name} are the third-most expensive"
        for letter, name in zip("ABCDEFG", ("kiwis", "pears", "plums", "figs", "dates", "limes", "apples"), strict=True)
    )
)
CARS = (
    f"{ORDER}In an antique car show, there are three vehicles: a truck, a van, and a station wagon. The van is "
    f"newer than "
    "the truck. The station wagon is the second-newest.\nOptions:\n(A) The truck is the newest\n(B) The van is "
    "the newest"
    "\n(C) The station wagon is the newest"
)
DAY = (
    "Today, Ann went to the zoo. Between what times could they have gone?\nWe know that:\nAnn woke up at 7am.\n"
    "Ben saw Ann buying a phone at the shop from 7am to 12pm.\nCid saw Ann reading at the library from 3pm to 6pm.\n"
    "Dee saw Ann sitting on a rooftop from 6pm to 9pm.\nThe zoo was closed after 9pm.\n"
    "Between what times could Ann have gone to the zoo?\nOptions:\n(A) 7am to 12pm\n(B) 12pm to 3pm\n(C) 3pm to 6pm"
)
NAME = "Which of the following is a humorous edit of this artist or movie name: 'red, hot'?\nOptions:\n"
THREE = "Options:\n(A) one\n(B) two\n(C) three"

ROWS = [
    ("boolean_expressions", "not ( True and not False ) or ( False ) is", "False"),
    ("boolean_expressions", "True or not True and not not False is", "True"),
    ("causal_judgement", "How would a typical person answer? Did Ann cause it?\nOptions:\n- Yes\n- No", "Yes"),
    ("date_understanding", f"Today is the first. What is the date tomorrow?\n{THREE}", "(B)"),
    ("disambiguation_qa", f"Sentence: The one met two.\n{THREE}", "(C)"),
    ("dyck_languages", "Complete the rest of the sequence. Input: [ < { } ( )", "> ]"),
    ("formal_fallacies", '"Nobody is. So nobody is."\nOptions:\n- valid \n- invalid', "valid"),
    ("geometric_shapes", f'This SVG path element <path d="M 1,2 L 3,4"/> draws a\n{THREE}', "(A)"),
    ("hyperbaton", "Which sentence has the correct order:\nOptions:\n(A) red big hat\n(B) big red hat", "(B)"),
    ("logical_deduction_three_objects", BIRDS, "(B)"),
    ("logical_deduction_three_objects", CARS, "(B)"),
    ("logical_deduction_five_objects", GOLF, "(B)"),
    ("logical_deduction_seven_objects", FRUITS, "(G)"),
    ("movie_recommendation", f"Find a movie similar to A, B:\n{THREE}", "(A)"),
    ("multistep_arithmetic_two", "((-1 + 2 * -3) * (4 - -5)) =", "-63"),
    (
        "navigate",
        "Do you return? Always face forward. Take 1 step left. Take 2 steps right.\nOptions:\n- Yes\n- No",
        "No",
    ),
    ("navigate", "Do you return? Take 3 steps. Turn around. Take 3 steps.\nOptions:\n- Yes\n- No", "Yes"),
    ("navigate", "Do you return? Turn left. Take 1 step. Turn right. Take 1 step.\nOptions:\n- Yes\n- No", "No"),
    ("object_counting", "I have a flute, two potatoes, a lettuce head, and a bed. How many vegetables do I have?", "3"),
    ("object_counting", "I have a wombat and two theorems. How many animals do I have?", "1"),
    ("object_counting", "I have a lamp, three theremins, and a car. How many objects do I have?", "5"),
    ("penguins_in_a_table", f"Here is a table. How many?\n{THREE}", "(B)"),
    ("reasoning_about_colored_objects", f"On the desk there is one. How many?\n{THREE}", "(A)"),
    ("ruin_names", f"{NAME}(A) red, hut\n(B) redd, hot\n(C) rqd, hot", "(A)"),
    ("salient_translation_error_detection", f"Source: Eins.\nTranslation: Two.\n{THREE}", "(B)"),
    ("snarks", "Which statement is sarcastic?\nOptions:\n(A) Good\n(B) Fine", "(A)"),
    ("sports_understanding", 'Is the following sentence plausible? "Ann took a free throw."', "yes"),
    ("temporal_sequences", DAY, "(B)"),
    ("tracking_shuffled_objects_three_objects", SWAPS, "(B)"),
    ("tracking_shuffled_objects_five_objects", BOOKS, "(A)"),
    (
        "web_of_lies",
        "Question: Ann lies. Ben says Ann tells the truth. Cid says Ben lies. Does Cid tell the truth?",
        "Yes",
    ),
    ("word_sorting", "Sort the following words alphabetically: List: pear it&t fig", "fig it&t pear"),
]


def _read(name: str, row: str, target: str) -> Official:
    module = importlib.import_module(task_info(f"bbh/{name}").module)
    official: Official = module.read_official(Sample("row 1", {"input": row, "target": target}))
    return official


@pytest.mark.parametrize(("name", "row", "target"), ROWS)
def test_reads_a_row(name: str, row: str, target: str) -> None:
    task = get_task(f"bbh/{name}")
    for text in (row, row.replace("\n", "\r\n") + "\n"):
        official = _read(name, text, target)
        assert official.question.task == task.id
        assert official.question.text == row.strip()
        assert official.gold == target
        assert task.check(official.question, official.question.answer)
        assert task.check(official.question, target)
        program = task.program(official.question)
        if program is not None:
            (output,) = run_trusted([program])
            assert task.check(official.question, output)


@pytest.mark.parametrize(
    ("name", "row", "wrong", "right"),
    [
        ("boolean_expressions", "not True is", "True", "False"),
        ("dyck_languages", "Input: ( [", ") ]", "] )"),
        ("multistep_arithmetic_two", "((1 + 1) * (2)) =", "5", "4"),
        ("word_sorting", "List: b a", "b a", "a b"),
        ("web_of_lies", "Question: Ann lies. Does Ann tell the truth?", "Yes", "No"),
        ("logical_deduction_three_objects", BIRDS, "(A)", "(B)"),
        ("tracking_shuffled_objects_three_objects", SWAPS, "(C)", "(B)"),
        ("temporal_sequences", DAY, "(C)", "(B)"),
        ("object_counting", "I have a cat and two dogs. How many animals do I have?", "2", "3"),
    ],
)
def test_a_wrong_target_is_seen(name: str, row: str, wrong: str, right: str) -> None:
    official = _read(name, row, wrong)
    task = get_task(f"bbh/{name}")
    assert official.gold == wrong
    assert not task.check(official.question, wrong)
    assert task.check(official.question, right)


@pytest.mark.parametrize(
    ("name", "row", "target", "letter"),
    [
        ("movie_recommendation", "Find a movie:\nOptions:\n(A) Monkeys\n(B) Up and Out", "Monkeys, Ltd", "(A)"),
        ("ruin_names", f"{NAME}(A) red, hut\n(B) redd, hot", "red, hut", "(A)"),
        ("ruin_names", f"{NAME}(A) rod\n(B) redd", "rod, hot", "(A)"),
        ("snarks", "Which?\nOptions:\n(A) Good\n(B) Fine", "B", "(B)"),
    ],
)
def test_a_target_that_is_no_letter_is_found_among_the_options(name: str, row: str, target: str, letter: str) -> None:
    assert _read(name, row, target).question.answer == letter


@pytest.mark.parametrize(
    ("name", "row", "target", "why"),
    [
        ("ruin_names", f"{NAME}(A) red, hut\n(B) red, hot", "(B)", "without any edit"),
        ("movie_recommendation", "Find a movie:\nOptions:\n(A) Monkeys\n(B) Up and Out", "Cats", "none of its options"),
        ("snarks", "Which?\nOptions:\n(A) Good\n(C) Fine", "(A)", "does not list options"),
        ("snarks", "", "(A)", "question is empty"),
        ("snarks", "Which?\nOptions:\n(A) Good\n(B) Fine", " ", "target is empty"),
        ("boolean_expressions", "True and perhaps is", "True", "something else"),
        ("boolean_expressions", "( True is", "True", "not closed"),
        ("boolean_expressions", "True False is", "True", "from 'False' on"),
        ("boolean_expressions", "not " * 500 + "True is", "True", "too long"),
        ("dyck_languages", "Input: ( ]", ")", "closes ]"),
        ("dyck_languages", "Input: ( )", ")", "nothing to close"),
        ("dyck_languages", "Input: ( x", ")", "no sequence"),
        ("multistep_arithmetic_two", "__import__('os') =", "1", "cannot compute"),
        ("multistep_arithmetic_two", "(1 / 2) =", "0", "cannot compute"),
        ("navigate", "Do you return? Jump 3 steps.\nOptions:\n- Yes", "No", "Jump 3 steps"),
        ("navigate", "Do you return?", "No", "no instructions"),
        ("web_of_lies", "Question: Ann lies. Does Ben tell the truth?", "No", "do not settle"),
        ("web_of_lies", "Question: Ann sleeps. Does Ann tell the truth?", "No", "Ann sleeps"),
        ("web_of_lies", "Question: Ann lies.", "No", "does not ask"),
        ("word_sorting", "Sort these: b a", "a b", "List:"),
        ("formal_fallacies", "Is it?", "maybe", "neither valid nor invalid"),
        ("sports_understanding", "Is it?", "maybe", "neither Yes nor No"),
        ("object_counting", "I have three quarks. How many particles do I have?", "some", "no whole number"),
        ("tracking_shuffled_objects_three_objects", SWAPS.replace("Lola, Ben", "Nora, Ben"), "(B)", "who holds 'Lola'"),
        (
            "tracking_shuffled_objects_three_objects", SWAPS.replace("Ann and", "Zoe and"), "(B)", "holds nothing"),
        ("logical_deduction_three_objects", BIRDS.replace("rightmost.", "prettiest."), "(B)", "the place"),
        ("logical_deduction_three_objects", BIRDS.replace("The hawk is the rightmost. ", "").replace(
            "The hawk is the rightmost.", ""), "(B)", "not one of its options"),
        ("logical_deduction_three_objects", BIRDS.replace("of the crow", "of the dog"), "(B)", "not among its options"),
        ("temporal_sequences", DAY.replace("from 3pm", "from 2pm"), "(B)", "the time that is free"),
        ("temporal_sequences", DAY.replace("closed after 9pm", "open late"), "(B)", "it lacks"),
    ],
)  # fmt: skip
def test_says_why_a_row_is_not_read(name: str, row: str, target: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        _read(name, row, target)


def test_a_row_without_its_fields_is_refused() -> None:
    module = importlib.import_module(task_info("bbh/snarks").module)
    with pytest.raises(ValueError, match="it has none of input"):
        module.read_official(Sample("row 1", {"target": "(A)"}))


def test_boolean_expressions_bind_as_in_python() -> None:
    assert boolean_expressions.value_of("not True or True")
    assert not boolean_expressions.value_of("not ( True or True )")
    assert boolean_expressions.value_of("True or True and False")
    assert boolean_expressions.value_of("not False and not False")
