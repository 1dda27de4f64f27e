"""Our checkers against the package's scorers at full marks: on right answers, wrong ones, and answers that differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from r1ci.tasks.base import Question
from r1ci.tasks.reasoning_gym import library
from r1ci.tasks.reasoning_gym.task import GymTask
from r1ci.tasks.registry import make_task

QUESTIONS = 100
Variants = Callable[[Question], list[str]]


def _swapped_letters(question: Question) -> list[str]:
    pairs = [pair.split("=") for pair in question.answer.split(",")]
    letters, digits = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return [
        ",".join(f"{a}={b}" for a, b in zip(letters, digits[1:] + digits[:1], strict=True)),
        ",".join(f"{a}={b}" for a, b in zip(letters[::-1], digits[::-1], strict=True)),
        ",".join(f"{a}={b}" for a, b in zip(letters[:-1], digits[:-1], strict=True)),
        ",".join(f"{a}=1" for a in letters),
    ]


def _recolored(question: Question) -> list[str]:
    colors = json.loads(question.answer)
    return [
        json.dumps({vertex: 1 + color % len(question.data["colors"]) for vertex, color in colors.items()}),
        json.dumps(dict.fromkeys(colors, 1)),
        json.dumps({vertex: color + 1 for vertex, color in colors.items()}),
        json.dumps(dict(list(colors.items())[1:])),
    ]


def _regrouped(question: Question) -> list[str]:
    groups = json.loads(question.answer)
    return [
        json.dumps([group[::-1] for group in groups[::-1]]),
        json.dumps([[word for group in groups for word in group]]),
        json.dumps(groups[1:]),
        json.dumps([*groups, ["word"]]),
        json.dumps([[*groups[0], groups[0][0]], *groups[1:]]),
    ]


def _other_moves(question: Question) -> list[str]:
    moves = json.loads(question.answer)
    return [
        json.dumps(moves[:-1]),
        json.dumps(["fill A", "empty A", *moves]),
        json.dumps([move for move in moves if "empty" not in move]),
        json.dumps(["pour A->B", *moves]),
    ]


def _other_expressions(question: Question) -> list[str]:
    numbers = question.data["numbers"]
    return [
        f"({question.answer})",
        f"0 + {question.answer}",
        question.answer.replace("+", "-", 1),
        " + ".join(map(str, numbers)),
        str(question.data["target"]),
        f"{question.answer} - 1 + 1",
    ]


def _other_roles(question: Question) -> list[str]:
    one, two = question.data["terms"]
    roles = [f"{name} is a {role}" for name, role in question.data["roles"].items()]
    return [
        ", ".join(roles),
        " and ".join(roles[::-1]),
        ", ".join(roles[:-1]),
        ", ".join(roles).replace(one, "X").replace(two, one).replace("X", two),
    ]


def _other_words(question: Question) -> list[str]:
    words = question.answer.split()
    return [question.answer.upper(), " ".join(words[::-1]) + " so", " ".join(words[:-1])]


CASES: dict[str, Variants] = {
    "rg/cryptarithm": _swapped_letters,
    "rg/graph_color": _recolored,
    "rg/group_anagrams": _regrouped,
    "rg/knights_knaves": _other_roles,
    "rg/letter_jumble": _other_words,
}
SLOW_CASES: dict[str, Variants] = {"rg/countdown": _other_expressions, "rg/jugs": _other_moves}
SLOW_QUESTIONS = 25


def _full_marks(name: str, item: Any, text: str, config: dict[str, Any]) -> bool:
    dataset = library._dataset(name, tuple(sorted(config.items())), None)
    return bool(dataset.score_answer(text, item) >= 1 - 1e-6)


@pytest.mark.parametrize("id", [*CASES, *SLOW_CASES])
def test_agrees_with_full_marks(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = make_task(id)
    assert isinstance(task, GymTask)
    items: list[Any] = []
    original = library.item

    def kept(*inputs: Any) -> Any:
        items.append(original(*inputs))
        return items[-1]

    monkeypatch.setattr(library, "item", kept)
    accepted = refused = 0
    for index in range(SLOW_QUESTIONS if id in SLOW_CASES else QUESTIONS):
        question = task.question(index, 5)
        for text in [question.answer, *{**CASES, **SLOW_CASES}[id](question)]:
            ours = task.check(question, text)
            assert ours == _full_marks(id.partition("/")[2], items[-1], text, asdict(task.config)), (question, text)
            accepted, refused = accepted + ours, refused + (not ours)
    assert min(accepted, refused) >= SLOW_QUESTIONS
