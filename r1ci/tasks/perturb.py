"""Wrong answers that look right, for tasks where something appended to a right answer is not wrong enough."""

from __future__ import annotations

from collections.abc import Callable

from r1ci.tasks.base import Question

PERTURBED: dict[str, Callable[[Question], list[str]]] = {}
"""Wrong answers by task, instead of those that ``perturbed`` makes of any answer."""


def perturbed(question: Question) -> list[str]:
    """Wrong answers that look like the right one."""
    if question.task in PERTURBED:
        return PERTURBED[question.task](question)
    return [f"{question.answer}1", f"1{question.answer}", f"{question.answer}x", f"{question.answer} + 1"]


PERTURBED["rg/polynomial_equations"] = lambda question: [
    f"{question.answer}, 1234.5",
    f"1{question.answer}",
    ", ".join(str(round(float(root) + 0.001, 4)) for root in question.answer.split(", ")),
]
PERTURBED["rg/polynomial_multiplication"] = lambda question: [
    f"{question.answer} + 1",
    f"{question.answer}1",
    f"-({question.answer})",
    question.data["polynomial_expr"],
]
PERTURBED["rg/simple_integration"] = lambda question: [
    f"{question.answer} + {question.data['variable']}",
    f"{question.answer}*{question.data['variable']}",
    f"-({question.answer})",
    question.data["integrand"],
]
PERTURBED["rg/pool_matrix"] = lambda question: [
    f"{question.answer}7.5",
    f"1{question.answer}",
    f"{question.answer} 1",
    f"{question.answer}\n1",
    f"{question.answer}x",
]
PERTURBED["symbench/logic_puzzle"] = lambda question: [
    question.answer.partition(", ")[2],
    f"{question.answer}, 0 0",
    f"1{question.answer}",
    f"{question.answer}x",
]
PERTURBED["rg/number_format"] = lambda question: [
    f"{float(question.answer) + 0.001:.3f}",
    f"{float(question.answer) - 0.001:.3f}",
    f"1{question.answer}",
    f"{question.answer}x",
]
PERTURBED["rg/advanced_geometry"] = lambda question: [
    f"1{question.answer}",
    f"{question.answer}x",
    ", ".join(f"{float(value) + 0.002:.4f}" for value in question.data["values"]),
    ", ".join(f"{float(value) - 0.002:.4f}" for value in question.data["values"]),
]
PERTURBED["rg/decimal_arithmetic"] = lambda question: [
    f"1{question.answer}",
    f"{question.answer}x",
    f"{float(question.answer) * 1.000001:.12f}",
    f"-{question.answer}".removeprefix("--"),
]
PERTURBED["symbench/math_geometry"] = lambda question: [
    f"{question.answer} + 1",
    f"2*({question.answer})",
    f"-({question.answer})",
    f"{question.answer}x",
    f"{question.answer}, 1",
]
