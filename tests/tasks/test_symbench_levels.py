"""Every named level of difficulty makes questions that are answered by reference answers and programs."""

from __future__ import annotations

import importlib

import pytest

from r1ci.tasks.registry import get_task, task_info
from r1ci.tasks.validate import run_trusted

NAMES = (
    "game24", "path_plan", "boxlift", "boxnet", "blocksworld", "gsm_hard", "math_geometry", "math_counting_probability",
    "logical_equation", "new_operator", "pooling", "light_puzzles", "mahjong_pattern", "statistical_counting",
    "matrix_transformation", "logic_puzzle", "constrained_linear_arrangement", "pattern_recognition",
    "string_insertion", "number_multiply",
)  # fmt: skip


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
@pytest.mark.parametrize("name", NAMES)
def test_a_level_makes_good_questions(name: str, level: str) -> None:
    task = get_task(f"symbench/{name}", {"level": level})
    questions = [task.question(index, 1) for index in range(20)]
    assert [question.text for question in questions if not task.check(question, question.answer)] == []
    assert len({question.text for question in questions}) > 16
    programs = [program for question in questions[:4] if (program := task.program(question)) is not None]
    assert len(programs) == 4
    for question, output in zip(questions, run_trusted(programs), strict=False):
        assert task.check(question, output), (question, output)


@pytest.mark.parametrize("name", NAMES)
def test_official_items_of_the_task_can_be_read(name: str) -> None:
    module = importlib.import_module(task_info(f"symbench/{name}").module)
    assert callable(module.read_official)
