"""Our checkers against the package's own scorers, where the package's are right: on answers of its, on those of our
programs and on wrong ones. Only texts made here are scored, so it does not matter that some scorers evaluate them."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from r1ci.tasks.base import Question
from r1ci.tasks.reasoning_gym import inference, library
from r1ci.tasks.reasoning_gym.task import GymTask
from r1ci.tasks.registry import make_task
from r1ci.tasks.seeding import item_seed
from r1ci.tasks.validate import run_trusted

FULL = 1 - 1e-6
SLOW = {"polynomial_multiplication", "quantum_lock", "simple_integration", "sokoban", "sudoku"}
SAME_TEXT = [
    "manipulate_matrix", "maze", "mini_sudoku", "modulo_grid", "needle_haystack", "number_filtering", "power_function",
    "prime_factorization", "ransom_note", "rectangle_count", "rotate_matrix", "rotten_oranges", "self_reference",
    "sentence_reordering", "simple_equations", "simple_geometry", "spiral_matrix", "sudoku", "word_sequence_reversal",
    "word_sorting",
]  # fmt: skip
BY_RULES = [
    "n_queens", "palindrome_generation", "palindrome_partitioning", "polynomial_multiplication",
    "quantum_lock", "shortest_path", "simple_integration", "sokoban", "tower_of_hanoi", "word_ladder",
]  # fmt: skip
IGNORES_JUNK = {"quantum_lock", "simple_integration", "sokoban", "tower_of_hanoi"}
"""The package skips characters that mean nothing to it, and takes any name for the constant of an integral."""


def _scored(task: GymTask, item: Any, text: str) -> bool:
    name = task.id.partition("/")[2]
    settings = tuple(sorted(task.row.settings(task.config).items()))
    try:
        return bool(library._dataset(name, settings, task.row.prepare).score_answer(text, item) >= FULL)
    except ValueError:
        return False


@functools.cache
def _items(name: str) -> list[tuple[Question, Any]]:
    task = make_task(f"rg/{name}")
    assert isinstance(task, GymTask)
    count = 12 if name in SLOW else 100
    return [(task.question(index, 5), task._item(item_seed(task.id, 5, index))) for index in range(count)]


def _without(text: str) -> list[str]:
    """An answer without its first and without its last part, and with two parts exchanged."""
    for separator in ("\n", ", ", ",", " \u2192 ", " "):
        parts = text.split(separator)
        if len(parts) > 1:
            swapped = [parts[-1], *parts[1:-1], parts[0]]
            return [separator.join(parts[1:]), separator.join(parts[:-1]), separator.join(swapped)]
    return [text[1:], text[:-1], text[::-1]]


@pytest.mark.parametrize("name", SAME_TEXT + BY_RULES)
def test_agrees_with_the_package(name: str) -> None:
    task = make_task(f"rg/{name}")
    assert isinstance(task, GymTask)
    items = _items(name)
    differ = []
    for (question, item), (other, _) in zip(items, items[1:] + items[:1], strict=True):
        texts = [question.answer, other.answer, *_without(question.answer)]
        texts += [] if name in IGNORES_JUNK else [question.answer + "1", "1" + question.answer]
        differ += [
            (question.index, text, task.check(question, text))
            for text in texts
            if text.strip() and task.check(question, text) != _scored(task, item, text)
        ]
    assert not differ, differ[:5]


@pytest.mark.parametrize("name", BY_RULES)
def test_the_package_takes_what_our_programs_find(name: str) -> None:
    task = make_task(f"rg/{name}")
    assert isinstance(task, GymTask)
    solved = [(question, item, program) for question, item in _items(name) if (program := task.program(question))]
    outputs = run_trusted([program for _, _, program in solved])
    refused = [
        (question.index, output)
        for (question, item, _), output in zip(solved, outputs, strict=True)
        if not _scored(task, item, output.strip()) or not task.check(question, output)
    ]
    assert not refused, refused[:5]


def test_conclusions_are_the_packages_but_for_premises_said_again_and_variables_alone() -> None:
    task = make_task("rg/propositional_logic")
    assert isinstance(task, GymTask)
    items = _items("propositional_logic")
    answers = sorted({question.answer for question, _ in items})
    taken = 0
    for question, item in items[:40]:
        rows, full, premises = inference._table(tuple(question.data["premises"]), tuple(question.data["variables"]))
        for text in answers:
            ours, theirs = task.check(question, text), _scored(task, item, text)
            taken += ours
            if ours and not theirs:
                assert len(text) == 1
            if theirs and not ours:
                formula = inference.read_formula(text)
                assert formula is not None
                assert inference.truth(formula, rows, full) in premises
    assert taken > 40
