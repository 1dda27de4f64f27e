"""Word problems: our own kinds, and official rows with the answers that are accepted for them."""

from __future__ import annotations

import json
import math
import random

import pytest

from r1ci.tasks import exact
from r1ci.tasks.base import Official, Sample
from r1ci.tasks.registry import get_task
from r1ci.tasks.symbench import (
    counting_problems,
    geometry_problems,
    gsm_hard,
    gsm_problems,
    math_counting_probability,
    math_geometry,
    mathematics,
    templates,
)
from r1ci.tasks.symbench.templates import Template
from r1ci.tasks.validate import run_trusted

KINDS = {"gsm": gsm_problems.PROBLEMS, "geometry": geometry_problems.PROBLEMS, "counting": counting_problems.PROBLEMS}


def accepts(official: Official, text: str) -> bool:
    return get_task(official.question.task).check(official.question, text)


def problem(text: str, solution: str) -> Sample:
    return Sample("1.json", {"1.json": json.dumps({"problem": text, "solution": solution, "type": "Geometry"})})


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_thirty_kinds_and_each_makes_sense(kind: str) -> None:
    assert len({problem.text for problem in KINDS[kind]}) == len(KINDS[kind]) >= 30
    for template in KINDS[kind]:
        for grow in (1, 4, 10):
            for seed in range(20):
                value = exact.read(templates.draw(random.Random(seed), [template], grow).answer)
                assert value is not None
                assert float(value) > 0, template
                assert "probability" not in template.text or float(value) <= 1, template


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_has_a_program_that_prints_its_answer(kind: str) -> None:
    problems = [templates.draw(random.Random(7), [template], 3) for template in KINDS[kind]]
    outputs = run_trusted([problem.program for problem in problems])
    for made, output in zip(problems, outputs, strict=True):
        assert exact.read(output.strip()) == exact.read(made.answer), made


def test_chances_agree_with_counting() -> None:
    rng = random.Random(1)
    for template in KINDS["counting"]:
        if template.text.startswith("Of {n} lamps") and "none" in template.text:
            made = templates.draw(rng, [template], 1)
            numbers = [int(word.strip(",")) for word in made.text.split() if word.strip(",").isdigit()]
            assert exact.read(made.answer) == exact.read(
                f"{math.comb(numbers[0] - numbers[1], numbers[2])}/{math.comb(numbers[0], numbers[2])}"
            )


def test_a_template_computes_what_it_says() -> None:
    template = Template("{x} has {a} and {b}.", "a=3..3 b:C({a}+2,2)", "factorial({a}) + {b}", "{a}", "{}*pi")
    made = templates.draw(random.Random(0), [template], 1)
    assert made.text.endswith(" has 3 and 10.")
    assert made.answer == "16*pi/3"
    with pytest.raises(ValueError, match="no whole number"):
        templates.whole("7/2")


GSM = {"input": "A toy costs 7.", "code": "def solution():\n    return 1/0", "target": "7000042.0"}


def test_official_word_problems() -> None:
    official = gsm_hard.read_official(Sample("row 1", GSM))
    assert official.question.text == "A toy costs 7."
    assert official.question.answer == "7000042"
    assert official.gold == "7000042.0"
    assert all(accepts(official, text) for text in ("7000042", "7,000,042.00", "$7000042", "7000042 $"))
    assert not any(accepts(official, text) for text in ("7000043", "7000000", "", "$"))
    assert get_task("symbench/gsm_hard").program(official.question) is None
    rounded = gsm_hard.read_official(Sample("2.jsonl", {"2.jsonl": json.dumps({"input": "?", "target": 12345.678})}))
    assert accepts(rounded, "12345.68")
    assert not accepts(rounded, "12400")


@pytest.mark.parametrize("target", ["", "inf", "nan", "None"])
def test_an_official_word_problem_without_a_number_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        gsm_hard.read_official(Sample("row 1", {**GSM, "target": target}))


@pytest.mark.parametrize(
    ("boxed", "right", "wrong"),
    [
        ("\\boxed{\\frac{7}{25}}", ("7/25", "0.28", "\\boxed{7/25}", "$\\dfrac{7}{25}$", "x = 7/25"), ("7/26", "7")),
        ("\\boxed{(18, -18)}", ("(18,-18)", "18, -18", "\\left(18, -18\\right)", "(36/2, -18)"), ("(-18, 18)", "(18)")),
        ("\\boxed{6\\sqrt{2}}", ("6*sqrt(2)", "sqrt(72)", "12/\\sqrt{2}", "8.485281374238571"), ("8.49", "6sqrt(3)")),
        ("\\boxed{12\\pi}", ("12pi", "12 \\pi", "37.69911184307752", "12\\pi \\text{ cm}^2"), ("37.7", "12", "12x")),
        ("\\boxed{1{,}000}", ("1000", "1,000", "$1000$"), ("1,001", "1, 0")),
        ("\\boxed{90^\\circ}", ("90", "90 degrees", "90^{\\circ}"), ("91",)),
        ("\\boxed 5.", ("5", "5."), ("6",)),
        ("\\fbox{3} so \\boxed{\\text{(B)}}", ("(B)", "(b)", "\\text{(B)}"), ("(C)", "B or C")),
        ("\\boxed{AB = CD}", ("AB=CD", "$AB = CD$"), ("AB = CE",)),
    ],
)  # fmt: skip
def test_official_answers_of_mathematics(boxed: str, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    for read in (math_geometry.read_official, math_counting_probability.read_official):
        official = read(problem("What?", f"First \\boxed{{0}}, so it is ${boxed}$"))
        assert accepts(official, official.question.answer)
        assert official.gold == official.question.answer
        assert [text for text in right if not accepts(official, text)] == []
        assert [text for text in wrong if accepts(official, text)] == []


@pytest.mark.parametrize(
    ("text", "boxed"),
    [
        ("\\boxed{1} and \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("\\boxed{1", None),
        ("no", None),
        ("\\boxed{ }", ""),
        ("\\fbox{x}", "x"),
        ("\\boxed3$", "3"),
    ],
)
def test_the_last_box_counts(text: str, boxed: str | None) -> None:
    assert mathematics.boxed_in(text) == boxed


@pytest.mark.parametrize("read", [gsm_hard.read_official, math_geometry.read_official])
@pytest.mark.parametrize(
    "files",
    [{}, {"problem": "What?"}, {"1.json": "x"}, {"1.json": "[]"}, {"problem": "What?", "solution": "\\boxed{}"}],
)
def test_an_item_that_cannot_be_read_raises_value_error(read: object, files: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(Sample("sample_1", files))  # type: ignore[operator]
